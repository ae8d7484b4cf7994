import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { Shell } from './components/shell.tsx';
import { SignIn } from './components/sign-in.tsx';
import { AgentPage } from './pages/agent.tsx';
import { AgentsPage } from './pages/agents.tsx';
import { DeadLettersPage, TasksPage, WebhooksPage } from './pages/delivery-lists.tsx';
import { DeliveryPage } from './pages/delivery.tsx';
import { NotFoundPage } from './pages/not-found.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { ReplayPage } from './pages/replay.tsx';
import { ReplaysPage } from './pages/replays.tsx';
import { usePlace, type Place } from './place.ts';
import { session } from './session.ts';
import { useShared } from './state.ts';

/** The page of a place. One component per place: what one page loaded is not shown on another. */
function pageOf({ path }: Place): ComponentChildren {
  const [, section = '', id, more] = path.split('/').map(decodeSafely);
  if (more !== undefined) return <NotFoundPage />;
  if (id !== undefined) {
    if (section === 'agents') return <AgentPage key={id} agentId={id} />;
    if (section === 'deliveries') return <DeliveryPage key={id} deliveryId={id} />;
    if (section === 'replays') return <ReplayPage key={id} replayId={id} />;
    return <NotFoundPage />;
  }
  switch (section) {
    case '':
      return <OverviewPage />;
    case 'agents':
      return <AgentsPage />;
    case 'tasks':
      return <TasksPage key="tasks" />;
    case 'webhooks':
      return <WebhooksPage key="webhooks" />;
    case 'dead-letters':
      return <DeadLettersPage key="dead" />;
    case 'replays':
      return <ReplaysPage />;
    default:
      return <NotFoundPage />;
  }
}

function decodeSafely(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function App() {
  const place = usePlace();
  const current = useShared(session);

  // Whoever listens to the page instead of seeing it is told where they are after each step.
  useEffect(() => {
    if (document.activeElement?.closest('dialog') === null) {
      document.getElementById('heading')?.focus({ preventScroll: true });
    }
  }, [place.path]);

  if (current.state === 'asking') return <p class="waiting">Asking the service who you are …</p>;
  if (current.state === 'out') return <SignIn reason={current.reason} />;
  return <Shell section={place.path.split('/')[1] ?? ''}>{pageOf(place)}</Shell>;
}
