import type { DeliveryRecord, DeliverySummary } from '../../src/sdk/delivery-types.ts';
import { ask, query } from './api.ts';

/** The filters of a list, as they stand in its URL and in the API's. Times are ISO 8601 in UTC. */
export const FILTERS = [
  'kind',
  'state',
  'agent_id',
  'error_class',
  'since',
  'until',
  'id',
] as const;
export type FilterName = (typeof FILTERS)[number];
export type Filter = Partial<Record<FilterName, string>>;

export function filterOf(search: URLSearchParams): Filter {
  const filter: Filter = {};
  for (const name of FILTERS) {
    const value = search.get(name);
    if (value !== null && value !== '') filter[name] = value;
  }
  return filter;
}

export interface DeliveryPage {
  readonly items: readonly DeliverySummary[];
  readonly next: string | null;
}

export const PAGE = 50;

/** One request looks at a part of what is stored, and may find nothing in it; so many are made before the page asks. */
const LOOKS = 20;

/** A page of at most PAGE; empty with a `next` when the search has not come to an end. */
export async function listDeliveries(
  filter: Filter,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<DeliveryPage> {
  let next: string | null = cursor ?? null;
  for (let look = 0; look < LOOKS; look += 1) {
    const path = query('/v1/deliveries', { ...filter, limit: PAGE, cursor: next });
    const page = await ask<DeliverySummary[]>('GET', path, { signal });
    next = page.next_cursor ?? null;
    if (page.data.length > 0 || next === null) return { items: page.data, next };
  }
  return { items: [], next };
}

export async function getDelivery(id: string, signal: AbortSignal): Promise<DeliveryRecord> {
  const path = `/v1/deliveries/${encodeURIComponent(id)}`;
  return (await ask<DeliveryRecord>('GET', path, { signal })).data;
}

export async function retryDelivery(id: string, force = false): Promise<void> {
  const path = `/v1/deliveries/${encodeURIComponent(id)}/retry`;
  await ask('POST', force ? `${path}?force=true` : path);
}

export async function cancelDelivery(id: string): Promise<void> {
  await ask('POST', `/v1/deliveries/${encodeURIComponent(id)}/cancel`);
}
