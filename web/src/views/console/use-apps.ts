import { usePoll } from "../../console/poll";
import type { AppRow } from "../../console/types";
import { useDesk } from "./context";

/** The tenants, for choosing one; empty until they are known. They change with the configuration file only. */
export function useApps(): readonly AppRow[] {
  const { api } = useDesk();
  return usePoll(api.apps, null).data?.items ?? [];
}
