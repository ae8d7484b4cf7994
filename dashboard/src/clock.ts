import { createState, useShared } from './state.ts';

/** How far the service's clock is ahead of this machine's, in milliseconds: ages are reckoned by the service's. */
let ahead = 0;

const TICK_MS = 5_000;
const now = createState(Date.now());

setInterval(() => {
  if (!document.hidden) now.set(Date.now() + ahead);
}, TICK_MS);

/** The service said what time it is. */
export function setServiceTime(iso: string): void {
  ahead = Date.parse(iso) - Date.now();
  now.set(Date.now() + ahead);
}

/** The service's time in epoch milliseconds, some seconds old at the most. */
export const useNow = (): number => useShared(now);
