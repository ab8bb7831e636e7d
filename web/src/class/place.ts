import { ASSISTANT, STUDENT } from "../api/classroom";

/** As what this tab is in a class, kept so that a reload comes back by itself. Null: not inside. */
export function loadPlace(id: string): number | null {
  switch (sessionStorage.getItem(key(id))) {
    case "assistant":
      return ASSISTANT;
    case "inside":
      return STUDENT;
    default:
      return null;
  }
}

export function savePlace(id: string, as: number): void {
  sessionStorage.setItem(key(id), as === ASSISTANT ? "assistant" : "inside");
}

export function forgetPlace(id: string): void {
  sessionStorage.removeItem(key(id));
}

function key(id: string): string {
  return `stoa.class.${id}`;
}
