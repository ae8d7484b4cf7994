/**
 * The one-time hand-outs of docs/api.md: by route, the fields of `data` in which a caller is given a secret. What stands
 * there may be said once, in this answer, on this connection. Anything else that carries it is a leak, another field of
 * the same answer included.
 */
export const HAND_OUTS: Readonly<Record<string, readonly string[]>> = {
  'POST /v1/agents': ['agentToken', 'signingSecret'],
  'POST /v1/agents/register': ['agentToken', 'signingSecret'],
  'PUT /v1/agents/register': ['agentToken', 'signingSecret'],
  'POST /v1/agents/:agent_id/signing-secret/rotate': ['signingSecret'],
  'POST /v1/keys': ['key'],
  'POST /v1/keys/:key_name/rotate': ['key'],
};

export interface HandOut {
  readonly kind: string;
  readonly value: string;
  /** The bytes that may be said, once. */
  readonly said: Buffer;
}

/** What an answer of this route hands out. */
export function handOutsOf(route: string, status: number, payload: unknown): HandOut[] {
  const fields = HAND_OUTS[route];
  if (fields === undefined || status >= 300 || typeof payload !== 'string') return [];
  const { data } = JSON.parse(payload) as { data: Record<string, unknown> };
  return fields.flatMap((kind) => {
    const value = data[kind];
    if (typeof value !== 'string') return [];
    return [{ kind, value, said: Buffer.from(`${JSON.stringify(kind)}:${JSON.stringify(value)}`) }];
  });
}

/** The bytes without what may be said; what was taken out is taken off the list, since it may be said once. */
export function withoutHandOuts(bytes: Buffer, allowed: HandOut[]): Buffer {
  let rest = bytes;
  for (const handOut of [...allowed]) {
    const at = rest.indexOf(handOut.said);
    if (at === -1) continue;
    rest = Buffer.from(rest).fill('*', at, at + handOut.said.length);
    allowed.splice(allowed.indexOf(handOut), 1);
  }
  return rest;
}
