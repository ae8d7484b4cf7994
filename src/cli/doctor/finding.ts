/** What one check found. `skip`: it could not be judged, or there is nothing to judge. */
export interface Finding {
  readonly check:
    | 'configuration'
    | 'exposure'
    | 'database'
    | 'encryption'
    | 'service'
    | 'key'
    | 'webhook'
    | 'signature'
    | 'reports'
    | 'clock';
  readonly verdict: 'ok' | 'warn' | 'fail' | 'skip';
  readonly found: string;
  /** What to do about it; null when there is nothing to do. */
  readonly todo: string | null;
}

type Check = Finding['check'];

export const ok = (check: Check, found: string): Finding => ({
  check,
  verdict: 'ok',
  found,
  todo: null,
});
export const skip = (check: Check, found: string): Finding => ({
  check,
  verdict: 'skip',
  found,
  todo: null,
});
export const warn = (check: Check, found: string, todo: string): Finding => ({
  check,
  verdict: 'warn',
  found,
  todo,
});
export const fail = (check: Check, found: string, todo: string): Finding => ({
  check,
  verdict: 'fail',
  found,
  todo,
});
