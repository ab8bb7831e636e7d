import { type ReactNode, useState } from "react";
import { SEAT_COUNT } from "../../room/seats";
import { isSilenced, maySpeak, mySeat, type RoomState } from "../../room/state";
import { text } from "../../text";
import { Confirm } from "../../ui/Dialog";
import { LeaveIcon, MicIcon, MicOffIcon, PowerIcon, SeatIcon } from "../../ui/icons";
import { SlidersIcon } from "../../ui/shell-icons";
import { LikeButton } from "./LikeButton";

interface DockProps {
  state: RoomState;
  owner: boolean;
  onLike: () => void;
  onSound: () => void;
  onMic: (wanted: boolean) => void;
  onLeaveSeat: () => void;
  onLeave: () => void;
  onDismiss: () => void;
}

/** The viewer's own controls, always in reach of the thumb. */
export function Dock(props: DockProps) {
  const { state, owner, onLike, onSound, onMic, onLeaveSeat, onLeave, onDismiss } = props;
  const [asking, setAsking] = useState<"leave" | "end" | null>(null);
  return (
    <section className="dock" aria-label={text.dock.label}>
      <div className="dock-inner">
        <p className="dock-status" role="status">
          {statusText(state, owner)}
        </p>
        <div className="dock-actions">
          {maySpeak(state) && <MicButton state={state} onMic={onMic} />}
          {mySeat(state) > 0 && (
            <DockButton label={text.dock.leaveSeat} onClick={onLeaveSeat} disabled={state.busy}>
              <SeatIcon />
            </DockButton>
          )}
          <LikeButton view={state.chat} onLike={onLike} />
          <DockButton label={text.dock.sound} onClick={onSound}>
            <SlidersIcon />
          </DockButton>
          <DockButton
            label={text.dock.leave}
            onClick={() => (owner ? setAsking("leave") : onLeave())}
          >
            <LeaveIcon />
          </DockButton>
          {owner && (
            <DockButton label={text.dock.end} onClick={() => setAsking("end")} danger>
              <PowerIcon />
            </DockButton>
          )}
        </div>
      </div>
      {asking === "leave" && (
        <Confirm
          title={text.dialog.leaveTitle}
          body={text.dialog.leaveText}
          action={text.dialog.leave}
          onConfirm={onLeave}
          onClose={() => setAsking(null)}
        />
      )}
      {asking === "end" && (
        <Confirm
          title={text.dialog.endTitle}
          body={text.dialog.endText}
          action={text.dialog.end}
          danger
          onConfirm={onDismiss}
          onClose={() => setAsking(null)}
        />
      )}
    </section>
  );
}

function statusText(state: RoomState, owner: boolean): string {
  if (state.link.kind === "connecting") return text.dock.connecting;
  if (state.link.kind === "reconnecting") return text.dock.reconnecting;
  if (state.link.kind !== "live") return text.dock.offline;
  if (!maySpeak(state)) {
    const taken = state.seats.filter((seat) => seat.user !== "").length;
    return taken === SEAT_COUNT ? text.dock.full : text.dock.listening;
  }
  if (!state.mayPublish) return text.dock.micWaiting;
  if (isSilenced(state)) return text.dock.silenced;
  switch (state.mic.actual) {
    case "on":
      return text.dock.live;
    case "starting":
      return text.dock.starting;
    case "muted":
      return text.dock.muted;
    case "off":
      return owner ? text.dock.hostMuted : text.dock.muted;
  }
}

function MicButton({ state, onMic }: { state: RoomState; onMic: (wanted: boolean) => void }) {
  const { actual } = state.mic;
  const open = actual === "on" || actual === "starting";
  return (
    <button
      type="button"
      className="dock-button dock-mic"
      data-open={open || undefined}
      aria-label={open ? text.dock.micMute : text.dock.micUnmute}
      disabled={!state.mayPublish || isSilenced(state)}
      onClick={() => onMic(!open)}
    >
      <span className="dock-icon">{open ? <MicIcon /> : <MicOffIcon />}</span>
      <span aria-hidden="true">{open ? text.dock.mute : text.dock.unmute}</span>
    </button>
  );
}

interface DockButtonProps {
  label: string;
  onClick: () => void;
  children: ReactNode;
  danger?: boolean;
  disabled?: boolean;
}

function DockButton({ label, onClick, children, danger, disabled }: DockButtonProps) {
  return (
    <button
      type="button"
      className="dock-button"
      data-danger={danger || undefined}
      disabled={disabled}
      onClick={onClick}
    >
      <span className="dock-icon">{children}</span>
      <span>{label}</span>
    </button>
  );
}
