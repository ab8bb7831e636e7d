import "../../board/asset-path";
import "@excalidraw/excalidraw/index.css";
import { Excalidraw, MainMenu } from "@excalidraw/excalidraw";
import type { ExcalidrawImperativeAPI, UIOptions } from "@excalidraw/excalidraw/types";
import { useCallback, useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { Binding, PAUSE_MS } from "../../board/binding";
import type { BoardDocument, Page } from "../../board/document";
import type { Pointer, Presence } from "../../board/presence";
import {
  alike,
  around,
  type Margins,
  SHEET,
  type Size,
  type View,
  wholeOf,
} from "../../board/view";
import type { Courseware } from "../../class/documents";
import { words as say } from "../../text/board";
import { Backdrop } from "./Backdrop";
import { useMenuName } from "./menu-name";
import { drawnBox, look, sceneOf, showPeers, viewOf } from "./scene";
import { useTheme } from "./shown-theme";

const OPTIONS: Partial<UIOptions> = {
  canvasActions: {
    changeViewBackgroundColor: false,
    clearCanvas: true,
    export: false,
    loadScene: false,
    saveToActiveFile: false,
    saveAsImage: false,
    toggleTheme: false,
  },
  // Documents hold no files.
  tools: { image: false },
};

/** What the tools lie over, of a board that is drawn on. */
const TOOLS: Margins = { top: 68, bottom: 60, side: 12 };
/** On a phone the tools are one row above and one below. */
const TOOLS_NARROW: Margins = { top: 60, bottom: 60, side: 4 };
const BARE: Margins = { top: 4, bottom: 4, side: 4 };
const NARROW = 730;

interface CanvasProps {
  board: BoardDocument;
  presence: Presence;
  page: Page;
  /** For those who do not see it: which page of how many. */
  number: number;
  pages: number;
  documents: readonly Courseware[];
  canDraw: boolean;
  /** In step with the server. */
  live: boolean;
  /** Counts the wishes to see the whole page. */
  fits: number;
  onTooLarge: () => void;
}

export function Canvas(props: CanvasProps) {
  const { board, presence, page, number, pages, documents, canDraw, live, fits, onTooLarge } =
    props;
  const [library, setLibrary] = useState<ExcalidrawImperativeAPI | null>(null);
  const api = useLoaded(library);
  const [count, setCount] = useState(0);
  const [view, setView] = useState<View>({ scrollX: 0, scrollY: 0, zoom: 1 });
  const root = useRef<HTMLElement>(null);
  const binding = useRef<Binding | null>(null);
  const theme = useTheme();
  const { at, background } = page;

  useEffect(() => {
    if (api === null || root.current === null) return;
    const next = new Binding(board, sceneOf(api, root.current), canDraw, onTooLarge);
    binding.current = next;
    const off = api.onChange((elements) => {
      next.changed();
      setCount(elements.reduce((n, { isDeleted }) => (isDeleted ? n : n + 1), 0));
    });
    return () => {
      off();
      next.close();
      binding.current = null;
    };
  }, [api, board, canDraw, onTooLarge]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new binding has no page yet
  useEffect(() => binding.current?.turnTo(at), [at, api, board, canDraw, onTooLarge]);

  useMenuName(root);
  useAttention(api, root, canDraw);
  const { onSize } = useFit(api, root, {
    key: at,
    wish: fits,
    live,
    canDraw,
    backed: background !== null,
  });

  useEffect(() => {
    if (api === null) return;
    const show = () => showPeers(api, presence.peers(at));
    show();
    return presence.watch(show);
  }, [api, presence, at]);

  function point(pointer: Pointer | null, button: "up" | "down") {
    if (api === null) return;
    presence.tell(at, pointer, button, Object.keys(api.getAppState().selectedElementIds));
  }

  return (
    <section
      ref={root}
      className="board-canvas"
      aria-label={say.label(number, pages, count)}
      data-drawings={count}
      data-backed={background !== null || undefined}
      onPointerLeave={canDraw ? () => point(null, "up") : undefined}
    >
      {background !== null && (
        <Backdrop
          key={`${background.doc} ${background.page}`}
          background={background}
          documents={documents}
          view={view}
          onSize={onSize}
        />
      )}
      <Excalidraw
        excalidrawAPI={setLibrary}
        initialData={{ appState: { viewBackgroundColor: "transparent" } }}
        onScrollChange={(scrollX, scrollY, { value }) => setView({ scrollX, scrollY, zoom: value })}
        {...(canDraw
          ? { onPointerUpdate: ({ pointer, button }: PointerUpdate) => point(pointer, button) }
          : {})}
        langCode={say.library}
        theme={theme}
        viewModeEnabled={!canDraw}
        isCollaborating
        UIOptions={OPTIONS}
        // The rest of the page has keys of its own.
        handleKeyboardGlobally={false}
        autoFocus={false}
        detectScroll
        aiEnabled={false}
        validateEmbeddable={false}
      >
        <MainMenu>
          {canDraw && <MainMenu.DefaultItems.ClearCanvas />}
          <MainMenu.DefaultItems.Help />
        </MainMenu>
      </Excalidraw>
    </section>
  );
}

/** What is shown while the library still starts is gone once it has. */
function useLoaded(library: ExcalidrawImperativeAPI | null): ExcalidrawImperativeAPI | null {
  const [loaded, setLoaded] = useState<ExcalidrawImperativeAPI | null>(null);
  useEffect(() => {
    if (library === null) return;
    const look = () => {
      if (!library.getAppState().isLoading) setLoaded(library);
    };
    look();
    return library.onChange(look);
  }, [library]);
  return loaded;
}

/**
 * The library remembers where on the page it is, and hears only late that the page was scrolled, and not at all that
 * something above it came or went: a stroke would begin somewhere else than where the pointer is. And it takes the wheel for
 * itself: whoever only looks on scrolls the page, as everywhere else on it.
 */
function useAttention(
  api: ExcalidrawImperativeAPI | null,
  root: React.RefObject<HTMLElement | null>,
  canDraw: boolean,
): void {
  useEffect(() => {
    const { current } = root;
    if (api === null || current === null) return;
    const place = () => {
      const { offsetLeft, offsetTop } = api.getAppState();
      const { left, top } = current.getBoundingClientRect();
      // The border is not part of it.
      const moved = Math.abs(left + current.clientLeft - offsetLeft) > 0.5;
      if (moved || Math.abs(top + current.clientTop - offsetTop) > 0.5) flushSync(api.refresh);
    };
    const wheel = (event: WheelEvent) => {
      const zooms = event.ctrlKey || event.metaKey;
      if (!canDraw && !zooms) event.stopPropagation();
    };
    // Before the library hears of it.
    current.addEventListener("pointerdown", place, { capture: true });
    current.addEventListener("wheel", wheel, { capture: true, passive: true });
    return () => {
      current.removeEventListener("pointerdown", place, { capture: true });
      current.removeEventListener("wheel", wheel, { capture: true });
    };
  }, [api, root, canDraw]);
}

interface PointerUpdate {
  pointer: Pointer;
  button: "down" | "up";
}

interface Fit {
  /** Of the sheet: another one is looked at from the start. */
  key: number;
  wish: number;
  live: boolean;
  canDraw: boolean;
  backed: boolean;
}

/** Shows all of a sheet when it is turned to, and after that as long as nobody moves it. */
function useFit(
  api: ExcalidrawImperativeAPI | null,
  root: React.RefObject<HTMLElement | null>,
  { key, wish, live, canDraw, backed }: Fit,
) {
  const sheet = useRef<Size>(SHEET);
  const last = useRef<View | null>(null);

  const show = useCallback(
    (wanted: boolean) => {
      if (api === null || root.current === null) return;
      if (!wanted && last.current !== null && !alike(viewOf(api), last.current)) return;
      const { clientWidth: width, clientHeight: height } = root.current;
      if (width === 0 || height === 0) return;
      const margins = canDraw ? (width < NARROW ? TOOLS_NARROW : TOOLS) : BARE;
      last.current = wholeOf(around(sheet.current, drawnBox(api)), { width, height }, margins);
      look(api, last.current);
    },
    [api, root, canDraw],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: another sheet, or the wish to see it
  useEffect(() => {
    // The page behind tells its size when it is there.
    if (!backed) sheet.current = SHEET;
    show(true);
  }, [show, key, wish, backed]);

  useEffect(() => {
    // What was drawn so far has come; the binding shows it first.
    const timer = live ? setTimeout(() => show(false), 2 * PAUSE_MS) : undefined;
    return () => clearTimeout(timer);
  }, [live, show]);

  useEffect(() => {
    if (root.current === null) return;
    const resized = new ResizeObserver(() => show(false));
    resized.observe(root.current);
    return () => resized.disconnect();
  }, [root, show]);

  const onSize = useCallback(
    (size: Size) => {
      sheet.current = size;
      show(true);
    },
    [show],
  );
  return { onSize };
}
