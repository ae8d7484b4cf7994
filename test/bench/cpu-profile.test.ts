import { describe, expect, it } from 'vitest';
import { bySelfTime, callTree } from '../../bench/profile/cpu-profile.ts';
import { flameGraph } from '../../bench/profile/flame-graph.ts';

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 8 });

/** `work` of the service runs for 70 µs in itself, and twice calls a package's `parse`, for 10 µs and 20 µs. */
const profile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2] },
    { id: 2, callFrame: frame('work', 'file:///home/me/agentkit/src/work.ts'), children: [3, 4] },
    { id: 3, callFrame: frame('parse', 'file:///home/me/agentkit/node_modules/p/index.js') },
    { id: 4, callFrame: frame('parse', 'file:///home/me/agentkit/node_modules/p/index.js') },
  ],
  samples: [2, 3, 4, 2],
  timeDeltas: [30, 10, 20, 40],
};

describe('the profile of the service', () => {
  it('adds up the time of a function over all its callers, without the place of the clone', () => {
    expect(bySelfTime(callTree(profile, '/home/me/agentkit'))).toEqual([
      { name: 'work src/work.ts:9', self: 70 },
      { name: 'parse p/index.js:9', self: 30 },
      { name: '(root)', self: 0 },
    ]);
  });

  it('draws each function once below its caller', () => {
    const picture = flameGraph(callTree(profile, '/home/me/agentkit'));
    expect(picture).toContain('<title>work src/work.ts:9: 100.0 %, itself 70.0 %</title>');
    expect(picture.match(/<title>parse/g)).toHaveLength(1);
    expect(picture).toContain('<title>parse p/index.js:9: 30.0 %, itself 30.0 %</title>');
  });
});
