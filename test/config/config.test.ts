import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, type Environment } from '../../src/config/config.ts';
import { describeDatabase } from '../../src/config/parse.ts';
import { variables } from '../../src/config/variables.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const WEBHOOK = {
  OPSCORE_WEBHOOK_URL: 'https://ops.example/hooks/agentkit',
  OPSCORE_WEBHOOK_SECRET: 'hook-secret',
};
const API = { OPSCORE_API_URL: 'https://ops.example/v1', OPSCORE_API_KEY: 'api-key' };

/** The line with which the start is refused. */
function refusal(env: Environment): string {
  try {
    loadConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error(`taken: ${JSON.stringify(env)}`);
}

function ranges(env: Environment): string[] {
  return loadConfig(env).egressAllow.map(([address, bits]) => `${address.toString()}/${bits}`);
}

describe('without any variable', () => {
  it("has the defaults of the contract's table (section 7)", () => {
    expect(loadConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 8000,
      logLevel: 'info',
      database: { kind: 'sqlite', path: './data/agentkit.db' },
      webhook: undefined,
      opscoreApi: undefined,
      webhookRetrySchedule: [
        5 * SECOND,
        30 * SECOND,
        2 * MINUTE,
        10 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        4 * HOUR,
        8 * HOUR,
        16 * HOUR,
        24 * HOUR,
      ],
      taskRetrySchedule: [
        SECOND,
        5 * SECOND,
        15 * SECOND,
        30 * SECOND,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
      ],
      dispatchTimeout: 10 * SECOND,
      webhookTimeout: 10 * SECOND,
      agentConcurrency: 16,
      shutdownGrace: 10 * SECOND,
    });
  });

  it('has defaults of its own for what the contract does not name', () => {
    expect(loadConfig({})).toMatchObject({
      maxConcurrency: 512,
      bodyLimit: 1_048_576,
      retention: 7 * 24 * HOUR,
      deadLetterRetention: 30 * 24 * HOUR,
    });
  });

  it('is frozen: nothing changes it after the start', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });
});

it('takes every variable', () => {
  const config = loadConfig({
    HOST: '0.0.0.0',
    PORT: '0',
    LOG_LEVEL: 'debug',
    DATABASE_URL: 'sqlite:/var/lib/agentkit/a b.db',
    ...WEBHOOK,
    ...API,
    EGRESS_ALLOW_CIDRS: '10.0.0.0/8, fd00::/8',
    WEBHOOK_RETRY_SCHEDULE: '1ms',
    TASK_RETRY_SCHEDULE: '0s,1s',
    DISPATCH_TIMEOUT: '1s',
    WEBHOOK_TIMEOUT: '2s',
    AGENT_CONCURRENCY: '1',
    MAX_CONCURRENCY: '3',
    BODY_LIMIT: '2048',
    RETENTION: '1h',
    DEAD_LETTER_RETENTION: '2h',
    SHUTDOWN_GRACE: '0s',
  });
  expect(config).toMatchObject({
    host: '0.0.0.0',
    port: 0,
    logLevel: 'debug',
    database: { kind: 'sqlite', path: '/var/lib/agentkit/a b.db' },
    webhook: { url: 'https://ops.example/hooks/agentkit', secret: 'hook-secret' },
    opscoreApi: { url: 'https://ops.example/v1', key: 'api-key' },
    webhookRetrySchedule: [1],
    taskRetrySchedule: [0, 1_000],
    dispatchTimeout: 1_000,
    webhookTimeout: 2_000,
    agentConcurrency: 1,
    maxConcurrency: 3,
    bodyLimit: 2_048,
    retention: HOUR,
    deadLetterRetention: 2 * HOUR,
    shutdownGrace: 0,
  });
});

it('counts an empty or blank value as unset, as .env and compose files write it', () => {
  const blank = Object.fromEntries(Object.keys(variables).map((name) => [name, '']));
  expect(loadConfig(blank)).toEqual(loadConfig({}));
  expect(loadConfig({ PORT: '  ', OPSCORE_WEBHOOK_SECRET: '\t' })).toEqual(loadConfig({}));
});

it('forgives spaces around a value', () => {
  expect(loadConfig({ PORT: ' 9000 ' }).port).toBe(9000);
});

