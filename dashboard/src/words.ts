// How things are called and written. The API's own words stay visible: logs, metrics and the command line have the same.

const number = new Intl.NumberFormat('en');
const precise = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const count = (value: number): string => number.format(value);

/** A count that may have ended at a bound. */
export const atLeast = ({ count: counted, more }: { count: number; more: boolean }): string =>
  more ? `${count(counted)}+` : count(counted);

/** Few with a digit behind the point, many without. */
export const rate = (perSecond: number): string =>
  perSecond >= 100 ? number.format(Math.round(perSecond)) : precise.format(perSecond);

export function percent(share: number): string {
  if (share > 0 && share < 0.01) return '< 1 %';
  return `${Math.round(share * 100)} %`;
}

export function milliseconds(value: number): string {
  return value < 1_000 ? `${count(value)} ms` : `${precise.format(value / 1_000)} s`;
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** `12 s`, `4 min`, `3 h`, `2 d`: one unit, rounded down. */
export function duration(ms: number): string {
  for (const [unit, name] of UNITS)
    if (ms >= unit) return `${count(Math.floor(ms / unit))} ${name}`;
  return '0 s';
}

export function relative(at: number, now: number): string {
  const away = at - now;
  if (Math.abs(away) < 1_000) return 'now';
  return away < 0 ? `${duration(-away)} ago` : `in ${duration(away)}`;
}

export const KINDS = ['task', 'webhook', 'state_report'] as const;
export const STATES = ['scheduled', 'delivered', 'dead', 'cancelled'] as const;

const KIND_WORDS: Readonly<Record<string, string>> = {
  task: 'Task',
  webhook: 'Webhook',
  state_report: 'State report',
};
export const kindWord = (kind: string): string => KIND_WORDS[kind] ?? kind;

const STATE_WORDS: Readonly<Record<string, string>> = {
  scheduled: 'Scheduled',
  delivered: 'Delivered',
  dead: 'Dead letter',
  cancelled: 'Cancelled',
};
export const stateWord = (state: string): string => STATE_WORDS[state] ?? state;

const CLASS_WORDS: Readonly<Record<string, string>> = {
  http_status: 'answered with an error',
  timeout: 'no answer in time',
  connection_refused: 'connection refused',
  connection_reset: 'connection broke off',
  dns: 'host name not found',
  tls: 'no trusted TLS connection',
  blocked_address: 'address not allowed',
  interrupted: 'cut off by a shutdown of this service',
  network: 'network error',
  agent_deregistered: 'agent deregistered',
  agent_expired: 'agent was offline for too long',
  not_configured: 'target not configured',
};
export const ERROR_CLASSES = Object.keys(CLASS_WORDS);

/** Why, in words: of a status its number, else what the class means. */
export function reason(errorClass: string | null, lastError: string | null): string {
  const status = /^http_(\d+)$/.exec(lastError ?? '')?.[1];
  if (errorClass === 'http_status' && status !== undefined) return `answered with ${status}`;
  if (errorClass !== null) return CLASS_WORDS[errorClass] ?? errorClass;
  return lastError ?? '';
}

const WAITS: Readonly<Record<string, string>> = {
  agent_paused: 'It waits for its agent, which an operator paused.',
  agent_offline: 'It waits for its agent, which is offline.',
  agent_unreachable: 'It waits for its agent, which cannot be reached.',
  earlier_delivery: 'It waits for the one before it in its order.',
  configuration: 'It waits until its target is configured: OPSCORE_WEBHOOK_* or OPSCORE_API_*.',
  next_attempt: 'It waits for its next attempt.',
  turn: 'It is due, and waits for a free slot.',
  attempt: 'An attempt is under way, or about to begin.',
};
export const waitWord = (waitsFor: string): string => WAITS[waitsFor] ?? waitsFor;
