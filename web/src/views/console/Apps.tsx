import { count } from "../../console/format";
import { usePoll } from "../../console/poll";
import type { AppRow } from "../../console/types";
import { t } from "../../text/console";
import { useDesk } from "./context";
import { FailureBar } from "./Failure";
import { Chip, type Column, Head, Table } from "./parts";

const LOOK_MS = 10_000;

const COLUMNS: readonly Column<AppRow>[] = [
  {
    label: t.apps.name,
    cell: (row) => (
      <span className="console-name">
        <b>{row.name || row.app_id}</b>
        <small>{row.app_id}</small>
      </span>
    ),
  },
  { label: t.apps.key, cell: (row) => <code>{row.appkey}</code> },
  {
    label: t.apps.state,
    cell: (row) =>
      row.enabled ? (
        <Chip tone="good">{t.apps.enabled}</Chip>
      ) : (
        <Chip tone="bad">{t.apps.disabled}</Chip>
      ),
  },
  {
    label: t.apps.admins,
    cell: (row) =>
      row.admin_identifiers.includes("*") ? t.apps.everybody : row.admin_identifiers.join(", "),
  },
  { label: t.apps.oldSecrets, cell: (row) => count(row.previous_secrets), figure: true },
  { label: t.apps.channels, cell: (row) => count(row.channels), figure: true },
  { label: t.apps.participants, cell: (row) => count(row.participants), figure: true },
];

export function Apps() {
  const { api } = useDesk();
  const { data, failure } = usePoll(api.apps, LOOK_MS);
  return (
    <>
      <Head title={t.pages.apps} lead={t.apps.lead} />
      <FailureBar failure={failure} />
      <Table
        caption={t.pages.apps}
        columns={COLUMNS}
        rows={data?.items ?? null}
        rowKey={(row) => row.app_id}
        empty={t.apps.none}
      />
      <section className="panel console-how" aria-label={t.apps.how}>
        <h2>{t.apps.how}</h2>
        <p className="console-note">{t.apps.howText}</p>
        <dl className="console-commands">
          <div>
            <dt>{t.apps.commands.add}</dt>
            <dd>
              <code>stoa app add</code>
            </dd>
          </div>
          <div>
            <dt>{t.apps.commands.rotate}</dt>
            <dd>
              <code>stoa app rotate</code>
            </dd>
          </div>
          <div>
            <dt>{t.apps.commands.file}</dt>
            <dd>
              <code>[[apps]] enabled = false</code>
            </dd>
          </div>
        </dl>
      </section>
    </>
  );
}
