import type { FastifyBaseLogger } from 'fastify';
import { ChurningSet } from '../churning.ts';
import type { Clock } from '../clock.ts';

/** A result that is on its way to the store for longer: the store does not answer, as behind a connection that was cut. */
const SLOW_MS = 250;

/** After the store refused something, nothing is begun for so long. */
const REFUSED_MS = 500;

/** A result on its way to the store. */
interface Recording {
  readonly since: number;
  refused: boolean;
}

/**
 * What a worker knows of an outage of the store. While it lasts no attempt starts, since its result could not be
 * recorded: it would be made again by whoever takes the delivery next, after our end or the end of its lease.
 */
export class StoreOutage {
  readonly #clock: Clock;
  readonly #log: FastifyBaseLogger;
  readonly #onOver: () => void;
  /** The oldest first. */
  readonly #recordings = new ChurningSet<Recording>();
  #unrecorded = 0;
  #refusal: NodeJS.Timeout | undefined;
  /** Somebody was kept from starting an attempt. */
  #keptBack = false;
  #toldAt: number | undefined;

  /** `onOver`: attempts that were kept back may start. */
  constructor(clock: Clock, log: FastifyBaseLogger, onOver: () => void) {
    this.#clock = clock;
    this.#log = log;
    this.#onOver = onOver;
  }

  /** Results that the store refused; those on their way to it do not count. */
  get unrecorded(): number {
    return this.#unrecorded;
  }

  /** Whether an attempt has to wait; who is told so is called by `onOver`. */
  keepsBack(): boolean {
    this.#keptBack ||= this.#lasts();
    return this.#keptBack;
  }

  /** A result goes to the store. */
  begin(): Recording {
    const recording = { since: this.#clock.now(), refused: false };
    this.#recordings.add(recording);
    return recording;
  }

  /** It is there, or given up. */
  end(recording: Recording): void {
    this.#recordings.delete(recording);
    if (recording.refused) this.#unrecorded -= 1;
    this.#look();
  }

  /** The store refused this result, or a claim, or to tell where a delivery goes. */
  refused(error: unknown, recording?: Recording): void {
    if (recording !== undefined && !recording.refused) {
      recording.refused = true;
      this.#unrecorded += 1;
    }
    this.#refusal ??= setTimeout(() => {
      this.#refusal = undefined;
      this.#look();
    }, REFUSED_MS).unref();
    if (this.#toldAt !== undefined) return;
    this.#toldAt = this.#clock.now();
    this.#log.error({ err: error }, 'the store is not available: no attempt starts until it is');
  }

  /** The store took something. */
  took(): void {
    if (this.#toldAt === undefined) return;
    const awayMs = this.#clock.now() - this.#toldAt;
    this.#toldAt = undefined;
    this.#log.info({ away_ms: awayMs }, 'the store is available again');
  }

  #lasts(): boolean {
    if (this.#unrecorded > 0 || this.#refusal !== undefined) return true;
    for (const { since } of this.#recordings) return this.#clock.now() - since > SLOW_MS;
    return false;
  }

  #look(): void {
    if (!this.#keptBack || this.#lasts()) return;
    this.#keptBack = false;
    this.#onOver();
  }
}
