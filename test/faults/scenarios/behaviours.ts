import { status, type Behaviour } from '../../helpers/agent-server.ts';
import type { Random } from '../harness/random.ts';

/** Takes every task, after up to so many milliseconds. */
export function answersSlowly(random: Random, upToMs: number): Behaviour {
  const take = status(200);
  return (response, dispatch) => {
    setTimeout(() => take(response, dispatch), random.next() * upToMs);
  };
}

/** Refuses so many of its dispatches with 503, for now, and takes the rest. */
export function refusesSome(random: Random, rate: number): Behaviour {
  const take = status(200);
  const refuse = status(503);
  return (response, dispatch) => {
    (random.chance(rate) ? refuse : take)(response, dispatch);
  };
}
