import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

interface Props {
  /** Of the page, and of the browser's tab. */
  readonly title: string;
  /** Beside it: what can be done here. */
  readonly children?: ComponentChildren;
}

/** The first thing of every page; it takes the focus when one comes there. */
export function Heading({ title, children }: Props) {
  useEffect(() => {
    document.title = `${title} · AgentKit`;
  }, [title]);
  return (
    <div class="heading">
      <h1 id="heading" tabIndex={-1}>
        {title}
      </h1>
      {children !== undefined && <div class="actions">{children}</div>}
    </div>
  );
}
