import { describe, expect, it } from 'vitest';
import { AgentKitClient } from '../../src/sdk/index.ts';
import { cleanupAfterEach, closeLater } from './helpers/agents.ts';
import { closedUrl, startServer } from './helpers/http-server.ts';

cleanupAfterEach();

const clientOf = (baseUrl: string, timeoutMs?: number) =>
  new AgentKitClient({ baseUrl, apiKey: 'key', timeoutMs });

describe('AgentKitClient on a real network', () => {
  it('says network_error and why when nothing listens', async () => {
    const call = clientOf(await closedUrl()).health();
    await expect(call).rejects.toMatchObject({
      code: 'network_error',
      statusCode: undefined,
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  it('says network_error when the connection is reset', async () => {
    const server = closeLater(await startServer(({ socket }) => void socket.resetAndDestroy()));
    await expect(clientOf(server.url).health()).rejects.toMatchObject({ code: 'network_error' });
  });

  it('says network_error when the answer breaks off', async () => {
    const server = closeLater(
      await startServer(({ socket }, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{', () => socket.resetAndDestroy());
      }),
    );
    await expect(clientOf(server.url).health()).rejects.toMatchObject({ code: 'network_error' });
  });

  it('says timeout when no answer comes, and when an answer never ends', async () => {
    const silent = closeLater(await startServer(() => undefined));
    const endless = closeLater(
      await startServer((_request, response) => void response.writeHead(200).write('{')),
    );
    for (const { url } of [silent, endless]) {
      await expect(clientOf(url, 50).health()).rejects.toMatchObject({ code: 'timeout' });
    }
  });

  it('says aborted when the caller aborts, before and while it waits', async () => {
    const controller = new AbortController();
    const server = closeLater(
      await startServer(() => {
        controller.abort();
      }),
    );
    const call = () => clientOf(server.url).health({ signal: controller.signal });
    await expect(call()).rejects.toMatchObject({ code: 'aborted' });
    await expect(call()).rejects.toMatchObject({ code: 'aborted' });
    expect(server.received).toHaveLength(1);
  });

  it('does not follow a redirect', async () => {
    const canary = closeLater(await startServer((_request, response) => void response.end('{}')));
    const server = closeLater(
      await startServer((_request, response) => {
        response.writeHead(307, { location: canary.url }).end();
      }),
    );
    await expect(clientOf(server.url).health()).rejects.toMatchObject({ statusCode: 307 });
    expect(canary.received).toEqual([]);
  });
});
