import type { LookupAddress, LookupOptions } from 'node:dns';
import ipaddr from 'ipaddr.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { lookup as dnsLookup } from 'node:dns';
import { systemClock } from '../../src/clock.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createEgressGuard, type EgressPolicy } from '../../src/dispatcher/egress.ts';
import { createHttpAgent, createSender } from '../../src/dispatcher/send.ts';
import type { SendResult } from '../../src/outbox/sending.ts';
import { aSecret } from '../helpers/secrets.ts';
import { startCanary, startReceiver } from './helpers/servers.ts';
import { anAgent, startService } from './helpers/service.ts';
import { ended, run, task } from './helpers/tasks.ts';

/** Hosts of URLs that lead, or may lead, to where no agent may live when nothing is allowed. */
const BLOCKED: readonly string[] = [
  // Loopback: dotted, decimal, hexadecimal, octal, mixed, short.
  '127.0.0.1',
  '127.0.0.2',
  '127.255.255.254',
  '2130706433',
  '0x7f000001',
  '0X7F000001',
  '017700000001',
  '0177.0.0.1',
  '0x7f.0.0.1',
  '0x7f.0x0.0x0.0x1',
  '0177.0x0.0.01',
  '00000177.0.0.1',
  '127.1',
  '127.0.1',
  '0x7f.1',
  '127.65535',
  '127.0.0.1.',
  '2130706433.',
  // What the URL parser makes an address of: percent-encoding, full-width and circled digits, ideographic stops.
  '%31%32%37.0.0.1',
  '127%2e0%2e0%2e1',
  '１２７.０.０.１',
  '①②⑦.⓪.⓪.①',
  '127。0。0。1',
  '127．0．0．1',
  // Names that are loopback by definition (RFC 6761).
  'localhost',
  'LOCALHOST',
  'LocalHost.',
  'canary.localhost',
  'canary.localhost.',
  'ｌｏｃａｌｈｏｓｔ',
  '%6cocalhost',
  // IPv6 loopback, and IPv4 inside IPv6: mapped, compatible, translated, NAT64 (both prefixes), 6to4, Teredo.
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[0000:0000:0000:0000:0000:0000:0000:0001]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:7f00:0001]',
  '[::127.0.0.1]',
  '[::7f00:1]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::127.0.0.1]',
  '[64:ff9b::10.0.0.1]',
  '[2002:7f00:1::]',
  '[2002:a00:1::1]',
  '[2001:0:0:0:0:0:80ff:fffe]',
  '[2001::f5ff:fffe]',
  // Zone ids are no part of a URL that we take.
  '[fe80::1%25eth0]',
  '[::1%25lo]',
  '[::1%lo]',
  '127.0.0.1%25lo',
  // Unspecified: Linux takes it for loopback.
  '0.0.0.0',
  '0',
  '0x0',
  '0.1.2.3',
  '[::]',
  '[::ffff:0.0.0.0]',
  '[::2]',
  // Link-local and cloud metadata.
  '169.254.169.254',
  '0xa9fea9fe',
  '2852039166',
  '0251.0376.0251.0376',
  '169.254.170.2',
  '[::ffff:169.254.169.254]',
  '[64:ff9b::a9fe:a9fe]',
  '[2002:a9fe:a9fe::]',
  '[fe80::1]',
  '[febf::1]',
  '[fd00:ec2::254]',
  '[fd20:ce::254]',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  // Private, carrier-grade NAT, benchmarking, documentation, reserved.
  '10.0.0.1',
  '10.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '192.168.257',
  '100.64.0.1',
  '198.18.0.1',
  '198.19.255.255',
  '192.0.0.8',
  '192.0.2.1',
  '198.51.100.1',
  '203.0.113.1',
  '192.88.99.1',
  '240.0.0.1',
  '255.255.255.255',
  '224.0.0.1',
  '239.255.255.250',
  '[ff02::1]',
  '[ff0e::1]',
  '[fc00::1]',
  '[fd12:3456::1]',
  '[fec0::1]',
  '[100::1]',
  '[2001:db8::1]',
  '[2001:2::1]',
  '[3fff::1]',
  '[5f00::1]',
  '[4000::1]',
  '[1::1]',
];

