import ipaddr from 'ipaddr.js';
import { scopes, type Scope } from '../auth/principal.ts';
import { parseDuration, parseSchedule } from './duration.ts';

/** A reader of one variable: the value, or undefined when the text is not of the form that `takes` describes. */
export interface Parser<T> {
  readonly takes: string;
  parse(text: string): T | undefined;
}

export const port: Parser<number> = {
  takes: 'a whole number from 0 to 65535',
  parse: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
};

export function wholeNumber(min: number, max: number): Parser<number> {
  return {
    takes: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      if (!/^\d{1,15}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= min && value <= max ? value : undefined;
    },
  };
}

export const host: Parser<string> = {
  takes: 'a host name or IP address, such as 127.0.0.1, ::1 or 0.0.0.0',
  parse: (text) => (/^[A-Za-z0-9._:-]{1,253}$/.test(text) ? text : undefined),
};

export function oneOf<T extends string>(...values: readonly T[]): Parser<T> {
  return {
    takes: `one of ${values.join(', ')}`,
    parse: (text) => values.find((value) => value === text),
  };
}

/** A duration within bounds; a timeout of nothing would fail every attempt. */
export function duration(min: string, max: string): Parser<number> {
  const [minMs = 0, maxMs = 0] = [parseDuration(min), parseDuration(max)];
  return {
    takes: `a duration from ${min} to ${max}, such as 500ms, 5s, 2m, 1h or 7d`,
    parse: (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= minMs && ms <= maxMs ? ms : undefined;
    },
  };
}

export const schedule: Parser<readonly number[]> = {
  takes: 'a comma-separated list of up to 100 durations such as 1s,5s,30s,2m',
  parse: parseSchedule,
};

/** An http(s) URL without userinfo: credentials have variables of their own and must not reach a log with the URL. */
export const httpUrl: Parser<string> = {
  takes: 'an http:// or https:// URL without user and password',
  parse: (text) => {
    if (!URL.canParse(text)) return undefined;
    const url = new URL(text);
    const clean = url.username === '' && url.password === '' && url.hash === '';
    return /^https?:$/.test(url.protocol) && clean ? text : undefined;
  },
};

/** A secret that goes into a header or an HMAC: any printable text without spaces at its ends. */
export const secret: Parser<string> = {
  takes: 'a text of 1 to 1024 printable characters',
  parse: (text) =>
    /^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/.test(text) ? text : undefined,
};

/**
 * Any text, as its UTF-8 bytes are the key (contract section 3). A Standard Webhooks secret must decode: a broken one
 * would sign with other bytes than Ops-Core verifies with.
 */
export const webhookSecret: Parser<string> = {
  takes: 'a text of 1 to 1024 printable characters; after the prefix whsec_ it is base64',
  parse: (text) => {
    if (!/^[^\p{Cc}\p{Cs}]{1,1024}$/u.test(text)) return undefined;
    if (!text.startsWith('whsec_')) return text;
    const rest = text.slice('whsec_'.length);
    const valid = rest.length >= 4 && /^[A-Za-z0-9+/]+={0,2}$/.test(rest) && rest.length % 4 === 0;
    return valid ? text : undefined;
  },
};

export type DatabaseUrl =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string };

