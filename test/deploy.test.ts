import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../src/config/config.ts';
import { parseDuration } from '../src/config/duration.ts';
import { variables } from '../src/config/variables.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

type Yaml = Record<string, unknown>;

/** All documents of a file; a warning of the parser counts as an error. */
function yaml(path: string): Yaml[] {
  return parseAllDocuments(read(path), { merge: true }).map((document) => {
    expect([...document.errors, ...document.warnings], path).toEqual([]);
    return document.toJS() as Yaml;
  });
}

/** A value deep inside: `spec.template.spec`. */
function at(document: unknown, path: string): unknown {
  return path.split('.').reduce((value, key) => (value as Yaml | undefined)?.[key], document);
}

const KUBERNETES = readdirSync(join(ROOT, 'deploy/kubernetes')).map(
  (file) => `deploy/kubernetes/${file}`,
);
const kubernetes = (kind: string): Yaml => {
  const found = KUBERNETES.flatMap(yaml).find((document) => document['kind'] === kind);
  if (found === undefined) throw new Error(`there is no ${kind}`);
  return found;
};
const [compose = {}] = yaml('deploy/compose.yaml');
const replicas = Object.entries(compose['services'] as Record<string, Yaml>).filter(([name]) =>
  /^agentkit-\d$/.test(name),
);
const seconds = (text: unknown) => (parseDuration(String(text)) ?? Number.NaN) / 1_000;
const defaultGrace = seconds(variables.SHUTDOWN_GRACE.fallback);

/** NAME=value lines. */
const envFile = (path: string) =>
  Object.fromEntries(
    read(path)
      .split('\n')
      .flatMap((line) => {
        const match = /^([A-Z_]+)=(.*)$/.exec(line);
        return match === null ? [] : [[match[1] ?? '', match[2] ?? '']];
      }),
  );

