import type { ComponentChildren } from 'preact';
import { mayAct, session } from '../session.ts';
import { useShared } from '../state.ts';

/** What only a key with the scope admin may do; with another it is not there. The head of the page says why. */
export function Act({ children }: { children: ComponentChildren }) {
  return mayAct(useShared(session)) ? <>{children}</> : null;
}
