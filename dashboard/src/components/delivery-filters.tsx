import type { Filter, FilterName } from '../deliveries.ts';
import { go, href, usePlace } from '../place.ts';
import { ERROR_CLASSES, kindWord, reason, stateWord, STATES } from '../words.ts';

interface Props {
  readonly filter: Filter;
  /** Which kinds one may choose from; none where the page is of one kind. */
  readonly kinds: readonly string[];
  /** Whether all kinds may be seen together. */
  readonly anyKind: boolean;
  readonly withState: boolean;
}

/** The filters of a list. They are in the URL: a list can be linked to, and comes back after a reload. */
export function DeliveryFilters({ filter, kinds, anyKind, withState }: Props) {
  const { path, query } = usePlace();

  function set(name: FilterName, value: string): void {
    // A cursor belongs to the filter that it came from.
    const next = { ...Object.fromEntries(query), cursor: undefined, [name]: value.trim() };
    go(href(path, next));
  }

  const select = (
    name: FilterName,
    label: string,
    any: string | null,
    options: readonly (readonly [string, string])[],
  ) => (
    <label>
      {label}
      <select
        name={name}
        value={filter[name] ?? ''}
        onChange={(event) => set(name, event.currentTarget.value)}
      >
        {any !== null && <option value="">{any}</option>}
        {options.map(([value, word]) => (
          <option key={value} value={value}>
            {word}
          </option>
        ))}
      </select>
    </label>
  );
  const text = (name: FilterName, label: string) => (
    <label>
      {label}
      <input
        name={name}
        value={filter[name] ?? ''}
        autocomplete="off"
        spellcheck={false}
        onChange={(event) => set(name, event.currentTarget.value)}
      />
    </label>
  );
  const moment = (name: 'since' | 'until', label: string) => (
    <label>
      {label}
      <input
        type="datetime-local"
        name={name}
        value={toLocal(filter[name])}
        onChange={(event) => set(name, toIso(event.currentTarget.value))}
      />
    </label>
  );

  const filtered = [...query.keys()].length > 0;
  return (
    <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      {kinds.length > 0 &&
        select(
          'kind',
          'Kind',
          anyKind ? 'All kinds' : null,
          kinds.map((kind) => [kind, kindWord(kind)] as const),
        )}
      {withState &&
        select(
          'state',
          'State',
          'All states',
          STATES.map((state) => [state, stateWord(state)] as const),
        )}
      {select(
        'error_class',
        'Last error',
        'Any or none',
        ERROR_CLASSES.map((name) => [name, reason(name, null)] as const),
      )}
      {text('agent_id', 'Agent id')}
      {moment('since', 'Accepted since')}
      {moment('until', 'Accepted before')}
      {text('id', 'Id')}
      {filtered && (
        <a class="button" href={href(path)}>
          Clear filters
        </a>
      )}
    </form>
  );
}

/** For a field that knows no time zones. */
function toLocal(iso: string | undefined): string {
  const at = Date.parse(iso ?? '');
  if (Number.isNaN(at)) return '';
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function toIso(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? '' : at.toISOString();
}
