import { useRef } from 'preact/hooks';
import { say, useAction } from '../acting.ts';
import { ask, Refusal } from '../api.ts';
import { go, href } from '../place.ts';

const PLACES = [
  ['/v1/deliveries', '/deliveries'],
  ['/v1/agents', '/agents'],
  ['/v1/replays', '/replays'],
] as const;

/** Whatever has an id is found by it: a task, a webhook, a report, an agent, a replay. */
export function FindById() {
  const field = useRef<HTMLInputElement>(null);
  const { busy, run } = useAction();

  async function find(id: string): Promise<undefined> {
    for (const [api, page] of PLACES) {
      try {
        await ask('GET', `${api}/${encodeURIComponent(id)}`);
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) continue;
        throw error;
      }
      if (field.current !== null) field.current.value = '';
      go(href(`${page}/${encodeURIComponent(id)}`));
      return;
    }
    say('bad', `Nothing has the id ${id}. What ended long ago was deleted by retention.`);
  }

  function submit(event: Event): void {
    event.preventDefault();
    const id = field.current?.value.trim() ?? '';
    if (id !== '') void run(() => find(id));
  }

  return (
    <form class="find" role="search" onSubmit={submit}>
      <input
        ref={field}
        type="search"
        aria-label="Find by id"
        placeholder="Find by id"
        autocomplete="off"
        spellcheck={false}
        aria-busy={busy}
      />
    </form>
  );
}
