import type { DatabaseSync } from 'node:sqlite';
import { createClaim } from './claim.ts';
import { createComplete } from './complete.ts';
import type { LaneDepths } from './depths.ts';
import type { Failures } from './failures.ts';
import type { InsertDelivery } from './insert-delivery.ts';
import { createInsertTask } from './insert-task.ts';
import type { Lanes } from './lanes.ts';
import { createRelease } from './release.ts';
import type { Operations, OperationName, Part, Request } from './writer-messages.ts';

export interface OperationDeps {
  readonly db: DatabaseSync;
  readonly lanes: Lanes;
  readonly depths: LaneDepths;
  readonly failures: Failures;
  readonly insertDelivery: InsertDelivery;
}

type Handlers = {
  readonly [Name in OperationName]: (
    request: Operations[Name]['request'],
    bodies: readonly Uint8Array[],
  ) => Part<Operations[Name]['result']>;
};

/** The operations of the writer thread; called inside a transaction. */
export function createOperations(deps: OperationDeps) {
  const insertTask = createInsertTask(deps);
  const complete = createComplete(deps);
  const claim = createClaim(deps);
  const release = createRelease(deps);

  const handlers: Handlers = {
    insertTask: (request, bodies) => plain(insertTask(request, bodyOf(bodies))),
    complete: (request, bodies) => plain(complete(request, bodies[0])),
    claim: (request) => claim(request),
    release: (request) => {
      release(request);
      return plain(null);
    },
    noteDepth: ({ lane, change }) => {
      deps.depths.add(lane, change);
      return plain(null);
    },
  };

  return {
    run: <Name extends OperationName>({
      content: { name, request },
      bodies,
    }: Part<Request<Name>>) => handlers[name](request, bodies),
  };
}

function plain<T>(content: T): Part<T> {
  return { content, bodies: [] };
}

function bodyOf([body]: readonly Uint8Array[]): Uint8Array {
  if (body === undefined) throw new Error('a delivery came without its body');
  return body;
}
