import { useId, useSyncExternalStore } from "react";
import { devices } from "../../lib/devices";
import { words } from "../../text/test";

/** Which microphone, where there are several: the wrong one is the most frequent reason for silence. */
export function MicrophoneChoice({ onChoose }: { onChoose: (id: string) => void }) {
  const id = useId();
  const { all, used } = useSyncExternalStore(devices.subscribe, devices.snapshot).audioinput;
  if (all.length < 2) return null;
  return (
    <div className="test-choice">
      <label htmlFor={id}>{words.choose}</label>
      <select
        id={id}
        className="select"
        value={used}
        onChange={(event) => onChoose(event.target.value)}
      >
        {all.map((device, i) => (
          <option key={device.id} value={device.id}>
            {device.label === "" ? `${words.check.microphone.name} ${i + 1}` : device.label}
          </option>
        ))}
      </select>
    </div>
  );
}
