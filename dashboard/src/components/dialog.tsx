import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface Props {
  readonly title: string;
  readonly children: ComponentChildren;
  /** The buttons that do something; the one that does nothing is there. */
  readonly actions: ComponentChildren;
  readonly onClose: () => void;
}

/** A question over the page. Escape and the button that does nothing close it; the focus goes back to where it was. */
export function Dialog({ title, children, actions, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    const shown = dialog.current;
    shown?.showModal();
    return () => {
      // One that was closed by the browser gave the focus back already, and it may have gone on since.
      const { activeElement } = document;
      const lost = activeElement === document.body || shown?.contains(activeElement) === true;
      if (lost && before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      <div class="dialog-body">{children}</div>
      <div class="dialog-actions">
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
        {actions}
      </div>
    </dialog>
  );
}
