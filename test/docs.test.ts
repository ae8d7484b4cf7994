import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../src/cli/program.ts';
import { createTerminal } from '../src/cli/terminal.ts';
import { variables } from '../src/config/variables.ts';
import { errorCatalogue } from '../src/errors.ts';
import { aService } from './helpers/service.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** The rows of all tables of a document whose first cell is one `name` in backticks: name and the other cells. */
function rowsOf(markdown: string): { name: string; cells: string[] }[] {
  return markdown.split('\n').flatMap((line) => {
    const match = /^\|\s*`([^`]+)`\s*\|(.*)\|\s*$/.exec(line);
    if (match === null) return [];
    return [
      { name: match[1] ?? '', cells: (match[2] ?? '').split('|').map((cell) => cell.trim()) },
    ];
  });
}

describe('docs/errors.md', () => {
  it('lists exactly the error codes of the catalogue, each once, with its status', () => {
    const documented = rowsOf(read('docs/errors.md')).map(
      ({ name, cells }) => `${name} ${cells[0]}`,
    );
    const catalogue = Object.entries(errorCatalogue).map(
      ([code, { status }]) => `${code} ${status}`,
    );
    expect(documented.sort()).toEqual(catalogue.sort());
  });
});

describe('docs/configuration.md', () => {
  const rows = () => rowsOf(read('docs/configuration.md'));

  it('lists exactly the environment variables, each once', () => {
    expect(
      rows()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(variables).sort());
  });

  it('gives the defaults that apply', () => {
    for (const { name, cells } of rows()) {
      const variable = variables[name as keyof typeof variables];
      // What has no default of its own says so in words (`none`, or where it comes from), not in backticks.
      if (variable.fallback === null) expect(cells[0], name).toMatch(/^[^`]+/);
      else expect(cells[0], name).toBe(`\`${variable.fallback}\``);
    }
  });
});

describe('.env.example', () => {
  const entries = () =>
    read('.env.example')
      .split('\n')
      .flatMap((line) => {
        const match = /^#?\s?([A-Z][A-Z0-9_]+)=(.*)$/.exec(line);
        return match === null ? [] : [{ name: match[1] ?? '', value: match[2] ?? '' }];
      });

  it('lists exactly the environment variables, each once', () => {
    expect(
      entries()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(variables).sort());
  });

  it('holds no secret', () => {
    for (const { name, value } of entries()) {
      const variable: { secret?: true } = variables[name as keyof typeof variables];
      if (variable.secret === true) expect(value.trim(), name).toMatch(/^$|change|example|<.*>/);
    }
  });
});

describe('docs/api.md', () => {
  it('names exactly the routes of the OpenAPI document', async () => {
    const { service } = await aService();
    const routes = Object.entries(service.app.swagger().paths ?? {}).flatMap(([path, item]) =>
      Object.keys(item as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const named = [...read('docs/api.md').matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/[^\s`?]*)`/g)];
    const documented = new Set(named.map(([, method, path]) => `${method} ${path}`));
    // Routes that serve the document and its page are not in the document.
    const itself = ['GET /docs', 'GET /openapi.json'];
    for (const route of itself) documented.delete(route);
    expect([...documented].sort()).toEqual(routes.sort());
  });
});

describe('docs/cli.md', () => {
  const nowhere = { write: () => true };
  const { commands } = createProgram({
    env: {},
    terminal: createTerminal(nowhere, nowhere, {}),
    version: '0',
    now: () => 0,
    interrupted: () => new AbortController().signal,
    readInput: async () => Buffer.of(),
  });
  // A section per command, whose options are named in backticks.
  const sections = new Map(
    read('docs/cli.md')
      .split(/^## /m)
      .flatMap((section) => {
        const name = /^agentkit (.+)/.exec(section)?.[1];
        return name === undefined ? [] : [[name, section] as const];
      }),
  );
  // For the scripts of completion alone, and hidden from the help.
  const hidden = ['complete'];
  const leaves = (of: typeof commands, path: readonly string[] = []): [string, string[]][] =>
    of.flatMap((command) => {
      if (hidden.includes(command.name())) return [];
      const name = [...path, command.name()];
      if (command.commands.length > 0) return leaves(command.commands, name);
      return [[name.join(' '), command.options.map(({ long }) => String(long))]];
    });

  it('has a section for each command', () => {
    const names = leaves(commands).map(([name]) => name);
    expect([...sections.keys()].sort()).toEqual(names.sort());
  });

  it('names exactly the options of each, but for those that are told once', () => {
    const common = ['--url', '--json'];
    for (const [name, all] of leaves(commands)) {
      const options = all.filter((option) => !common.includes(option));
      const named = [...(sections.get(name) ?? '').matchAll(/`(--[a-z-]+)[^`]*`/g)];
      const told = named.map((match) => match[1] ?? '').filter((name) => !common.includes(name));
      expect([name, [...new Set(told)].sort()]).toEqual([name, options.sort()]);
    }
  });
});

describe('links between documents', () => {
  const documents = [
    ...readdirSync(ROOT).filter((file) => file.endsWith('.md')),
    ...readdirSync(join(ROOT, 'docs')).flatMap((file) =>
      file.endsWith('.md') ? [`docs/${file}`] : [],
    ),
    'src/sdk/README.md',
  ];

  /** As GitHub names headings. */
  const anchorsOf = (path: string) =>
    [...read(path).matchAll(/^#+ (.+)$/gm)].map((match) =>
      (match[1] ?? '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );

  it.each(documents)('of %s lead somewhere', (path) => {
    const links = [...read(path).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    for (const [link, file = '', anchor] of links) {
      const target = file === '' ? path : join(dirname(path), file);
      expect(existsSync(join(ROOT, target)), `${path}: ${link}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(target), `${path}: ${link}`).toContain(anchor);
    }
  });
});
