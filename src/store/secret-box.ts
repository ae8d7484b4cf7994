import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const SEALED = 'sealed:v1:';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Seals the secrets that have to be kept readable (HMAC needs them), so that a stolen database file does not give them. */
export interface SecretBox {
  seal(secret: string): string;
  /** @throws Error when no key opens it: another key, or none, or the text was altered. */
  open(stored: string): string;
  /** Whether the stored text is as `seal` would write it now; otherwise it is to be sealed again. */
  isCurrent(stored: string): boolean;
}

/** AES-256-GCM. The first key seals, any of them opens: that is how a key is replaced. Without a key: as they are. */
export function createSecretBox(keys: readonly Buffer[]): SecretBox {
  const [current] = keys;

  function openWith(key: Buffer, sealed: Buffer): string | undefined {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      return (
        decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') +
        decipher.final('utf8')
      );
    } catch {
      return undefined;
    }
  }

  function open(stored: string): string {
    if (!stored.startsWith(SEALED)) return stored;
    const sealed = Buffer.from(stored.slice(SEALED.length), 'base64');
    for (const key of keys) {
      const secret = openWith(key, sealed);
      if (secret !== undefined) return secret;
    }
    throw new Error('AGENTKIT_ENCRYPTION_KEY does not open the secrets in this database');
  }

  return {
    open,
    seal: (secret) => {
      if (current === undefined) return secret;
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', current, nonce);
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return SEALED + Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
    },
    isCurrent: (stored) => {
      if (!stored.startsWith(SEALED)) return current === undefined;
      const sealed = Buffer.from(stored.slice(SEALED.length), 'base64');
      return current !== undefined && openWith(current, sealed) !== undefined;
    },
  };
}
