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
tapOutput();
tapChildren();
tapAnswers();
tapSqlite(sqlite);
