import { describe, expect, it } from 'vitest';
import { ReplayGuard, type SeenDispatch } from '../../src/sdk/replay-guard.ts';

const first: SeenDispatch = { id: 'task-1', timestamp: 100, attempt: 1 };

function guardThatTook(dispatch: SeenDispatch, capacity?: number): ReplayGuard {
  const guard = new ReplayGuard(capacity);
  guard.take(dispatch);
  return guard;
}

describe('ReplayGuard', () => {
  it('knows nothing of what was seen and not taken', () => {
    const guard = new ReplayGuard();
    expect([guard.see(first), guard.see(first)]).toEqual(['new', 'new']);
  });

  it('tells the very same dispatch from a retry with a fresh timestamp, and either from another task', () => {
    const guard = guardThatTook(first);
    expect(guard.see(first)).toBe('replay');
    const retry = { ...first, timestamp: 101, attempt: 2 };
    expect(guard.see(retry)).toBe('retry');
    expect(guard.see(retry)).toBe('replay');
    expect(guard.see({ ...first, id: 'task-2' })).toBe('new');
  });

  it('takes a higher attempt within the same second for a retry', () => {
    const guard = guardThatTook(first);
    expect(guard.see({ ...first, attempt: 2 })).toBe('retry');
    expect(guard.see({ ...first, attempt: 2 })).toBe('replay');
  });

  it('lets equal tasks of one second pass, and those without an id', () => {
    expect(guardThatTook(first).see({ ...first, id: 'task-2' })).toBe('new');
    const without = { ...first, id: undefined };
    expect(guardThatTook(without).see(without)).toBe('new');
  });

  it('forgets the longest unseen first', () => {
    const guard = guardThatTook(first, 2);
    guard.take({ ...first, id: 'task-2' });
    expect(guard.see({ ...first, timestamp: 101 })).toBe('retry');
    guard.take({ ...first, id: 'task-3' });
    expect(guard.see({ ...first, timestamp: 102 })).toBe('retry');
    expect(guard.see({ ...first, id: 'task-2' })).toBe('new');
  });
});
