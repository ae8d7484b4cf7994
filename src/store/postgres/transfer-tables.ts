import type { Uncarried } from '../transfer.ts';
import { ERROR_CLASS, LANE } from './delivery-columns.ts';

const OF_PROCESSES = 'of the processes that ran on it';

export const UNCARRIED: Uncarried = {
  elsewhere: {
    'schedule.seq': 'deliveries.seq',
    'schedule.lane': 'deliveries.lane',
    'schedule.due_at': 'deliveries.due_at',
    'schedule.epoch': 'deliveries.epoch',
    'schedule.error_class': 'deliveries.error_class',
    'payloads.lane': 'deliveries.lane',
    'undelivered.seq': 'deliveries.seq',
    'undelivered.state': 'deliveries.state',
    'undelivered.agent_id': 'deliveries.agent_id',
    'undelivered.error_class': 'deliveries.error_class',
    'lanes.lane': 'holds.lane',
    'lanes.hold_until': 'holds.hold_until',
    'lanes.paused_at': 'holds.paused_at',
    'event_counter.last': 'last_event.seq',
  },
  dropped: {
    'schedule.lease_owner': 'leases are given back',
    'schedule.start_by': 'of a lease',
    'schedule.bytes': 'follows from the body',
    'schedule.ordered': 'follows from the lane',
    'deliveries.cancelled_epoch': 'for what was in flight when it ended: nothing is',
    'lanes.due_at': 'follows from what is scheduled in the lane',
    'replicas.*': OF_PROCESSES,
    'duties.*': OF_PROCESSES,
    'cancellations.*': OF_PROCESSES,
    'schema_version.*': 'of the schema, not of what is in it',
    'write_probe.*': 'only written to, never read',
  },
};

/** A table as the carried one has it, where that is not how it is stored. */
export const RELATIONS: Readonly<Record<string, string>> = {
  last_event: '(SELECT last AS seq FROM event_counter) r',
  deliveries: `(SELECT d.*, ${ERROR_CLASS} AS error_class, coalesce(s.lane, ${LANE}) AS lane, s.epoch,
    CASE WHEN s.lease_owner IS NULL THEN s.due_at ELSE d.created_at END AS due_at
    FROM deliveries d LEFT JOIN schedule s ON s.seq = d.seq LEFT JOIN undelivered u ON u.seq = d.seq
    LEFT JOIN payloads p ON p.seq = d.seq) r`,
  holds:
    '(SELECT lane, hold_until, paused_at FROM lanes WHERE hold_until > 0 OR paused_at IS NOT NULL) r',
};

/** All that a move reads or writes. */
export const STORED =
  'agents, agent_tags, agent_events, event_counter, deliveries, schedule, payloads, attempts, undelivered, lanes, replays, idempotency_keys, api_keys, first_seen';
