import { useState } from "react";
import type { Account } from "../../console/types";
import { useList } from "../../console/use-list";
import { t } from "../../text/console";
import { Avatar } from "../../ui/Avatar";
import { PlusIcon } from "../../ui/icons";
import { AccountDialog, NewAccount } from "./AccountDialogs";
import { useDesk } from "./context";
import { FailureBar } from "./Failure";
import { Chip, type Column, Head, Pager, Search, Table } from "./parts";

const LOOK_MS = 15_000;

const EVERYBODY = { q: "" };

export function Accounts() {
  const { api, me } = useDesk();
  const [open, setOpen] = useState<string | null>(null);
  const [adding, setAdding] = useState(false);
  const list = useList(EVERYBODY, api.accounts, LOOK_MS);
  const { data, refresh } = list;
  const chosen = data?.items.find(({ user }) => user === open);
  const columns: readonly Column<Account>[] = [
    {
      label: t.accounts.user,
      cell: (row) => (
        <span className="console-inline">
          <Avatar user={row.user} size="s" />
          <b>{row.user}</b>
          {row.user === me.user && <Chip>{t.accounts.you}</Chip>}
        </span>
      ),
    },
    {
      label: t.accounts.rights,
      cell: (row) =>
        row.admin || row.from_config ? (
          <Chip tone="good">{row.from_config ? t.accounts.adminByFile : t.accounts.admin}</Chip>
        ) : (
          t.accounts.plain
        ),
    },
    {
      label: t.accounts.state,
      cell: (row) =>
        row.disabled ? <Chip tone="bad">{t.accounts.disabled}</Chip> : t.accounts.enabled,
    },
    {
      label: t.actions,
      quiet: true,
      cell: (row) => (
        <button type="button" className="button console-button" onClick={() => setOpen(row.user)}>
          {t.accounts.manage}
          <span className="visually-hidden">{row.user}</span>
        </button>
      ),
    },
  ];
  return (
    <>
      <Head title={t.pages.accounts} lead={t.accounts.lead}>
        <button type="button" className="button button-primary" onClick={() => setAdding(true)}>
          <PlusIcon />
          {t.accounts.add}
        </button>
      </Head>
      <div className="console-filters">
        <Search label={t.accounts.search} value={list.typed.q} onChange={(q) => list.type({ q })} />
      </div>
      <FailureBar failure={list.failure} />
      <Table
        caption={t.pages.accounts}
        columns={columns}
        rows={data?.items ?? null}
        rowKey={(row) => row.user}
        empty={list.filtered ? t.accounts.noMatch : t.accounts.none}
      />
      <Pager page={data} offset={list.offset} onOffset={list.onOffset} />
      {adding && <NewAccount onClose={() => setAdding(false)} onSettled={refresh} />}
      {chosen !== undefined && (
        <AccountDialog account={chosen} onClose={() => setOpen(null)} onSettled={refresh} />
      )}
    </>
  );
}
