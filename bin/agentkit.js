#!/usr/bin/env node
// The `agentkit` command, in plain JavaScript for whatever Node it is started with: one that is too old to run the
// TypeScript in src/ starts the Node that the lockfile pins, and passes on what the terminal and signals say.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';

const { engines } = createRequire(import.meta.url)('../package.json');
const oldest = engines.node.replace('>=', '');

/** @param {string} version @param {string} other */
function isOlder(version, other) {
  const [own, theirs] = [version, other].map((text) => text.split('.').map(Number));
  const differing = theirs.findIndex((part, index) => part !== own[index]);
  return differing !== -1 && own[differing] < theirs[differing];
}

function pinnedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    return join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  } catch {
    return undefined;
  }
}

if (!isOlder(process.versions.node, oldest)) {
  await import('./compile-cache.js');
  await import('../src/cli/main.ts');
} else {
  const node = pinnedNode();
  if (node === undefined) {
    process.stderr.write(
      `agentkit: Node ${oldest} or later is needed, this is ${process.versions.node}; \`npm ci\` brings one along\n`,
    );
    process.exit(1);
  }
  const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl+C reaches the child by itself; twice would tell it not to wait for what is in flight.
  const ofTerminal = process.stdin.isTTY ? () => undefined : (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGHUP']) process.on(signal, ofTerminal);
  process.on('SIGTERM', (signal) => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`agentkit: cannot start ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
  });
}
