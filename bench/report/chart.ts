import type { ScenarioResult, SeriesResult } from './results.ts';
import { median } from './statistics.ts';

const WIDTH = 760;
const LABEL = 275;
const VALUE = 90;
const ROW = 30;
const BAR = 18;
const TOP = 52;

/** Readable on light and dark pages alike: the picture has no ground of its own and follows the reader's choice. */
const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-weight: 600; font-size: 15px; }
    .note { fill: #57606a; font-size: 12px; }
    .peer { fill: #8c959f; }
    .own { fill: #0969da; }
    .spread { stroke: #24292f; stroke-width: 1.5; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .note { fill: #9198a1; }
      .peer { fill: #656c76; }
      .own { fill: #4493f8; }
      .spread { stroke: #e6edf3; }
    }`;

const escape = (text: string): string =>
  text.replaceAll('`', '').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Bars of the medians of one series, with a line from the lowest to the highest round. */
export function chart(scenario: ScenarioResult, series: SeriesResult): string {
  const rows = series.contenders
    .filter(({ rounds }) => rounds.length > 0)
    .map(({ name, title, rounds }) => {
      const values = rounds.map(({ value }) => value);
      const own = name.startsWith('service');
      return {
        title,
        own,
        middle: median(values),
        low: Math.min(...values),
        high: Math.max(...values),
      };
    });
  const scale = (WIDTH - LABEL - VALUE) / Math.max(...rows.map(({ high }) => high), 1);
  const height = TOP + rows.length * ROW + 8;
  const heading = `${scenario.title}, ${series.name}`;
  const better = scenario.better === 'more' ? 'longer is better' : 'shorter is better';
  const lines = rows.flatMap(({ title, own, middle, low, high }, index) => {
    const y = TOP + index * ROW;
    const centre = y + BAR / 2;
    const shown = middle.toLocaleString('en', { maximumFractionDigits: scenario.digits });
    const [from, to] = [LABEL + low * scale, LABEL + high * scale].map((x) => x.toFixed(1));
    return [
      `<text x="${String(LABEL - 10)}" y="${String(y + 14)}" text-anchor="end">${escape(title)}</text>`,
      `<rect class="${own ? 'own' : 'peer'}" x="${String(LABEL)}" y="${String(y)}" width="${(middle * scale).toFixed(1)}" height="${String(BAR)}" rx="2"/>`,
      `<line class="spread" x1="${from ?? ''}" y1="${String(centre)}" x2="${to ?? ''}" y2="${String(centre)}"/>`,
      `<text x="${(LABEL + high * scale + 8).toFixed(1)}" y="${String(y + 14)}">${shown}</text>`,
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(WIDTH)} ${String(height)}" role="img" aria-label="${escape(heading)}">
  <style>${STYLE}
  </style>
  <text class="title" x="0" y="18">${escape(heading)}</text>
  <text class="note" x="0" y="36">${escape(scenario.unit)}, medians; the line goes from the lowest to the highest round; ${better}</text>
  ${lines.join('\n  ')}
</svg>
`;
}
