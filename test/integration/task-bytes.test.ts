import { expect, it } from 'vitest';
import { startAgentServer } from '../helpers/agent-server.ts';
import { startWorld } from './world.ts';

const LIMIT = 1_048_576;

const BODIES: Record<string, string> = {
  'the smallest task': '{"task_name":"t"}',
  'a message':
    '{"senderId":"ops","messageType":"m","payload":{"a":1},"sessionContext":{"sessionId":"s","taskId":"t","extra":[1]},"timestamp":1.5}',
  'unusual whitespace': ' \r\n\t{ "task_name"\t:\r\n"t" ,\n\n  "parameters" : { } }\t \r\n',
  'Unicode escapes beside the characters':
    '{"task_name":"caf\\u00e9 caf\u00e9","parameters":{"\\ud83d\\ude80":"\u{1F680}","lone":"\\ud800","solidus":"\\/"}}',
  'unknown keys at every level':
    '{"x":{"y":[{"z":null}]},"task_name":"t","parameters":{"deep":{"er":{}}},"agentId":"mine","taskId":"mine"}',
  'duplicate keys': '{"task_name":"first","task_name":"second","parameters":{"a":1,"a":2}}',
  'numbers that do not survive a parser':
    '{"task_name":"t","parameters":{"n":[1.0,1E2,-0,0.1000,12345678901234567890,1e400,1e-400]}}',
  'keys that look like array indexes, out of order':
    '{"task_name":"t","parameters":{"10":1,"9":2,"b":3,"a":4}}',
  'nulls for what is optional':
    '{"task_name":"t","parameters":null,"opscore_task_id":null,"opscore_session_id":null}',
  'as many bytes as are taken': '{"task_name":"t","s":"'.padEnd(LIMIT - 2, 'e') + '"}',
};

it('the agent gets the very bytes that came in, in both shapes', async () => {
  const world = await startWorld({ BODY_LIMIT: String(LIMIT) });
  const agent = await startAgentServer();
  const { agentId } = await world.register(agent);
  for (const [name, text] of Object.entries(BODIES)) {
    const taskId = await world.run(agentId, text);
    await world.taskIn('delivered', taskId);
    const [dispatch] = agent.of(taskId);
    expect(dispatch?.bytes.equals(Buffer.from(text)), name).toBe(true);
  }
  expect(agent.refused()).toBe(0);
});
