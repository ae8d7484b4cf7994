import type { AgentKitClient } from '../sdk/client.ts';
import type { DeliverySummary } from '../sdk/delivery-types.ts';
import type { AgentKitError } from '../sdk/errors.ts';
import type { CliContext } from './context.ts';
import { stopIfInterrupted } from './exit.ts';
import { patiently } from './patience.ts';

/** Requests at a time; the service answers some hundred a second. */
const WIDTH = 8;

/** It was delivered, cancelled or deleted meanwhile, is being sent just now, or has nobody to go to. */
const NO_MATTER = /^delivery_|^agent_gone$/;

/**
 * Has deliveries that wait for their next attempt sent now. May be interrupted and done again: what was hurried is
 * delivered by then, or waits as it did.
 * @returns how many were hurried.
 */
export async function hurry(
  { terminal, interrupted }: CliContext,
  client: AgentKitClient,
  waiting: readonly DeliverySummary[],
): Promise<number> {
  const signal = interrupted();
  const bar = await terminal.bar('sent now', waiting.length);
  let [next, done, hurried] = [0, 0, 0];
  async function lane(): Promise<void> {
    for (let one = waiting[next++]; one !== undefined && !signal.aborted; one = waiting[next++]) {
      const { deliveryId } = one;
      try {
        await patiently(() => client.retryDelivery(deliveryId), signal);
        hurried += 1;
      } catch (error) {
        if (!NO_MATTER.test(String((error as Partial<AgentKitError>).code))) throw error;
      }
      bar.update((done += 1));
    }
  }
  try {
    await Promise.all(Array.from({ length: WIDTH }, lane));
  } finally {
    bar.end();
  }
  stopIfInterrupted(signal, 'the rest goes out at its own time; the same command hurries it again');
  return hurried;
}
