import { type RefObject, useEffect } from "react";
import { words as say } from "../../text/board";

/** The drawing library's button of three lines has no name of its own. */
const TRIGGER = ".main-menu-trigger";

/** Names the menu; the library makes its button anew when the board turns narrow or wide. */
export function useMenuName(root: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const { current } = root;
    if (current === null) return;
    const name = () => {
      for (const trigger of current.querySelectorAll(TRIGGER)) {
        trigger.setAttribute("aria-label", say.menu);
        trigger.setAttribute("title", say.menu);
      }
    };
    name();
    const made = new MutationObserver(name);
    made.observe(current, { childList: true, subtree: true });
    return () => made.disconnect();
  }, [root]);
}
