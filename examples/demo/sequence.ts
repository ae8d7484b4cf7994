import type { Cast } from './cast.ts';
import type { Child } from './child.ts';
import { ended, state, text, webhook } from './observe.ts';
import { look, lookUntil, postUnsigned } from './service-api.ts';
import {
  agentEnvironment,
  opscoreEnvironment,
  serviceEnvironment,
  type Secrets,
} from './settings.ts';
import { confirm, type Story } from './story.ts';

const POEM = { text: 'Rain fell all night. The river rose.' };
const POEM_SUMMARY = { summary: 'Rain fell all night.', words: 7 };

/** The sequence of the wire contract from the first to the last arrow, each step once it is proved. */
export async function tellSequence(story: Story, cast: Cast, secrets: Secrets): Promise<void> {
  story.say('Three processes on this machine, with new secrets and an empty database:\n');
  const opscore = cast.start('Ops-Core', 'examples/opscore.ts', opscoreEnvironment(secrets));
  const opscoreReady = await listens(story, 'Ops-Core', opscore, 'Ops-Core is ready');
  const urls = { webhookUrl: text(opscoreReady['webhookUrl']), apiUrl: text(opscoreReady['url']) };
  const environment = serviceEnvironment(secrets, urls, cast.dir);
  const service = cast.start('service', 'src/server.ts', environment);
  const serviceUrl = text(
    (await listens(story, 'service', service, 'the service is ready'))['url'],
  );
  await isHealthy(story, serviceUrl);
  opscore.tell(`agentkit ${serviceUrl}`);

  story.say('\nThe agent registers, and Ops-Core hears of it:\n');
  const agent = cast.start(
    'agent',
    'examples/agent.ts',
    agentEnvironment(secrets, urls, serviceUrl),
  );
  const world: World = { story, opscore, agent, serviceUrl, readKey: secrets.readKey };
  const { agentId, agentUrl } = await registers(world);
  await webhook(story, opscore, 'REGISTER', agentId);
  await state(story, opscore, agentId, 'idle');

  story.say('\nOps-Core gives it a task:\n');
  const summarize = await run(world, agentId, 'summarize', POEM);
  await isRefusedUnsigned(story, agentUrl);
  await state(story, opscore, agentId, 'active', { taskId: summarize });
  await state(story, opscore, agentId, 'finished', { taskId: summarize, result: POEM_SUMMARY });
  await state(story, opscore, agentId, 'idle');
  await isDelivered(world, summarize);

  story.say('\nAnd one that fails:\n');
  const divide = await run(world, agentId, 'divide', { dividend: 1, divisor: 0 });
  const message = 'cannot divide by zero';
  await state(story, opscore, agentId, 'active', { taskId: divide });
  await state(story, opscore, agentId, 'error', { taskId: divide, message });
  await state(story, opscore, agentId, 'idle');
  await isDelivered(world, divide);

  story.say('\nThe agent is told to stop, and leaves:\n');
  await ended(story, 'agent', agent);
  await webhook(story, opscore, 'DEREGISTER', agentId);
  await isForgotten(world, agentId);
  // Its handlers ran for these two and for nothing else, the unsigned one included.
  confirm({ unexpectedTasks: agent.untaken('task taken') }, { unexpectedTasks: 0 });
  await ended(story, 'service', service);
  await ended(story, 'Ops-Core', opscore);
}

interface World {
  readonly story: Story;
  readonly opscore: Child;
  readonly agent: Child;
  readonly serviceUrl: string;
  readonly readKey: string;
}

function listens(story: Story, name: string, child: Child, readyLine: string) {
  return story.step(
    name,
    'starts',
    child.next(readyLine),
    ({ url }) => `listens at ${text(url)} (process ${String(child.pid)})`,
  );
}

async function isHealthy(story: Story, serviceUrl: string): Promise<void> {
  const healthy = look(serviceUrl, '/health').then((answer) => confirm(answer, { status: 200 }));
  await story.step('service', 'is healthy', healthy, () => 'GET /health 200');
  // 200 in open mode, where the service takes requests from this machine alone.
  const keyless = look(serviceUrl, '/v1/agents');
  await story.step('service', 'answers', keyless, ({ status }) =>
    status === 401
      ? 'GET /v1/agents without a key 401'
      : `GET /v1/agents without a key ${String(status)} (open mode)`,
  );
}

function registers({ story, agent, serviceUrl, readKey }: World) {
  const registered = agent.next('the agent is ready').then(async (line) => {
    const [agentId, agentUrl] = [text(line['agentId']), text(line['url'])];
    const { status, data } = await look(serviceUrl, `/v1/agents/${agentId}`, readKey);
    confirm({ status }, { status: 200 });
    confirm(data, { agentName: 'worker', contactEndpoint: agentUrl, status: 'online' });
    return { agentId, agentUrl };
  });
  return story.step(
    'agent → service',
    'registers',
    registered,
    ({ agentId, agentUrl }) =>
      `registered: agent ${agentId} at ${agentUrl} (process ${String(agent.pid)})`,
  );
}

/** From Ops-Core's order to the agent's handler, which the SDK lets only verified tasks into. */
async function run(
  { story, opscore, agent }: World,
  agentId: string,
  taskName: string,
  parameters: object,
): Promise<string> {
  opscore.tell(`run worker ${taskName} ${JSON.stringify(parameters)}`);
  const sent = opscore
    .next('task sent')
    .then((line) => confirm(line, { status: 202, agentId, taskName }));
  const { taskId, opscoreTaskId } = await story.step(
    'Ops-Core → service',
    `runs ${taskName}`,
    sent,
    (line) => `POST /v1/agents/${agentId}/run ${taskName} 202: task ${text(line['taskId'])}`,
  );
  const taken = agent
    .next('task taken')
    .then((line) => confirm(line, { taskId, opscoreTaskId, taskName }));
  await story.step(
    'service → agent',
    `dispatches ${taskName}`,
    taken,
    ({ attempt }) =>
      `signature verified by the agent: task ${text(taskId)}, attempt ${text(attempt)}`,
  );
  return text(taskId);
}

async function isRefusedUnsigned(story: Story, agentUrl: string): Promise<void> {
  const body = { task_name: 'summarize', parameters: POEM };
  await story.step(
    'somebody → agent',
    'the same task without a signature is refused',
    postUnsigned(agentUrl, body).then((status) => confirm({ status }, { status: 401 })),
    () => 'the same task without a signature 401',
  );
}

async function isDelivered({ story, serviceUrl, readKey }: World, taskId: string): Promise<void> {
  const path = `/v1/tasks/${taskId}`;
  // The agent may be done before the service has written down its answer.
  const ended = lookUntil(({ data }) => data['state'] !== 'scheduled', serviceUrl, path, readKey);
  await story.step(
    'service',
    'has recorded the delivery',
    ended.then(({ status, data }) => {
      confirm({ status }, { status: 200 });
      return confirm(data, { state: 'delivered', attemptCount: 1 });
    }),
    () => `GET ${path} 200: delivered at attempt 1`,
  );
}

async function isForgotten({ story, serviceUrl, readKey }: World, agentId: string): Promise<void> {
  const path = `/v1/agents/${agentId}`;
  const gone = look(serviceUrl, path, readKey).then((answer) => confirm(answer, { status: 404 }));
  await story.step('service', 'has forgotten the agent', gone, () => `GET ${path} 404`);
}