/** Denied whatever the operator allows. */
const ALWAYS_DENIED: readonly string[] = [
  '0.0.0.0',
  '0.1.2.3',
  '[::]',
  '169.254.169.254',
  '169.254.0.1',
  '[::ffff:169.254.169.254]',
  '[::169.254.169.254]',
  '[64:ff9b::169.254.169.254]',
  '[64:ff9b:1::169.254.169.254]',
  '[2002:a9fe:a9fe::1]',
  '[2001:0:0:0:0:0:5601:5601]',
  '[fe80::1]',
  '[fd00:ec2::254]',
  '[fd20:ce::254]',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  '[::ffff:100.100.100.200]',
  '224.0.0.1',
  '239.255.255.250',
  '[ff02::1]',
  '255.255.255.255',
  '[64:ff9b::255.255.255.255]',
];

const everything = ['0.0.0.0/0', '::/0'];

interface Blocked {
  readonly host: string;
  readonly address: string;
  readonly reason: string;
}

/** A sender behind a guard; `blocked` is what the operator was told. */
function guardedSender(allow: readonly string[], policy: Partial<EgressPolicy> = {}) {
  const blocked: Blocked[] = [];
  const guard = createEgressGuard({
    allow: allow.map((range) => ipaddr.parseCIDR(range)),
    self: () => [],
    onBlocked: (details) => void blocked.push(details),
    ...policy,
  });
  const http = createHttpAgent(guard.connector(5_000));
  onTestFinished(() => http.close());
  const sender = createSender(http, systemClock());
  const post = (url: string): Promise<SendResult> =>
    sender.send({
      url,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from('{}'),
      timeoutMs: 5_000,
    });
  return { post, guard, blocked };
}

