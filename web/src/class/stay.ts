import type { ClassApi, WireClass } from "../api/classroom";
import type { GroupSession } from "../hub/group";
import type { ClassState, EndReason } from "./state";

/** One stay in a class, as its parts see it: what is known, and what they may do to it. */
export interface Stay {
  readonly api: ClassApi;
  readonly id: string;
  /** What to be there: assistant, or whatever the server finds. */
  readonly as: number;
  readonly group: GroupSession;
  readonly closed: boolean;
  snapshot(): ClassState;
  update(patch: Partial<ClassState>): void;
  /** Once; nothing is shown or asked after it. */
  end(reason: EndReason): void;
  /** The class is over: the end for all but its teacher. */
  rest(): void;
  learn(info: WireClass): void;
  /** Null: not let in, which has ended the stay. */
  join(): Promise<WireClass | null>;
}
