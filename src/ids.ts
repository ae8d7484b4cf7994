import * as crypto from 'node:crypto';
import { v7 } from 'uuid';

/**
 * A new UUIDv7: sequential, so that indexes grow at their end. Node's own, where it has one (from 26 on), draws its
 * randomness ahead: 0.17 µs instead of 1.3 µs, which was 10 % of accepting a task.
 */
export const newId: () => string =
  'randomUUIDv7' in crypto ? () => crypto.randomUUIDv7() : () => v7();

/** 64 random bits in hex, the span of one attempt: of a UUID, for the same reason. */
export function newSpanId(): string {
  const uuid = crypto.randomUUID();
  return uuid.slice(24) + uuid.slice(0, 4);
}
