import { useShared } from '../state.ts';
import { setTheme, theme, type Theme } from '../theme.ts';

export function ThemeSwitch() {
  const current = useShared(theme);
  return (
    <select
      class="theme"
      aria-label="Theme"
      value={current}
      onChange={(event) => setTheme(event.currentTarget.value as Theme)}
    >
      <option value="system">System theme</option>
      <option value="light">Light</option>
      <option value="dark">Dark</option>
    </select>
  );
}
