import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/**
 * What PgBouncer does in transaction mode, in its strictest form: it refuses startup options, gives each transaction
 * whichever session is free, knows nothing of prepared statements, and hands notifications to nobody.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export async function transactionPooler(
  target: { readonly port: number; readonly database: string; readonly password: string },
  sessionCount = 3,
): Promise<{ readonly port: number }> {
  const sessions = await Promise.all(
    Array.from({ length: sessionCount }, () => openSession(target)),
  );
  const free = [...sessions];
  const waiting: (() => void)[] = [];
  const clients = new Set<Socket>();

  const server = createServer((client) => {
    clients.add(client);
    let started = false;
    let session: Socket | undefined;
    /** Answers (ReadyForQuery) that are owed. */
    let owed = 0;
    const frames = framesOf((type, frame) => {
      if (type === 'X') {
        client.end();
        return;
      }
      pending.push({ type, frame });
      pump();
    });
    const pending: { type: string; frame: Buffer }[] = [];

    function pump(): void {
      if (pending.length === 0) return;
      if (session === undefined) {
        const next = free.pop();
        if (next === undefined) {
          if (!waiting.includes(pump)) waiting.push(pump);
          return;
        }
        session = next;
        const answers = framesOf(answer);
        session.on('data', answers);
      }
      for (const { type, frame } of pending.splice(0)) {
        if (type === 'Q' || type === 'S') owed += 1;
        session.write(frame);
      }
    }

    function answer(type: string, frame: Buffer): void {
      if (type === 'A') return;
      if (!client.destroyed) client.write(frame);
      if (type !== 'Z') return;
      owed -= 1;
      if (owed > 0 || frame.toString('latin1', 5, 6) !== 'I' || session === undefined) return;
      session.removeAllListeners('data');
      free.push(session);
      session = undefined;
      waiting.shift()?.();
    }

    client.on('error', () => undefined);
    client.on('close', () => clients.delete(client));
    client.on('data', (data: Buffer) => {
      if (started) {
        frames(data);
        return;
      }
      started = true;
      const startup = data.toString('latin1', 8, data.readInt32BE(0));
      if (startup.includes('options\0')) {
        client.end(
          message('E', 'SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0'),
        );
        return;
      }
      client.write(message('R', '\0\0\0\0'));
      client.write(message('Z', 'I'));
      frames(data.subarray(data.readInt32BE(0)));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of [...clients, ...sessions]) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port };
}

/** A session of the server, logged in. */
async function openSession({
  port,
  database,
  password,
}: {
  port: number;
  database: string;
  password: string;
}): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const parameters = Buffer.from(`user\0postgres\0database\0${database}\0\0`, 'latin1');
  const startup = Buffer.alloc(8);
  startup.writeInt32BE(8 + parameters.length, 0);
  startup.writeInt32BE(196_608, 4);
  socket.write(Buffer.concat([startup, parameters]));
  await new Promise<void>((resolve, reject) => {
    const frames = framesOf((type, frame) => {
      if (type === 'R' && frame.readInt32BE(5) === 3) socket.write(message('p', `${password}\0`));
      if (type === 'E') reject(new Error(frame.toString('latin1')));
      if (type === 'Z') resolve();
    });
    socket.on('data', frames);
  });
  socket.removeAllListeners('data');
  socket.on('error', () => undefined);
  return socket;
}

function message(type: string, body: string): Buffer {
  const buffer = Buffer.alloc(5 + body.length);
  buffer.write(type, 0, 'latin1');
  buffer.writeInt32BE(4 + body.length, 1);
  buffer.write(body, 5, 'latin1');
  return buffer;
}

/** Cuts a stream into messages: a type, a length, a body. */
function framesOf(onFrame: (type: string, frame: Buffer) => void): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 5 && rest.length >= 1 + rest.readInt32BE(1)) {
      const length = 1 + rest.readInt32BE(1);
      const frame = rest.subarray(0, length);
      rest = rest.subarray(length);
      onFrame(frame.toString('latin1', 0, 1), frame);
    }
  };
}
