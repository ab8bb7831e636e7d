import { self, type TalkState } from "../../talk/state";
import { text } from "../../text";
import { newsLine, talk } from "../../text/talk";
import { AlertIcon, SoundIcon } from "../../ui/icons";

interface MyBannersProps {
  state: TalkState;
  onRead: () => void;
  onStartAudio: () => void;
}

/** What was done to the viewer and what is wrong right now; empty when all is well. */
export function MyBanners({ state, onRead, onStartAudio }: MyBannersProps) {
  const { link, news, micProblem } = state;
  const silenced = self(state)?.audioMuted ?? false;
  const newsSaysMuted = news?.event === "muted" && news.audio;
  return (
    <div className="banners" role="status">
      {link.kind === "connecting" && (
        <div className="banner">
          <span className="spinner" aria-hidden="true" />
          <span>{talk.channel.connecting}</span>
        </div>
      )}
      {link.kind === "reconnecting" && (
        <div className="banner banner-warn">
          <span className="spinner" aria-hidden="true" />
          <span>{talk.channel.reconnecting}</span>
        </div>
      )}
      {state.audioBlocked && (
        <div className="banner banner-strong">
          <SoundIcon />
          <span>{text.link.audioBlocked}</span>
          <button type="button" className="button button-primary" onClick={onStartAudio}>
            {text.link.startAudio}
          </button>
        </div>
      )}
      {news !== null && (
        <div className={newsSaysMuted ? "banner banner-warn" : "banner"}>
          <AlertIcon />
          <span>{newsLine(news, Date.now())}</span>
          <button type="button" className="button" onClick={onRead}>
            {talk.channel.readNews}
          </button>
        </div>
      )}
      {silenced && !newsSaysMuted && (
        <div className="banner banner-warn">
          <AlertIcon />
          <span>{talk.dock.block.muted}</span>
        </div>
      )}
      {micProblem !== null && (
        <div className="banner banner-warn">
          <AlertIcon />
          <span>{text.mic[micProblem]}</span>
        </div>
      )}
    </div>
  );
}
