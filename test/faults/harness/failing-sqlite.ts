import { existsSync } from 'node:fs';
import { DatabaseSync, StatementSync } from 'node:sqlite';

// Loaded into a service before it starts (`--import`): while a file exists, its database fails now and then with the
// errors that cannot be had from a healthy disk. A statement or a COMMIT that fails has done nothing, as in SQLite.

/** Names the file, in the environment of the service. */
const FLAG = 'FAILING_SQLITE_WHILE';

/** https://sqlite.org/rescode.html#extrc */
const IOERR_READ = 266;
const IOERR_FSYNC = 1_034;

const COMMIT_RATE = 0.1;
const STATEMENT_RATE = 0.01;

const LOOK_MS = 10;

const flag = process.env[FLAG] ?? '';
let failing = false;
setInterval(() => {
  failing = existsSync(flag);
}, LOOK_MS).unref();

function fail(rate: number, errcode: number): void {
  if (!failing || Math.random() >= rate) return;
  const error = new Error('disk I/O error');
  throw Object.assign(error, { code: 'ERR_SQLITE_ERROR', errcode, errstr: 'disk I/O error' });
}

type Method = (this: object, ...given: unknown[]) => unknown;

/** Puts `first` before a method, which then is not called when that throws. */
function before(prototype: object, name: string, first: (...given: unknown[]) => void): void {
  const methods = prototype as Record<string, Method>;
  const original = methods[name] as Method;
  methods[name] = function (...given) {
    first(...given);
    return original.apply(this, given);
  };
}

before(DatabaseSync.prototype, 'exec', (sql) => {
  if (sql === 'COMMIT') fail(COMMIT_RATE, IOERR_FSYNC);
});
for (const method of ['run', 'get', 'all']) {
  before(StatementSync.prototype, method, () => fail(STATEMENT_RATE, IOERR_READ));
}
