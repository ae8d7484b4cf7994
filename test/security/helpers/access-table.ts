/** Who asks. `register` and `owner` are keys of one scope; the agent in question was registered with `owner`. */
export const credentials = [
  'none',
  'wrong',
  'admin',
  'dispatch',
  'read',
  'register',
  'owner',
  'ownToken',
  'otherToken',
] as const;
export type Credential = (typeof credentials)[number];

type Row = Readonly<Record<Credential, number>>;

function row(statuses: readonly number[]): Row {
  return Object.fromEntries(credentials.map((name, index) => [name, statuses[index]])) as Row;
}

/** What each credential gets on each route: the access table of docs/security.md, which a test compares. */
export const EXPECTED: Readonly<Record<string, Row>> = {
  //                                                  none wrong admin disp. read  reg.  owner own   other
  'GET /': row([200, 200, 200, 200, 200, 200, 200, 200, 200]),
  'GET /health': row([200, 200, 200, 200, 200, 200, 200, 200, 200]),
  'GET /livez': row([200, 200, 200, 200, 200, 200, 200, 200, 200]),
  'GET /readyz': row([200, 200, 200, 200, 200, 200, 200, 200, 200]),
  'GET /metrics': row([401, 401, 200, 403, 200, 403, 403, 403, 403]),
  'POST /v1/agents': row([401, 401, 201, 403, 403, 201, 201, 403, 403]),
  'POST /v1/agents/register': row([401, 401, 201, 403, 403, 201, 201, 403, 403]),
  'PUT /v1/agents/register': row([401, 401, 200, 403, 403, 403, 200, 200, 403]),
  'GET /v1/agents': row([401, 401, 200, 200, 200, 403, 403, 403, 403]),
  'GET /v1/agents/changes': row([401, 401, 200, 200, 200, 403, 403, 403, 403]),
  'GET /v1/agents/{agent_id}': row([401, 401, 200, 200, 200, 403, 403, 403, 403]),
  'PATCH /v1/agents/{agent_id}': row([401, 401, 200, 403, 403, 403, 200, 200, 403]),
  'DELETE /v1/agents/{agent_id}': row([401, 401, 200, 403, 403, 403, 200, 200, 403]),
  'POST /v1/agents/{agent_id}/heartbeat': row([401, 401, 200, 403, 403, 403, 200, 200, 403]),
  'POST /v1/agents/{agent_id}/signing-secret/rotate': row([
    401, 401, 200, 403, 403, 403, 200, 200, 403,
  ]),
  'POST /v1/agents/{agent_id}/run': row([401, 401, 202, 202, 403, 403, 403, 403, 403]),
  'GET /v1/agents/{agent_id}/tasks': row([401, 401, 200, 200, 200, 403, 403, 200, 403]),
  'GET /v1/tasks/{task_id}': row([401, 401, 200, 200, 200, 403, 403, 200, 404]),
  'POST /v1/tasks/{task_id}/cancel': row([401, 401, 200, 200, 403, 403, 403, 403, 403]),
  'POST /v1/agents/{agent_id}/pause': row([401, 401, 200, 403, 403, 403, 403, 403, 403]),
  'POST /v1/agents/{agent_id}/resume': row([401, 401, 200, 403, 403, 403, 403, 403, 403]),
  'GET /v1/deliveries': row([401, 401, 200, 403, 200, 403, 403, 403, 403]),
  'GET /v1/deliveries/{delivery_id}': row([401, 401, 200, 403, 200, 403, 403, 403, 403]),
  'POST /v1/deliveries/{delivery_id}/retry': row([401, 401, 200, 403, 403, 403, 403, 403, 403]),
  'POST /v1/deliveries/{delivery_id}/cancel': row([401, 401, 200, 403, 403, 403, 403, 403, 403]),
  'POST /v1/replays': row([401, 401, 202, 403, 403, 403, 403, 403, 403]),
  'GET /v1/replays': row([401, 401, 200, 403, 200, 403, 403, 403, 403]),
  'GET /v1/replays/{replay_id}': row([401, 401, 200, 403, 200, 403, 403, 403, 403]),
  'POST /v1/replays/{replay_id}/cancel': row([401, 401, 200, 403, 403, 403, 403, 403, 403]),
  'POST /v1/webhook/ping': row([401, 401, 200, 403, 403, 403, 403, 403, 403]),
  'GET /v1/overview': row([401, 401, 200, 403, 200, 403, 403, 403, 403]),
  'GET /v1/events': row([401, 401, 200, 403, 200, 403, 403, 403, 403]),
  'GET /v1/whoami': row([401, 401, 200, 200, 200, 200, 200, 200, 200]),
  'GET /v1/keys': row([401, 401, 200, 403, 403, 403, 403, 403, 403]),
  'POST /v1/keys': row([401, 401, 201, 403, 403, 403, 403, 403, 403]),
  'POST /v1/keys/{key_name}/rotate': row([401, 401, 200, 403, 403, 403, 403, 403, 403]),
  'DELETE /v1/keys/{key_name}': row([401, 401, 200, 403, 403, 403, 403, 403, 403]),
};
