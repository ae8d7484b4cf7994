import type { WebhookPing } from '../sdk/delivery-types.ts';

/** Receivers take a timestamp that is within five minutes of their own time (contract section 3). */
const TOLERANCE_SECONDS = 300;

/** Near enough to it that somebody should look. */
const SUSPICIOUS_SECONDS = 60;

type Skewed = Pick<WebhookPing, 'clockSkewSeconds'>;

export function isClockOff({ clockSkewSeconds }: Skewed): boolean {
  return Math.abs(clockSkewSeconds ?? 0) >= TOLERANCE_SECONDS;
}

export function isClockDrifting({ clockSkewSeconds }: Skewed): boolean {
  return Math.abs(clockSkewSeconds ?? 0) >= SUSPICIOUS_SECONDS;
}

export interface Advice {
  readonly found: string;
  readonly todo: string;
}

const HOW: Readonly<Record<string, readonly [how: string, todo: string]>> = {
  connection_refused: ['nobody listens there', 'start Ops-Core, or put OPSCORE_WEBHOOK_URL right'],
  connection_reset: ['the connection broke off', 'look at what stands before Ops-Core'],
  dns: ['its name is not known', 'put OPSCORE_WEBHOOK_URL right, or the name server'],
  tls: ['no trusted TLS connection', 'look at its certificate, and at the clock of this machine'],
  timeout: ['no answer in time', 'look at Ops-Core, and at the firewall between'],
};

/**
 * What a ping says is wrong, and what to do about it. A clock that is off goes before a signature that is refused: a
 * stale one is refused as well.
 */
export function adviceOf(ping: WebhookPing): Advice {
  const { outcome, statusCode, errorClass, clockSkewSeconds } = ping;
  const status = String(statusCode);
  if (isClockOff(ping)) {
    return {
      found: `the clocks of the service and of Ops-Core differ by ${Math.abs(clockSkewSeconds ?? 0)} s: what is signed here is stale there`,
      todo: 'set the clock of the machine that is wrong, and keep it right by NTP',
    };
  }
  switch (outcome) {
    case 'unauthorized':
      return {
        found:
          `Ops-Core answers ${status}: it has another secret` +
          (clockSkewSeconds === null ? ', or another time, which it does not tell' : ''),
        todo: 'give both the same OPSCORE_WEBHOOK_SECRET, and restart the one that was changed',
      };
    case 'wrong_url':
      return {
        found: `something answers ${status} at OPSCORE_WEBHOOK_URL, but not the receiver`,
        todo: 'put OPSCORE_WEBHOOK_URL right (redirects are not followed), and restart the service',
      };
    case 'failing':
      return {
        found: `Ops-Core was reached, and fails: it answers ${status}`,
        todo: 'mend it; what waits is tried again by itself, or at once by agentkit deliveries replay',
      };
    case 'unreachable': {
      const [how, todo] = HOW[errorClass ?? ''] ?? ['no answer', 'look at the network'];
      return { found: `Ops-Core cannot be reached: ${how} (${String(errorClass)})`, todo };
    }
    case 'accepted':
    case 'refused':
    default:
      return { found: `Ops-Core answers ${status} and takes the signature`, todo: '' };
  }
}
