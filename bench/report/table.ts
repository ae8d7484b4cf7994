import type { ContenderResult, Results, ScenarioResult } from './results.ts';
import { median } from './statistics.ts';
import { judge } from './targets.ts';

/** Rows of cells as Markdown. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...body.map(line)].join('\n');
}

const number = (value: number, digits: number): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** The median, and in brackets the lowest and the highest of the rounds. */
function cell(contender: ContenderResult | undefined, { digits, beside }: ScenarioResult): string {
  if (contender === undefined) return '';
  const values = contender.rounds.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const spread = `(${number(low, digits)}–${number(high, digits)})`;
  const middle = `**${number(median(values), digits)}** ${spread}`;
  if (beside === undefined) return middle;
  const other = median(contender.rounds.map(({ details }) => details[beside.detail] ?? Number.NaN));
  return other === 0 ? middle : `${middle}, ${beside.label} ${number(other, digits)}`;
}

/** Contenders down, series across. */
export function scenarioTable(scenario: ScenarioResult): string {
  const titles = new Map(
    scenario.series.flatMap(({ contenders }) => contenders.map(({ name, title }) => [name, title])),
  );
  return table([
    [scenario.unit, ...scenario.series.map(({ name }) => name)],
    ...[...titles].map(([name, title]) => [
      title,
      ...scenario.series.map(({ contenders }) =>
        cell(
          contenders.find((one) => one.name === name),
          scenario,
        ),
      ),
    ]),
  ]);
}

const VERDICTS = { true: 'reached', false: 'not reached', undefined: '' } as const;

export function targetTable(results: Results): string {
  return table([
    ['', 'measured', 'wanted', ''],
    ...judge(results)
      .filter(({ reached }) => reached !== undefined)
      .map(({ what, measured, wanted, reached }) => [
        what,
        measured,
        wanted,
        VERDICTS[`${String(reached)}` as keyof typeof VERDICTS],
      ]),
  ]);
}

/** Who is compared, and what a 202 of theirs is worth. */
export function contenderTable({ scenarios }: Results): string {
  const all = new Map(
    scenarios.flatMap(({ series }) =>
      series.flatMap(({ contenders }) =>
        contenders.map(({ name, title, durability }) => [name, [title, durability]] as const),
      ),
    ),
  );
  const [head, rule, ...rows] = table([['', 'after a 202 the task is'], ...all.values()]).split(
    '\n',
  );
  return [head, rule?.replace('---:', '---'), ...rows].join('\n');
}