describe('deploy/', () => {
  it('names variables that there are', () => {
    const { POSTGRES_PASSWORD: ofTheDatabase, ...example } = envFile('deploy/agentkit.env.example');
    expect(ofTheDatabase).toBe('');
    const unit = [...read('deploy/agentkit.service').matchAll(/^Environment=([A-Z_]+)=/gm)];
    const named = [
      ...Object.keys(example),
      ...replicas.flatMap(([, replica]) => Object.keys(replica['environment'] as Yaml)),
      ...Object.keys(kubernetes('ConfigMap')['data'] as Yaml),
      ...Object.keys(kubernetes('Secret')['stringData'] as Yaml),
      ...unit.map((match) => match[1] ?? ''),
    ];
    expect(named.filter((name) => !(name in variables))).toEqual([]);
  });

  it('gives them values that the service takes', () => {
    const { data } = kubernetes('ConfigMap') as { data: Record<string, string> };
    const { stringData } = kubernetes('Secret') as { stringData: Record<string, string> };
    const config = loadConfig({ ...data, ...stringData });
    expect(config.database.kind).toBe('postgres');
    for (const [, replica] of replicas) {
      const environment = replica['environment'] as Record<string, string>;
      const url = String(environment['DATABASE_URL']).replace(/\$\{[^}]+\}/, 'secret');
      expect(loadConfig({ ...environment, DATABASE_URL: url }).database.kind).toBe('postgres');
    }
  });

  it('holds no secret', () => {
    const values = {
      ...(kubernetes('ConfigMap')['data'] as Record<string, string>),
      ...(kubernetes('Secret')['stringData'] as Record<string, string>),
      ...envFile('deploy/agentkit.env.example'),
    };
    for (const [name, value] of Object.entries(values)) {
      const secret = Object.entries(variables).some(
        ([known, variable]) => known === name && 'secret' in variable,
      );
      if (secret || name.includes('PASSWORD')) expect(value, name).toBe('');
    }
  });

  it('lets a process finish what is in flight before it is killed', () => {
    for (const [, replica] of replicas) {
      const grace = seconds(at(replica, 'environment.SHUTDOWN_GRACE'));
      expect(seconds(replica['stop_grace_period'])).toBeGreaterThan(grace);
    }
    const pod = at(kubernetes('Deployment'), 'spec.template.spec');
    const preStop = JSON.stringify(at(pod, 'containers.0.lifecycle.preStop.exec.command'));
    const waits = Number(/setTimeout\(.*, (\d+)\)/.exec(preStop)?.[1]) / 1_000;
    const grace = seconds(at(kubernetes('ConfigMap'), 'data.SHUTDOWN_GRACE'));
    expect(at(pod, 'terminationGracePeriodSeconds')).toBeGreaterThan(waits + grace);
    const unit = /^TimeoutStopSec=(\d+)$/m.exec(read('deploy/agentkit.service'));
    expect(Number(unit?.[1])).toBeGreaterThan(defaultGrace);
  });

  it('has the proxy know the replicas by their addresses', () => {
    const addresses = replicas.map(([, replica]) => at(replica, 'networks.inside.ipv4_address'));
    const known = [...read('deploy/nginx.conf').matchAll(/server ([\d.]+):8000/g)];
    expect(known.map((match) => match[1])).toEqual(addresses);
  });

  it('keeps Kubernetes together: what is listed is there, and what is selected is so labelled', () => {
    const listed = kubernetes('Kustomization')['resources'] as string[];
    const there = KUBERNETES.map((path) => path.replace('deploy/kubernetes/', ''));
    expect([...listed, 'kustomization.yaml', 'secret.example.yaml'].sort()).toEqual(there.sort());
    const deployment = kubernetes('Deployment');
    const labels = at(deployment, 'spec.template.metadata.labels');
    expect(at(deployment, 'spec.selector.matchLabels')).toEqual(labels);
    expect(at(kubernetes('Service'), 'spec.selector')).toEqual(labels);
    expect(at(kubernetes('PodDisruptionBudget'), 'spec.selector.matchLabels')).toEqual(labels);
    expect(at(kubernetes('NetworkPolicy'), 'spec.podSelector.matchLabels')).toEqual(labels);
    const names = ['configMapRef', 'secretRef'].map((ref, index) =>
      at(deployment, `spec.template.spec.containers.0.envFrom.${index}.${ref}.name`),
    );
    expect(names).toEqual([
      at(kubernetes('ConfigMap'), 'metadata.name'),
      at(kubernetes('Secret'), 'metadata.name'),
    ]);
  });
});

describe('the Dockerfile', () => {
  it('copies what there is, and what .dockerignore lets through', () => {
    const copied = [...read('Dockerfile').matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    const letThrough = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    expect(new Set(copied)).toEqual(new Set(letThrough));
    for (const path of copied) expect(existsSync(join(ROOT, path)), path).toBe(true);
  });

  it('starts what there is, as a user that has a number', () => {
    const words = JSON.parse(
      /^ENTRYPOINT (.+)$/m.exec(read('Dockerfile'))?.[1] ?? '[]',
    ) as string[];
    expect(words[0]).toBe('node');
    expect(existsSync(join(ROOT, words.at(-1) ?? ''))).toBe(true);
    const pod = at(kubernetes('Deployment'), 'spec.template.spec.securityContext.runAsUser');
    expect(read('Dockerfile')).toMatch(new RegExp(`^USER ${String(pod)}$`, 'm'));
  });
});

it('Node gets the same flags from npm start, the unit and the image', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } };
  const command = (line: RegExp, file: string) => line.exec(read(file))?.[1] ?? '';
  expect(command(/^ExecStart=\S+\.bin\/(.+)$/m, 'deploy/agentkit.service')).toBe(scripts.start);
  const flags = (words: string) => words.match(/--(?!import)[\w-]+(=\w+)?/g);
  expect(flags(scripts.start)).toHaveLength(3);
  expect(flags(command(/^ENTRYPOINT (.+)$/m, 'Dockerfile'))).toEqual(flags(scripts.start));
});
