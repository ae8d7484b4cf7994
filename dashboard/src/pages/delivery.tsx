import type { DeliveryRecord } from '../../../src/sdk/delivery-types.ts';
import { useEffect, useState } from 'preact/hooks';
import { useAction } from '../acting.ts';
import { learnNames } from '../agents.ts';
import { Act } from '../components/act.tsx';
import { AgentName } from '../components/agent-name.tsx';
import { Attempts } from '../components/attempts.tsx';
import { Badge } from '../components/badge.tsx';
import { CopyId } from '../components/copy-id.tsx';
import { Dialog } from '../components/dialog.tsx';
import { Heading } from '../components/heading.tsx';
import { NextAttempt } from '../components/next-attempt.tsx';
import { Loaded } from '../components/loaded.tsx';
import { Time } from '../components/time.tsx';
import { cancelDelivery, getDelivery, retryDelivery } from '../deliveries.ts';
import { href } from '../place.ts';
import { useResource } from '../resource.ts';
import { count, kindWord, reason, waitWord } from '../words.ts';

export function DeliveryPage({ deliveryId }: { deliveryId: string }) {
  const delivery = useResource(deliveryId, (signal) => getDelivery(deliveryId, signal));
  const { data } = delivery;
  return (
    <>
      <Heading title={data === undefined ? 'Delivery' : `${kindWord(data.kind)} ${data.name}`}>
        {data !== undefined && (
          <Act>
            <Actions delivery={data} changed={delivery.reload} />
          </Act>
        )}
      </Heading>
      <Loaded of={delivery}>{(one) => <Story delivery={one} />}</Loaded>
    </>
  );
}

function Actions({ delivery, changed }: { delivery: DeliveryRecord; changed: () => void }) {
  const { deliveryId, state } = delivery;
  const { busy, run } = useAction();
  const [asked, setAsked] = useState<'again' | 'cancel' | null>(null);

  async function act(action: () => Promise<void>, said: string): Promise<void> {
    await run(async () => {
      await action();
      return said;
    });
    setAsked(null);
    changed();
  }
  const retry = (force: boolean) =>
    void act(() => retryDelivery(deliveryId, force), 'It is sent now.');

  return (
    <>
      {state === 'delivered' ? (
        <button type="button" disabled={busy} onClick={() => setAsked('again')}>
          Send again …
        </button>
      ) : (
        <button type="button" class="primary" disabled={busy} onClick={() => retry(false)}>
          {state === 'scheduled' ? 'Try now' : 'Retry'}
        </button>
      )}
      {state === 'scheduled' && (
        <button type="button" disabled={busy} onClick={() => setAsked('cancel')}>
          Cancel …
        </button>
      )}
      {asked === 'again' && (
        <Dialog
          title="Send again what was delivered?"
          onClose={() => setAsked(null)}
          actions={
            <button type="button" class="primary" disabled={busy} onClick={() => retry(true)}>
              Send again
            </button>
          }
        >
          <p>
            It has the same id. A receiver that knows it, such as the SDK, answers and does nothing
            twice.
          </p>
        </Dialog>
      )}
      {asked === 'cancel' && (
        <Dialog
          title="Cancel this delivery?"
          onClose={() => setAsked(null)}
          actions={
            <button
              type="button"
              class="danger"
              disabled={busy}
              onClick={() => void act(() => cancelDelivery(deliveryId), 'It is cancelled.')}
            >
              Cancel it
            </button>
          }
        >
          <p>It is not sent any more, unless somebody retries it.</p>
        </Dialog>
      )}
    </>
  );
}

function Story({ delivery }: { delivery: DeliveryRecord }) {
  const { agentId } = delivery;
  useEffect(() => void learnNames([agentId]), [agentId]);
  const why = reason(delivery.errorClass, delivery.lastError);
  return (
    <>
      <dl class="facts">
        <div>
          <dt>State</dt>
          <dd>
            <Badge state={delivery.state} /> {why}
          </dd>
        </div>
        <div>
          <dt>Agent</dt>
          <dd>
            <AgentName agentId={agentId} />
          </dd>
        </div>
        <div>
          <dt>Accepted</dt>
          <dd>
            <Time at={delivery.createdAt} />
          </dd>
        </div>
        {delivery.finishedAt === null ? (
          <div>
            <dt>Next attempt</dt>
            <dd>
              <NextAttempt of={delivery} />
            </dd>
          </div>
        ) : (
          <div>
            <dt>Ended</dt>
            <dd>
              <Time at={delivery.finishedAt} />
            </dd>
          </div>
        )}
        <div>
          <dt>Body</dt>
          <dd>{count(delivery.bytes)} bytes</dd>
        </div>
        <div class="wide">
          <dt>Id</dt>
          <dd>
            <CopyId id={delivery.deliveryId} />
          </dd>
        </div>
      </dl>
      {delivery.waitsFor !== null && (
        <p class="hint">
          {waitWord(delivery.waitsFor)}{' '}
          {delivery.behind !== null && (
            <a href={href(`/deliveries/${delivery.behind}`)}>Look at that one</a>
          )}
        </p>
      )}
      <section aria-labelledby="attempts">
        <h2 id="attempts">Attempts</h2>
        <Attempts attempts={delivery.attempts} />
      </section>
    </>
  );
}
