import { type CSSProperties, useEffect, useRef, useState } from "react";

/** In the air at once; a storm of likes looks no better with more. */
const MOST = 14;
/** Of one step of the count. */
const AT_ONCE = 5;

interface Heart {
  id: number;
  drift: number;
  size: number;
  delay: number;
}

/**
 * A heart rises for every like; as many as can be told apart. None where motion is not wanted, nor for those
 * that were given before: `count` is null until it is known.
 */
export function Hearts({ count }: { count: number | null }) {
  const [hearts, setHearts] = useState<readonly Heart[]>([]);
  const before = useRef(count);
  const last = useRef(0);
  useEffect(() => {
    const more = Math.min(AT_ONCE, (count ?? 0) - (before.current ?? count ?? 0));
    before.current = count;
    if (more <= 0 || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const risen = Array.from({ length: more }, (_, i) => {
      last.current += 1;
      return {
        id: last.current,
        drift: Math.random() * 2 - 1,
        size: 0.8 + Math.random() * 0.7,
        delay: i * 0.09,
      };
    });
    setHearts((now) => [...now, ...risen].slice(-MOST));
  }, [count]);
  const gone = (id: number) => setHearts((now) => now.filter((heart) => heart.id !== id));
  return (
    <span className="hearts" aria-hidden="true">
      {hearts.map(({ id, drift, size, delay }) => (
        <span
          key={id}
          className="heart"
          data-tone={id % 4}
          style={{ "--drift": drift, "--size": size, "--delay": `${delay}s` } as CSSProperties}
          onAnimationEnd={() => gone(id)}
        >
          <svg viewBox="0 0 24 24" focusable="false" aria-hidden="true">
            <path d="M12 20s-7.500-4.600-7.500-10A4.300 4.300 0 0 1 12 7.300 4.300 4.300 0 0 1 19.500 10c0 5.400-7.500 10-7.500 10z" />
          </svg>
        </span>
      ))}
    </span>
  );
}
