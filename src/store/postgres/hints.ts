import { textArray } from './arrays.ts';
import { sql, type Database } from './database.ts';

/** All replicas on one database listen here. */
export const CHANNEL = 'agentkit';

/**
 * What replicas tell each other; each of it is found by polling as well, a second later at most.
 * `due`: something is due that any replica may take. `release`: a lane is held, or its agent is gone. `cancel`: that
 * replica holds something cancelled. `freed`: a cancelled task, which nobody holds any more. `ping`: to hear oneself.
 */
export type HintKind = 'due' | 'release' | 'cancel' | 'freed' | 'ping';

export interface Hint {
  readonly kind: HintKind;
  /** The replica that told. */
  readonly from: string;
  readonly subject: string;
}

export type Tell = (kind: HintKind, subject: string) => void;

const notify = sql(
  'hints_notify',
  'SELECT pg_notify($1, u.hint) FROM unnest($2::text[]) AS u (hint)',
);

/** NOTIFY takes a lock of the whole cluster at commit: `due`, which every release may bring, goes ten times a second. */
const DUE_EVERY_MS = 100;

/** Tells the other replicas, in a transaction of its own: a hint that is lost costs a second, never a delivery. */
export class Hints {
  readonly #db: Database;
  readonly #self: string;
  #waiting = new Set<string>();
  #scheduled = false;
  #dueTimer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(db: Database, self: string) {
    this.#db = db;
    this.#self = self;
  }

  readonly tell: Tell = (kind, subject) => {
    if (kind === 'due') {
      this.#dueTimer ??= setTimeout(() => {
        this.#dueTimer = undefined;
        this.#send(formatHint({ kind, from: this.#self, subject }));
      }, DUE_EVERY_MS).unref();
      return;
    }
    this.#send(formatHint({ kind, from: this.#self, subject }));
  };

  async stop(): Promise<void> {
    clearTimeout(this.#dueTimer);
    await this.#sending;
  }

  #send(hint: string): void {
    this.#waiting.add(hint);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#sending = this.#sending.then(async () => {
      this.#scheduled = false;
      const hints = [...this.#waiting];
      this.#waiting = new Set();
      await this.#db.read(notify, [CHANNEL, textArray(hints)]).catch(() => undefined);
    });
  }
}

export function formatHint({ kind, from, subject }: Hint): string {
  return `${kind} ${from} ${subject}`;
}

/** @returns undefined for what is none of ours. */
export function parseHint(payload: string): Hint | undefined {
  const match = /^(due|release|cancel|freed|ping) (\S+) (.*)$/s.exec(payload);
  if (match === null) return undefined;
  const [, kind, from = '', subject = ''] = match;
  return { kind: kind as HintKind, from, subject };
}
