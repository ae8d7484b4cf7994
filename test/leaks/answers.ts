import { subscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import type {
  FastifyInstance,
  FastifyRequest,
  InjectOptions,
  LightMyRequestResponse as Answer,
} from 'fastify';
import { handOutsOf, withoutHandOuts, type HandOut } from './hand-outs.ts';
import { putThrough, record } from './recording.ts';

/** Longer than any secret: one that is cut by two writes is found all the same. */
const TAIL_BYTES = 512;

/** What is being said over a connection. */
interface Conversation {
  /** The answers to which route. */
  of: string;
  /** The end of what was said of this answer. */
  tail: Buffer;
  /** What this answer may still hand out. */
  allowed: HandOut[];
}

/**
 * Records the bytes of every answer that a Fastify of this process gives from now on, and registers what it hands out
 * and the credentials that come with its requests. Test servers that play agents or Ops-Core are no Fastify: what they
 * say is their own affair.
 */
export function tapAnswers(): void {
  // Of Fastify 5.2 and later: https://fastify.dev/docs/latest/Reference/Hooks/#diagnostics-channel-hooks
  subscribe('fastify.initialization', (message) => {
    tap((message as { fastify: FastifyInstance }).fastify);
  });
}

function tap(app: FastifyInstance): void {
  const conversations = new WeakMap<object, Conversation>();

  function conversationOn(socket: Socket): Conversation {
    let conversation = conversations.get(socket);
    if (conversation === undefined) {
      conversation = { of: 'what is no request', tail: Buffer.alloc(0), allowed: [] };
      conversations.set(socket, conversation);
      // That of app.inject only looks like one.
      if (socket instanceof Socket) tapSocket(socket, conversation);
    }
    return conversation;
  }

  // What is no HTTP is answered without any hook.
  app.server.on('connection', conversationOn);
  app.addHook('onRequest', (request, _reply, done) => {
    const token = /^\S+ +(.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token !== undefined) putThrough('credential of a request', token);
    const conversation = conversationOn(request.raw.socket);
    conversation.of = routeOf(request);
    conversation.tail = Buffer.alloc(0);
    done();
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    const conversation = conversationOn(request.raw.socket);
    conversation.allowed = handOutsOf(routeOf(request), reply.statusCode, payload);
    for (const { kind, value } of conversation.allowed) putThrough(kind, value);
    done();
  });
  app.addHook('onResponse', (request, _reply, done) => {
    conversationOn(request.raw.socket).allowed = [];
    done();
  });
  tapInject(app, (socket) => conversations.get(socket));
}

function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? '(no route)'}`;
}

function say(conversation: Conversation, bytes: Buffer): void {
  const said = Buffer.concat([conversation.tail, withoutHandOuts(bytes, conversation.allowed)]);
  conversation.tail = said.subarray(-TAIL_BYTES);
  record('answer', conversation.of, said);
}

function tapSocket(socket: Socket, conversation: Conversation): void {
  for (const method of ['write', 'end'] as const) {
    const original = socket[method].bind(socket) as (...args: unknown[]) => unknown;
    const tapped = (...args: unknown[]): unknown => {
      const [chunk, encoding] = args;
      if (typeof chunk === 'string') {
        say(conversation, Buffer.from(chunk, encoding as BufferEncoding | undefined));
      } else if (chunk instanceof Uint8Array) {
        say(conversation, Buffer.from(chunk));
      }
      return original(...args);
    };
    Object.assign(socket, { [method]: tapped });
  }
}

/** `app.inject` has no connection: its answer is recorded as it is given to the test. */
function tapInject(
  app: FastifyInstance,
  conversationOn: (socket: object) => Conversation | undefined,
): void {
  type Inject = (options: InjectOptions | string) => Promise<Answer>;
  const inject = app.inject.bind(app) as Inject;
  const tapped: Inject = async (options) => {
    const answer = await inject(options);
    const { statusCode, headers, rawPayload, raw } = answer;
    const of = conversationOn(raw.req.socket)?.of ?? 'what is no request';
    const head = Buffer.from(`${statusCode} ${JSON.stringify(headers)}\n`);
    const allowed = handOutsOf(of, statusCode, rawPayload.toString());
    record('answer', of, Buffer.concat([head, withoutHandOuts(rawPayload, allowed)]));
    return answer;
  };
  Object.assign(app, { inject: tapped });
}
