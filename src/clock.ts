/** Time as the service uses it; passed in, so that a test can move it. */
export interface Clock {
  /** The wall clock in epoch milliseconds: for signatures and for what people read. */
  wall(): number;
  /**
   * Epoch milliseconds for scheduling: due times, leases. Anchored to the wall clock once and carried on by
   * the monotonic one, so a wall clock that jumps an hour neither fires every retry at once nor expires a lease.
   */
  now(): number;
}

export function systemClock(): Clock {
  const anchor = Date.now() - performance.now();
  return {
    wall: () => Date.now(),
    now: () => Math.round(anchor + performance.now()),
  };
}
