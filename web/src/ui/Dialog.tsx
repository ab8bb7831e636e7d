import { type ReactNode, useEffect, useId, useRef } from "react";
import { text } from "../text";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

/** A modal: the browser keeps the focus inside, Escape closes. Mounted means open. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const dialog = ref.current;
    // The focus goes back to where it was when the dialog closes; removing it alone would lose it.
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className="dialog-body">
        <h2 id={titleId}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  body: string;
  action: string;
  danger?: boolean;
  onConfirm: () => void;
  onClose: () => void;
  extra?: ReactNode;
}

export function Confirm({ title, body, action, danger, onConfirm, onClose, extra }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p className="dialog-text">{body}</p>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          {text.dialog.cancel}
        </button>
        {extra}
        <button
          type="button"
          className={danger ? "button button-danger" : "button button-primary"}
          onClick={() => {
            onClose();
            onConfirm();
          }}
        >
          {action}
        </button>
      </div>
    </Dialog>
  );
}
