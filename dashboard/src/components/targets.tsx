import type { Overview } from '../overview.ts';
import { Act } from './act.tsx';
import { Ping } from './ping.tsx';

/** Whether Ops-Core is configured, and whether it can be reached. */
export function Targets({ targets: { webhooks, stateReports } }: { targets: Overview['targets'] }) {
  return (
    <>
      {webhooks ? (
        <Act>
          <Ping />
        </Act>
      ) : (
        <p>
          Webhooks are not configured, and skipped: set <code>OPSCORE_WEBHOOK_URL</code> and{' '}
          <code>OPSCORE_WEBHOOK_SECRET</code>.
        </p>
      )}
      {!stateReports && (
        <p>
          Dead letters of tasks are not reported: set <code>OPSCORE_API_URL</code> and{' '}
          <code>OPSCORE_API_KEY</code>.
        </p>
      )}
      {webhooks && stateReports && <p class="quiet">Webhooks and state reports are configured.</p>}
    </>
  );
}