/** A resolver that answers with each list in turn, the last one for ever; `asked` counts. */
function fakeLookup(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const lookup = (
    hostname: string,
    _options: LookupOptions,
    callback: (error: Error | null, addresses: LookupAddress[]) => void,
  ): void => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    process.nextTick(
      callback,
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { asked, lookup: lookup as unknown as typeof dnsLookup };
}

const ADMIN = aSecret('AGENTKIT_API_KEYS');
/** On a host that others reach, nothing is allowed unless the operator says so. */
const NOTHING_ALLOWED = { HOST: '0.0.0.0', AGENTKIT_API_KEYS: `boss:admin:${ADMIN}` };

describe('an address where no agent may live', () => {
  it('has enough spellings in this table', () => {
    expect(new Set(BLOCKED).size).toBe(BLOCKED.length);
    expect(BLOCKED.length).toBeGreaterThanOrEqual(50);
  });

  it('is refused at registration in every spelling, and nobody is connected to', async () => {
    const canary = await startCanary();
    const service = await startService(NOTHING_ALLOWED);
    for (const host of BLOCKED) {
      const answer = await service.call('POST', '/v1/agents/register', {
        token: ADMIN,
        body: anAgent({ contactEndpoint: `http://${host}:${canary.port}/tasks` }),
      });
      expect([host, answer.status]).toEqual([host, 422]);
      expect(answer.json.errors.map(({ path }) => path)).toEqual(['/contactEndpoint']);
    }
    const { json } = await service.call('GET', '/v1/agents', { token: ADMIN });
    expect(json.data).toEqual([]);
    expect(canary.connections()).toBe(0);
  });

  it('is refused on update as well', async () => {
    const service = await startService(NOTHING_ALLOWED);
    const agent = await service.register({ contactEndpoint: 'http://agent.test/tasks' }, ADMIN);
    const answer = await service.call('PUT', '/v1/agents/register', {
      token: agent.agentToken,
      body: anAgent({ agentName: agent.agentName, contactEndpoint: 'http://127.0.0.1/' }),
    });
    expect(answer.status).toBe(422);
  });

  it('is refused when a connection is made, in every spelling', async () => {
    const canary = await startCanary();
    // What is no literal is a name of loopback; system resolvers differ in which of them they know.
    const { post, blocked } = guardedSender([], fakeLookup(['127.0.0.1']));
    for (const host of BLOCKED) {
      const url = `http://${host}:${canary.port}/tasks`;
      const { errorClass, statusCode } = await post(url);
      // What the URL parser does not take never gets as far as an address.
      const wanted = URL.canParse(url) ? 'blocked_address' : 'network';
      expect([host, errorClass, statusCode]).toEqual([host, wanted, null]);
    }
    expect(blocked.length).toBeGreaterThanOrEqual(BLOCKED.length - 5);
    expect(canary.connections()).toBe(0);
  });

  it('would be connected to without the guard: the canary does count', async () => {
    const canary = await startCanary();
    const { post } = guardedSender(['127.0.0.0/8', '::1/128']);
    const reaching = ['127.0.0.1', '2130706433', '0x7f.1', 'localhost', '[::1]', '[::ffff:7f00:1]'];
    for (const host of reaching) await post(`http://${host}:${canary.port}/tasks`);
    expect(canary.connections()).toBe(reaching.length);
  });

  it('is refused over https too', async () => {
    const canary = await startCanary();
    const { post } = guardedSender([]);
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      expect((await post(`https://${host}:${canary.port}/`)).errorClass).toBe('blocked_address');
    }
    expect(canary.connections()).toBe(0);
  });

  it.each([
    'http://user:password@agent.test/tasks',
    'http://agent.test@127.0.0.1/tasks',
    'http://127.0.0.1@agent.test/tasks',
    'http://:password@agent.test/',
    'http://agent.test/tasks#fragment',
    'ftp://agent.test/tasks',
    'file:///etc/passwd',
    'gopher://127.0.0.1:6379/_FLUSHALL',
    '//agent.test/tasks',
    'http://',
    'http://agent.test:99999/',
    'http:\\\\127.0.0.1\\tasks x',
  ])('does not hide in %s', async (contactEndpoint) => {
    const service = await startService(NOTHING_ALLOWED);
    const answer = await service.call('POST', '/v1/agents', {
      token: ADMIN,
      body: anAgent({ contactEndpoint }),
    });
    expect(answer.status).toBe(422);
  });

  it('is named to the operator together with the setting, to the caller neither', async () => {
    const service = await startService(NOTHING_ALLOWED);
    const answers = [];
    for (const host of ['0x0a000001', '0xa9fea9fe']) {
      answers.push(
        await service.call('POST', '/v1/agents', {
          token: ADMIN,
          body: anAgent({ contactEndpoint: `http://${host}/tasks` }),
        }),
      );
    }
    for (const { text, json } of answers) {
      expect(json.errors).toEqual([
        { path: '/contactEndpoint', message: 'Agents may not live at this address' },
      ]);
      expect(text).not.toMatch(/EGRESS|CIDR|10\.0\.0\.1|169\.254|denied/);
    }
    expect(service.log.filter(({ level }) => level === 40)).toEqual([
      expect.objectContaining({
        address: '10.0.0.1',
        reason: 'EGRESS_ALLOW_CIDRS does not contain it',
      }),
      expect.objectContaining({
        address: '169.254.169.254',
        reason: 'this range is always denied',
      }),
    ]);
  });
});

