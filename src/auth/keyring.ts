import type { Clock } from '../clock.ts';
import type { ConfiguredKey } from '../config/parse.ts';
import { ApiError } from '../errors.ts';
import type { ApiKey, Store } from '../store/store.ts';
import type { Principal, Scope } from './principal.ts';
import { displayPrefix, isMistyped, newToken, sameHash, tokenHash } from './token.ts';

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  /** AGENTKIT_API_KEYS. */
  readonly configured: readonly ConfiguredKey[];
}

/** A key as it is listed: never more of it than its prefix. */
export interface KeyView {
  readonly name: string;
  readonly scope: Scope;
  readonly prefix: string;
  /** Keys of the environment are changed there. */
  readonly source: 'environment' | 'store';
  readonly createdAt: number | null;
  /** The key that was replaced still works until then. */
  readonly previousUntil: number | null;
}

/** A stored key found by its hash is believed for this long: so late a revocation reaches the other replicas. */
const CACHE_MS = 1_000;
const CACHE_SIZE = 10_000;

export type Keyring = Awaited<ReturnType<typeof createKeyring>>;

/** Who a token belongs to, and the keys of the service. */
export async function createKeyring({ store, clock, configured }: Deps) {
  const fromEnvironment = configured.map((key) => ({ ...key, hash: tokenHash(key.key) }));
  const cache = new Map<string, { principal: Principal; until: number }>();
  let open = configured.length === 0 && (await store.keys.list()).length === 0;
  let lookedAt = clock.now();

  /**
   * The principal of a bearer token.
   * @throws ApiError unauthorized, saying whether it looks mistyped.
   */
  async function authenticate(token: string): Promise<Principal> {
    const hash = tokenHash(token);
    const key = fromEnvironment.find((candidate) => sameHash(candidate.hash, hash));
    if (key !== undefined) return { kind: 'key', name: key.name, scope: key.scope };
    const now = clock.now();
    const cached = cache.get(hash);
    if (cached !== undefined && cached.until > now) return cached.principal;
    const principal = await storedPrincipal(hash, now);
    if (principal === undefined) {
      throw new ApiError('unauthorized', {
        message: isMistyped(token)
          ? 'The credential is mistyped or cut off: its checksum is wrong.'
          : 'The credential is not known, or no longer valid.',
      });
    }
    if (cache.size >= CACHE_SIZE) cache.clear();
    cache.set(hash, { principal, until: now + CACHE_MS });
    return principal;
  }

  async function storedPrincipal(hash: string, now: number): Promise<Principal | undefined> {
    const key = await store.keys.findByHash(hash, now);
    if (key !== undefined) return { kind: 'key', name: key.name, scope: key.scope };
    const agentId = await store.agents.findByTokenHash(hash, now);
    return agentId === undefined ? undefined : { kind: 'agent', agentId };
  }

  /** @returns the key, which nobody can show again. @throws ApiError key_name_taken, first_key_not_admin. */
  async function create(name: string, scope: Scope): Promise<{ key: string; view: KeyView }> {
    // From the first key on everybody needs one: without an admin's nobody could make a second.
    if (open && scope !== 'admin') throw new ApiError('first_key_not_admin');
    if (fromEnvironment.some((key) => key.name === name)) throw new ApiError('key_name_taken');
    const key = newToken('agk');
    const record: ApiKey = {
      name,
      scope,
      hash: tokenHash(key),
      prefix: displayPrefix(key),
      createdAt: clock.now(),
      previousUntil: null,
    };
    if ((await store.keys.insert(record)) === 'name_taken') throw new ApiError('key_name_taken');
    open = false;
    return { key, view: viewOf(record) };
  }

  async function list(): Promise<KeyView[]> {
    const environment = fromEnvironment.map(({ name, scope, key }) => ({
      name,
      scope,
      prefix: displayPrefix(key),
      source: 'environment' as const,
      createdAt: null,
      previousUntil: null,
    }));
    return [...environment, ...(await store.keys.list()).map(viewOf)];
  }

  /** Replaces a key; the old one works for `overlapMs` more. @throws ApiError key_not_found, key_from_environment. */
  async function rotate(name: string, overlapMs: number): Promise<{ key: string; view: KeyView }> {
    const key = newToken('agk');
    const record = await store.keys.rotate(name, {
      hash: tokenHash(key),
      prefix: displayPrefix(key),
      previousUntil: clock.now() + overlapMs,
    });
    cache.clear();
    if (record === undefined) throw notStored(name);
    return { key, view: viewOf(record) };
  }

  /**
   * Ends a key at once.
   * @throws ApiError key_not_found, key_from_environment, last_admin_key.
   */
  async function revoke(name: string): Promise<void> {
    // Without any, nobody could make another key, and a start on loopback would be open again.
    const lastAdminStays = !fromEnvironment.some(({ scope }) => scope === 'admin');
    const outcome = await store.keys.remove(name, { lastAdminStays });
    if (outcome === 'not_found') throw notStored(name);
    if (outcome === 'last_admin') throw new ApiError('last_admin_key');
    cache.clear();
  }

  /** The first key may be made at another replica: it closes this one as well, a second later. */
  function lookForKeys(): void {
    const now = clock.now();
    if (!open || now - lookedAt < CACHE_MS) return;
    lookedAt = now;
    store.keys.list().then(
      (keys) => {
        if (keys.length > 0) open = false;
      },
      () => undefined,
    );
  }

  function notStored(name: string): ApiError {
    const configuredHere = fromEnvironment.some((key) => key.name === name);
    return new ApiError(configuredHere ? 'key_from_environment' : 'key_not_found');
  }

  return {
    authenticate,
    create,
    list,
    rotate,
    revoke,
    /** No key exists: everybody who reaches the service may do everything. */
    isOpen: () => {
      lookForKeys();
      return open;
    },
    /** Forgets what was believed of tokens: an agent left, or got another token. */
    forget: () => cache.clear(),
  };
}

function viewOf({ name, scope, prefix, createdAt, previousUntil }: ApiKey): KeyView {
  return { name, scope, prefix, source: 'store', createdAt, previousUntil };
}
