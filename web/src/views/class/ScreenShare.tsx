import { useRef } from "react";
import type { Tile } from "../../class/state";
import { words } from "../../text/class";
import { ScreenIcon } from "../../ui/icons";
import { Video } from "./Videos";

/** Somebody's screen, above the whiteboard. The own one would only show itself. */
export function ScreenShare({ tile }: { tile: Tile }) {
  const frame = useRef<HTMLElement>(null);
  const screen = tile.person?.screen;
  if (!screen) return null;
  if (screen.mine) {
    return (
      <p className="banner class-my-screen">
        <ScreenIcon />
        <span>{words.video.myScreen}</span>
      </p>
    );
  }
  const title = words.video.screen(tile.name);
  return (
    <section className="panel class-screen" aria-label={title} ref={frame}>
      <header>
        <h2>{title}</h2>
        {document.fullscreenEnabled && (
          <button
            type="button"
            className="button button-small"
            onClick={() => void frame.current?.requestFullscreen()}
          >
            {words.video.full}
          </button>
        )}
      </header>
      <Video picture={screen} label={title} />
    </section>
  );
}