describe('EGRESS_ALLOW_CIDRS', () => {
  it('is loopback by default when HOST is loopback, and nothing otherwise', () => {
    const ranges = (env: Record<string, string>) =>
      loadConfig(env).egressAllow.map(([address, bits]) => `${address.toString()}/${bits}`);
    for (const HOST of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
      expect(ranges({ HOST })).toEqual(['127.0.0.0/8', '::1/128']);
    }
    for (const HOST of ['0.0.0.0', '::', '10.0.0.1', '192.0.2.1', 'agentkit.internal']) {
      expect(ranges({ HOST })).toEqual([]);
    }
    expect(ranges({ EGRESS_ALLOW_CIDRS: '10.0.0.0/8' })).toEqual(['10.0.0.0/8']);
  });

  it.each([
    ['127.0.0.0/8', '127.0.0.1'],
    ['127.0.0.1/32', '127.0.0.1'],
    ['::1/128', '::1'],
  ])('lets agents live in %s', async (allowed, host) => {
    const agent = await startReceiver(() => ({}), host);
    const service = await startService({ EGRESS_ALLOW_CIDRS: allowed });
    const { agentId } = await service.register({ contactEndpoint: agent.url });
    const { state } = await task(service, await run(service, agentId), ended);
    expect(state).toBe('delivered');
    expect(agent.arrivals).toHaveLength(1);
  });

  it('allows what it says and no more', async () => {
    const { post, guard } = guardedSender(['127.0.0.2/32']);
    expect(guard.isUrlBlocked(new URL('http://127.0.0.2/'))).toBe(false);
    expect(guard.isUrlBlocked(new URL('http://[::ffff:127.0.0.2]/'))).toBe(false);
    for (const host of ['127.0.0.1', '127.0.0.3', 'localhost', '[::1]', '10.0.0.1']) {
      expect(guard.isUrlBlocked(new URL(`http://${host}/`))).toBe(true);
      expect((await post(`http://${host}/`)).errorClass).toBe('blocked_address');
    }
  });

  it('does not let an address inside a tunnel through that it does not name itself', () => {
    const { guard } = guardedSender(['10.0.0.0/8']);
    for (const host of ['[64:ff9b::10.0.0.1]', '[2002:a00:1::]']) {
      expect(guard.isUrlBlocked(new URL(`http://${host}/`))).toBe(true);
    }
    const { guard: both } = guardedSender(['10.0.0.0/8', '64:ff9b::/96']);
    expect(both.isUrlBlocked(new URL('http://[64:ff9b::10.0.0.1]/'))).toBe(false);
    expect(both.isUrlBlocked(new URL('http://[64:ff9b::192.168.0.1]/'))).toBe(true);
  });

  it.each(ALWAYS_DENIED)('cannot allow %s', async (host) => {
    const { post, guard } = guardedSender(everything);
    expect(guard.isUrlBlocked(new URL(`http://${host}/`))).toBe(true);
    expect((await post(`http://${host}:9/`)).errorClass).toBe('blocked_address');
  });

  it.each(ALWAYS_DENIED)('cannot allow %s by a name in DNS either', async (host) => {
    const address = host.replace(/^\[|\]$/g, '');
    const { post } = guardedSender(everything, fakeLookup([address]));
    expect((await post('http://metadata.test:9/')).errorClass).toBe('blocked_address');
  });

  it('leaves public addresses alone', () => {
    const { guard } = guardedSender([]);
    const hosts = ['93.184.216.34', '8.8.8.8', '[2606:4700::1111]', 'agent.test', 'localhost.test'];
    for (const host of hosts) expect(guard.isUrlBlocked(new URL(`http://${host}/`))).toBe(false);
  });
});

describe('a name in DNS', () => {
  it('is refused when any of its addresses is', async () => {
    const canary = await startCanary();
    for (const answer of [
      ['127.0.0.2', '127.0.0.1'],
      ['127.0.0.1', '127.0.0.2'],
      ['127.0.0.2', '::1'],
      ['127.0.0.2', '169.254.169.254'],
      ['::ffff:127.0.0.1'],
      [],
    ]) {
      const { post } = guardedSender(['127.0.0.2/32'], fakeLookup(answer));
      const { errorClass } = await post(`http://mixed.test:${canary.port}/`);
      expect([answer, errorClass]).toEqual([answer, 'blocked_address']);
    }
    expect(canary.connections()).toBe(0);
  });

  it('cannot change between the check and the connection', async () => {
    const allowed = await startReceiver(() => ({ body: 'pinned' }), '127.0.0.2');
    // The same port on the address that the second look would give.
    const { lookup, asked } = fakeLookup(['127.0.0.2'], ['127.0.0.1']);
    const { post, blocked } = guardedSender(['127.0.0.2/32'], { lookup });
    const first = await post(`http://rebinding.test:${allowed.port}/`);
    expect(first).toMatchObject({ statusCode: 200, responseExcerpt: 'pinned' });
    expect(asked).toEqual(['rebinding.test']);
    expect(blocked).toEqual([]);
  });

  it('is looked up and judged again for the next connection', async () => {
    const canary = await startCanary();
    const agent = await startReceiver(
      () => (_request, response) => response.writeHead(200, { connection: 'close' }).end(),
      '127.0.0.2',
    );
    const { lookup, asked } = fakeLookup(['127.0.0.2'], ['127.0.0.1']);
    const { post } = guardedSender(['127.0.0.2/32'], { lookup });
    expect((await post(`http://rebinding.test:${agent.port}/`)).statusCode).toBe(200);
    // A new origin, and so a new connection; the resolver has changed its mind by now.
    const second = await post(`http://rebinding.test:${canary.port}/`);
    expect(second.errorClass).toBe('blocked_address');
    const third = await post(`http://rebinding.test:${agent.port}/`);
    expect(third.errorClass).toBe('blocked_address');
    expect(asked).toHaveLength(3);
    expect(canary.connections()).toBe(0);
  });
});

