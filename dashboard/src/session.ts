import { createState } from './state.ts';

/** Who asks, as GET /v1/whoami tells. */
export interface Who {
  readonly kind: 'anonymous' | 'key' | 'agent';
  readonly name: string | null;
  readonly scope: string | null;
}

export type Session =
  | { readonly state: 'asking' }
  /** A key is wanted; `reason` is why, when there was one before. */
  | { readonly state: 'out'; readonly reason: string | null }
  | { readonly state: 'in'; readonly who: Who };

/**
 * The key is kept in sessionStorage: for this tab, until it is closed. A cookie would go with requests that other pages
 * make; localStorage would outlive the person at the screen.
 */
const SLOT = 'agentkit.key';

export const session = createState<Session>({ state: 'asking' });

export function keyOf(): string | null {
  return window.sessionStorage.getItem(SLOT);
}

/** Only what can stand in a header counts. */
const FORM = /^[\x21-\x7e]{1,1024}$/;

async function whoami(key: string | null): Promise<Session> {
  const response = await fetch('/v1/whoami', {
    headers: key === null ? {} : { authorization: `Bearer ${key}` },
    credentials: 'omit',
  }).catch(() => undefined);
  if (response === undefined) return { state: 'out', reason: 'The service does not answer.' };
  const answer = (await response.json().catch(() => ({}))) as { message?: string; data?: Who };
  if (response.ok && answer.data !== undefined) return judge(answer.data);
  const wanted = response.status === 401 && key === null;
  return {
    state: 'out',
    reason: wanted ? null : (answer.message ?? `It answered ${response.status}.`),
  };
}

/** Only who may look at everything gets further. */
function judge(who: Who): Session {
  if (who.kind === 'anonymous' || who.scope === 'admin' || who.scope === 'read') {
    return { state: 'in', who };
  }
  const whose =
    who.kind === 'agent'
      ? 'That is the token of an agent'
      : `That key has the scope ${who.scope ?? ''}`;
  return {
    state: 'out',
    reason: `${whose}. To look takes a key with the scope read, to act one with admin.`,
  };
}

/** At the start: with the key of this tab, or without one where the service is open. */
export async function begin(): Promise<void> {
  session.set(await whoami(keyOf()));
}

export async function signIn(given: string): Promise<void> {
  const key = given.trim();
  if (!FORM.test(key)) {
    session.set({
      state: 'out',
      reason: 'That cannot be a key: it has spaces or other characters in it.',
    });
    return;
  }
  const answer = await whoami(key);
  if (answer.state === 'in') window.sessionStorage.setItem(SLOT, key);
  session.set(answer);
}

export function signOut(): void {
  window.sessionStorage.removeItem(SLOT);
  session.set({ state: 'out', reason: null });
}

/** A request was refused for its credential. The place stays: after the next sign-in the page is where it was. */
export function lost(asked: string | null, message: string): void {
  // An answer to the key before this one says nothing of it.
  if (asked !== keyOf() || session.get().state === 'out') return;
  window.sessionStorage.removeItem(SLOT);
  session.set({ state: 'out', reason: asked === null ? null : message });
}

/** Whether this session may change anything. */
export function mayAct(current: Session): boolean {
  return (
    current.state === 'in' && (current.who.kind === 'anonymous' || current.who.scope === 'admin')
  );
}
