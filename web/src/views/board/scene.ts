import { CaptureUpdateAction, getCommonBounds } from "@excalidraw/excalidraw";
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types";
import type { Collaborator, ExcalidrawImperativeAPI, SocketId } from "@excalidraw/excalidraw/types";
import type { Scene } from "../../board/binding";
import type { SceneElement } from "../../board/element";
import type { Peer } from "../../board/presence";
import type { Box, View } from "../../board/view";

/** Others' changes are not undone here. */
const captureUpdate = CaptureUpdateAction.NEVER;

// The library's elements have brands and exact keys that nobody outside of it can make; `readElement` made sure that they
// are what they claim to be.
const toLibrary = (elements: readonly SceneElement[]) =>
  elements as unknown as readonly ExcalidrawElement[];
const fromLibrary = (elements: readonly ExcalidrawElement[]) =>
  elements as unknown as readonly SceneElement[];

/** The drawing library as the binding sees it. */
export function sceneOf(api: ExcalidrawImperativeAPI, root: HTMLElement): Scene {
  return {
    elements: () => fromLibrary(api.getSceneElementsIncludingDeleted()),
    busy: () => {
      const { editingTextElement, newElement, resizingElement, multiElement } = api.getAppState();
      const all = [editingTextElement, newElement, resizingElement, multiElement];
      return new Set(all.flatMap((element) => (element ? [element.id] : [])));
    },
    show: (elements) => api.updateScene({ elements: toLibrary(elements), captureUpdate }),
    // The library takes what was typed when its field loses the focus.
    settle: () => root.querySelector<HTMLElement>("textarea.excalidraw-wysiwyg")?.blur(),
    forget: () => {
      const nothing = {
        newElement: null,
        multiElement: null,
        resizingElement: null,
        selectionElement: null,
        editingTextElement: null,
        editingLinearElement: null,
        selectedLinearElement: null,
        editingGroupId: null,
        selectedElementIds: {},
        selectedGroupIds: {},
      };
      api.updateScene({ appState: nothing, captureUpdate });
      api.history.clear();
      // The library tells its own buttons of it only at the next step, for which there is nothing left.
      root.querySelector<HTMLElement>("[data-testid=button-undo]:not(:disabled)")?.click();
    },
  };
}

export function viewOf(api: ExcalidrawImperativeAPI): View {
  const { scrollX, scrollY, zoom } = api.getAppState();
  return { scrollX, scrollY, zoom: zoom.value };
}

/** Where things are drawn. Null: nowhere. */
export function drawnBox(api: ExcalidrawImperativeAPI): Box | null {
  const elements = api.getSceneElements();
  if (elements.length === 0) return null;
  const [left, top, right, bottom] = getCommonBounds(elements);
  const box = { x: left, y: top, width: right - left, height: bottom - top };
  return Object.values(box).every(Number.isFinite) ? box : null;
}

export function look(api: ExcalidrawImperativeAPI, { scrollX, scrollY, zoom }: View): void {
  // The library's own kind of number, nothing else.
  const value = zoom as ReturnType<ExcalidrawImperativeAPI["getAppState"]>["zoom"]["value"];
  api.updateScene({ appState: { scrollX, scrollY, zoom: { value } }, captureUpdate });
}

export function showPeers(api: ExcalidrawImperativeAPI, peers: readonly Peer[]): void {
  const all = peers.map(({ id, name, pointer, button, selected }): [SocketId, Collaborator] => [
    id as SocketId,
    {
      id,
      username: name,
      button,
      ...(pointer === null ? {} : { pointer }),
      selectedElementIds: Object.fromEntries(selected.map((one) => [one, true as const])),
    },
  ]);
  api.updateScene({ collaborators: new Map(all) });
}
