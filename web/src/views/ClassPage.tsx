import { useMemo } from "react";
import { ClassApi } from "../api/classroom";
import type { Session } from "../session";
import { ClassesView } from "./class/ClassesView";
import { ClassView } from "./class/ClassView";
import "../styles/class-side.css";
import "../styles/class.css";
import "../styles/class-panes.css";
import "../styles/board.css";
import "../styles/class-low.css";

interface ClassPageProps {
  session: Session;
  /** Null: the list of classes. */
  id: string | null;
  onExpired: () => void;
}

export function ClassPage({ session, id, onExpired }: ClassPageProps) {
  const { user, token } = session;
  const api = useMemo(() => new ClassApi(user, token, onExpired), [user, token, onExpired]);
  return id === null ? <ClassesView api={api} /> : <ClassView key={id} api={api} id={id} />;
}
