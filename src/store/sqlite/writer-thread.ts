import { parentPort, workerData } from 'node:worker_threads';
import { runBatch, type Settled } from './batch.ts';
import { openConnection } from './database.ts';
import { LaneDepths } from './depths.ts';
import { createFailures } from './failures.ts';
import { createInsertDelivery } from './insert-delivery.ts';
import { createLanes } from './lanes.ts';
import { createOperations } from './writer-operations.ts';
import {
  decode,
  encode,
  type Answer,
  type Message,
  type Part,
  type Request,
} from './writer-messages.ts';

/**
 * The thread that writes what comes often: tasks, claims, completions. A commit waits for the disk, and does it here,
 * while the event loop of the service answers and sends.
 */
const port = parentPort;
if (port === null) throw new Error('the writer runs in a thread of its own');

const db = openConnection((workerData as { path: string }).path);
const depths = new LaneDepths(db);
const lanes = createLanes(db);
const operations = createOperations({
  db,
  lanes,
  depths,
  failures: createFailures(db),
  insertDelivery: createInsertDelivery(db, lanes, depths),
});

port.on('message', (message: Message | 'close') => {
  if (message === 'close') {
    db.close();
    port.close();
    return;
  }
  const parts = decode<Request>(message);
  const settled = runBatch(
    db,
    parts.map((part) => () => operations.run(part)),
    depths,
  );
  const answer = encode(settled.map(toPart));
  port.postMessage(answer, [answer.bodies]);
});

function toPart(settled: Settled): Part<Answer> {
  if ('error' in settled) {
    const { message, errcode } = settled.error as Error & { errcode?: unknown };
    const failure = { message, errcode: typeof errcode === 'number' ? errcode : null };
    return { content: { failure }, bodies: [] };
  }
  const { content, bodies } = settled.value as Part<unknown>;
  return { content: { value: content }, bodies };
}
