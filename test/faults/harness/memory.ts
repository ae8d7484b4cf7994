import { readFileSync } from 'node:fs';

/** Of a process, in MiB: resident now, and the most that ever was. */
export function memoryOf(pid: number): { readonly now: number; readonly most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (field: string) =>
    Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024;
  return { now: mib('VmRSS'), most: mib('VmHWM') };
}