export const databaseUrl: Parser<DatabaseUrl> = {
  takes: 'sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE',
  parse: (text) => {
    if (/^postgres(ql)?:\/\//.test(text)) return postgresUrl(text);
    // `:memory:` would break the promise of a 202 (contract section 4): nothing would be on disk.
    const path = /^sqlite:(.+)$/.exec(text)?.[1];
    if (path === undefined || path === ':memory:') return undefined;
    return { kind: 'sqlite', path };
  },
};

/** A database has to be named: the driver would otherwise take the user's name for it, or the environment's word. */
function postgresUrl(text: string): DatabaseUrl | undefined {
  if (!URL.canParse(text)) return undefined;
  const { pathname, hash, hostname, searchParams } = new URL(text);
  const reachable = hostname !== '' || searchParams.has('host');
  if (!/^\/[^/]+$/.test(pathname) || hash !== '' || !reachable) return undefined;
  return { kind: 'postgres', url: text };
}

/** What may be said of a database: user, password and parameters stay unsaid. */
export function describeDatabase(database: DatabaseUrl): string {
  if (database.kind === 'sqlite') return database.path;
  const { host: server, pathname } = new URL(database.url);
  return `postgres://${server}${pathname}`;
}

/** The password in the URL of a database; undefined where it has none. */
export function passwordOf(database: DatabaseUrl): string | undefined {
  if (database.kind === 'sqlite') return undefined;
  const { password, searchParams } = new URL(database.url);
  return searchParams.get('password') ?? (password === '' ? undefined : decode(password));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export type Cidr = ReturnType<typeof ipaddr.parseCIDR>;

export const cidrList: Parser<readonly Cidr[]> = {
  takes: 'a comma-separated list of CIDR ranges such as 10.0.0.0/8,fd00::/8',
  parse: (text) => {
    const ranges = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    const valid = ranges.every((range) => ipaddr.isValidCIDR(range));
    return valid ? ranges.map((range) => ipaddr.parseCIDR(range)) : undefined;
  },
};

export interface ConfiguredKey {
  readonly name: string;
  readonly scope: Scope;
  readonly key: string;
}

/** Key names: they are listed, logged, and remembered as owners of agents. */
export const KEY_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** A name may occur twice with one scope: that is how a key is replaced without a gap. */
export const apiKeys: Parser<readonly ConfiguredKey[]> = {
  takes: `a comma-separated list of name:scope:key; a scope is one of ${scopes.join(', ')}, a key has 1 to 512 printable characters without commas and spaces, one name has one scope, no key occurs twice`,
  parse: (text) => {
    const keys: ConfiguredKey[] = [];
    for (const part of text.split(',').map((entry) => entry.trim())) {
      if (part === '') continue;
      const [, name = '', scopeText, key = ''] = /^([^:]*):([^:]*):(.*)$/.exec(part) ?? [];
      const scope = scopes.find((known) => known === scopeText);
      if (scope === undefined || !KEY_NAME.test(name) || !/^[\x21-\x7e]{1,512}$/.test(key))
        return undefined;
      const clash = keys.some(
        (other) => other.key === key || (other.name === name && other.scope !== scope),
      );
      if (clash) return undefined;
      keys.push({ name, scope, key });
    }
    return keys;
  },
};

export const boolean: Parser<boolean> = {
  takes: 'true or false',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
};

/** 32 bytes each, as 64 hex digits or base64; the first seals, all of them open. */
export const encryptionKeys: Parser<readonly Buffer[]> = {
  takes:
    'one or more comma-separated keys of 32 bytes each, as 64 hex digits or as base64 (openssl rand -base64 32)',
  parse: (text) => {
    const keys = text
      .split(',')
      .map((part) => part.trim())
      .map((part) =>
        /^[0-9a-fA-F]{64}$/.test(part) ? Buffer.from(part, 'hex') : Buffer.from(part, 'base64'),
      );
    return keys.every((key) => key.length === 32) ? keys : undefined;
  },
};

/** A moment, as ISO 8601 with a time zone. @returns epoch milliseconds. */
export const moment: Parser<number> = {
  takes: 'a time such as 2030-01-31T12:00:00Z',
  parse: (text) => {
    const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;
    const ms = form.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(ms) ? undefined : ms;
  },
};

/** As OpenTelemetry writes headers and attributes: key=value, values in percent-encoding. */
export const pairs: Parser<Readonly<Record<string, string>>> = {
  takes: 'a comma-separated list of key=value, the values in percent-encoding',
  parse: (text) => {
    const found: [string, string][] = [];
    for (const part of text.split(',').map((entry) => entry.trim())) {
      if (part === '') continue;
      const [, key = '', value = ''] = /^([^=\s]+)\s*=\s*(.*)$/.exec(part) ?? [];
      const decoded = decode(value);
      if (!/^[\x21-\x7e]+$/.test(key) || !/^[\x20-\x7e]*$/.test(decoded)) return undefined;
      found.push([decode(key), decoded]);
    }
    return Object.fromEntries(found);
  },
};

export const ratio: Parser<number> = {
  takes: 'a number from 0 to 1',
  parse: (text) => (/^(0(\.\d+)?|1(\.0+)?)$/.test(text) ? Number(text) : undefined),
};

export const text: Parser<string> = {
  takes: '1 to 255 characters, no control characters',
  // eslint-disable-next-line no-control-regex -- they are what it refuses
  parse: (given) => (/^[^\x00-\x1f\x7f]{1,255}$/.test(given) ? given : undefined),
};
