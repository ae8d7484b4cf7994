import { record } from './recording.ts';

interface Output {
  write(chunk: string | Uint8Array, ...rest: unknown[]): boolean;
}

/** Records what this process itself writes to its stdout and stderr; vitest gives its console streams of their own. */
export function tapOutput(): void {
  const { _stdout, _stderr } = console as unknown as { _stdout: Output; _stderr: Output };
  const outputs = new Set<Output>([process.stdout, process.stderr]);
  for (const output of outputs.add(_stdout).add(_stderr)) {
    const write = output.write.bind(output);
    output.write = (chunk, ...rest) => {
      record('log', 'the output of the process of the test', chunk);
      return write(chunk, ...rest);
    };
  }
}
