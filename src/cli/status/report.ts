import type { Health } from '../../sdk/api-types.ts';
import type { AgentKitClient } from '../../sdk/client.ts';
import type { AgentKitError } from '../../sdk/errors.ts';
import type { ServiceOverview } from '../../sdk/overview-types.ts';
import { CliError } from '../exit.ts';

/** What `status --json` prints. */
export interface StatusReport {
  readonly url: string;
  readonly health: Health;
  readonly overview: ServiceOverview;
  /** A deliveryId of what fails most; null when nothing does. */
  readonly example: string | null;
}

/** Asks how the service is. @throws CliError when it takes nothing now. */
export async function reportOf(client: AgentKitClient, url: string): Promise<StatusReport> {
  const [health, overview] = await Promise.all([healthOf(client), client.getOverview()]);
  return { url, health, overview, example: await exampleOf(client, overview) };
}

async function healthOf(client: AgentKitClient): Promise<Health> {
  return client.health().catch((error: unknown) => {
    const { statusCode } = error as AgentKitError;
    if (statusCode !== 503) throw error;
    throw new CliError('the service takes nothing now; why: agentkit doctor', undefined, {
      cause: error,
    });
  });
}

/** Enough to find one of that very error among those of its class. */
const LOOKED_AT = 100;

async function exampleOf(
  client: AgentKitClient,
  { failing }: ServiceOverview,
): Promise<string | null> {
  const worst = worstOf(failing);
  if (worst === undefined) return null;
  const { kind, state, errorClass, lastError } = worst;
  const filter = { kind, state, errorClass, limit: LOOKED_AT };
  const { deliveries } = await client.listDeliveries(filter);
  const same = deliveries.find((delivery) => delivery.lastError === lastError);
  return (same ?? deliveries[0])?.deliveryId ?? null;
}

/** Those with the most. */
export function worstOf(
  failing: ServiceOverview['failing'],
): ServiceOverview['failing'][number] | undefined {
  return failing.toSorted((a, b) => b.count - a.count)[0];
}
