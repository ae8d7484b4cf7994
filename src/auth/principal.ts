/** What a key may do (docs/security.md). `admin` may do everything. */
export const scopes = ['admin', 'dispatch', 'register', 'read'] as const;
export type Scope = (typeof scopes)[number];

/** Who is asking. */
export type Principal =
  /** Open mode: no keys exist, and only this machine reaches the service. */
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'key'; readonly name: string; readonly scope: Scope }
  | { readonly kind: 'agent'; readonly agentId: string };

/** What a route asks for; every route declares it, or the service does not start. */
export type Access =
  | 'public'
  | {
      /** Scopes besides `admin`. */
      readonly scopes: readonly Exclude<Scope, 'admin'>[];
      /**
       * Whether an agent's own token will do: for routes of the agent that it belongs to (`self`), or where the
       * handler knows whose the object is (`handler`).
       */
      readonly agentToken?: 'self' | 'handler';
    };

/** Whether a principal passes a route's declaration. Pure. */
export function mayUse(
  principal: Principal,
  access: Access,
  agentIdOfRoute: string | undefined,
): boolean {
  if (access === 'public') return true;
  switch (principal.kind) {
    case 'anonymous':
      return true;
    case 'key':
      return principal.scope === 'admin' || access.scopes.includes(principal.scope);
    case 'agent':
      if (access.agentToken === 'self') return principal.agentId === agentIdOfRoute;
      return access.agentToken === 'handler';
  }
}

/** Whether a principal may change an agent: the agent itself, the key that registered it, or an admin. */
export function mayManage(
  principal: Principal,
  agent: { readonly agentId: string; readonly owner: string | null },
): boolean {
  switch (principal.kind) {
    case 'anonymous':
      return true;
    case 'key':
      return principal.scope === 'admin' || principal.name === agent.owner;
    case 'agent':
      return principal.agentId === agent.agentId;
  }
}

/** Who did something, for the record. */
export function nameOfPrincipal(principal: Principal): string {
  switch (principal.kind) {
    case 'anonymous':
      return 'anonymous';
    case 'key':
      return principal.name;
    case 'agent':
      return principal.agentId;
  }
}
