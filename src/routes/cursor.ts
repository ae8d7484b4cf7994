import { invalid } from '../errors.ts';

/** Cursors are opaque to callers; what is in them may change with any version. */
export function encodeCursor<T extends string | null>(position: T): T extends null ? null : string;
export function encodeCursor(position: string | null): string | null {
  return position === null ? null : Buffer.from(position).toString('base64url');
}

/** @throws ApiError validation_failed for what is no cursor of ours. */
export function decodeCursor(
  cursor: string | undefined,
  form: RegExp,
  parameter = 'cursor',
): string | null {
  if (cursor === undefined) return null;
  const position = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!form.test(position)) {
    throw invalid([
      { path: `/querystring/${parameter}`, message: 'Expected a cursor of an earlier answer' },
    ]);
  }
  return position;
}
