import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import { heirs } from "./heirs";

/** The last thing inside a row that had the focus, and the rows as they were then. */
interface Held {
  element: Element;
  row: Element;
  rows: readonly Element[];
}

/**
 * Keeps the keyboard in a list whose rows go: whoever removed somebody is not thrown back to the top of the page. The
 * focus goes to a neighbour's last button, which in every row is the one that opens or removes, or else to the heading
 * or the element of the ref, which need `tabIndex={-1}`. `rows` is a selector within that element.
 */
export function useRowFocus<T extends HTMLElement>(rows: string): RefObject<T | null> {
  const list = useRef<T>(null);
  const held = useRef<Held | null>(null);

  useEffect(() => {
    const focused = ({ target }: Event) => {
      if (!isOnPage(target)) return;
      const row = list.current?.contains(target) ? target.closest(rows) : null;
      held.current = row && { element: target, row, rows: all(list.current, rows) };
    };
    // A click beside everything takes the focus away on purpose.
    const pressed = ({ target }: Event) => {
      if (isOnPage(target) && !held.current?.row.contains(target)) held.current = null;
    };
    document.addEventListener("focusin", focused);
    document.addEventListener("pointerdown", pressed);
    return () => {
      document.removeEventListener("focusin", focused);
      document.removeEventListener("pointerdown", pressed);
    };
  }, [rows]);

  // After every rendering: it is one that takes the row away, or closes the question when the row is gone already.
  useLayoutEffect(() => {
    const last = held.current;
    if (last === null) return;
    const now = all(list.current, rows);
    if (last.element.isConnected) {
      last.rows = now;
      return;
    }
    if (document.activeElement !== null && document.activeElement !== document.body) return;
    held.current = null;
    const next = heirs(last.rows, now, last.row).flatMap((row) => lastButton(row) ?? [])[0];
    const heading = list.current?.querySelector<HTMLElement>(":is(h2, h3)[tabindex]");
    (next ?? heading ?? list.current)?.focus();
  });

  return list;
}

/** Not in a question before something is done: from there the browser gives the focus back to where it was asked. */
function isOnPage(target: EventTarget | null): target is Element {
  return target instanceof Element && target.closest("dialog") === null;
}

function all(list: Element | null, rows: string): Element[] {
  return list === null ? [] : [...list.querySelectorAll(rows)];
}

function lastButton(row: Element): HTMLElement | undefined {
  return [...row.querySelectorAll<HTMLElement>("button:not(:disabled)")].at(-1);
}
