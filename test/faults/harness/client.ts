import { Agent, request } from 'undici';
import { onTestFinished } from 'vitest';
import type { Operation } from '../oracle/history.ts';
import type { Random } from './random.ts';

/** How a request for an operation is made. */
export interface Ask {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: string;
  readonly idempotencyKey?: string;
  /** The id that a 2xx names, of what is sent for the operation. */
  idOf?(answer: Data): string;
  /** A 404 after a request without an answer: that one did it. */
  readonly goneIsDone?: boolean;
}

export type Data = Readonly<Record<string, unknown>>;

interface Options {
  /** Where services listen now. */
  readonly targets: () => readonly string[];
  readonly random: Random;
  /** How often a connection is cut before its answer: 0 to 1. */
  readonly cutRate?: number;
  /** How often a client that got no answer leaves it at that. */
  readonly giveUpRate?: number;
  /** For an answer: a service that is stopped gives none. */
  readonly timeoutMs?: number;
  /** Told of every answer. */
  readonly onAnswer?: (answer: Answer) => void;
}

export interface Answer {
  /** The service that gave it. */
  readonly url: string;
  readonly status: number;
  /** Of the error envelope. */
  readonly code: string | undefined;
  /** When it was asked for and when it came, of `performance.now()`. */
  readonly askedAt: number;
  readonly at: number;
}

export interface Client {
  /** All that was asked for. */
  readonly operations: readonly Operation[];
  /**
   * Asks, at one service after the other, until it is told what became of it, and notes that in the operation.
   * @returns the `data` of the 2xx; undefined = refused, or given up.
   */
  perform(operation: Operation, ask: Ask): Promise<Data | undefined>;
  /** Asks once for something that is no operation. @returns the status; undefined = there was no answer. */
  ask(ask: Ask): Promise<number | undefined>;
  /** Operations that were acknowledged so far. */
  readonly acknowledged: () => number;
  /** Requests that were cut off, or went without an answer for another reason. */
  readonly unanswered: () => number;
}

/** The longest until a connection is cut, and the pause before a request is repeated. */
const CUT_MS = 6;
export const PAUSE_MS = 25;

export function createClient(options: Options): Client {
  const { targets, random, cutRate = 0, giveUpRate = 0, timeoutMs = 10_000 } = options;
  const http = new Agent({ connections: 64, pipelining: 1 });
  onTestFinished(() => http.destroy());
  const operations: Operation[] = [];
  let turn = 0;
  let acknowledged = 0;
  let unanswered = 0;

  function nextTarget(): string | undefined {
    const urls = targets();
    turn += 1;
    return urls[turn % Math.max(1, urls.length)];
  }

  async function send(url: string, { method, path, body, idempotencyKey }: Ask) {
    const controller = new AbortController();
    const afterMs = random.chance(cutRate) ? random.next() * CUT_MS : timeoutMs;
    const timer = setTimeout(() => controller.abort(), afterMs);
    const askedAt = performance.now();
    try {
      const answer = await request(`${url}${path}`, {
        method,
        dispatcher: http,
        signal: controller.signal,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        ...(body === undefined ? {} : { body }),
      });
      const text = await answer.body.text();
      const status = answer.statusCode;
      const code = (JSON.parse(text) as { error_code?: string }).error_code;
      options.onAnswer?.({ url, status, code, askedAt, at: performance.now() });
      return { status, text };
    } finally {
      clearTimeout(timer);
    }
  }

  async function perform(operation: Operation, ask: Ask): Promise<Data | undefined> {
    operations.push(operation);
    for (;;) {
      const url = nextTarget();
      const answer = url === undefined ? undefined : await send(url, ask).catch(noAnswer);
      if (answer !== undefined && 'status' in answer && answer.status < 500) {
        const { status, text } = answer;
        const done =
          status < 300 || (status === 404 && ask.goneIsDone === true && mayHaveHappened());
        operation.outcome = done ? 'acknowledged' : 'refused';
        if (!done) return undefined;
        acknowledged += 1;
        const { data } = JSON.parse(text) as { data: Data };
        const id = status < 300 ? ask.idOf?.(data) : undefined;
        if (id !== undefined) operation.ids.add(id);
        return data;
      }
      if (answer !== undefined && !('refusedConnection' in answer)) {
        operation.outcome = 'unknown';
        unanswered += 1;
        if (random.chance(giveUpRate)) return undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }

    function mayHaveHappened(): boolean {
      return operation.outcome === 'unknown';
    }
  }

  async function ask(one: Ask): Promise<number | undefined> {
    const url = nextTarget();
    const answer = url === undefined ? undefined : await send(url, one).catch(noAnswer);
    return answer !== undefined && 'status' in answer ? answer.status : undefined;
  }

  return {
    operations,
    perform,
    ask,
    acknowledged: () => acknowledged,
    unanswered: () => unanswered,
  };
}

/** Where nobody listens, nothing was asked. */
function noAnswer(error: unknown): { lost: true } | { refusedConnection: true } {
  return (error as { code?: unknown }).code === 'ECONNREFUSED'
    ? { refusedConnection: true }
    : { lost: true };
}
