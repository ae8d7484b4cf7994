import type { FastifyInstance, FastifySchemaCompiler } from 'fastify';
import type { TSchema } from '@sinclair/typebox';
import fp from 'fastify-plugin';
import { invalid } from '../errors.ts';
import { compileValidator, convert } from '../validation.ts';

/**
 * Bodies are checked as they are, without coercion: a number where a string belongs is refused.
 * Query strings and path parameters are text by nature and are converted.
 */
export const validation = fp((app: FastifyInstance, _options: unknown, done: () => void) => {
  const compiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
    const validator = compileValidator(schema);
    const isBody = httpPart === 'body';
    return (given: unknown) => {
      const value = isBody ? given : convert(schema, given);
      const faults = validator.faults(value);
      if (faults.length === 0) return { value };
      const placed = faults.map(({ path, message }) => ({
        path: isBody ? path : `/${httpPart}${path}`,
        message,
      }));
      return { error: invalid(placed) };
    };
  };
  app.setValidatorCompiler(compiler);
  done();
});
