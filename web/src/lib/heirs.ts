/**
 * Where the focus may go when `gone` is no longer in a list, best first: its own row if that stayed, the rows behind it,
 * then those before it, the nearest first. `before` is the list as it was while the row was in it.
 */
export function heirs<T>(before: readonly T[], now: readonly T[], gone: T): T[] {
  const at = before.indexOf(gone);
  if (at < 0) return [];
  const order = [...before.slice(at), ...before.slice(0, at).reverse()];
  return order.filter((row) => now.includes(row));
}
