/** Of a delivery with `s` while it is scheduled and `u` when it ended undelivered. */
export const ERROR_CLASS = 'coalesce(s.error_class, u.error_class)';

/** A delivery as it is listed and shown (delivery-rows.ts). */
export const RECORD = `d.*, s.due_at, s.lease_owner, ${ERROR_CLASS} AS error_class
  FROM deliveries d LEFT JOIN schedule s ON s.seq = d.seq LEFT JOIN undelivered u ON u.seq = d.seq`;

/** The attempts of the delivery with the id $1. */
export const ATTEMPTS = `SELECT a.* FROM deliveries d JOIN attempts a ON a.seq = d.seq
  WHERE d.id = $1 ORDER BY a.number`;

/** The lane of a delivery `d` with the payload `p`. */
export const LANE = `coalesce(p.lane, d.kind || ':' || d.agent_id)`;
