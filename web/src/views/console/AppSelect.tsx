import type { AppRow } from "../../console/types";
import { t } from "../../text/console";
import { Field } from "./parts";

interface AppSelectProps {
  apps: readonly AppRow[];
  value: string;
  onChange: (app: string) => void;
  /** Offers all of them as well. */
  all?: boolean;
}

/** Nothing to choose where there is one app only. */
export function AppSelect({ apps, value, onChange, all }: AppSelectProps) {
  if (all && apps.length < 2) return null;
  return (
    <Field label={t.app}>
      {(ids) => (
        <select {...ids} value={value} onChange={(event) => onChange(event.target.value)}>
          {all && <option value="">{t.allApps}</option>}
          {apps.map((app) => (
            <option key={app.app_id} value={app.app_id}>
              {app.name === "" ? app.app_id : `${app.name} (${app.app_id})`}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
