/** Where an agent says what happens to it. `console` and a pino logger fit. */
export interface AgentLogger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** One line each to stderr, as stdout may be the agent's own. */
export const stderrLogger: AgentLogger = { info: line, warn: line, error: line };

function line(message: string): void {
  process.stderr.write(`[agentkit] ${message}\n`);
}

/** What a thrown value says, whatever it is. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message === '' ? thrown.name : thrown.message;
  if (typeof thrown === 'string') return thrown;
  try {
    return JSON.stringify(thrown) || typeof thrown;
  } catch {
    return typeof thrown;
  }
}
