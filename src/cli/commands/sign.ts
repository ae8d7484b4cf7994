import type { Command } from 'commander';
import { newId } from '../../ids.ts';
import { signatureHeaders } from '../../webhook/sign.ts';
import type { CliContext } from '../context.ts';
import { momentOf } from '../moments.ts';
import { readFileOf, secretOf, takesSecret, type SecretOptions } from '../secrets.ts';
import { show } from '../show.ts';

interface Options extends SecretOptions {
  readonly id?: string;
  readonly at?: string;
  readonly json?: true;
}

/** `sign FILE`: the headers that the service would send with these bytes. */
export function addSign(program: Command, context: CliContext): void {
  takesSecret(program.command('sign'))
    .argument('[file]', 'the body; stdin unless said', '-')
    .description('print the signature headers for a body, as the service would send them')
    .option('--id <id>', 'its webhook-id; a new one unless said')
    .option('--at <when>', 'the moment of signing; now unless said')
    .option('--json', 'the headers as a JSON object')
    .action(async (file: string, { id, at, json, ...options }: Options) => {
      const { terminal, now, readInput } = context;
      const secret = await secretOf(context, options);
      const body = await readFileOf(readInput, file);
      const moment = at === undefined ? now() : momentOf('--at', at, now()).getTime();
      const headers = signatureHeaders(
        { hex: secret, standard: [secret] },
        id ?? newId(),
        Math.floor(moment / 1_000),
        body,
      );
      show(terminal, json, headers, () =>
        Object.entries(headers)
          .map(([name, value]) => `${name}: ${value}`)
          .join('\n'),
      );
    });
}
