import { afterEach, describe, expect, it, vi } from 'vitest';
import { ReportQueue, type QueuedReport } from '../../src/sdk/report-queue.ts';
import { AgentKitError } from '../../src/sdk/index.ts';
import { eventually } from './helpers/eventually.ts';
import { cleanupAfterEach, gate, startWorld } from './helpers/agents.ts';
import { dispatchHeaders, dispatchTask, post } from './helpers/dispatch.ts';
import { sendJson } from './helpers/http-server.ts';

cleanupAfterEach();
afterEach(() => void vi.useRealTimers());

describe('an agent reports', () => {
  it('active, then finished with its result, then idle', async () => {
    const { agent, opscore } = await startWorld();
    const body = JSON.stringify({
      task_name: 'echo',
      parameters: { a: [1, null] },
      opscore_task_id: 'ot',
      opscore_session_id: 'os',
    });
    await post((await agent()).url, body, dispatchHeaders(body, { id: 't1' }));
    await eventually(() => {
      expect(opscore.states()).toEqual(['idle', 'active', 'finished', 'idle']);
    });
    const ids = {
      taskId: 't1',
      task_name: 'echo',
      opscore_task_id: 'ot',
      opscore_session_id: 'os',
    };
    expect(opscore.accepted.map(({ details }) => details)).toEqual([
      {},
      ids,
      { ...ids, result: { a: [1, null] } },
      {},
    ]);
    const times = opscore.accepted.map(({ timestamp }) => timestamp);
    expect(times).toEqual([...times].sort());
  });

  it('error with the message, never the stack, when a handler throws', async () => {
    const { agent, opscore, log } = await startWorld();
    const { url } = await agent({
      tasks: {
        sync: () => {
          throw new Error('no luck');
        },
        async: () => Promise.reject(new TypeError('')),
        odd: () => {
          throw JSON.parse('{"reason":7}') as Error;
        },
      },
    });
    for (const name of ['sync', 'async', 'odd']) {
      await dispatchTask(url, name, { id: name });
      await eventually(() => {
        expect(opscore.states().slice(-3)).toEqual(['active', 'error', 'idle']);
        expect(opscore.accepted.at(-2)?.details['taskId']).toBe(name);
      });
    }
    const errors = opscore.accepted.filter(({ state }) => state === 'error');
    expect(errors.map(({ details }) => [details['error_code'], details['message']])).toEqual([
      ['task_failed', 'no luck'],
      ['task_failed', 'TypeError'],
      ['task_failed', '{"reason":7}'],
    ]);
    expect(JSON.stringify(opscore.accepted)).not.toContain('at ');
    expect(log.join('\n')).toContain('task sync (sync) failed: no luck');
  });

  it('finished without a result that cannot be written as JSON', async () => {
    const { agent, opscore } = await startWorld();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const results: Record<string, unknown> = {
      circular,
      bigint: 1n,
      function: () => 1,
      large: 'x'.repeat(1_100_000),
      nothing: undefined,
    };
    const { url } = await agent({ tasks: ({ taskName }) => results[taskName] });
    for (const id of Object.keys(results)) await dispatchTask(url, id, { id });
    await eventually(() => {
      expect(opscore.states().at(-1)).toBe('idle');
      expect(opscore.states().filter((state) => state === 'finished')).toHaveLength(5);
    });
    const finished = opscore.accepted.filter(({ state }) => state === 'finished');
    const omitted = finished.map(({ details }) => [details['taskId'], details['result_omitted']]);
    expect(Object.fromEntries(omitted)).toEqual({
      circular: 'not JSON',
      bigint: 'not JSON',
      function: 'not JSON',
      large: 'larger than 1 MiB',
      nothing: undefined,
    });
    expect(finished.every(({ details }) => !('result' in details))).toBe(true);
  });

  it('idle only when nothing is in flight', async () => {
    const { agent, opscore } = await startWorld();
    const first = gate();
    const second = gate();
    const { url } = await agent({
      tasks: { first: () => first.opened, second: () => second.opened },
    });
    await dispatchTask(url, 'first', { id: '1' });
    await dispatchTask(url, 'second', { id: '2' });
    first.open();
    await eventually(() => {
      expect(opscore.states()).toEqual(['idle', 'active', 'active', 'finished']);
    });
    second.open();
    await eventually(() => {
      expect(opscore.states().slice(4)).toEqual(['finished', 'idle']);
    });
  });

  it('in the order of what happened, though Ops-Core fails and is slow', async () => {
    const { agent, opscore } = await startWorld({
      opscore: (n, _request, response) => {
        if (n % 3 === 0) return false;
        sendJson(response, n % 3 === 1 ? 404 : 503, {});
        return true;
      },
    });
    const { url } = await agent();
    for (let n = 0; n < 5; n += 1) {
      const before = opscore.accepted.length;
      await dispatchTask(url, 'echo', { id: String(n) });
      await eventually(() => {
        expect(opscore.accepted.length).toBeGreaterThanOrEqual(before + 3);
        expect(opscore.states().at(-1)).toBe('idle');
      });
    }
    const each = ['active', 'finished', 'idle'];
    expect(opscore.states()).toEqual(['idle', ...each, ...each, ...each, ...each, ...each]);
  });

  it('on after a report that failed for good, and says so', async () => {
    const { agent, opscore, log } = await startWorld({
      opscore: (n, _request, response) => {
        if (n !== 2) return false;
        sendJson(response, 401, {});
        return true;
      },
    });
    await dispatchTask((await agent()).url, 'echo');
    await eventually(() => {
      expect(opscore.states()).toEqual(['idle', 'finished', 'idle']);
    });
    expect(log.filter((line) => line.includes('report "active" failed'))).toHaveLength(1);
  });
});

