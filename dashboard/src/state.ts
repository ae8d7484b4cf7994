import { useEffect, useState } from 'preact/hooks';

/** A value that more than one part of the page shows. */
export interface State<T> {
  get(): T;
  set(value: T): void;
  subscribe(listener: () => void): () => void;
}

export function createState<T>(initial: T): State<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The value, and a new rendering when it changes. */
export function useShared<T>(state: State<T>): T {
  const [value, setValue] = useState(() => state.get());
  useEffect(() => {
    const take = () => setValue(() => state.get());
    // It may have changed between the rendering and now.
    take();
    return state.subscribe(take);
  }, [state]);
  return value;
}
