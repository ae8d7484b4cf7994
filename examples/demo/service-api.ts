/** An answer of the service, as far as the demo looks at it. */
export interface ServiceAnswer {
  readonly status: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What anybody with a key of scope `read` can see of the service. Rejects when there is no answer. */
export async function look(url: string, path: string, key?: string): Promise<ServiceAnswer> {
  const response = await fetch(new URL(path, url), {
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(5_000),
  });
  const body = (await response.json()) as { data?: Record<string, unknown> };
  return { status: response.status, data: body.data ?? {} };
}

/** Looks until the answer is as wanted. What never becomes so is the story's to give up. */
export async function lookUntil(
  wanted: (answer: ServiceAnswer) => boolean,
  ...where: Parameters<typeof look>
): Promise<ServiceAnswer> {
  for (;;) {
    const answer = await look(...where);
    if (wanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20).unref());
  }
}

/** Posts a task to an agent as somebody who is not the service: without a signature. */
export async function postUnsigned(agentUrl: string, body: object): Promise<number> {
  const response = await fetch(agentUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5_000),
  });
  await response.arrayBuffer();
  return response.status;
}
