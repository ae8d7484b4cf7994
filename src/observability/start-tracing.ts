import type { TracingConfig } from '../config/tracing.ts';
import { passedOn, type Tracing } from '../dispatcher/tracing.ts';
import type { TracingDeps } from './otlp.ts';

/**
 * What the last spans have at a shutdown: so long in any case, and no longer, however much of the grace is left, so that
 * a receiver that hangs does not hold up every restart.
 */
const LAST_SPANS_MS = { atLeast: 300, atMost: 2_000 };

/** The packages of OpenTelemetry are loaded only where spans go somewhere. */
export async function startTracing(
  config: TracingConfig | undefined,
  deps: TracingDeps,
): Promise<Tracing> {
  if (config === undefined) return passedOn;
  const { createTracing } = await import('./tracing.ts');
  const tracing = await createTracing(config, deps);
  const { atLeast, atMost } = LAST_SPANS_MS;
  return {
    ...tracing,
    stop: (withinMs) => tracing.stop(Math.min(atMost, Math.max(atLeast, withinMs))),
  };
}
