/** Texts of the whiteboard, in English: the type of all others. */
export const boardEn = {
  /** As the drawing library calls this language. */
  library: "en",
  title: "Whiteboard",
  label: (page: number, pages: number, n: number) =>
    `Whiteboard, page ${page} of ${pages}, ${n === 1 ? "1 drawing" : `${n} drawings`}`,
  loading: "Loading the whiteboard…",
  pages: "Pages",
  page: (page: number, pages: number) => `${page} / ${pages}`,
  before: "Page before",
  next: "Next page",
  add: "Add page",
  remove: "Remove page",
  removeTitle: (page: number) => `Remove page ${page}?`,
  removeText: "It goes for everybody, with all that is drawn on it. This cannot be undone.",
  fit: "Show the whole page",
  menu: "Whiteboard menu",
  save: (format: string) => `Save page as ${format}`,
  connecting: "Connecting…",
  lost: "Not connected: what you draw is sent when the connection is back.",
  lostViewer: "Not connected: what you see may be out of date.",
  refused: "The whiteboard does not let you in.",
  tooLarge: "That was too large for the whiteboard.",
  put: (name: string) => `Put on the board: ${name}`,
  putting: (name: string) => `Putting “${name}” on the board…`,
  putFailed: (name: string) =>
    `“${name}” cannot be shown on the board. It takes PDFs and pictures.`,
  putPart: (n: number) =>
    `Only the first ${n === 1 ? "page" : `${n} pages`} had room on the board.`,
  backgroundLoading: "Loading the page behind…",
  backgroundGone: "The document behind this page is not among the courseware any more.",
  backgroundElsewhere: (name: string) =>
    `“${name}” is kept elsewhere and can only be opened there.`,
  backgroundFailed: (name: string) => `“${name}” cannot be shown here.`,
  open: "Open it",
};

export type BoardTexts = typeof boardEn;
