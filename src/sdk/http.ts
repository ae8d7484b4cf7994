/** One HTTP request, whole: the deadline covers connecting, sending and the last byte of the answer. */
export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body?: string | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Of the answer; the rest is not read. */
  readonly maxBytes: number;
}

export type HttpOutcome =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Headers;
      readonly text: string;
      /** There was more than `maxBytes`. */
      readonly truncated: boolean;
    }
  /** `detail` is a system code such as ECONNREFUSED, never a message: fetch quotes headers in its own. */
  | { readonly kind: 'network_error'; readonly detail: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' };

/** Sends once, never follows a redirect, never rejects: the outcome is a value. */
export async function sendRequest(request: HttpRequest): Promise<HttpOutcome> {
  if (request.signal?.aborted === true) return { kind: 'aborted' };
  // By hand and not AbortSignal.any: that is not in every Node 20, and leaks on long-lived signals there.
  const controller = new AbortController();
  let cause: 'timeout' | 'aborted' = 'timeout';
  const timer = setTimeout(() => {
    controller.abort();
  }, request.timeoutMs);
  const onAbort = (): void => {
    cause = 'aborted';
    controller.abort();
  };
  request.signal?.addEventListener('abort', onAbort);
  try {
    const answer = await fetch(request.url, {
      method: request.method,
      headers: request.headers,
      body: request.body ?? null,
      redirect: 'manual',
      signal: controller.signal,
    });
    const { text, truncated } = await readText(answer, request.maxBytes);
    return { kind: 'answer', status: answer.status, headers: answer.headers, text, truncated };
  } catch (error) {
    return controller.signal.aborted
      ? { kind: cause }
      : { kind: 'network_error', detail: systemCode(error) };
  } finally {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', onAbort);
  }
}

async function readText(
  answer: Response,
  maxBytes: number,
): Promise<{ text: string; truncated: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (answer.body !== null) {
    // Leaving the loop cancels the stream and with it the connection: no endless answer is drained.
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk.subarray(0, maxBytes - size));
      size += chunk.length;
      if (size > maxBytes) break;
    }
  }
  return { text: Buffer.concat(chunks).toString('utf8'), truncated: size > maxBytes };
}

function systemCode(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code: unknown = 'code' in at ? at.code : undefined;
    if (typeof code === 'string' && /^[A-Z0-9_]{3,40}$/.test(code)) return code;
  }
  return 'no answer';
}
