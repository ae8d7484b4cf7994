import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import {
  CREDENTIAL,
  ORIGIN,
  RECORDING,
  SECRETS,
  type Origin,
  type PutThrough,
} from './recording.ts';
import { Search, type Hit } from './search.ts';
import { soughtOf } from './sought.ts';

/** A secret that was said in clear. */
export interface Leak {
  readonly secret: Omit<PutThrough, 'value'>;
  readonly origin: Origin;
  /** What stands around it, with every secret taken out. */
  readonly excerpt: string;
}

export interface Findings {
  readonly leaks: readonly Leak[];
  /** How many secrets were sought, and in how much. */
  readonly secrets: number;
  readonly bytes: number;
}

const PIECE_BYTES = 1 << 22;
/** Of the piece before it goes into the next one: longer than any secret with what is shown around it. */
const OVERLAP_BYTES = 4_096;
const BEFORE = 160;
const AFTER = 60;

/** Seeks every secret that was put through in all that was recorded. A leak that repeats itself counts once. */
export function findLeaks(folder: string): Findings {
  const names = readdirSync(folder);
  const secrets = names
    .filter((name) => name.endsWith(SECRETS))
    .flatMap((name) => read(folder, name));
  // One that was configured and then sent is called by its variable.
  const credentials = secrets.filter(({ kind }) => kind === CREDENTIAL);
  const byValue = new Map(
    [...credentials, ...secrets.filter(({ kind }) => kind !== CREDENTIAL)].map((secret) => [
      secret.value,
      secret,
    ]),
  );
  const sought = [...byValue.values()].map((secret) => ({
    secret,
    spellings: soughtOf(secret.value),
  }));
  const search = new Search(
    sought.flatMap(({ secret, spellings }) => spellings.map((bytes) => ({ bytes, what: secret }))),
  );
  const leaks = new Map<string, Leak>();
  const buffer = Buffer.alloc(OVERLAP_BYTES + PIECE_BYTES);
  let bytes = 0;
  for (const name of names.filter((candidate) => candidate.endsWith(RECORDING))) {
    const described = join(folder, name.slice(0, -RECORDING.length) + ORIGIN);
    const origin = JSON.parse(readFileSync(described, 'utf8')) as Origin;
    for (const piece of pieces(join(folder, name), buffer)) {
      bytes += piece.length;
      const hits = search.find(piece);
      for (const hit of hits) {
        const { kind, test } = hit.what;
        const key = JSON.stringify([kind, test, origin]);
        if (leaks.has(key)) continue;
        leaks.set(key, { secret: { kind, test }, origin, excerpt: excerpt(piece, hit, hits) });
      }
    }
  }
  const secretsSought = sought.filter(({ spellings }) => spellings.length > 0).length;
  return { leaks: [...leaks.values()], secrets: secretsSought, bytes };
}

function read(folder: string, name: string): PutThrough[] {
  const lines = readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as PutThrough);
}

/** What a file holds, piece by piece in `buffer`: another one for each of thousands would take longer than to search. */
function* pieces(path: string, buffer: Buffer): Generator<Buffer> {
  const file = openSync(path, 'r');
  let kept = 0;
  try {
    for (;;) {
      const more = readSync(file, buffer, kept, PIECE_BYTES, null);
      if (more === 0) return;
      const filled = kept + more;
      yield buffer.subarray(0, filled);
      kept = Math.min(OVERLAP_BYTES, filled);
      buffer.copyWithin(0, filled - kept, filled);
    }
  } finally {
    closeSync(file);
  }
}

/** Printable text around a hit; where any secret stands, it says of which kind. */
function excerpt(
  piece: Buffer,
  { at, length }: Hit<PutThrough>,
  hits: readonly Hit<PutThrough>[],
): string {
  const end = Math.min(piece.length, at + length + AFTER);
  let text = '';
  let next = Math.max(0, at - BEFORE);
  for (const hit of hits) {
    const hitEnd = hit.at + hit.length;
    if (hitEnd <= next || hit.at >= end) continue;
    text += printable(piece.subarray(next, Math.max(next, hit.at))) + `«${hit.what.kind}»`;
    next = hitEnd;
  }
  return text + printable(piece.subarray(next, Math.max(next, end)));
}

function printable(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[^\x20-\x7e]+/g, ' ');
}
