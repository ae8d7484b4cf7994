import { randomBytes } from 'node:crypto';
import { closeSync, copyFileSync, linkSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SHORTEST } from './search.ts';

// All that the processes of a test run say, and all secrets that they were told, go into the files of one folder, which
// is searched when the run is over (setup.ts). Written at once and in place: a process may be killed at any moment.

/** The folder of this run: set for the workers of vitest, and handed on to every child process (children.ts). */
export const RUN_FOLDER = 'AGENTKIT_LEAKS_RUN';
/** The test file that a process runs, or is run by. */
export const TEST_FILE = 'AGENTKIT_LEAKS_TEST';

/** How the names of files end: secrets, one a line; what was said, and beside it where. */
export const SECRETS = '.secrets';
export const RECORDING = '.recording';
export const ORIGIN = '.origin';

/** The kind of what comes with a request; most of them were made, or handed out, as something else. */
export const CREDENTIAL = 'credential of a request';

export type Place = 'log' | 'answer' | 'database';

/** Where what was recorded comes from. */
export interface Origin {
  readonly place: Place;
  /** Which log, answer or database. */
  readonly of: string;
  readonly test: string;
}

/** A secret that somebody was told. */
export interface PutThrough {
  /** What it is for, such as `OPSCORE_API_KEY`: a report names it by this, and never shows it. */
  readonly kind: string;
  readonly value: string;
  readonly test: string;
}

/** Process ids come again, so they do not name a file alone. */
const own = `${process.pid}-${randomBytes(4).toString('hex')}`;
const known = new Set<string>();
let names = 0;
let files = new Map<string, number>();
let filesOf: string | undefined;

/**
 * The open file of this process for `key` in the folder of the run; `create` makes it, with a name of its own. Each
 * test file that the process runs has files of its own, since what they hold is told by the name of the test.
 */
function fileFor(folder: string, key: string, create: (path: string) => number): number {
  const owner = `${folder} ${process.env[TEST_FILE] ?? ''}`;
  if (owner !== filesOf) {
    for (const file of files.values()) closeSync(file);
    files = new Map();
    filesOf = owner;
  }
  const file = files.get(key) ?? create(newPath(folder));
  files.set(key, file);
  return file;
}

function newPath(folder: string): string {
  names += 1;
  return join(folder, `${own}-${names}`);
}

function noteOrigin(path: string, place: Place, of: string): void {
  const origin: Origin = { place, of, test: process.env[TEST_FILE] ?? '' };
  writeFileSync(path + ORIGIN, JSON.stringify(origin));
}

/** Adds to the recording of one place; does nothing where no run is going on. Texts are UTF-8. */
export function record(place: Place, of: string, bytes: string | Uint8Array): void {
  const folder = process.env[RUN_FOLDER];
  if (folder === undefined) return;
  const file = fileFor(folder, `${place} ${of}`, (path) => {
    noteOrigin(path, place, of);
    return openSync(path + RECORDING, 'a');
  });
  if (typeof bytes === 'string') writeSync(file, bytes);
  else writeSync(file, bytes);
}

/**
 * Takes a file as it will be when its test is over: also once that has removed it, and without copying it, unless it
 * lies on another file system.
 */
export function recordFile(place: Place, of: string, path: string): void {
  const folder = process.env[RUN_FOLDER];
  if (folder === undefined) return;
  const recording = newPath(folder);
  noteOrigin(recording, place, of);
  try {
    linkSync(path, recording + RECORDING);
  } catch {
    copyFileSync(path, recording + RECORDING);
  }
}

/** From now on this value is sought in all that the run has said and will say. */
export function putThrough(kind: string, value: string): void {
  if (known.has(value)) return;
  known.add(value);
  const folder = process.env[RUN_FOLDER];
  if (folder === undefined) return;
  const secret: PutThrough = { kind, value, test: process.env[TEST_FILE] ?? '' };
  const file = fileFor(folder, SECRETS, (path) => openSync(path + SECRETS, 'a'));
  writeSync(file, `${JSON.stringify(secret)}\n`);
}

/** Whether a text is such a value of this process, or has one in it, or is a piece of one; pieces may be too short. */
export function isPutThrough(text: string): boolean {
  const holds = (whole: string, piece: string) => piece.length >= SHORTEST && whole.includes(piece);
  return known.has(text) || [...known].some((value) => holds(text, value) || holds(value, text));
}
