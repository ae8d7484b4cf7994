import type { ComponentChildren } from 'preact';
import type { Resource } from '../resource.ts';

interface Props<T> {
  readonly of: Resource<T>;
  readonly children: (data: T) => ComponentChildren;
}

/** What was loaded; before that, that it is being loaded; or why it could not be, with what was there last. */
export function Loaded<T>({ of, children }: Props<T>) {
  return (
    <>
      {of.error !== undefined && (
        <p class="trouble" role="alert">
          {of.error.message}{' '}
          <button type="button" onClick={of.reload}>
            Try again
          </button>
        </p>
      )}
      {of.data !== undefined
        ? children(of.data)
        : of.error === undefined && <p class="waiting">Loading …</p>}
    </>
  );
}
