import type { ErrorClass } from '../outbox/delivery.ts';
import type { AgentKitClient } from '../sdk/client.ts';
import type { DeliveryFilter, DeliverySummary } from '../sdk/delivery-types.ts';

/** Of each error class; a request each. A page has up to 1,000 deliveries, and the service looks at 5,000 for it. */
const PAGES = 20;

const errorClasses: Readonly<Record<ErrorClass, true>> = {
  http_status: true,
  timeout: true,
  connection_refused: true,
  connection_reset: true,
  dns: true,
  tls: true,
  blocked_address: true,
  interrupted: true,
  network: true,
};

/**
 * What was tried in vain and waits for its next attempt. Asked for by error class, for which the store has an index:
 * it costs what failed, and not what waits.
 */
export async function gatherFailing(
  client: AgentKitClient,
  filter: DeliveryFilter = {},
): Promise<DeliverySummary[]> {
  const classes = filter.errorClass === undefined ? Object.keys(errorClasses) : [filter.errorClass];
  const parts = await Promise.all(
    classes.map((errorClass) => gather(client, { ...filter, state: 'scheduled', errorClass })),
  );
  return parts.flat();
}

async function gather(client: AgentKitClient, filter: DeliveryFilter): Promise<DeliverySummary[]> {
  const items: DeliverySummary[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const found = await client.listDeliveries({ ...filter, limit: 1_000, cursor });
    items.push(...found.deliveries);
    if (found.nextCursor === null) break;
    cursor = found.nextCursor;
  }
  return items;
}
