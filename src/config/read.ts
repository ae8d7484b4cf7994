import type { Variable, VariableName } from './variables.ts';

/** A variable that stops the start: one line that names it, what it got and what it takes. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** An empty value counts as unset: `.env` files and compose files write unset variables so. */
export function read<T>(
  env: Environment,
  name: VariableName,
  variable: Variable<T>,
): T | undefined {
  const given = env[name]?.trim();
  const text = given === undefined || given === '' ? variable.fallback : given;
  if (text === null) return undefined;
  const value = variable.parser.parse(text);
  if (value !== undefined) return value;
  const { secret, secretForm } = variable;
  const hidden = secret === true || secretForm?.test(text) === true;
  const got = hidden ? 'a value that is not shown' : JSON.stringify(clip(text));
  throw new ConfigError(`${name}: got ${got}, takes ${variable.parser.takes}`);
}

export function required<T>(
  env: Environment,
  name: VariableName,
  variable: Variable<T> & { fallback: string },
): T {
  return read(env, name, variable) as T;
}

/**
 * URLs may carry a password after all (that is why they were refused): it must not reach the log. A refused URL need
 * not keep to the grammar, so everything before the last @ counts as one.
 */
function clip(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@').slice(0, 200);
}
