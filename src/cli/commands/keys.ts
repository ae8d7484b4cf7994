import { Option, type Command } from 'commander';
import { scopes } from '../../auth/principal.ts';
import type { ApiKeyRecord, ApiKeyScope, NewApiKey } from '../../sdk/api-types.ts';
import { confirm } from '../confirm.ts';
import { asksService, connect, type ServiceOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { durationOf } from '../moments.ts';
import { show } from '../show.ts';
import { headedTable } from '../table.ts';

/** `keys create|list|rotate|revoke`. */
export function addKeys(program: Command, context: CliContext): void {
  const keys = program.command('keys').description('API keys that are made at run time');
  const { terminal } = context;

  function handOut(json: true | undefined, key: NewApiKey): void {
    show(terminal, json, key, () => key.key);
    terminal.say(`${key.name} (${key.scope}): keep the key now, it is not shown again`);
  }

  asksService(keys.command('create <name>'))
    .description('make a key; it alone goes to stdout, once')
    .addOption(
      new Option('--scope <scope>', 'what it may do').choices(scopes).makeOptionMandatory(),
    )
    .action(async (name: string, options: ServiceOptions & { scope: ApiKeyScope }) => {
      const { json, scope } = options;
      handOut(json, await connect(context, options).createKey({ name, scope }));
    });

  asksService(keys.command('list'))
    .description('list keys, by their first characters')
    .action(async ({ json, ...options }: ServiceOptions) => {
      const found = await connect(context, options).listKeys();
      show(terminal, json, { keys: found }, ({ keys: list }) =>
        headedTable(
          [['name', 'scope', 'starts with', 'from', 'made', 'before it until'], ...list.map(rowOf)],
          terminal,
        ),
      );
    });

  asksService(keys.command('rotate <name>'))
    .description('replace a key; the new one alone goes to stdout, once')
    .option('--overlap <duration>', 'how long the old one works on; SECRET_OVERLAP unless said')
    .action(async (name: string, options: ServiceOptions & { overlap?: string }) => {
      const { json, overlap } = options;
      const overlapSeconds =
        overlap === undefined ? undefined : Math.floor(durationOf('--overlap', overlap) / 1_000);
      const key = await connect(context, options).rotateKey(name, { overlapSeconds });
      handOut(json, key);
      if (key.previousUntil !== null) terminal.say(`the old one works until ${key.previousUntil}`);
    });

  asksService(keys.command('revoke <name>'))
    .description('end a key, at once')
    .option('--yes', 'without asking')
    .action(async (name: string, { json, yes, ...options }: ServiceOptions & { yes?: true }) => {
      await confirm(context, yes, `The key ${name} is ended at once, and cannot be brought back.`);
      const revoked = await connect(context, options).revokeKey(name);
      show(terminal, json, revoked, () => `${revoked.name} is revoked`);
    });
}

function rowOf({ name, scope, prefix, source, createdAt, previousUntil }: ApiKeyRecord) {
  return [name, scope, prefix, source, createdAt, previousUntil];
}
