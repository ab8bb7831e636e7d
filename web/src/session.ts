/** Who is signed in. Kept per tab (sessionStorage), so that two tabs can be two people. */
export interface Session {
  user: string;
  token: string;
}

const KEY = "stoa.session";

export function loadSession(): Session | null {
  const text = sessionStorage.getItem(KEY);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (isSession(value)) return { user: value.user, token: value.token };
  } catch {
    // Not ours: treated as signed out, like any other shape below.
  }
  sessionStorage.removeItem(KEY);
  return null;
}

export function saveSession(session: Session): void {
  sessionStorage.setItem(KEY, JSON.stringify(session));
}

export function clearSession(): void {
  sessionStorage.removeItem(KEY);
}

function isSession(value: unknown): value is Session {
  return (
    typeof value === "object" &&
    value !== null &&
    "user" in value &&
    typeof value.user === "string" &&
    "token" in value &&
    typeof value.token === "string"
  );
}
