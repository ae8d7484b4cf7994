interface KnownSecret {
  readonly secret: string;
  /** Epoch milliseconds. */
  readonly until: number;
}

/**
 * The signing secrets that an agent takes dispatches by: the newest, and those before it until their overlap is over.
 * A secret that is rotated away may be known to somebody else, so it is refused from that moment on.
 */
export class SigningSecrets {
  #known: readonly KnownSecret[] = [];

  /** What a registration answered. An empty one is none. */
  set(secret: string): void {
    this.#known = [{ secret, until: Number.POSITIVE_INFINITY }];
  }

  /** The one that dispatches are signed with as far as we know; undefined before the first registration. */
  get newest(): string | undefined {
    return this.#known[0]?.secret;
  }

  /** @param previousUntil ISO 8601; what cannot be read ends the old one at once. */
  rotate(secret: string, previousUntil: string): void {
    const end = Date.parse(previousUntil);
    const until = Number.isNaN(end) ? 0 : end;
    this.#known = [
      { secret, until: Number.POSITIVE_INFINITY },
      ...this.#known.map((old) => ({ ...old, until: Math.min(old.until, until) })),
    ];
  }

  /** The newest first. */
  at(now: number): string[] {
    this.#known = this.#known.filter(({ until }) => now < until);
    return this.#known.map(({ secret }) => secret);
  }
}
