// The first module of every Node process that a test starts (children.ts sees to it).
import { subscribe } from 'node:diagnostics_channel';
import { tapAnswers } from './answers.ts';
import { tapChildren } from './children.ts';
import { registerSecretsOf } from './environment.ts';
import { tapSqlite } from './sqlite.ts';

registerSecretsOf(process.env);
tapChildren();
tapAnswers();
// An explicit '' is a test about running without a key. The module is loaded by then: not every process needs it.
if (process.env['AGENTKIT_ENCRYPTION_KEY'] !== '') {
  subscribe('fastify.initialization', () => {
    tapSqlite(process.getBuiltinModule('node:sqlite'));
  });
}
