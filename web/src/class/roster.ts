import { ASSISTANT, STUDENT, TEACHER, type WireMember } from "../api/classroom";
import { attending, type ClassState, nameOf, onStage } from "./state";

/** Who is shown in the list of people. */
export const FILTERS = ["all", "stage", "students", "staff"] as const;
export type Filter = (typeof FILTERS)[number];

/** The attending members that fit, those to look at first in front: who teaches, who is on stage, whose hand is up. */
export function roster(state: ClassState, search: string, filter: Filter): WireMember[] {
  const wanted = fold(search.trim());
  const fits = ({ user_id: user, identity }: WireMember) => {
    if (
      wanted !== "" &&
      !fold(nameOf(state, user)).includes(wanted) &&
      !fold(user).includes(wanted)
    ) {
      return false;
    }
    switch (filter) {
      case "stage":
        return identity !== TEACHER && onStage(state, user);
      case "students":
        return identity === STUDENT;
      case "staff":
        return identity === TEACHER || identity === ASSISTANT;
      default:
        return true;
    }
  };
  const rank = ({ user_id: user, identity }: WireMember) => {
    if (identity !== STUDENT) return -identity;
    if (onStage(state, user)) return 0;
    const hand = state.hands.indexOf(user);
    return hand === -1 ? Number.MAX_SAFE_INTEGER : 1 + hand;
  };
  // The sort keeps the order of equals: as the server lists them.
  return attending(state)
    .filter(fits)
    .sort((a, b) => rank(a) - rank(b));
}

/** Letters that people take for the same. */
function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}
