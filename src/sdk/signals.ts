const NAMES = ['SIGTERM', 'SIGINT'] as const;

type Closer = () => Promise<void>;

const closers = new Set<Closer>();
let stopping = false;

/**
 * Calls `closer` on SIGTERM and SIGINT; once those of all agents of this process are done it exits with 0. A second
 * signal exits with 1 at once. Answers a function that takes the closer back.
 */
export function closeOnSignals(closer: Closer): () => void {
  if (closers.size === 0) for (const name of NAMES) process.on(name, onSignal);
  closers.add(closer);
  return () => {
    closers.delete(closer);
    // While stopping we stay: without a listener the second signal would kill before the last report is out.
    if (closers.size === 0 && !stopping) for (const name of NAMES) process.off(name, onSignal);
  };
}

function onSignal(): void {
  if (stopping) process.exit(1);
  stopping = true;
  // By force, as a handler's own timers and connections would keep the process alive.
  void Promise.allSettled([...closers].map((closer) => closer())).then(() => process.exit(0));
}
