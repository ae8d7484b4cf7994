import { CliError, USAGE } from './exit.ts';

/** @throws CliError when the option's text is no JSON object. */
export function jsonObject(option: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError(`${option}: is no JSON: ${(error as Error).message}`, USAGE);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new CliError(`${option}: takes a JSON object such as '{"name": "Ada"}'`, USAGE);
}
