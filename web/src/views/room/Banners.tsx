import { isSilenced, maySpeak, type RoomState } from "../../room/state";
import { text } from "../../text";
import { AlertIcon, SoundIcon } from "../../ui/icons";
import { Outages } from "./Outages";

interface BannersProps {
  state: RoomState;
  onRetry: () => void;
  onOutageSeen: () => void;
  onStartAudio: () => void;
  onSound: () => void;
}

/** What is wrong right now and what to do about it; empty when all is well. */
export function Banners({ state, onRetry, onOutageSeen, onStartAudio, onSound }: BannersProps) {
  const { link, mic } = state;
  return (
    <div className="banners" role="status">
      {link.kind === "connecting" && state.outage === null && (
        <div className="banner">
          <span className="spinner" aria-hidden="true" />
          <span>{text.link.connecting}</span>
        </div>
      )}
      <Outages state={state} onRetry={onRetry} onSeen={onOutageSeen} />
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
          <button type="button" className="button" onClick={onSound}>
            {text.sound.title}
          </button>
        </div>
      )}
      {isSilenced(state) && (
        <div className="banner banner-warn">
          <AlertIcon />
          <span>{text.mic.silenced}</span>
        </div>
      )}
      {state.stale && state.outage === null && state.deafSince === null && (
        <div className="banner banner-warn">
          <AlertIcon />
          <span>{text.room.stale}</span>
        </div>
      )}
    </div>
  );
}
