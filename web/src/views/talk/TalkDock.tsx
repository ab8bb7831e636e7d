import { micBlock, type TalkState } from "../../talk/state";
import { talk } from "../../text/talk";
import { LeaveIcon, MicIcon, MicOffIcon } from "../../ui/icons";

interface TalkDockProps {
  state: TalkState;
  onMicrophone: (open: boolean) => void;
  onLeave: () => void;
}

/** The viewer's own controls, always in reach of the thumb. */
export function TalkDock({ state, onMicrophone, onLeave }: TalkDockProps) {
  const block = micBlock(state);
  const open = state.microphone === "on";
  const label = open ? talk.dock.close : talk.dock.open;
  return (
    <section className="dock" aria-label={talk.dock.label}>
      <div className="dock-inner">
        <p className="dock-status" role="status" id="talk-dock-status">
          {block === null ? (open ? talk.dock.live : talk.dock.closed) : talk.dock.block[block]}
        </p>
        <div className="dock-actions">
          <button
            type="button"
            className="dock-button dock-mic"
            data-open={open || undefined}
            aria-describedby="talk-dock-status"
            disabled={block !== null}
            onClick={() => onMicrophone(!open)}
          >
            <span className="dock-icon">{open ? <MicIcon /> : <MicOffIcon />}</span>
            <span>{label}</span>
          </button>
          <button type="button" className="dock-button" onClick={onLeave}>
            <span className="dock-icon">
              <LeaveIcon />
            </span>
            <span>{talk.dock.leave}</span>
          </button>
        </div>
      </div>
    </section>
  );
}