describe('ReportQueue', () => {
  const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const report = (state: QueuedReport['state']): QueuedReport => ({
    state,
    details: {},
    timestamp: new Date(0),
  });

  it('still owes the newest state when its retries are used up', async () => {
    const sent: string[] = [];
    const queue = new ReportQueue({
      logger,
      owedDelayMs: 1,
      send: async ({ state }) => {
        sent.push(state);
        if (sent.length < 4) throw new AgentKitError('network_error', 'away');
      },
    });
    queue.push(report('finished'));
    queue.push(report('idle'));
    await eventually(() => {
      expect(sent).toEqual(['finished', 'idle', 'idle', 'idle']);
    });
    await queue.flush(0);
  });

  it('owes nothing that was refused', async () => {
    vi.useFakeTimers();
    const sent: string[] = [];
    const queue = new ReportQueue({
      logger,
      send: async ({ state }) => {
        sent.push(state);
        throw new AgentKitError('opscore_unauthorized', 'no', { statusCode: 401 });
      },
    });
    queue.push(report('idle'));
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(sent).toEqual(['idle']);
  });

  it('drops the oldest when too many wait', async () => {
    const errors: string[] = [];
    const blocked = gate();
    const queue = new ReportQueue({
      logger: { ...logger, error: (line) => void errors.push(line) },
      send: () => blocked.opened,
    });
    for (let n = 0; n < 1002; n += 1) queue.push(report('active'));
    expect(errors).toEqual(['report "active" dropped: too many are waiting for Ops-Core']);
    blocked.open();
    await queue.flush(60_000);
  });

  it('ends a flush in time, whatever Ops-Core does', async () => {
    const queue = new ReportQueue({
      logger,
      send: (_report, signal) =>
        new Promise((_resolve, reject) => {
          const end = (): void => {
            reject(new AgentKitError('aborted', 'aborted'));
          };
          if (signal.aborted) end();
          signal.addEventListener('abort', end);
        }),
    });
    queue.push(report('finished'));
    queue.push(report('idle'));
    await queue.flush(5);
  });
});
