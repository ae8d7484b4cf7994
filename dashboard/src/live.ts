import { authorized, refusalOf } from './api.ts';
import { setServiceTime } from './clock.ts';
import { readEvents } from './event-stream.ts';
import type { Overview } from './overview.ts';
import { keyOf, session } from './session.ts';
import { createState } from './state.ts';

/** `waiting`: the connection broke, or was refused; it is tried again. */
export type Connection = 'connecting' | 'live' | 'waiting' | 'paused';

export const overview = createState<Overview | null>(null);
export const connection = createState<Connection>('connecting');
/** Why there is no connection just now. */
export const trouble = createState<string | null>(null);

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
/** The service says something every second; a connection that is silent for so long is dead. */
const SILENCE_MS = 10_000;

let running: AbortController | undefined;

/** Follows what happens while somebody is signed in, looks at the page, and has not paused it. */
export function startLive(): void {
  const adjust = () => {
    const wanted =
      session.get().state === 'in' && connection.get() !== 'paused' && !document.hidden;
    if (wanted && running === undefined) {
      running = new AbortController();
      void follow(running.signal);
    } else if (!wanted && running !== undefined) {
      running.abort();
      running = undefined;
    }
  };
  session.subscribe(() => {
    if (session.get().state !== 'in') overview.set(null);
    adjust();
  });
  connection.subscribe(adjust);
  document.addEventListener('visibilitychange', adjust);
  adjust();
}

export function pauseLive(): void {
  connection.set('paused');
}

export function resumeLive(): void {
  connection.set('connecting');
}

async function follow(signal: AbortSignal): Promise<void> {
  const over = () => signal.aborted;
  let retryMs = FIRST_RETRY_MS;
  while (!over()) {
    if (connection.get() !== 'waiting') connection.set('connecting');
    const heard = await listen(signal).catch((error: unknown) => {
      if (!over()) trouble.set(error instanceof Error ? error.message : String(error));
      return false;
    });
    if (over()) return;
    connection.set('waiting');
    retryMs = heard ? FIRST_RETRY_MS : Math.min(2 * retryMs, LONGEST_RETRY_MS);
    await pauseFor(retryMs, signal);
  }
}

/** One connection. Resolves when it ends: whether anything was heard on it. */
async function listen(signal: AbortSignal): Promise<boolean> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  let heard = false;
  try {
    const asked = keyOf();
    const response = await fetch('/v1/events', {
      headers: authorized({ accept: 'text/event-stream' }),
      credentials: 'omit',
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (!response.ok || response.body === null) throw await refusalOf(response, asked);
    for await (const { name, data } of readEvents(response.body)) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      heard = true;
      take(name, data);
    }
  } catch (error) {
    if (!(error instanceof TypeError || silence.signal.aborted)) throw error;
    trouble.set('The service does not answer.');
  } finally {
    clearTimeout(timer);
  }
  return heard;
}

function take(name: string, data: string): void {
  if (name === 'overview') {
    const next = JSON.parse(data) as Overview;
    setServiceTime(next.at);
    trouble.set(null);
    connection.set('live');
    overview.set(next);
  } else if (name === 'trouble') {
    connection.set('live');
    trouble.set((JSON.parse(data) as { message: string }).message);
  }
}

function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
