/** One JSON line to stdout, in the form of the service's own log: for eyes, for jq, and for the demo, which reads it. */
export function logLine(msg: string, fields: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), msg, ...fields })}\n`);
}
