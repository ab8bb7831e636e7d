import { words } from "../../text/class";

const say = words.panes;

/** What a phone shows of the class at a time; there is room for all of it elsewhere. */
export const PANES = ["video", "board", "chat", "people"] as const;
export type Pane = (typeof PANES)[number];

interface PanesProps {
  pane: Pane;
  onShow: (pane: Pane) => void;
  /** There is a whiteboard here. */
  board: boolean;
  /** Unread messages, raised hands. */
  news: number;
  hands: number;
}

export function Panes({ pane, onShow, board, news, hands }: PanesProps) {
  const badges: Partial<Record<Pane, { count: number; label: string }>> = {
    chat: { count: news, label: words.tabs.unread(news) },
    people: { count: hands, label: words.tabs.hands(hands) },
  };
  return (
    <nav className="class-panes" aria-label={say.label}>
      {PANES.filter((one) => one !== "board" || board).map((one) => {
        const badge = badges[one];
        return (
          <button
            key={one}
            type="button"
            data-pane={one}
            aria-current={one === pane || undefined}
            onClick={() => onShow(one)}
          >
            {say[one]}
            {badge !== undefined && badge.count > 0 && (
              <span className="class-badge">
                <span aria-hidden="true">{badge.count}</span>
                <span className="visually-hidden">{badge.label}</span>
              </span>
            )}
          </button>
        );
      })}
    </nav>
  );
}

/** What is large where there is room: the board with faces beside it, or the faces. */
export type Large = "board" | "faces";
const LARGE: readonly Large[] = ["board", "faces"];

export function Layout({ large, onChoose }: { large: Large; onChoose: (large: Large) => void }) {
  return (
    <fieldset className="class-layout">
      <legend className="visually-hidden">{words.video.layout}</legend>
      {LARGE.map((one) => (
        <button key={one} type="button" aria-pressed={one === large} onClick={() => onChoose(one)}>
          {words.video[one]}
        </button>
      ))}
    </fieldset>
  );
}
