/** Sizes of a task's body in bytes. */
export const SIZES = [300, 10_240] as const;

const RECORD = { id: 1_048_576, kind: 'invoice', title: 'Quarterly figures', tags: ['q3', 'eu'] };

/**
 * A task of exactly `bytes` bytes, as an orchestrator would send: ids, a prompt, and a list of small records that the
 * size grows by. Structure costs a parser more than one long string would.
 */
export function taskOf(bytes: number, extra: Readonly<Record<string, unknown>> = {}): string {
  const records: unknown[] = [];
  const write = (fill: string): string =>
    JSON.stringify({
      task_name: 'summarize',
      parameters: { ...extra, prompt: `Summarize the documents.${fill}`, records },
      opscore_session_id: 'session-0192f3a1',
      opscore_task_id: 'task-0192f3a1-77aa',
    });
  const step = JSON.stringify(RECORD).length + 1;
  const room = bytes - write('').length;
  if (room < 0) throw new Error(`a task takes at least ${write('').length} bytes`);
  for (let n = 0; n < Math.floor(room / step); n += 1) records.push({ ...RECORD });
  return write('.'.repeat(bytes - write('').length));
}

export const sizeName = (bytes: number): string =>
  bytes < 1_000 ? `${String(bytes)} B` : `${String(bytes / 1_024)} KB`;