describe('a pair of variables', () => {
  it('sends webhooks only with both the URL and the secret', () => {
    expect(loadConfig({ ...WEBHOOK, OPSCORE_WEBHOOK_SECRET: '' }).webhook).toBeUndefined();
    expect(loadConfig({ ...WEBHOOK, OPSCORE_WEBHOOK_URL: '' }).webhook).toBeUndefined();
    expect(loadConfig(WEBHOOK).webhook).toBeDefined();
  });

  it('reports states only with both the URL and the key', () => {
    expect(loadConfig({ ...API, OPSCORE_API_KEY: '' }).opscoreApi).toBeUndefined();
    expect(loadConfig({ ...API, OPSCORE_API_URL: '' }).opscoreApi).toBeUndefined();
    expect(loadConfig(API).opscoreApi).toBeDefined();
  });

  it('still refuses a bad one whose other half is missing', () => {
    expect(refusal({ OPSCORE_API_URL: 'ops.example' })).toMatch(/^OPSCORE_API_URL: /);
  });
});

describe('EGRESS_ALLOW_CIDRS', () => {
  it.each(['127.0.0.1', '127.0.0.2', '::1', '::ffff:127.0.0.1', 'localhost'])(
    'allows loopback when HOST is %s',
    (host) => {
      expect(ranges({ HOST: host })).toEqual(['127.0.0.0/8', '::1/128']);
    },
  );

  it.each(['0.0.0.0', '::', '10.0.0.1', 'agentkit.internal', 'localhost.example'])(
    'allows nothing private when HOST is %s',
    (host) => {
      expect(ranges({ HOST: host })).toEqual([]);
    },
  );

  it('replaces the default, whatever HOST is', () => {
    expect(ranges({ EGRESS_ALLOW_CIDRS: '10.0.0.0/8,fd00::/8' })).toEqual([
      '10.0.0.0/8',
      'fd00::/8',
    ]);
  });
});

describe('DATABASE_URL', () => {
  it.each([
    ['sqlite:./a.db', './a.db'],
    ['sqlite:/a/b.db', '/a/b.db'],
    ['sqlite:a.db', 'a.db'],
  ])('%s is the file %s', (url, path) => {
    expect(loadConfig({ DATABASE_URL: url }).database).toEqual({ kind: 'sqlite', path });
  });

  it.each([
    [
      'postgres://user:s3cret@db.example:5433/agentkit?sslmode=verify-full',
      'db.example:5433/agentkit',
    ],
    ['postgresql://db.example/agentkit', 'db.example/agentkit'],
    ['postgres://u:p%40ss@[::1]:5432/agentkit?prepare=false', '[::1]:5432/agentkit'],
    ['postgres:///agentkit?host=/run/postgresql', '/agentkit'],
  ])('%s is a PostgreSQL, and told of without user and password', (url, place) => {
    const { database } = loadConfig({ DATABASE_URL: url });
    expect(database).toEqual({ kind: 'postgres', url });
    expect(describeDatabase(database)).toBe(`postgres://${place}`);
  });

  it.each([
    'postgres://user:s3cret@db.example',
    'postgres://user:s3cret@db.example/a/b',
    'postgres://user:s3cret@/agentkit#x',
    'postgres://user:s3c@ret@db example/agentkit',
    'postgres://user:s3cret@db.example:99999/agentkit',
    'postgres:/user:s3cret@db.example/agentkit',
    'Postgres:user:s3cret',
    'mysql://user:s3cret@h/db',
    'mysql://h/db?password=s3cret',
  ])('%s is refused without showing its password', (url) => {
    const refused = () => loadConfig({ DATABASE_URL: url });
    expect(refused).toThrow(/^DATABASE_URL: got a value that is not shown, takes sqlite:PATH or /);
    expect(refused).not.toThrow(/s3c/);
  });
});

