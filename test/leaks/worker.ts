// The first module of every test file (setupFiles of vitest).
import { relative } from 'node:path';
import * as sqlite from 'node:sqlite';
import { expect } from 'vitest';
import { tapAnswers } from './answers.ts';
import { tapChildren } from './children.ts';
import { tapOutput } from './output.ts';
import { TEST_FILE } from './recording.ts';
import { tapSqlite } from './sqlite.ts';

process.env[TEST_FILE] = relative(process.cwd(), expect.getState().testPath ?? '');

// A worker runs many files, and this before each.
const TAPPED = Symbol.for('agentkit.leaks.tapped');
if (!Reflect.has(process, TAPPED)) {
  Reflect.set(process, TAPPED, true);
  tapOutput();
  tapChildren();
  tapAnswers();
  tapSqlite(sqlite);
}
