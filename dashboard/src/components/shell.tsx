import type { ComponentChildren } from 'preact';
import { href } from '../place.ts';
import { session, signOut } from '../session.ts';
import { useShared } from '../state.ts';
import { FindById } from './find-by-id.tsx';
import { LiveSwitch } from './live-switch.tsx';
import { Notice } from './notice.tsx';
import { ThemeSwitch } from './theme-switch.tsx';

const SECTIONS = [
  ['', 'Overview'],
  ['agents', 'Agents'],
  ['tasks', 'Tasks'],
  ['webhooks', 'Webhooks'],
  ['dead-letters', 'Dead letters'],
  ['replays', 'Replays'],
] as const;

const READ_ONLY =
  'This key has the scope read: it sees everything. What changes something takes one with the scope admin.';

/** What surrounds every page: where one can go, who one is, and what was done last. */
export function Shell({ section, children }: { section: string; children: ComponentChildren }) {
  return (
    <>
      <a class="skip" href="#heading" onClick={skip}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={href('/')}>
          AgentKit
        </a>
        <nav aria-label="Sections">
          <ul>
            {SECTIONS.map(([path, name]) => (
              <li key={path}>
                <a
                  href={href(`/${path}`)}
                  {...(path === section ? { 'aria-current': 'page' } : {})}
                >
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="tools">
          <FindById />
          <LiveSwitch />
          <ThemeSwitch />
          <WhoAmI />
        </div>
      </header>
      <main>{children}</main>
      <Notice />
    </>
  );
}

/** A fragment link would be a place of its own. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('heading')?.focus();
}

function WhoAmI() {
  const current = useShared(session);
  if (current.state !== 'in') return null;
  const { kind, name, scope } = current.who;
  if (kind === 'anonymous') {
    return (
      <span
        class="who"
        title="No keys are configured: everybody who reaches the service may do everything."
      >
        Open mode
      </span>
    );
  }
  return (
    <span class="who">
      <span>
        {name}{' '}
        {scope === 'read' && (
          <span class="badge quiet" title={READ_ONLY}>
            read only
          </span>
        )}
      </span>
      <button type="button" class="plain" onClick={signOut}>
        Sign out
      </button>
    </span>
  );
}
