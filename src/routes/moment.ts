import { invalid } from '../errors.ts';

/**
 * A moment as a caller wrote it (delivery-schemas.ts), in epoch milliseconds.
 * @throws ApiError validation_failed for one that the calendar does not have.
 */
export function momentOf(text: string, path: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  throw invalid([{ path, message: 'Expected a date and time such as 2026-11-23T02:00:00Z' }]);
}
