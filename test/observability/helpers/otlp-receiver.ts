import type { IncomingHttpHeaders } from 'node:http';
import { httpReceiver } from '../../helpers/http-receiver.ts';
import { readFields, type Field } from './protobuf.ts';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** 2 = server, 3 = client (opentelemetry/proto/trace/v1/trace.proto). */
  readonly kind: number;
  readonly traceState: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly resource: Readonly<Record<string, string | number>>;
}

/** A receiver of spans over OTLP/HTTP, in protobuf or JSON, as a collector is one. */
export async function otlpReceiver(status: () => number = () => 200) {
  const spans: ReceivedSpan[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const receiver = await httpReceiver((response, { body, headers: sent, url }) => {
    headers.push(sent);
    const isJson = sent['content-type'] === 'application/json';
    if (url === '/v1/traces' && status() === 200) {
      spans.push(
        ...(isJson ? fromJson(JSON.parse(body.toString()) as JsonRequest) : fromProtobuf(body)),
      );
    }
    response.writeHead(status(), { 'content-type': String(sent['content-type']) });
    response.end(isJson ? '{}' : '');
  });
  return { ...receiver, spans, headers };
}

interface JsonAttribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string };
}

interface JsonRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly JsonAttribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly kind: number;
        readonly traceState?: string;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly attributes: readonly JsonAttribute[];
      }[];
    }[];
  }[];
}

function jsonAttributes(attributes: readonly JsonAttribute[]) {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  );
}

function fromJson({ resourceSpans }: JsonRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        name: span.name,
        kind: span.kind,
        traceState: span.traceState ?? '',
        startMs: Number(span.startTimeUnixNano) / 1e6,
        endMs: Number(span.endTimeUnixNano) / 1e6,
        attributes: jsonAttributes(span.attributes),
        resource: jsonAttributes(resource.attributes),
      })),
    ),
  );
}

const all = (fields: readonly Field[], number: number) =>
  fields.filter((field) => field.number === number);
const bytes = (fields: readonly Field[], number: number) =>
  all(fields, number)[0]?.bytes ?? Buffer.alloc(0);
const text = (fields: readonly Field[], number: number) => bytes(fields, number).toString();
const whole = (fields: readonly Field[], number: number) =>
  Number(all(fields, number)[0]?.value ?? 0);

function protobufAttributes(fields: readonly Field[]) {
  return Object.fromEntries(
    fields.map((field) => {
      const pair = readFields(field.bytes);
      const value = readFields(bytes(pair, 2));
      return [text(pair, 1), all(value, 1).length > 0 ? text(value, 1) : whole(value, 3)];
    }),
  );
}

/** By the field numbers of opentelemetry/proto/trace/v1/trace.proto. */
function fromProtobuf(body: Buffer): ReceivedSpan[] {
  return all(readFields(body), 1).flatMap((resourceSpans) => {
    const parts = readFields(resourceSpans.bytes);
    const resource = protobufAttributes(all(readFields(bytes(parts, 1)), 1));
    return all(parts, 2).flatMap((scopeSpans) =>
      all(readFields(scopeSpans.bytes), 2).map(({ bytes: encoded }) => {
        const span = readFields(encoded);
        return {
          traceId: bytes(span, 1).toString('hex'),
          spanId: bytes(span, 2).toString('hex'),
          traceState: text(span, 3),
          parentSpanId: bytes(span, 4).toString('hex'),
          name: text(span, 5),
          kind: whole(span, 6),
          startMs: whole(span, 7) / 1e6,
          endMs: whole(span, 8) / 1e6,
          attributes: protobufAttributes(all(span, 9)),
          resource,
        };
      }),
    );
  });
}
