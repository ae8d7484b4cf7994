import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedService } from '../helpers/service.ts';

interface Operation {
  summary?: string;
  tags?: string[];
  parameters?: { name: string; in: string; required?: boolean; schema?: object }[];
  security?: object[];
  requestBody?: { required?: boolean; content: Record<string, { schema: object }> };
  responses: Record<
    string,
    { description?: string; content?: Record<string, { schema: Record<string, unknown> }> }
  >;
}

interface Document {
  openapi: string;
  info: { title: string; version: string };
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
}

let kit: Awaited<ReturnType<typeof sharedService>>;
let document: Document;
let operations: { name: string; path: string; method: string; operation: Operation }[];

beforeAll(async () => {
  kit = await sharedService();
  document = (await kit.service.app.inject({ url: '/openapi.json' })).json<Document>();
  operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      method,
      operation,
    })),
  );
});
afterAll(() => kit.dispose());

/** `METHOD /path` of the tree that Fastify draws: four characters of indentation a level. */
function routesOf(tree: string): string[] {
  const prefixes: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const match = /^(.*?)[├└]── (\S*)(?: \(([A-Z, ]+)\))?/.exec(line);
    if (match === null) return [];
    const [, indent = '', segment = '', methods] = match;
    const depth = indent.length / 4;
    prefixes.length = depth;
    prefixes[depth] = `${prefixes[depth - 1] ?? ''}${segment}`;
    return methods?.split(', ').map((method) => `${method} ${prefixes[depth] ?? ''}`) ?? [];
  });
}

/** Every object inside, at any depth. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}

describe('the document', () => {
  it('is OpenAPI 3.1 and names this version', () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info).toMatchObject({
      title: 'AgentKit service',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
    });
  });

  it('has every route of the service, but for itself and the page', () => {
    const inDocument = operations.map(({ name }) => name.replace(/\{([^}]+)\}/g, ':$1'));
    const routes = routesOf(kit.service.app.printRoutes({ commonPrefix: false }));
    const public_ = routes.filter(
      (route) => !/ \/(docs|dashboard|openapi\.json)|^HEAD /.test(route),
    );
    expect(public_.sort()).toEqual(inDocument.sort());
  });

  it('refers to nothing that is not in it', () => {
    for (const { $ref } of objectsIn(document)) {
      if (typeof $ref !== 'string') continue;
      const steps = $ref.replace('#/', '').split('/');
      let target: unknown = document;
      for (const step of steps) target = (target as Record<string, unknown> | undefined)?.[step];
      expect(target, $ref).toBeDefined();
    }
  });

  it('has no pattern that is no regular expression', () => {
    for (const { pattern } of objectsIn(document)) {
      if (typeof pattern === 'string') expect(() => new RegExp(pattern, 'u')).not.toThrow();
    }
  });
});

describe('every operation', () => {
  it('has a summary, and a tag that is explained', () => {
    const explained = document.tags.map(({ name }) => name);
    for (const { name, operation } of operations) {
      expect(operation.summary, name).toMatch(/^[A-Z]/);
      expect(operation.tags, name).toHaveLength(1);
      expect(explained, name).toContain(operation.tags?.[0]);
    }
  });

  it('declares the parameters of its path, and no others', () => {
    for (const { name, path, operation } of operations) {
      const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]);
      const declared = (operation.parameters ?? []).filter((one) => one.in === 'path');
      expect(declared.map((one) => one.name).sort(), name).toEqual(inPath.sort());
      for (const one of declared) expect(one.required, name).toBe(true);
      expect(path).not.toContain(':');
    }
  });

  it('has a schema for every answer, one of which is a success', () => {
    for (const { name, operation } of operations) {
      const statuses = Object.keys(operation.responses);
      expect(
        statuses.some((status) => /^2\d\d$/.test(status)),
        name,
      ).toBe(true);
      for (const [status, response] of Object.entries(operation.responses)) {
        // Of whichever type; errors are JSON, which the next test holds them to.
        const schema = Object.values(response.content ?? {})[0]?.schema;
        expect(response.description, `${name} ${status}`).toBeDefined();
        // RFC 9110 section 15.4.5: it has no content.
        if (status === '304') continue;
        expect(Object.keys(schema ?? {}).length, `${name} ${status}`).toBeGreaterThan(0);
      }
    }
  });

  it('answers errors with the envelope', () => {
    for (const { name, operation } of operations) {
      for (const [status, response] of Object.entries(operation.responses)) {
        if (!/^[45]/.test(status)) continue;
        const schema = response.content?.['application/json']?.schema;
        const variants = (schema?.['anyOf'] ?? [schema]) as { required?: string[] }[];
        const envelopes = variants.filter(({ required }) => required?.includes('error_code'));
        expect(envelopes, `${name} ${status}`).toHaveLength(1);
        expect(envelopes[0]?.required).toEqual(['status', 'message', 'detail', 'error_code']);
      }
    }
  });

  it('declares what any route may answer, and what follows from its own form', () => {
    for (const { name, path, operation } of operations) {
      const expected = ['400', '413', '415', '500', '503'];
      if (operation.security !== undefined) expected.push('401', '403', '429');
      if (path.includes('{')) expected.push('404');
      const hasQuery = operation.parameters?.some((one) => one.in === 'query') === true;
      if (operation.requestBody !== undefined || hasQuery) expected.push('422');
      const missing = expected.filter((status) => !(status in operation.responses));
      expect(missing, name).toEqual([]);
    }
  });

  it('takes its body as JSON', () => {
    const withBody = operations.filter(({ operation }) => operation.requestBody !== undefined);
    expect(withBody.map(({ name }) => name)).toContain('POST /v1/agents/{agent_id}/run');
    for (const { name, operation } of withBody) {
      expect(operation.requestBody?.required, name).toBe(true);
      expect(Object.keys(operation.requestBody?.content ?? {}), name).toEqual(['application/json']);
    }
  });
});

it('can be browsed at /docs', async () => {
  const page = await kit.service.app.inject({ url: '/docs' });
  expect(page.statusCode).toBe(200);
  expect(page.headers['content-type']).toContain('text/html');
  expect(page.headers['content-security-policy']).toContain("default-src 'self'");
});
