import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { text } from "../text";
import { CloseIcon } from "./icons";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** Without buttons of its own to end it: closes by a cross in the corner and by a click beside it. */
  plain?: boolean;
}

/** A modal: the browser keeps the focus inside, Escape closes. Mounted means open. */
export function Dialog({ title, onClose, children, plain }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // While the element is still in the page: a dialog that has been taken out gives the focus back to nobody.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard has Escape and the cross
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={titleId}
      onClick={(event) => plain && event.target === event.currentTarget && onClose()}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className="dialog-body">
        {plain && (
          <button
            type="button"
            className="icon-button dialog-close"
            aria-label={text.dialog.close}
            title={text.dialog.close}
            onClick={onClose}
          >
            <CloseIcon />
          </button>
        )}
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
