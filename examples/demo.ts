// The sequence diagram of the wire contract, told by three real processes with real values: npm run demo
//
// It starts Ops-Core (examples/opscore.ts), the service and an agent (examples/agent.ts) on free ports, with new
// secrets, a key for each and a database of their own, and exits with 0 when every step happened and verified,
// otherwise with 1. DEMO_OPSCORE_X, DEMO_SERVICE_X and DEMO_AGENT_X set X for one of the three alone, to see what a
// wrong setting does: DEMO_OPSCORE_OPSCORE_WEBHOOK_SECRET=wrong npm run demo
import { createCast } from './demo/cast.ts';
import { tellSequence } from './demo/sequence.ts';
import { newSecrets, secretValues } from './demo/settings.ts';
import { Story } from './demo/story.ts';

const startedAt = performance.now();
const secrets = newSecrets();
const story = new Story({
  print: (line) => {
    console.log(line);
  },
  secrets: secretValues(secrets),
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    story.fail(`interrupted by ${signal}`);
  });
}

const cast = createCast(story);
try {
  await tellSequence(story, cast, secrets);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  story.say(`\nAll ${String(story.steps)} steps happened and verified, in ${seconds} s.`);
} catch (error) {
  story.say(`\nThe demo failed. ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  story.end();
  await cast.dismiss();
}
