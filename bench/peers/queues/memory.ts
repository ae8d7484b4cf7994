import type { Deliver, Job, Queue } from './queue.ts';

/** Nothing is stored: what is here when the process ends is gone. Per agent as many in flight as the service has. */
export function memoryQueue(agentConcurrency: number): Queue {
  const lanes = new Map<string, { readonly jobs: Job[]; next: number; inFlight: number }>();
  let deliver: Deliver | undefined;
  let completed = 0;

  function pump(agentId: string): void {
    const lane = lanes.get(agentId);
    if (lane === undefined || deliver === undefined) return;
    while (lane.inFlight < agentConcurrency && lane.next < lane.jobs.length) {
      const job = lane.jobs[lane.next] as Job;
      lane.next += 1;
      // Array.shift() of a long array moves all of it.
      if (lane.next > 1_024 && lane.next * 2 > lane.jobs.length) {
        lane.jobs.splice(0, lane.next);
        lane.next = 0;
      }
      lane.inFlight += 1;
      deliver(job)
        .then(
          () => (completed += 1),
          () => undefined,
        )
        .finally(() => {
          lane.inFlight -= 1;
          pump(agentId);
        });
    }
  }

  function add(job: Job): void {
    let lane = lanes.get(job.agentId);
    if (lane === undefined) lanes.set(job.agentId, (lane = { jobs: [], next: 0, inFlight: 0 }));
    lane.jobs.push(job);
    pump(job.agentId);
  }

  return {
    add: async (job) => add(job),
    addMany: async (jobs) => jobs.forEach(add),
    work: async (given) => {
      deliver = given;
      for (const agentId of lanes.keys()) pump(agentId);
    },
    completed: async () => completed,
    close: async () => undefined,
  };
}
