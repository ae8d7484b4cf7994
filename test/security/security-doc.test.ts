import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { variables } from '../../src/config/variables.ts';
import { addressFault } from '../../src/dispatcher/egress.ts';
import { credentials, EXPECTED } from './helpers/access-table.ts';

const ROOT = join(import.meta.dirname, '../..');
const doc = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');

/** The rows of the table under a heading or after a line, cell by cell. */
function tableAfter(text: string): string[][] {
  const lines = doc.slice(doc.indexOf(text)).split('\n');
  const start = lines.findIndex((line) => line.startsWith('|'));
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  const rows = lines.slice(start, start + length).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return rows.slice(2);
}

describe('docs/security.md', () => {
  it('has the access table that the tests try', () => {
    const written = Object.fromEntries(
      tableAfter('## Who gets what').map(([route = '', ...statuses]) => [
        route,
        Object.fromEntries(credentials.map((name, index) => [name, Number(statuses[index])])),
      ]),
    );
    expect(written).toEqual(EXPECTED);
  });

  it('lists as always denied what is', () => {
    const everything = [ipaddr.parseCIDR('0.0.0.0/0'), ipaddr.parseCIDR('::/0')];
    const ranges = tableAfter('Always denied, whatever').flatMap(([cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, range = '']) => range),
    );
    expect(ranges.length).toBeGreaterThanOrEqual(12);
    for (const range of ranges) {
      const [address = ''] = range.split('/');
      expect([range, addressFault(address, everything)]).toEqual([
        range,
        'this range is always denied',
      ]);
    }
  });

  it('names a test that is there for every threat but one', () => {
    const rows = tableAfter('## Threats');
    expect(rows.map(([number]) => Number(number))).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    const untested = rows.filter(([, , , test = '']) => test.startsWith('none'));
    expect(untested.map(([number]) => number)).toEqual(['20']);
    for (const [, file = ''] of doc.matchAll(/`(test\/[^`]+)`/g)) {
      expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
    }
  });

  it('names variables that exist', () => {
    const named = new Set(doc.match(/\b(?:[A-Z]+_)+[A-Z]+\b/g));
    // Of its shell examples, and of the SDK.
    for (const name of ['ADMIN_KEY', 'AGENT_ID', 'AGENT_TOKEN', 'SWITCH_AT']) named.delete(name);
    expect([...named].filter((name) => !(name in variables))).toEqual([]);
  });
});
