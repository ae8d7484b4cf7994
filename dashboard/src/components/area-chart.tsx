import { rate } from '../words.ts';

export interface Series {
  readonly name: string;
  readonly tone: 'info' | 'good' | 'bad';
  /** Per second, the oldest first. */
  readonly values: readonly number[];
}

const WIDTH = 480;
const HEIGHT = 96;

/** What happened over some minutes. Its picture is for the eye; the same is said in its label. */
export function AreaChart({
  title,
  minutes,
  series,
}: {
  title: string;
  minutes: number;
  series: readonly Series[];
}) {
  const highest = Math.max(1, ...series.flatMap(({ values }) => values));
  const said = series
    .map(({ name, values }) => `${name}: ${rate(values.at(-1) ?? 0)} a second now`)
    .join('; ');
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <span class="legend">
          {series.map(({ name, tone, values }) => (
            <span key={name}>
              <i class={`swatch ${tone}`} aria-hidden="true" /> {name}{' '}
              <b>{rate(values.at(-1) ?? 0)}</b>/s
            </span>
          ))}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}. ${said}.`}
      >
        {[0.25, 0.5, 0.75].map((share) => (
          <line
            key={share}
            class="grid"
            x1="0"
            x2={WIDTH}
            y1={HEIGHT * share}
            y2={HEIGHT * share}
          />
        ))}
        {series.map(({ name, tone, values }) => (
          <g key={name} class={tone}>
            <path class="area" d={`${line(values, highest)}L${WIDTH},${HEIGHT}L0,${HEIGHT}Z`} />
            <path class="line" d={line(values, highest)} />
          </g>
        ))}
      </svg>
      <p class="axis" aria-hidden="true">
        <span>{minutes} min ago</span>
        <span>at most {rate(highest)}/s</span>
        <span>now</span>
      </p>
    </figure>
  );
}

function line(values: readonly number[], highest: number): string {
  const step = WIDTH / Math.max(1, values.length - 1);
  // A line at the very edge would be cut in half.
  const y = (value: number) => HEIGHT - 1.5 - (value / highest) * (HEIGHT - 3);
  return values
    .map(
      (value, index) =>
        `${index === 0 ? 'M' : 'L'}${(index * step).toFixed(1)},${y(value).toFixed(1)}`,
    )
    .join('');
}
