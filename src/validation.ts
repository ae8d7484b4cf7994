import { Type, type TSchema } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { Value, ValueErrorType, type ValueError } from '@sinclair/typebox/value';
import type { FieldError } from './errors.ts';

/** Python clients write what is not given as null: an optional field may be null, and then counts as not given. */
export function orNull<T extends TSchema>(schema: T) {
  return Type.Optional(Type.Union([schema, Type.Null()]));
}

export interface Validator {
  /** Faults with their paths (JSON pointers); empty when the value is valid. Nothing is coerced. */
  faults(value: unknown): FieldError[];
}

export function compileValidator(schema: TSchema): Validator {
  const compiled = TypeCompiler.Compile(schema);
  return {
    faults: (value) =>
      compiled.Check(value) ? [] : distinct([...compiled.Errors(value)].flatMap(explain)),
  };
}

/**
 * Query strings and path parameters arrive as text: defaults filled in, whole numbers read. TypeBox's own conversion
 * takes `true`, `1.5` and `1e2` for 1.
 */
export function convert(schema: TSchema, value: unknown): unknown {
  const properties = (schema['properties'] ?? {}) as Record<string, TSchema>;
  const given = Value.Default(schema, value) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(given).map(([key, text]) => [
      key,
      properties[key]?.['type'] === 'integer' ? wholeNumber(text) : text,
    ]),
  );
}

function wholeNumber(text: unknown): unknown {
  return typeof text === 'string' && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

/** Says what is right at that place, in words where the schema has them. */
function explain(error: ValueError): FieldError[] {
  const variants = (error.schema['anyOf'] ?? []) as TSchema[];
  if (error.type === ValueErrorType.Union && variants.length > 0) {
    const literals = variants.map((variant) => variant['const'] as unknown);
    if (literals.every((literal) => typeof literal === 'string')) {
      return [{ path: error.path, message: `Expected one of ${literals.join(', ')}` }];
    }
    // Of `orNull` and its like the first variant is the one that was meant.
    return [...(error.errors[0] ?? [])].flatMap(explain);
  }
  const description = error.schema.description;
  const message =
    error.type === ValueErrorType.StringPattern && description !== undefined
      ? `Expected: ${description}`
      : error.message;
  return [{ path: error.path, message }];
}

/** TypeBox says of a missing key both that it is required and that undefined is of the wrong type. */
function distinct(faults: FieldError[]): FieldError[] {
  return faults.filter(({ path }, index) => faults.findIndex((f) => f.path === path) === index);
}
