import {
  type RefObject,
  useCallback,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { parseRoute, type Route } from "./route";

export function useRoute(): Route {
  const hash = useSyncExternalStore(watchHash, () => location.hash);
  return parseRoute(hash);
}

function watchHash(changed: () => void): () => void {
  window.addEventListener("hashchange", changed);
  return () => window.removeEventListener("hashchange", changed);
}

/** Gives the error of an asynchronous step to the error boundary, which sees only what rendering throws. */
export function useFatal(): (error: unknown) => void {
  const [, set] = useState(null);
  return useCallback((error: unknown) => {
    set(() => {
      throw error;
    });
  }, []);
}

/** Whole seconds until `deadline` (epoch ms), counting down while mounted. */
export function useCountdown(deadline: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  return Math.max(0, Math.ceil((deadline - now) / 1_000));
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** For the title of a new view: keyboard and screen reader start there. The element needs `tabIndex={-1}`. */
export function useFocusOnMount<T extends HTMLElement>(): RefObject<T | null> {
  const ref = useRef<T>(null);
  useEffect(() => ref.current?.focus(), []);
  return ref;
}
