/**
 * The clients of media and messages are the big part of the page: they load while the room is asked for, or
 * while somebody looks at the list. What fails here is loaded again, and complained about, where it is needed.
 */
export function preloadRoom(): void {
  for (const part of [import("#media"), import("#hub")]) part.catch(() => undefined);
}

/** As soon as the browser has nothing better to do; not for those who pay by the byte. */
export function preloadWhenIdle(): () => void {
  if (savesData()) return () => {};
  if (typeof requestIdleCallback !== "function") {
    const timer = setTimeout(preloadRoom, 1_500);
    return () => clearTimeout(timer);
  }
  const handle = requestIdleCallback(preloadRoom, { timeout: 4_000 });
  return () => cancelIdleCallback(handle);
}

function savesData(): boolean {
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };
  return connection?.saveData === true;
}
