import { subscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type {
  FastifyInstance,
  FastifyRequest,
  InjectOptions,
  LightMyRequestResponse as Answer,
} from 'fastify';
import { handOutsOf, withoutHandOuts, type HandOut } from './hand-outs.ts';
import { CREDENTIAL, putThrough, record } from './recording.ts';

/** Longer than any secret: one that is cut by two writes is found all the same. */
const TAIL_BYTES = 512;

/** What is being said to a caller, as bytes of a connection or as a body before it is framed. */
interface Conversation {
  /** The answers to which route. */
  of: string;
  /** The end of what was said of this answer. */
  tail: Buffer;
  /** What this answer may still hand out. */
  allowed: HandOut[];
}

/**
 * Records every answer that a Fastify of this process gives from now on, and registers what it hands out and the
 * credentials that come with its requests. Test servers that play agents or Ops-Core are no Fastify: what they say is
 * their own affair.
 */
export function tapAnswers(): void {
  // Of Fastify 5.2 and later: https://fastify.dev/docs/latest/Reference/Hooks/#diagnostics-channel-hooks
  subscribe('fastify.initialization', (message) => {
    tap((message as { fastify: FastifyInstance }).fastify);
  });
}

function tap(app: FastifyInstance): void {
  const onConnection = new WeakMap<Socket, Conversation>();
  const inBody = new WeakMap<object, Conversation>();

  function conversationOn(socket: Socket): Conversation {
    const known = onConnection.get(socket);
    if (known !== undefined) return known;
    const conversation = conversationOf('what is no request');
    onConnection.set(socket, conversation);
    tapWrites(socket, conversation);
    return conversation;
  }

  // What is no HTTP is answered without any hook.
  app.server.on('connection', conversationOn);
  app.addHook('onRequest', (request, reply, done) => {
    const token = /^\S+ +(.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token !== undefined) putThrough(CREDENTIAL, token);
    const { socket } = request.raw;
    // That of app.inject only looks like one.
    if (socket instanceof Socket) {
      const body = conversationOf(routeOf(request));
      inBody.set(reply.raw, body);
      tapWrites(reply.raw, body);
      Object.assign(conversationOn(socket), conversationOf(body.of));
    }
    done();
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    const handOuts = handOutsOf(routeOf(request), reply.statusCode, payload);
    for (const { kind, value } of handOuts) putThrough(kind, value);
    for (const said of [onConnection.get(request.raw.socket), inBody.get(reply.raw)]) {
      if (said !== undefined) said.allowed = [...handOuts];
    }
    done();
  });
  app.addHook('onResponse', (request, _reply, done) => {
    const said = onConnection.get(request.raw.socket);
    if (said !== undefined) said.allowed = [];
    done();
  });
  tapInject(app);
}

function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? '(no route)'}`;
}

function conversationOf(of: string): Conversation {
  return { of, tail: Buffer.alloc(0), allowed: [] };
}

function say(conversation: Conversation, bytes: Buffer): void {
  const said = Buffer.concat([conversation.tail, withoutHandOuts(bytes, conversation.allowed)]);
  conversation.tail = said.subarray(-TAIL_BYTES);
  record('answer', conversation.of, said);
}

function tapWrites(target: Socket | ServerResponse, conversation: Conversation): void {
  for (const method of ['write', 'end'] as const) {
    const original = target[method].bind(target) as (...args: unknown[]) => unknown;
    const tapped = (...args: unknown[]): unknown => {
      const [chunk, encoding] = args;
      if (typeof chunk === 'string') {
        say(conversation, Buffer.from(chunk, encoding as BufferEncoding | undefined));
      } else if (chunk instanceof Uint8Array) {
        say(conversation, Buffer.from(chunk));
      }
      return original(...args);
    };
    Object.assign(target, { [method]: tapped });
  }
}

/** `app.inject` has no connection: its answer is recorded as it is given to the test. */
function tapInject(app: FastifyInstance): void {
  const routes = new WeakMap<object, string>();
  app.addHook('onRequest', (request, reply, done) => {
    routes.set(reply.raw, routeOf(request));
    done();
  });
  type Inject = (options: InjectOptions | string) => Promise<Answer>;
  const inject = app.inject.bind(app) as Inject;
  const tapped: Inject = async (options) => {
    const answer = await inject(options);
    const { statusCode, headers, rawPayload, raw } = answer;
    const of = routes.get(raw.res) ?? 'what is no request';
    const head = Buffer.from(`${statusCode} ${JSON.stringify(headers)}\n`);
    const allowed = handOutsOf(of, statusCode, rawPayload.toString());
    record('answer', of, Buffer.concat([head, withoutHandOuts(rawPayload, allowed)]));
    return answer;
  };
  Object.assign(app, { inject: tapped });
}
