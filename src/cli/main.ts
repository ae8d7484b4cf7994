import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { buffer } from 'node:stream/consumers';
import { config as readDotenv } from 'dotenv';
import { INTERRUPTED, OK } from './exit.ts';
import { runCli } from './run.ts';

let interruption: AbortController | undefined;
const reader = { isGone: false };

// `agentkit ... | head`: nobody reads on, and that is no failure. What has to be ended in order is.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    reader.isGone = true;
    if (interruption === undefined) process.exit(0);
    interruption.abort();
  });
}

/** On the terminal that the command was typed in; Ctrl-C and Ctrl-D say no. */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  lines.once('SIGINT', () => lines.close());
  try {
    return await Promise.race([lines.question(question).catch(() => ''), ended]);
  } finally {
    lines.close();
  }
}

/** The second Ctrl-C does not wait for anything. */
function interrupted(): AbortSignal {
  if (interruption !== undefined) return interruption.signal;
  const controller = (interruption = new AbortController());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(INTERRUPTED);
      controller.abort();
    });
  }
  return controller.signal;
}

readDotenv({ quiet: true });
const code = await runCli({
  args: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  ...(process.stdin.isTTY && process.stderr.isTTY ? { ask } : {}),
  now: Date.now,
  interrupted,
  readInput: (path) => (path === '-' ? buffer(process.stdin) : readFile(path)),
});
process.exitCode = reader.isGone ? OK : code;
