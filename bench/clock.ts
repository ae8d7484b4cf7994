/** Milliseconds on the system's monotonic clock: the same in every process of this machine. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;
