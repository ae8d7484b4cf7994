import { diag, DiagLogLevel } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import type { FastifyBaseLogger } from 'fastify';
import type { TracingConfig } from '../config/tracing.ts';

/** Trouble with the receiver of spans is told at most so often. */
const TOLD_EVERY_MS = 60_000;

export interface TracingDeps {
  readonly log: FastifyBaseLogger;
  readonly version: string;
  /** Names this process among its replicas. */
  readonly instance: string;
  /** Takes secrets out of what the receiver of spans answers. */
  readonly redact: (text: string) => string;
}

/** As OTEL_TRACES_SAMPLER names them. */
export function samplerOf({ sampler, ratio }: TracingConfig): Sampler {
  const roots: Record<string, () => Sampler> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  };
  const root = roots[sampler.replace('parentbased_', '')]?.() ?? new AlwaysOnSampler();
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

export async function exporterOf(config: TracingConfig): Promise<SpanExporter> {
  const { url, headers, timeout } = config;
  const { OTLPTraceExporter } =
    config.protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: timeout });
}

/** The receiver of spans being away disturbs nobody; that it is away is said now and then. */
export function tellTrouble({ log, redact }: Pick<TracingDeps, 'log' | 'redact'>): void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let alike = 0;
  const tell = (message: string) => {
    const now = performance.now();
    if (now - toldAt < TOLD_EVERY_MS) {
      alike += 1;
      return;
    }
    const reason = redact(message).slice(0, 500);
    log.warn({ reason, alike }, 'traces could not be sent');
    toldAt = now;
    alike = 0;
  };
  const quiet = () => undefined;
  diag.setLogger(
    { error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
