// A worker thread of heartbeat.ts: it sends the heartbeats by itself, so that a handler which blocks the agent's
// event loop does not cost the lease.
import { parentPort, workerData } from 'node:worker_threads';
import { HeartbeatLoop, type HeartbeatIdentity, type HeartbeatSetup } from './heartbeat-loop.ts';
import { systemClock } from './retry.ts';

const loop = new HeartbeatLoop(workerData as HeartbeatSetup, systemClock, (note) => {
  parentPort?.postMessage(note);
});
parentPort?.on('message', (identity: HeartbeatIdentity) => {
  loop.use(identity);
});
void loop.run();
