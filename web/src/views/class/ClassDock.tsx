import type { ReactNode } from "react";
import type { Device } from "../../class/media-port";
import type { ClassSession } from "../../class/session";
import { type ClassState, deviceBlock, handUp, isTeacher, micBlock } from "../../class/state";
import { words } from "../../text/class";
import {
  CameraIcon,
  CameraOffIcon,
  HandIcon,
  LeaveIcon,
  MicIcon,
  MicOffIcon,
  PeopleIcon,
  ScreenIcon,
} from "../../ui/icons";

const say = words.dock;

interface ClassDockProps {
  session: ClassSession;
  state: ClassState;
  onLeave: () => void;
}

const ICONS: Record<Device, [on: ReactNode, off: ReactNode]> = {
  mic: [<MicIcon key="on" />, <MicOffIcon key="off" />],
  camera: [<CameraIcon key="on" />, <CameraOffIcon key="off" />],
  screen: [<ScreenIcon key="on" />, <ScreenIcon key="off" />],
};

/** The viewer's own controls, always in reach of the thumb. */
export function ClassDock({ session, state, onLeave }: ClassDockProps) {
  const block = deviceBlock(state);
  const teacher = isTeacher(state);
  const up = handUp(state);
  const devices: Device[] = block === "not-on-stage" ? [] : ["mic", "camera"];
  // Phones cannot share their screen; the browser does not offer it there.
  if (teacher && "getDisplayMedia" in (navigator.mediaDevices ?? {})) devices.push("screen");
  return (
    <section className="dock class-dock" aria-label={say.label}>
      <div className="dock-inner">
        <p className="dock-status" role="status">
          {statusText(state)}
        </p>
        <div className="dock-actions">
          {devices.map((device) => (
            <DeviceButton key={device} device={device} session={session} state={state} />
          ))}
          {!teacher && block === null && (
            <button
              type="button"
              className="dock-button"
              onClick={() => void session.invitations.stepDown()}
            >
              <span className="dock-icon">
                <PeopleIcon />
              </span>
              <span>{say.stepDown}</span>
            </button>
          )}
          {!teacher && block === "not-on-stage" && state.invited === null && (
            <button
              type="button"
              className="dock-button"
              data-raised={up || undefined}
              aria-pressed={up}
              onClick={() => void session.setHand(!up)}
            >
              <span className="dock-icon">
                <HandIcon />
              </span>
              <span>{up ? say.lower : say.raise}</span>
            </button>
          )}
          <button type="button" className="dock-button" onClick={onLeave}>
            <span className="dock-icon">
              <LeaveIcon />
            </span>
            <span>{say.leave}</span>
          </button>
        </div>
      </div>
    </section>
  );
}

interface DeviceButtonProps {
  device: Device;
  session: ClassSession;
  state: ClassState;
}

function DeviceButton({ device, session, state }: DeviceButtonProps) {
  const on = state.devices[device];
  const label = say.devices[device];
  const muted = device === "mic" && !on && micBlock(state) !== null;
  return (
    <button
      type="button"
      className="dock-button dock-mic"
      data-open={on || undefined}
      data-device={device}
      aria-label={on ? label.off : label.on}
      disabled={deviceBlock(state) !== null || state.switching !== null || muted}
      onClick={() => void session.setDevice(device, !on)}
    >
      <span className="dock-icon">{ICONS[device][on ? 0 : 1]}</span>
      <span aria-hidden="true">{label.short}</span>
    </button>
  );
}

function statusText(state: ClassState): string {
  if (state.link.kind === "resting") return say.resting;
  const block = deviceBlock(state);
  if (state.invited !== null) return say.invited;
  if (block === "not-on-stage" && handUp(state)) return say.handUp;
  if (block !== null) return say.block[block];
  if (state.switching !== null) return say.switching;
  const muted = micBlock(state);
  if (muted !== null) return muted === "all" ? say.micAll : say.micMe;
  const { mic, camera, screen } = state.devices;
  if (mic) return say.live;
  return camera || screen ? say.seen : say.quiet;
}
