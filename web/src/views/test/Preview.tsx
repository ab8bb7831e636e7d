import { useEffect, useRef } from "react";
import { words } from "../../text/test";

/** What the camera sees, mirrored as people know themselves. */
export function Preview({ stream }: { stream: MediaStream }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    element.srcObject = stream;
    // Refused only when the page is left meanwhile.
    void element.play().catch(() => undefined);
    return () => {
      element.srcObject = null;
    };
  }, [stream]);
  return (
    <video ref={video} className="test-preview" muted playsInline aria-label={words.preview} />
  );
}
