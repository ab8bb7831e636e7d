import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { ConsoleApi } from "../../console/api";
import type { Me } from "../../console/types";
import { consoleHash } from "../../lib/route";
import { t } from "../../text/console";
import { Boundary } from "../../ui/Boundary";
import { PeopleIcon } from "../../ui/icons";
import { Accounts } from "./Accounts";
import { Apps } from "./Apps";
import { Bans } from "./Bans";
import { Calls } from "./Calls";
import { ChannelView } from "./ChannelView";
import { DeskContext } from "./context";
import { Explorer } from "./Explorer";
import { BanIcon, BoxIcon, ChipIcon, CodeIcon, GaugeIcon, PhoneIcon, PulseIcon } from "./icons";
import { Live } from "./Live";
import { Overview } from "./Overview";
import { System } from "./System";

const PAGES = [
  { name: "overview", Icon: GaugeIcon },
  { name: "live", Icon: PulseIcon },
  { name: "bans", Icon: BanIcon },
  { name: "calls", Icon: PhoneIcon },
  { name: "accounts", Icon: PeopleIcon },
  { name: "apps", Icon: BoxIcon },
  { name: "system", Icon: ChipIcon },
  { name: "api", Icon: CodeIcon },
] as const;
type PageName = (typeof PAGES)[number]["name"];

const TOAST_MS = 6_000;

interface FrameProps {
  api: ConsoleApi;
  me: Me;
  token: string;
  path: string[];
}

/** The pages beside the list of them. */
export function Frame({ api, me, token, path }: FrameProps) {
  const [first = "overview", ...rest] = path;
  const page = PAGES.find(({ name }) => name === first)?.name ?? "overview";
  const { toast, say } = useToast();
  const desk = useMemo(() => ({ api, me, token, say }), [api, me, token, say]);
  return (
    <DeskContext value={desk}>
      <div className="console">
        <Pages page={page} me={me} />
        <main className="console-main" id="content" tabIndex={-1}>
          <Boundary resetKey={path.join("/")}>{content(page, rest)}</Boundary>
        </main>
        <div className="toasts console-toasts" role="status">
          {toast !== null && (
            <p className="toast" key={toast.id}>
              {toast.words}
            </p>
          )}
        </div>
      </div>
    </DeskContext>
  );
}

function content(page: PageName, rest: string[]): ReactNode {
  const [app, channel] = rest;
  switch (page) {
    case "overview":
      return <Overview />;
    case "live":
      if (app === undefined || channel === undefined) return <Live />;
      return <ChannelView key={`${app}/${channel}`} app={app} channel={channel} />;
    case "bans":
      return <Bans />;
    case "calls":
      return <Calls />;
    case "accounts":
      return <Accounts />;
    case "apps":
      return <Apps />;
    case "system":
      return <System part={app} />;
    case "api":
      return <Explorer document={app} operation={channel} />;
  }
}

function Pages({ page, me }: { page: PageName; me: Me }) {
  const list = useRef<HTMLUListElement>(null);
  // On a phone the list is one line that scrolls: the page one is on is brought into sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page is what scrolls
  useEffect(() => {
    const current = list.current?.querySelector<HTMLElement>("[aria-current]");
    if (list.current && current) {
      list.current.scrollLeft = current.offsetLeft - list.current.clientWidth / 3;
    }
  }, [page]);
  return (
    <nav className="console-nav" aria-label={t.nav}>
      <ul ref={list}>
        {PAGES.map(({ name, Icon }) => (
          <li key={name}>
            <a
              href={name === "overview" ? consoleHash() : consoleHash(name)}
              aria-current={name === page ? "page" : undefined}
            >
              <Icon />
              {t.pages[name]}
            </a>
          </li>
        ))}
      </ul>
      <p className="console-version">{t.version(me.version)}</p>
    </nav>
  );
}

function useToast() {
  const [toast, setToast] = useState<{ id: number; words: string } | null>(null);
  const say = useCallback((words: string) => {
    setToast((before) => ({ id: (before?.id ?? 0) + 1, words }));
  }, []);
  useEffect(() => {
    if (toast === null) return;
    const timer = setTimeout(() => setToast(null), TOAST_MS);
    return () => clearTimeout(timer);
  }, [toast]);
  return { toast, say };
}
