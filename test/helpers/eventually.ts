/** Longer than anything here takes; a condition that comes true is noticed within some milliseconds. */
const PATIENCE_MS = 20_000;

/** Waits for a condition of the outside world: another process, a connection. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what = 'the condition',
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
