import { useEffect, useRef, useState } from 'preact/hooks';
import { signIn } from '../session.ts';

/** Asks for a key, over whatever place the page is at. */
export function SignIn({ reason }: { reason: string | null }) {
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = 'Sign in · AgentKit';
    field.current?.focus();
  }, [reason]);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    await signIn(field.current?.value ?? '');
    setBusy(false);
  }

  return (
    <main class="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <h1>AgentKit</h1>
        <label for="key">API key</label>
        <input
          id="key"
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          aria-describedby="key-help key-reason"
        />
        <p id="key-reason" class="bad" role="alert">
          {reason}
        </p>
        <button type="submit" class="primary" disabled={busy}>
          Sign in
        </button>
        <p id="key-help" class="quiet">
          A key with the scope <code>read</code> sees everything; one with <code>admin</code> acts
          as well. It is kept in this tab until you sign out or close it.
        </p>
      </form>
    </main>
  );
}
