import { createState } from './state.ts';

/** `system` follows the machine. Kept over visits: it says nothing of anybody. */
export type Theme = 'system' | 'light' | 'dark';

const SLOT = 'agentkit.theme';
const themes: readonly Theme[] = ['system', 'light', 'dark'];

function stored(): Theme {
  const found = window.localStorage.getItem(SLOT);
  return themes.find((theme) => theme === found) ?? 'system';
}

export const theme = createState<Theme>(stored());

function apply(): void {
  const { dataset } = document.documentElement;
  if (theme.get() === 'system') delete dataset['theme'];
  else dataset['theme'] = theme.get();
}
apply();

export function setTheme(next: Theme): void {
  window.localStorage.setItem(SLOT, next);
  theme.set(next);
  apply();
}
