import { describe, expect, it } from 'vitest';
import { newToken } from '../../src/auth/token.ts';
import { aService } from '../helpers/service.ts';
import { HAND_OUTS, handOutsOf, withoutHandOuts } from './hand-outs.ts';

const ROUTE = 'POST /v1/agents';
const token = newToken('agt');
const answer = JSON.stringify({ status: 'success', data: { agentToken: token, note: '' } });
const allowed = () => handOutsOf(ROUTE, 201, answer);
const bytes = (text: string) => Buffer.from(text);

describe('what is handed out', () => {
  it('may be said in its field of that answer, once', () => {
    const once = allowed();
    expect(once).toMatchObject([{ kind: 'agentToken', value: token }]);
    expect(withoutHandOuts(bytes(answer), once).toString()).not.toContain(token);
    expect(withoutHandOuts(bytes(answer), once).toString()).toContain(token);
  });

  it('may not be said in another field, a header, or a second time in the same answer', () => {
    const said = [
      answer.replace('"note":""', `"note":"${token}"`),
      answer.replace('"note":""', `"agentToken":"${token}"`),
      `x-token: ${token}\r\n\r\n${answer}`,
    ];
    for (const text of said) {
      const rest = withoutHandOuts(bytes(text), allowed()).toString();
      expect(rest.split(token)).toHaveLength(2);
    }
  });

  it('is nothing in an error, and nothing on another route', () => {
    expect(handOutsOf(ROUTE, 409, answer)).toEqual([]);
    expect(handOutsOf('GET /v1/agents/:agent_id', 200, answer)).toEqual([]);
  });
});

type Schema = { readonly properties?: Readonly<Record<string, Schema>> };
type Operation = {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
};

it('is what the OpenAPI document says that an answer gives', async () => {
  const { service } = await aService();
  const paths = Object.entries(service.app.swagger().paths ?? {});
  const documented = paths.flatMap(([path, operations]) =>
    Object.entries(operations as unknown as Record<string, Operation>).flatMap(
      ([method, { responses }]) => {
        const fields = Object.entries(responses)
          .filter(([status]) => status.startsWith('2'))
          .flatMap(([, { content }]) => content?.['application/json']?.schema.properties?.['data'])
          .flatMap((data) => Object.keys(data?.properties ?? {}))
          .filter((field) => ['agentToken', 'signingSecret', 'key'].includes(field));
        const route = `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`;
        return fields.length === 0 ? [] : [[route, [...new Set(fields)].sort()] as const];
      },
    ),
  );
  expect(Object.fromEntries(documented)).toEqual(HAND_OUTS);
});
