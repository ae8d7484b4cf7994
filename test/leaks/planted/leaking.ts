import { expect, it } from 'vitest';
import { testLog } from '../../helpers/log.ts';
import { aSecret } from '../../helpers/secrets.ts';

it('passes', () => {
  testLog().info({ key: aSecret('OPSCORE_API_KEY') }, 'planted');
  expect(true).toBe(true);
});
