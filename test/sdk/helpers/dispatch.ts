import { createHmac } from 'node:crypto';
import { SIGNING_SECRET } from './fake-service.ts';

/** Epoch seconds, now. */
export const nowSeconds = (): number => Math.floor(Date.now() / 1000);

export interface SignOptions {
  readonly id?: string;
  readonly timestamp?: number;
  readonly secret?: string;
}

/** The hex headers of contract section 3, written here from the contract and not with the SDK's code. */
export function hexHeaders(body: string, options: SignOptions = {}): Record<string, string> {
  const { timestamp = nowSeconds(), secret = SIGNING_SECRET } = options;
  const signature = createHmac('sha256', secret)
    .update(`${String(timestamp)}.${body}`)
    .digest('hex');
  return { 'x-agentkit-timestamp': String(timestamp), 'x-agentkit-signature': signature };
}

/** The Standard Webhooks headers of contract section 3. */
export function standardHeaders(body: string, options: SignOptions = {}): Record<string, string> {
  const { id = 'task-1', timestamp = nowSeconds(), secret = SIGNING_SECRET } = options;
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : secret;
  const signature = createHmac('sha256', key)
    .update(`${id}.${String(timestamp)}.${body}`)
    .digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  };
}

/** All headers of a dispatch, as the service sends them. */
export function dispatchHeaders(
  body: string,
  options: SignOptions & { readonly attempt?: number } = {},
): Record<string, string> {
  const { id = 'task-1', timestamp = nowSeconds(), attempt = 1 } = options;
  return {
    'content-type': 'application/json',
    'x-agentkit-task-id': id,
    'x-agentkit-attempt': String(attempt),
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    ...hexHeaders(body, { ...options, timestamp }),
    ...standardHeaders(body, { ...options, id, timestamp }),
  };
}

export async function post(
  url: string,
  body: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(url, { method: 'POST', body, headers });
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    headers: response.headers,
  };
}

/** A signed dispatch of `task_name` with an id of its own. */
export function dispatchTask(
  url: string,
  taskName: string,
  options: SignOptions & { readonly attempt?: number; readonly parameters?: unknown } = {},
): ReturnType<typeof post> {
  const body = JSON.stringify({ task_name: taskName, parameters: options.parameters ?? {} });
  return post(url, body, dispatchHeaders(body, options));
}
