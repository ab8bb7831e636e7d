import { useCountdown } from "../../lib/hooks";
import { maySpeak, personOf, type RoomState } from "../../room/state";
import { text } from "../../text";
import { AlertIcon, SoundIcon } from "../../ui/icons";

interface BannersProps {
  state: RoomState;
  onRetry: () => void;
  onStartAudio: () => void;
}

/** What is wrong right now and what to do about it; empty when all is well. */
export function Banners({ state, onRetry, onStartAudio }: BannersProps) {
  const { link, mic } = state;
  return (
    <div className="banners" role="status">
      {link.kind === "connecting" && (
        <div className="banner">
          <span className="spinner" aria-hidden="true" />
          <span>{text.link.connecting}</span>
        </div>
      )}
      {link.kind === "reconnecting" && (
        <div className="banner banner-warn">
          <span className="spinner" aria-hidden="true" />
          <span>{text.link.reconnecting}</span>
        </div>
      )}
      {link.kind === "lost" && <Lost retryAt={link.retryAt} onRetry={onRetry} />}
      {state.audioBlocked && (
        <div className="banner banner-strong">
          <SoundIcon />
          <span>{text.link.audioBlocked}</span>
          <button type="button" className="button button-primary" onClick={onStartAudio}>
            {text.link.startAudio}
          </button>
        </div>
      )}
      {mic.problem !== null && maySpeak(state) && (
        <div className="banner banner-warn">
          <AlertIcon />
          <span>{text.mic[mic.problem]}</span>
        </div>
      )}
      {personOf(state, state.me)?.silenced && (
        <div className="banner banner-warn">
          <AlertIcon />
          <span>{text.mic.silenced}</span>
        </div>
      )}
      {state.stale && (
        <div className="banner banner-warn">
          <AlertIcon />
          <span>{text.room.stale}</span>
        </div>
      )}
    </div>
  );
}

function Lost({ retryAt, onRetry }: { retryAt: number; onRetry: () => void }) {
  const seconds = useCountdown(retryAt);
  return (
    <div className="banner banner-danger">
      <AlertIcon />
      {/* The countdown changes every second: not for the live region. */}
      <span aria-live="off">{text.link.lost(seconds)}</span>
      <button type="button" className="button" onClick={onRetry}>
        {text.link.retry}
      </button>
    </div>
  );
}
