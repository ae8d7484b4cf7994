import { tcpProxy, type TcpProxy } from '../../helpers/tcp-proxy.ts';
import type { Onlooker } from './onlooker.ts';

/** The same database, which one of the services reaches through a proxy. */
export async function proxied(
  onlooker: Onlooker,
  service: string,
): Promise<{ readonly onlooker: Onlooker; readonly proxy: TcpProxy }> {
  const direct = onlooker.urlFor(service);
  const proxy = await tcpProxy(Number(new URL(direct).port));
  const through = new URL(direct);
  through.port = String(proxy.port);
  const urlFor = (name: string) => (name === service ? through.href : onlooker.urlFor(name));
  return { onlooker: { ...onlooker, urlFor }, proxy };
}