describe('a redirect inward', () => {
  it.each([301, 302, 303, 307, 308])(
    'with %i ends the task and is not followed',
    async (status) => {
      const canary = await startCanary();
      const agent = await startReceiver(
        () => (_request, response) =>
          response.writeHead(status, { location: `http://127.0.0.1:${canary.port}/inside` }).end(),
      );
      // Loopback is allowed here: only not following keeps the canary quiet.
      const service = await startService();
      const { agentId } = await service.register({ contactEndpoint: agent.url });
      const { state, lastError } = await task(service, await run(service, agentId), ended);
      expect([state, lastError]).toEqual(['dead', `http_${status}`]);
      expect(canary.connections()).toBe(0);
    },
  );
});

describe("the service's own address", () => {
  it('is refused at registration', async () => {
    const service = await startService();
    const { port } = new URL(service.url);
    for (const host of ['127.0.0.1', '2130706433', 'localhost', '[::ffff:127.0.0.1]']) {
      const answer = await service.call('POST', '/v1/agents', {
        body: anAgent({ contactEndpoint: `http://${host}:${port}/v1/agents` }),
      });
      expect([host, answer.status]).toEqual([host, 422]);
    }
    const reason = 'it is the address of this service';
    expect(service.log.filter((line) => line['reason'] === reason)).toHaveLength(4);
    const neighbour = anAgent({ contactEndpoint: `http://127.0.0.1:${Number(port) - 1}/` });
    expect((await service.call('POST', '/v1/agents', { body: neighbour })).status).toBe(201);
  });

  it.each([
    ['0.0.0.0', ['127.0.0.1', '127.0.0.2', '127.9.9.9', '0.0.0.0']],
    ['::', ['127.0.0.1', '127.0.0.2', '[::1]', 'localhost']],
  ])('is refused at registration when it listens on %s', async (HOST, hosts) => {
    const service = await startService({
      ...NOTHING_ALLOWED,
      HOST,
      EGRESS_ALLOW_CIDRS: '127.0.0.0/8,::1/128',
    });
    const { port } = new URL(service.url);
    for (const host of hosts) {
      const answer = await service.call('POST', '/v1/agents', {
        token: ADMIN,
        body: anAgent({ contactEndpoint: `http://${host}:${port}/` }),
      });
      expect([host, answer.status]).toEqual([host, 422]);
    }
  });

  it('is refused under a name as well, once a connection is made', async () => {
    const canary = await startCanary();
    const self = () => [{ address: '127.0.0.1', port: canary.port }];
    for (const answer of [['127.0.0.1'], ['::ffff:127.0.0.1'], ['127.0.0.2', '127.0.0.1']]) {
      const { lookup } = fakeLookup(answer);
      const { post } = guardedSender(['127.0.0.0/8'], { lookup, self });
      const { errorClass } = await post(`http://agentkit.test:${canary.port}/`);
      expect(errorClass).toBe('blocked_address');
    }
    expect(canary.connections()).toBe(0);
  });

  it('leaves other ports of the same address alone', async () => {
    const agent = await startReceiver();
    const { lookup } = fakeLookup(['127.0.0.1']);
    const self = () => [{ address: '127.0.0.1', port: agent.port + 1 }];
    const { post } = guardedSender(['127.0.0.0/8'], { lookup, self });
    expect((await post(`http://agent.test:${agent.port}/`)).statusCode).toBe(200);
  });
});