describe('a bad value', () => {
  const bad: Record<string, string[]> = {
    HOST: ['http://127.0.0.1', 'a b', 'a/b', 'x'.repeat(254)],
    PORT: ['banana', '-1', '65536', '80.5', '0x50', '100000', '8000 9000'],
    LOG_LEVEL: ['INFO', 'verbose', '30'],
    DATABASE_URL: ['agentkit.db', 'sqlite:', 'sqlite::memory:', 'mysql://h/db', 'file:a.db'],
    OPSCORE_WEBHOOK_URL: [
      'ops.example',
      'ftp://ops.example',
      'http://',
      'https://user@ops.example',
      'https://ops.example/#x',
      '/hooks',
    ],
    OPSCORE_WEBHOOK_SECRET: ['whsec_', 'whsec_no', 'whsec_a b=', 'whsec_abcde', 'x'.repeat(1025)],
    OPSCORE_API_URL: ['ops.example:80', 'https://user:word@ops.example/v1'],
    OPSCORE_WEBHOOK_SECRET_PREVIOUS: ['whsec_', 'whsec_a b=', 'x'.repeat(1025)],
    OPSCORE_WEBHOOK_SECRET_SWITCH_AT: [
      'tomorrow',
      '2030-01-31',
      '2030-01-31T12:00:00',
      '1900000000',
    ],
    AGENTKIT_API_KEYS: [
      'operator',
      'operator:admin',
      'operator:root:key',
      'op erator:admin:key',
      ':admin:key',
      'a:admin:',
      'a:admin:two words',
      'a:admin:k,a:read:l',
      'a:admin:k,b:read:k',
      `${'x'.repeat(65)}:admin:k`,
    ],
    AGENTKIT_ALLOW_ANONYMOUS: ['yes', '1', 'TRUE'],
    AGENTKIT_ENCRYPTION_KEY: ['short', 'a'.repeat(63), `${'a'.repeat(64)},short`],
    SECRET_OVERLAP: ['24', '366d', '-1s'],
    AGENT_EXPIRY: ['999ms', '366d', '10', 'never'],
    PROBE_INTERVAL: ['99ms', '2h', '15'],
    AGENT_QUEUE_LIMIT: ['0', '1000000001', 'none', '1e6'],
    RATE_LIMIT: ['0', '1000001', '5/s'],
    REQUEST_TIMEOUT: ['99ms', '11m', '0s', '10'],
    OPSCORE_API_KEY: ['ключ', 'two\nlines', 'x'.repeat(1025)],
    EGRESS_ALLOW_CIDRS: ['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'all', '10.0.0.0/8;fd00::/8'],
    WEBHOOK_RETRY_SCHEDULE: ['5', '5s,', '5s 30s', '[5s]'],
    TASK_RETRY_SCHEDULE: ['soon', '-1s'],
    DISPATCH_TIMEOUT: ['0s', '10', '31m', 'never'],
    WEBHOOK_TIMEOUT: ['0ms', '2h'],
    AGENT_CONCURRENCY: ['0', '1001', '1.5', 'many', '-1', '1e2'],
    MAX_CONCURRENCY: ['0', '10001'],
    BODY_LIMIT: ['1023', '1MB', '104857601'],
    RETENTION: ['0s', '366d', '7'],
    DEAD_LETTER_RETENTION: ['999ms', 'forever'],
    SHUTDOWN_GRACE: ['11m', '-1s', '10'],
    LOG_FORMAT: ['xml', 'Pretty'],
    OTEL_EXPORTER_OTLP_ENDPOINT: ['127.0.0.1:4318', 'grpc://collector:4317'],
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ['/v1/traces'],
    OTEL_EXPORTER_OTLP_PROTOCOL: ['grpc', 'http'],
    OTEL_EXPORTER_OTLP_HEADERS: ['key', '=value', 'a b=c', 'a=%0d%0ab: c'],
    OTEL_EXPORTER_OTLP_TIMEOUT: ['10s', '0'],
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: ['grpc'],
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: ['key'],
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: ['-1'],
    OTEL_SERVICE_NAME: ['two\nlines'],
    OTEL_RESOURCE_ATTRIBUTES: ['production'],
    OTEL_TRACES_EXPORTER: ['zipkin', 'console'],
    OTEL_TRACES_SAMPLER: ['sometimes', 'jaeger_remote'],
    OTEL_TRACES_SAMPLER_ARG: ['2', '-1', '10%'],
    OTEL_SDK_DISABLED: ['yes'],
  };
  const cases = Object.entries(bad).flatMap(([name, values]) =>
    values.map((value) => ({ name, value })),
  );

  it('is tried for every variable', () => {
    expect(Object.keys(variables).filter((name) => !(name in bad))).toEqual([]);
  });

  it.each(cases)('$name=$value is refused in one line', ({ name, value }) => {
    const line = refusal({ [name]: value });
    const variable = variables[name as keyof typeof variables];
    const got = 'secret' in variable ? 'a value that is not shown' : JSON.stringify(value);
    expect(line).not.toMatch(/[\r\n]/);
    expect(line.startsWith(`${name}: got `)).toBe(true);
    expect(line.endsWith(`, takes ${variable.parser.takes}`)).toBe(true);
    if (!value.includes('@') && value.length < 200) expect(line).toContain(`got ${got}, `);
  });

  it('of several, the first in the order of the table is named', () => {
    expect(refusal({ SHUTDOWN_GRACE: 'x', PORT: 'x' })).toMatch(/^PORT: /);
  });

  it('stays one line when it has several', () => {
    expect(refusal({ PORT: '80\n90' })).toBe(
      'PORT: got "80\\n90", takes a whole number from 0 to 65535',
    );
  });

  it('is cut when it is long', () => {
    expect(refusal({ PORT: 'x'.repeat(100_000) }).length).toBeLessThan(300);
  });
});

describe('a secret', () => {
  it('is never in the message that refuses it', () => {
    const secrets = ['OPSCORE_WEBHOOK_SECRET', 'OPSCORE_API_KEY'] as const;
    fc.assert(
      fc.property(fc.constantFrom(...secrets), fc.string({ minLength: 8 }), (name, text) => {
        const value = `whsec_${text}\u0007`;
        expect(refusal({ [name]: value })).not.toContain(text);
      }),
    );
  });

  it.each([
    'postgres://service:hunter2@db.example/agentkit',
    'postgres://service:hun@ter2@db.example/agentkit',
    'postgres://service:hunter2/@db.example/agentkit',
    'postgres:service:hunter2@db.example/agentkit',
    'service:hunter2@db.example',
    'postgres://hunter2@db.example',
  ])('inside a URL is masked: %s', (url) => {
    const line = refusal({ OPSCORE_WEBHOOK_URL: url });
    expect(line).not.toMatch(/hun|ter2/);
    expect(line).toContain('***@db.example');
  });

  it.each(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'plain', 'with spaces inside', '~'])(
    'may be %j',
    (secret) => {
      expect(loadConfig({ ...WEBHOOK, OPSCORE_WEBHOOK_SECRET: secret }).webhook?.secret).toBe(
        secret,
      );
    },
  );
});

