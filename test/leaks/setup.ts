import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RUN_FOLDER, TEST_FILE } from './recording.ts';
import { report, summary } from './report.ts';
import { findLeaks } from './scan.ts';

/** A run of vitest fails when any secret is found in what its processes logged, answered or stored. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'agentkit-leaks-'));
  process.env[RUN_FOLDER] = folder;
  process.env[TEST_FILE] = 'the setup of the run';
  return () => {
    const start = performance.now();
    try {
      const findings = findLeaks(folder);
      const { leaks } = findings;
      process.stderr.write(`\n${summary(findings, (performance.now() - start) / 1000)}\n`);
      if (leaks.length > 0) {
        const error = new Error(report(leaks));
        error.stack = error.message;
        throw error;
      }
    } catch (error) {
      // Should the rest of the teardown be cut off by its time limit, the run has failed all the same.
      process.exitCode = 1;
      throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}
