import { describe, expect, it } from 'vitest';
import { serviceEnvironment } from '../helpers/environment.ts';
import { aSecret, aShortSecret, ENCRYPTION_KEY } from '../helpers/secrets.ts';

describe('the environment of a service of a test', () => {
  it('has the encryption key, unless the test says otherwise', () => {
    expect(serviceEnvironment({ PORT: '0' })).toEqual({
      PORT: '0',
      AGENTKIT_ENCRYPTION_KEY: ENCRYPTION_KEY,
    });
    expect(serviceEnvironment({ AGENTKIT_ENCRYPTION_KEY: '' })).toEqual({
      AGENTKIT_ENCRYPTION_KEY: '',
    });
  });

  it('takes no secret that was made by hand, long or short', () => {
    aShortSecret('s');
    for (const value of ['opscore-key', 'a long one, but everybody could say it']) {
      expect(() => serviceEnvironment({ OPSCORE_API_KEY: value })).toThrow(
        /^OPSCORE_API_KEY: a secret of a test is made by test\/helpers\/secrets\.ts$/,
      );
    }
    const keys = `a:admin:${aSecret('AGENTKIT_API_KEYS')},b:read:by-hand`;
    expect(() => serviceEnvironment({ AGENTKIT_API_KEYS: keys })).toThrow(/^AGENTKIT_API_KEYS/);
  });

  it('takes one that was made, what is made of it, and a short one that the test asks for', () => {
    const secret = aSecret('OPSCORE_API_KEY');
    for (const value of [secret, `${secret}!`, secret.slice(2), aShortSecret('k')]) {
      expect(serviceEnvironment({ OPSCORE_API_KEY: value }).OPSCORE_API_KEY).toBe(value);
    }
    expect(() => aShortSecret('too long to be short')).toThrow();
  });
});