describe('where spans go', () => {
  const tracing = (env: Record<string, string>) => loadConfig(env).tracing;

  it('is nowhere unless somebody says so', () => {
    expect(tracing({})).toBeUndefined();
    expect(
      tracing({ OTEL_SERVICE_NAME: 'mine', OTEL_TRACES_SAMPLER: 'always_on' }),
    ).toBeUndefined();
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318';
    for (const off of [{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }]) {
      expect(tracing({ OTEL_EXPORTER_OTLP_ENDPOINT, ...off })).toBeUndefined();
    }
  });

  it('is made of the endpoint as OpenTelemetry has it', () => {
    const base = 'http://collector:4318/otlp/';
    expect(tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: base })?.url).toBe(
      'http://collector:4318/otlp/v1/traces',
    );
    const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces:4318/in' };
    expect(tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: base, ...own })?.url).toBe(
      'http://traces:4318/in',
    );
    expect(tracing({ OTEL_TRACES_EXPORTER: 'otlp' })).toMatchObject({
      url: 'http://localhost:4318/v1/traces',
      protocol: 'http/protobuf',
      serviceName: 'agentkit-service',
      sampler: 'parentbased_always_on',
    });
  });

  it('goes by what is said for traces alone before what is said for all signals', () => {
    const all = {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=1',
      OTEL_EXPORTER_OTLP_TIMEOUT: '1000',
    };
    const traces = {
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'b=2',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '2000',
    };
    expect(tracing(all)).toMatchObject({
      protocol: 'http/protobuf',
      headers: { a: '1' },
      timeout: 1_000,
    });
    const own = tracing({ ...all, ...traces });
    expect(own).toMatchObject({ protocol: 'http/json', timeout: 2_000 });
    expect(own?.headers).toEqual({ b: '2' });
  });

  it('names the service by its variable, else by its attributes', () => {
    const env = {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_RESOURCE_ATTRIBUTES: 'a=b%20c,service.name=x',
    };
    expect(tracing(env)).toMatchObject({
      serviceName: 'x',
      resourceAttributes: { a: 'b c', 'service.name': 'x' },
    });
    expect(tracing({ ...env, OTEL_SERVICE_NAME: 'y' })?.serviceName).toBe('y');
  });
});
