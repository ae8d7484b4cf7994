import { describe, expect, it } from 'vitest';
import { ReplayGuard, type SignedDispatch } from '../../src/sdk/replay-guard.ts';

const first: SignedDispatch = {
  id: 'task-1',
  idIsSigned: true,
  timestamp: 100,
  hexSignature: 'aa',
  attempt: 1,
};

function guardThatTook(dispatch: SignedDispatch, capacity?: number): ReplayGuard {
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
    const retry = { ...first, timestamp: 101, hexSignature: 'bb', attempt: 2 };
    expect(guard.see(retry)).toBe('retry');
    expect(guard.see(retry)).toBe('replay');
    expect(guard.see({ ...first, id: 'task-2' })).toBe('new');
  });

  it('takes a higher attempt within the same second for a retry', () => {
    const guard = guardThatTook(first);
    expect(guard.see({ ...first, attempt: 2 })).toBe('retry');
    expect(guard.see({ ...first, attempt: 2 })).toBe('replay');
  });

  it('is not fooled by a new task id when only the hex headers, which sign no id, are sent again', () => {
    const stripped = { ...first, id: 'forged', idIsSigned: false };
    expect(guardThatTook(first).see(stripped)).toBe('replay');
    const retry = { ...first, timestamp: 101, hexSignature: 'bb' };
    const guard = guardThatTook(first);
    guard.see(retry);
    expect(guard.see({ ...retry, id: 'forged', idIsSigned: false })).toBe('replay');
    expect(guard.see({ ...first, id: undefined, idIsSigned: false })).toBe('replay');
  });

  it('lets equal tasks of one second pass when their ids are signed', () => {
    expect(guardThatTook(first).see({ ...first, id: 'task-2' })).toBe('new');
  });

  it('forgets the longest unseen first', () => {
    const guard = guardThatTook(first, 2);
    guard.take({ ...first, id: 'task-2', hexSignature: undefined });
    expect(guard.see({ ...first, timestamp: 101 })).toBe('retry');
    guard.take({ ...first, id: 'task-3', hexSignature: undefined });
    expect(guard.see({ ...first, timestamp: 102 })).toBe('retry');
    expect(guard.see({ ...first, id: 'task-2' })).toBe('new');
  });
});
