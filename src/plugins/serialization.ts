import SerializerSelector from '@fastify/fast-json-stringify-compiler';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

type Serializer = (answer: unknown) => string;

const compile = SerializerSelector()({}, {});

/** By schema. Nearly all answers of the routes are the same error: compiling each of them was two thirds of the start. */
const serializers = new Map<string, Serializer>();

/** Answers are written by code that is compiled from their schemas, once for all routes that share one. */
export const serialization = fp((app: FastifyInstance, _options: unknown, done: () => void) => {
  app.setSerializerCompiler<object>(({ schema, method, url, httpStatus = '' }) => {
    const key = JSON.stringify(schema, withoutDescription);
    let serializer = serializers.get(key);
    if (serializer === undefined) {
      serializer = compile({ schema, method, url, httpStatus }) as Serializer;
      serializers.set(key, serializer);
    }
    return serializer;
  });
  done();
});

/** What a route says of its answer does not change how it is written. (A property of that name is an object here.) */
function withoutDescription(name: string, value: unknown): unknown {
  return name === 'description' && typeof value === 'string' ? undefined : value;
}
