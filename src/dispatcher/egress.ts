import ipaddr from 'ipaddr.js';
import { lookup as dnsLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { buildConnector } from 'undici';
import type { Cidr } from '../config/parse.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

export interface EgressPolicy {
  /** EGRESS_ALLOW_CIDRS: ranges that are not public and in which agents may live all the same. */
  readonly allow: readonly Cidr[];
  /** Where the service itself listens; empty before it does. */
  readonly self: () => readonly { readonly address: string; readonly port: number }[];
  /** Tells the operator what was refused, and which setting would allow it; the caller is not told. */
  readonly onBlocked: (details: { host: string; address: string; reason: string }) => void;
  readonly lookup?: typeof dnsLookup;
}

/** An attempt was refused before a connection was made. */
export class BlockedAddressError extends Error {
  override readonly name = 'BlockedAddressError';
  readonly code = 'ERR_BLOCKED_ADDRESS';
}

/** Never reached, whatever the allow list says (docs/security.md): they are no place for an agent. */
const DENIED_RANGES = new Set(['linkLocal', 'multicast', 'unspecified', 'broadcast']);

/** Cloud metadata services outside the link-local range: AWS and Google over IPv6, Alibaba, Oracle, Azure's WireServer. */
const METADATA = new Set([
  'fd00:ec2::254',
  'fd20:ce::254',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
]);

/**
 * Judges one address: public unicast is allowed, everything else only by EGRESS_ALLOW_CIDRS.
 * An IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4, Teredo) is judged as well:
 * the packet would end up there.
 * @returns why it is refused; undefined = allowed.
 */
export function addressFault(text: string, allow: readonly Cidr[]): string | undefined {
  const address = unwrap(ipaddr.parse(text));
  if (DENIED_RANGES.has(address.range()) || METADATA.has(address.toString())) {
    return 'this range is always denied';
  }
  const embedded = embeddedIPv4(address);
  if (embedded !== undefined) {
    const inner = addressFault(embedded.toString(), allow);
    if (inner !== undefined) return inner;
    return isAllowed(address, allow) ? undefined : NEEDS_ALLOWING;
  }
  if (isPublic(address)) return undefined;
  return isAllowed(address, allow) ? undefined : NEEDS_ALLOWING;
}

/** ipaddr.js calls `unicast` what no registry names; of IPv6 only 2000::/3 has been given out (RFC 4291 section 2.4). */
function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || ((address.parts[0] ?? 0) & 0xe000) === 0x2000;
}

const NEEDS_ALLOWING = 'EGRESS_ALLOW_CIDRS does not contain it';

function isAllowed(address: Address, allow: readonly Cidr[]): boolean {
  return allow.some(
    ([range, bits]) => range.kind() === address.kind() && address.match([range, bits] as never),
  );
}

/** An IPv4-mapped or IPv4-compatible address is that IPv4 address. */
function unwrap(address: Address): Address {
  if (address instanceof ipaddr.IPv4) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  const { parts } = address;
  const compatible = parts.slice(0, 6).every((part) => part === 0) && parts[6] !== 0;
  return compatible ? ipv4Of(parts[6] ?? 0, parts[7] ?? 0) : address;
}

function embeddedIPv4(address: Address): ipaddr.IPv4 | undefined {
  if (address instanceof ipaddr.IPv4) return undefined;
  const [, second = 0, third = 0, , , , seventh = 0, eighth = 0] = address.parts;
  const range = address.range();
  // NAT64 and IPv4-translated.
  if (range === 'rfc6052' || range === 'rfc6145') return ipv4Of(seventh, eighth);
  if (range === '6to4') return ipv4Of(second, third);
  if (range === 'teredo') return ipv4Of(seventh ^ 0xffff, eighth ^ 0xffff);
  return undefined;
}

function ipv4Of(high: number, low: number): ipaddr.IPv4 {
  return new ipaddr.IPv4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
}

/** Keeps what agents gave as their address from reaching inside. */
export function createEgressGuard(policy: EgressPolicy) {
  const { allow, self, onBlocked, lookup = dnsLookup } = policy;

  function faultOf(host: string, address: string, port: number): string | undefined {
    const fault = isSelf(address, port)
      ? 'it is the address of this service'
      : addressFault(address, allow);
    if (fault !== undefined) onBlocked({ host, address, reason: fault });
    return fault;
  }

  /** Tasks sent to the service itself would go round and round. */
  function isSelf(address: string, port: number): boolean {
    const target = unwrap(ipaddr.parse(address));
    return self().some((own) => own.port === port && reaches(target, own.address));
  }

  /**
   * Judges what a URL says by itself: a literal address, in any spelling that the URL parser knows, or a name that
   * is loopback by definition (RFC 6761). Other names are judged when a connection is made.
   */
  function isUrlBlocked(url: URL): boolean {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
    const name = host.replace(/\.$/, '').toLowerCase();
    const literal = name === 'localhost' || name.endsWith('.localhost') ? '127.0.0.1' : host;
    return isIP(literal) !== 0 && faultOf(host, literal, port) !== undefined;
  }

  /** A lookup that fails when any address is refused; the connection is made to what it returned, with no second look. */
  function guardedLookup(port: number): LookupFunction {
    return (hostname, options, callback) => {
      lookup(hostname, { ...options, all: true }, (error, found) => {
        const addresses = found;
        if (error !== null) {
          callback(error, '', 0);
          return;
        }
        const first = addresses[0];
        if (
          first === undefined ||
          addresses.some(({ address }) => faultOf(hostname, address, port) !== undefined)
        ) {
          callback(new BlockedAddressError('the address is refused'), '', 0);
          return;
        }
        if (options.all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      });
    };
  }

  /** One connector for our own port and one for the rest: the lookup is not told the port. */
  function connector(timeoutMs: number): buildConnector.connector {
    const build = (port: number) =>
      buildConnector({ timeout: timeoutMs, lookup: guardedLookup(port) });
    const elsewhere = build(-1);
    let ownPort: { readonly port: number; readonly connect: buildConnector.connector } | undefined;
    return (options, callback) => {
      const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80);
      const host = options.hostname.replace(/^\[|\]$/g, '');
      // undici never calls a lookup for an IP literal.
      if (isIP(host) !== 0 && faultOf(host, host, port) !== undefined) {
        callback(new BlockedAddressError('the address is refused'), null);
        return;
      }
      if (!self().some((own) => own.port === port)) {
        elsewhere(options, callback);
        return;
      }
      if (ownPort?.port !== port) ownPort = { port, connect: build(port) };
      ownPort.connect(options, callback);
    };
  }

  return { isUrlBlocked, connector };
}

export type EgressGuard = ReturnType<typeof createEgressGuard>;

/** Whether a connection to `target` ends at a socket of this machine that listens on `listening`. */
function reaches(target: Address, listening: string): boolean {
  const own = unwrap(ipaddr.parse(listening));
  if (own.range() !== 'unspecified') return own.toString() === target.toString();
  // All of 127.0.0.0/8 is this machine, though only 127.0.0.1 is listed.
  if (target.range() === 'loopback') return true;
  return Object.values(networkInterfaces())
    .flat()
    .filter((entry) => entry !== undefined)
    .some((entry) => unwrap(ipaddr.parse(entry.address)).toString() === target.toString());
}
