import type { Inspection } from '../../store/inspection.ts';
import type { WebhookPing } from '../../sdk/delivery-types.ts';
import { isClockDrifting, isClockOff } from '../ping-advice.ts';
import { fail, ok, skip, warn, type Finding } from './finding.ts';

const ADVICE = 'set the clock of the machine that is wrong, and keep it right by NTP';

/** By the Date header of Ops-Core's answer. */
export function clockFinding(ping: WebhookPing): Finding {
  const { clockSkewSeconds: skew } = ping;
  if (skew === null) return skip('clock', "nobody told another machine's time to compare with");
  if (!isClockDrifting(ping)) return ok('clock', `Ops-Core's differs by ${Math.abs(skew)} s`);
  const found = `the clock is ${howFar(Math.abs(skew))} ${skew > 0 ? 'behind' : 'ahead of'} that of Ops-Core`;
  if (!isClockOff(ping)) return warn('clock', found, ADVICE);
  return fail('clock', `${found}: what is signed here is stale there, and refused`, ADVICE);
}

/** By the time of PostgreSQL, which all replicas share. */
export function databaseClockFinding(inspection: Inspection | undefined): Finding[] {
  const skew = (inspection?.clockSkewMs ?? 0) / 1_000;
  if (!isClockDrifting({ clockSkewSeconds: skew })) return [];
  const found = `the clock is ${howFar(Math.abs(skew))} ${skew > 0 ? 'behind' : 'ahead of'} that of PostgreSQL`;
  return [
    isClockOff({ clockSkewSeconds: skew })
      ? fail('clock', found, ADVICE)
      : warn('clock', found, ADVICE),
  ];
}

function howFar(seconds: number): string {
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} minutes`;
}
