import { useState } from 'preact/hooks';
import { Act } from '../components/act.tsx';
import { DeliveryFilters } from '../components/delivery-filters.tsx';
import { DeliveryTable } from '../components/delivery-table.tsx';
import { Empty } from '../components/empty.tsx';
import { Heading } from '../components/heading.tsx';
import { Loaded } from '../components/loaded.tsx';
import { Pager } from '../components/pager.tsx';
import { Ping } from '../components/ping.tsx';
import { SendAgain } from '../components/send-again.tsx';
import { filterOf, listDeliveries, type Filter } from '../deliveries.ts';
import { usePlace } from '../place.ts';
import { filterWords } from '../replays.ts';
import { useResource } from '../resource.ts';
import { KINDS } from '../words.ts';

interface Props {
  readonly title: string;
  /** What holds whatever the URL says, and what holds unless it says otherwise. */
  readonly fixed: Filter;
  readonly preset?: Filter;
  readonly kinds: readonly string[];
  /** What to do when there is none at all. */
  readonly hint: string;
  readonly withPing?: boolean;
}

export const TasksPage = () => (
  <DeliveryList
    title="Tasks"
    fixed={{ kind: 'task' }}
    kinds={[]}
    hint="Ops-Core gives an agent a task with POST /v1/agents/{agent_id}/run; agentkit run AGENT --task NAME does so by hand."
  />
);

export const WebhooksPage = () => (
  <DeliveryList
    title="Webhooks"
    fixed={{}}
    preset={{ kind: 'webhook' }}
    kinds={['webhook', 'state_report']}
    hint="Each registration and deregistration sends one, once OPSCORE_WEBHOOK_URL and OPSCORE_WEBHOOK_SECRET are set."
    withPing
  />
);

export const DeadLettersPage = () => (
  <DeliveryList
    title="Dead letters"
    fixed={{ state: 'dead' }}
    kinds={KINDS}
    hint="Nothing was given up. What fails is tried again by its schedule, and comes here after its last attempt."
  />
);

function DeliveryList({ title, fixed, preset = {}, kinds, hint, withPing = false }: Props) {
  const { query } = usePlace();
  const filter = { ...preset, ...filterOf(query), ...fixed };
  const cursor = query.get('cursor') ?? undefined;
  const [asked, setAsked] = useState(false);
  const page = useResource(
    JSON.stringify([filter, cursor]),
    (signal) => listDeliveries(filter, cursor, signal),
    // What is on a later page does not change its place while somebody reads it.
    { live: cursor === undefined },
  );
  // A replay goes by these; an id names one, which has a button of its own.
  const mayReplay =
    filter.id === undefined && ['dead', 'scheduled', undefined].includes(filter.state);
  const filtered = [...query.keys()].length > 0;
  return (
    <>
      <Heading title={title}>
        <Act>
          {withPing && <Ping />}
          {mayReplay && (
            <button type="button" onClick={() => setAsked(true)}>
              {filter.state === 'dead' ? 'Replay all of these …' : 'Send failed ones again …'}
            </button>
          )}
        </Act>
      </Heading>
      <DeliveryFilters
        filter={filter}
        kinds={kinds}
        anyKind={preset.kind === undefined}
        withState={fixed.state === undefined}
      />
      <Loaded of={page}>
        {({ items, next }) => (
          <>
            {items.length > 0 ? (
              <DeliveryTable caption={title} items={items} withKind={filter.kind === undefined} />
            ) : (
              <Nothing hint={hint} filtered={filtered} more={next !== null} />
            )}
            <Pager next={next} />
          </>
        )}
      </Loaded>
      {asked && (
        <SendAgain
          filter={filter}
          of={words(filter)}
          waiting={filter.state !== 'dead'}
          onClose={() => setAsked(false)}
        />
      )}
    </>
  );
}

function Nothing({ hint, filtered, more }: { hint: string; filtered: boolean; more: boolean }) {
  if (more)
    return (
      <Empty title="Nothing so far.">
        The search has not come to an end: go on with the next page.
      </Empty>
    );
  if (filtered)
    return <Empty title="Nothing matches these filters.">Clear one of them, or all.</Empty>;
  return <Empty title="There is nothing yet.">{hint}</Empty>;
}

function words({ kind, agent_id, error_class, since, until }: Filter): string {
  const filter = { kind, agentId: agent_id, errorClass: error_class, since, until };
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  return `${filterWords(Object.fromEntries(given) as Record<string, string>)}.`;
}
