import { describe, expect, it } from 'vitest';
import { variables } from '../../src/config/variables.ts';
import { secretsIn } from './environment.ts';

const values = (env: Record<string, string>) => secretsIn(env).map(({ value }) => value);

describe('the secrets of an environment', () => {
  it('are those of every variable that the service calls a secret', () => {
    for (const [name, variable] of Object.entries(variables)) {
      if ('secret' in variable) expect([name, values({ [name]: 'abc' })]).toEqual([name, ['abc']]);
    }
  });

  it('are each key of a list, without its name and scope', () => {
    expect(values({ AGENTKIT_API_KEYS: 'a:admin:one, b:read:t:wo' })).toEqual(['one', 't:wo']);
    expect(values({ AGENTKIT_ENCRYPTION_KEY: 'new=,old=' })).toEqual(['new=', 'old=']);
  });

  it('are the passwords in URLs, also where the URL is refused for them', () => {
    for (const name of Object.keys(variables).filter((variable) => variable.endsWith('_URL'))) {
      expect([name, values({ [name]: 'postgres://user:word@host/db' })]).toEqual([name, ['word']]);
      expect(values({ [name]: 'https://word@host/db' })).toEqual(['word']);
      expect(values({ [name]: 'http://host/db?a=b&password=word&c=d' })).toEqual(['word']);
      expect(values({ [name]: 'http://host/db' })).toEqual([]);
    }
  });

  it('are none where a variable is empty or not set', () => {
    expect(values({ OPSCORE_API_KEY: ' ', AGENTKIT_API_KEYS: '' })).toEqual([]);
  });
});
