import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { connection, overview } from './live.ts';

export interface Resource<T> {
  /** What was there last; stays while it is asked for again. */
  readonly data: T | undefined;
  readonly error: Error | undefined;
  readonly reload: () => void;
}

/** What is shown is asked for again with the first summary after so long: every other one. */
const FRESH_MS = 1_500;

interface Options {
  /** false: it is asked for once. */
  readonly live?: boolean;
  readonly freshMs?: number;
}

/**
 * What `load` brings, again when `key` changes and, while the page is live and `live` is not false, every few seconds.
 * The beat is that of the summaries: while the service is silent nothing else is asked of it.
 */
export function useResource<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  { live = true, freshMs = FRESH_MS }: Options = {},
): Resource<T> {
  const [loaded, setLoaded] = useState<{ key: string; data?: T; error?: Error }>({ key });
  const latest = useRef(load);
  latest.current = load;
  const running = useRef<AbortController | undefined>(undefined);
  const askedAt = useRef(0);

  const ask = useCallback(
    (anew: boolean) => {
      if (running.current !== undefined) {
        if (!anew) return;
        running.current.abort();
      }
      const controller = new AbortController();
      running.current = controller;
      askedAt.current = performance.now();
      const ended = () => {
        if (running.current === controller) running.current = undefined;
        return !controller.signal.aborted;
      };
      latest.current(controller.signal).then(
        (data) => {
          if (ended()) setLoaded({ key, data });
        },
        (error: unknown) => {
          if (!ended()) return;
          const problem = error instanceof Error ? error : new Error(String(error));
          setLoaded((before) => ({ ...(before.key === key ? before : { key }), error: problem }));
        },
      );
    },
    [key],
  );

  useEffect(() => {
    ask(true);
    return () => {
      running.current?.abort();
      running.current = undefined;
    };
  }, [ask]);

  useEffect(() => {
    if (!live) return undefined;
    return overview.subscribe(() => {
      if (connection.get() === 'live' && performance.now() - askedAt.current >= freshMs) ask(false);
    });
  }, [ask, live, freshMs]);

  const current = loaded.key === key ? loaded : undefined;
  const reload = useCallback(() => ask(true), [ask]);
  return { data: current?.data, error: current?.error, reload };
}
