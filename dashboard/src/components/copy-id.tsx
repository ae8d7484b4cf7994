import { say } from '../acting.ts';

/** An id, shown whole or by its end (ids that were made one after the other begin alike), and copied by its button. */
export function CopyId({ id, short = false }: { id: string; short?: boolean }) {
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(id);
      say('good', `Copied ${id}`);
    } catch {
      say('bad', `The browser does not let this page copy. The id is ${id}`);
    }
  }
  return (
    <span class="id">
      <code title={id}>{short ? `…${id.slice(-8)}` : id}</code>
      <button
        type="button"
        class="plain copy"
        aria-label={`Copy id ${id}`}
        onClick={() => void copy()}
      >
        Copy
      </button>
    </span>
  );
}
