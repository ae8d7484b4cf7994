/** Long enough for any machine; a condition that comes true is noticed in the same turn of the event loop. */
const PATIENCE_MS = 10_000;

/** Waits for a condition, turn by turn of the event loop, so that it works with faked timers as well. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = 'the condition',
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lets the event loop turn: what was going to happen by itself has happened. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
