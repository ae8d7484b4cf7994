import { plain } from './plain.ts';
import type { Terminal } from './terminal.ts';

type Cell = string | number | null;

/** Rows as people read them: columns as wide as what is in them, numbers to the right. The first row is the heading. */
export function table(rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map((cell) => (cell === null ? '-' : plain(String(cell)))));
  const widths = (texts[0] ?? []).map((_, column) =>
    Math.max(...texts.map((row) => (row[column] ?? '').length)),
  );
  const isNumber = widths.map((_, column) =>
    rows.slice(1).every((row) => typeof row[column] === 'number'),
  );
  return texts
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] as number;
          return isNumber[column] === true ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The same with its heading marked, for stdout. */
export function headedTable(rows: readonly (readonly Cell[])[], terminal: Terminal): string {
  const [heading = '', ...lines] = table(rows).split('\n');
  return [terminal.strong(heading), ...lines].join('\n');
}

/** One thing, a line for each of its fields. What is undefined is left out. */
export function fields(of: Readonly<Record<string, Cell | undefined>>): string {
  const given = Object.entries(of).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...given.map(([name]) => name.length));
  return given
    .map(([name, value]) => `${name.padEnd(width)}  ${plain(String(value ?? '-'))}`)
    .join('\n');
}
