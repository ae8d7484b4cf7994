import type { AgentKitClient } from '../sdk/client.ts';
import type { ReplayFilter, WebhookPing } from '../sdk/delivery-types.ts';
import type { AgentKitError } from '../sdk/errors.ts';
import { adviceOf, isClockOff } from './ping-advice.ts';
import type { CliContext } from './context.ts';
import { fields } from './table.ts';

export function sheetOfPing(ping: WebhookPing): string {
  const { found, todo } = adviceOf(ping);
  return fields({
    outcome: ping.outcome,
    answer: ping.statusCode ?? ping.errorClass,
    ms: ping.durationMs,
    'their clock': clockOf(ping),
    'it says': ping.responseExcerpt === '' ? undefined : (ping.responseExcerpt ?? undefined),
    'what it means': found,
    'what to do': todo === '' ? undefined : todo,
  });
}

function clockOf({ clockSkewSeconds }: WebhookPing): string | undefined {
  if (clockSkewSeconds === null) return undefined;
  if (clockSkewSeconds === 0) return 'is the same';
  const direction = clockSkewSeconds > 0 ? 'ahead' : 'behind';
  return `is ${Math.abs(clockSkewSeconds)} s ${direction}`;
}

/** Before webhooks are sent again: whether they would arrive. It says so and leaves it at that. */
export async function warnOfBrokenWebhook(
  { terminal }: CliContext,
  client: AgentKitClient,
  { kind }: ReplayFilter,
): Promise<void> {
  if (kind !== undefined && kind !== 'webhook') return;
  try {
    const ping = await client.pingWebhook();
    if (ping.ok && !isClockOff(ping)) return;
    const { found, todo } = adviceOf(ping);
    terminal.say(`webhooks do not arrive yet: ${found}; ${todo}`);
  } catch (error) {
    if ((error as Partial<AgentKitError>).code !== 'webhook_not_configured') throw error;
  }
}
