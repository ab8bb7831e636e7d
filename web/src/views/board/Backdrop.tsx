import { useEffect, useRef, useState } from "react";
import { canShow, type Picture, pictureOf } from "../../board/courseware";
import type { Background } from "../../board/document";
import type { Size, View } from "../../board/view";
import type { Courseware } from "../../class/documents";
import { words as say } from "../../text/board";

interface BackdropProps {
  background: Background;
  documents: readonly Courseware[];
  /** How the board is looked at: what lies behind moves with what is drawn. */
  view: View;
  onSize: (size: Size) => void;
}

type Found = Picture | "loading" | "failed";

/** A page of courseware behind what is drawn. */
export function Backdrop({ background, documents, view, onSize }: BackdropProps) {
  const document = documents.find(({ id }) => id === background.doc);
  const found = usePicture(document, background.page);
  const layer = useRef<HTMLDivElement>(null);
  const picture = typeof found === "string" ? null : found;
  useEffect(() => {
    const { current } = layer;
    if (picture === null || current === null) return;
    current.replaceChildren(picture.element);
    onSize(picture.size);
  }, [picture, onSize]);

  if (document === undefined) return <p className="board-note">{say.backgroundGone}</p>;
  if (!canShow(document)) {
    return (
      <p className="board-note">
        {say.backgroundElsewhere(document.name)}{" "}
        {document.url !== null && (
          <a href={document.url} target="_blank" rel="noopener noreferrer">
            {say.open}
          </a>
        )}
      </p>
    );
  }
  if (found === "failed")
    return <p className="board-note">{say.backgroundFailed(document.name)}</p>;
  if (picture === null) {
    return (
      <p className="board-note" role="status">
        {say.backgroundLoading}
      </p>
    );
  }
  const { scrollX, scrollY, zoom } = view;
  return (
    <div
      ref={layer}
      className="board-behind"
      data-background={background.page}
      role="img"
      aria-label={`${document.name}, ${say.page(background.page, background.page)}`}
      style={{
        width: picture.size.width,
        height: picture.size.height,
        transform: `translate(${scrollX * zoom}px, ${scrollY * zoom}px) scale(${zoom})`,
      }}
    />
  );
}

function usePicture(document: Courseware | undefined, page: number): Found {
  const [found, setFound] = useState<Found>("loading");
  const wanted = document === undefined || !canShow(document) ? undefined : document;
  const { id, name, url } = wanted ?? {};
  useEffect(() => {
    if (id === undefined || name === undefined || url === undefined) return;
    let current = true;
    setFound("loading");
    pictureOf({ name, url }, page).then(
      (picture) => current && setFound(picture ?? "failed"),
      // Whatever it is: the file, or the way to it. The drawing goes on without.
      () => current && setFound("failed"),
    );
    return () => {
      current = false;
    };
  }, [id, name, url, page]);
  return found;
}
