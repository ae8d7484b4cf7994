import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { aService } from '../helpers/service.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

interface Described {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** The rows of docs/observability.md that are metrics: name, type, labels. */
function documented(): Described[] {
  const row = /^\| `([a-z0-9_]+)`\s*\| (counter|gauge|histogram)\s*\|([^|]*)\|/gm;
  return [...read('docs/observability.md').matchAll(row)].map(([, name, type, labels]) => ({
    name: String(name),
    type: String(type),
    labels: [...String(labels).matchAll(/`([a-z_]+)`/g)].map(([, label]) => String(label)).sort(),
  }));
}

/** Those of the platform that this one may not have. */
const isOfLinux = (name: string) =>
  /^process_(virtual_memory_bytes|heap_bytes|open_fds|max_fds)$/.test(name);

/** As a query names it: of a histogram by its parts. */
function isMetric(name: string): boolean {
  return documented().some(
    (metric) =>
      metric.name === name ||
      (metric.type === 'histogram' && new RegExp(`^${metric.name}_(bucket|sum|count)$`).test(name)),
  );
}

const namesIn = (expression: string) =>
  [...expression.matchAll(/\b(?:agentkit|process|nodejs)_[a-z0-9_]+\b/g)].map(([name]) => name);

describe('docs/observability.md', () => {
  it('lists exactly the metrics, with their types and labels', async () => {
    const { service } = await aService();
    const metrics = service.metrics.registry.getMetricsAsArray() as unknown as {
      name: string;
      type: string;
      labelNames: string[];
    }[];
    const there = new Map<string, Described>();
    for (const { name, type, labelNames } of metrics) {
      there.set(name, { name, type, labels: [...labelNames].sort() });
    }
    const listed = documented().filter(({ name }) => there.has(name) || !isOfLinux(name));
    expect(listed).toHaveLength(there.size);
    for (const metric of listed) expect(metric).toEqual(there.get(metric.name));
  });
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

describe('docs/alerts.yml', () => {
  const { groups } = parse(read('docs/alerts.yml')) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  const headings = [...read('docs/operations.md').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    String(heading)
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

  it.each(rules)('$alert asks for metrics that exist, and leads to a runbook', (rule) => {
    const names = namesIn(rule.expr);
    expect(names.length + Number(rule.expr.includes('up{'))).toBeGreaterThan(0);
    for (const name of names) expect(isMetric(name), name).toBe(true);
    expect(rule.labels.severity).toMatch(/^(page|ticket)$/);
    const [file, anchor] = rule.annotations.runbook.split('#');
    expect(file).toBe('docs/operations.md');
    expect(headings).toContain(anchor);
  });
});

describe('docs/grafana/agentkit.json', () => {
  interface Panel {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
  }
  const { panels } = JSON.parse(read('docs/grafana/agentkit.json')) as { panels: Panel[] };

  it.each(panels.filter(({ targets }) => targets !== undefined))(
    '$title shows metrics that exist',
    ({ targets = [], gridPos }) => {
      for (const { expr } of targets) {
        expect(namesIn(expr).length, expr).toBeGreaterThan(0);
        for (const name of namesIn(expr)) expect(isMetric(name), name).toBe(true);
      }
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    },
  );
});
