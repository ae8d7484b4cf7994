import type { Command } from 'commander';
import { verifySignature, type SignatureFailure } from '../../sdk/signature.ts';
import type { CliContext } from '../context.ts';
import { CliError, Failure, USAGE } from '../exit.ts';
import { durationOf, momentOf } from '../moments.ts';
import { readFileOf, secretOf, takesSecret, type SecretOptions } from '../secrets.ts';
import { show } from '../show.ts';

interface Options extends SecretOptions {
  readonly headers?: string;
  readonly header: string[];
  readonly tolerance?: string;
  readonly at?: string;
  readonly json?: true;
}

const WHY: Readonly<Record<SignatureFailure, string>> = {
  missing_signature: 'a header of the signature is missing: webhook-id, -timestamp, -signature',
  no_secret: 'there is no secret',
  body_not_raw: 'the body is not as it came',
  bad_timestamp: 'the timestamp is no whole number of seconds, or two headers differ',
  timestamp_out_of_tolerance: 'the timestamp is too far from now; --at says another moment',
  signature_mismatch: 'the secret is another, or the body is not byte by byte what was signed',
};

/** `verify FILE`: whether a body and its headers verify, as a receiver would. */
export function addVerify(program: Command, context: CliContext): void {
  takesSecret(program.command('verify'))
    .argument('[file]', 'the body, byte by byte as it came; stdin unless said', '-')
    .description('say whether a body and its headers verify; exit code 1 when they do not')
    .option('--headers <file>', 'the headers that came: lines `name: value`, or a JSON object')
    .option('--header <header>', '`name: value`; may be given several times', collectHeader, [])
    .option('--tolerance <duration>', 'how far the timestamp may be off; 5m unless said')
    .option('--at <when>', 'as if it were then; now unless said')
    .option('--json', 'the result as JSON')
    .action(async (file: string, { headers, header, tolerance, at, json, ...rest }: Options) => {
      const { terminal, now, readInput } = context;
      const lines = [...header];
      const given: Record<string, string> = {};
      if (headers !== undefined) {
        const text = (await readFileOf(readInput, headers)).toString('utf8');
        if (text.trimStart().startsWith('{')) Object.assign(given, jsonHeaders(text, headers));
        else lines.push(...text.split(/\r?\n/).filter((line) => /^[^\s:]+:/.test(line)));
      }
      for (const line of lines) {
        const [, name = '', value = ''] = /^([^:]+):\s*(.*?)\s*$/.exec(line) ?? [];
        given[name.toLowerCase()] = value;
      }
      const moment = at === undefined ? now() : momentOf('--at', at, now()).getTime();
      const result = verifySignature({
        body: await readFileOf(readInput, file),
        headers: given,
        secret: await secretOf(context, rest),
        now: () => moment,
        ...(tolerance === undefined
          ? {}
          : { toleranceSeconds: durationOf('--tolerance', tolerance) / 1_000 }),
      });
      show(terminal, json, result, () =>
        result.ok
          ? `it verifies: signed at ${new Date(result.timestamp * 1_000).toISOString()}, id ${result.id ?? 'none'}`
          : `it does not verify (${result.reason}): ${WHY[result.reason]}`,
      );
      if (!result.ok) throw new Failure();
    });
}

function collectHeader(line: string, before: string[]): string[] {
  if (!/^[^\s:]+:/.test(line)) throw new CliError('--header: takes `name: value`', USAGE);
  return [...before, line];
}

function jsonHeaders(text: string, file: string): Record<string, string> {
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), String(value)]));
  } catch (error) {
    throw new CliError(`--headers: ${file} is no JSON: ${(error as Error).message}`, USAGE);
  }
}
