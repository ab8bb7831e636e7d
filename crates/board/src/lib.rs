//! Shared whiteboards: one [Yjs](https://docs.yjs.dev) document per class, kept in step between everybody who looks at
//! it over the y-websocket protocol, stored, and drawn into SVG and PNG.
//!
//! [`Whiteboards`] is the implementation of `core::board::Boards`. Inside, [`Board`] decides without IO, clock or tasks;
//! [`Whiteboards`] pumps.
//!
//! # The document
//!
//! | root | type | content |
//! |---|---|---|
//! | `pages` | Y.Array | one Y.Map per page: `id`, `title`?, `background`? `{doc, page}`. Without any, the board has one page, 0 |
//! | `elements` | Y.Map | element id → one element as a plain JSON object in Excalidraw's form, with `page` (index, default 0) |
//! | `view` | Y.Map | `page`: the index of the page everybody is shown |
//!
//! An element: `id`, `type` (rectangle, ellipse, diamond, line, arrow, freedraw, text, image), `page`, `x`, `y`, `width`,
//! `height`, `angle` (radians), `strokeColor`, `backgroundColor`, `fillStyle`, `strokeWidth`, `strokeStyle`, `opacity`
//! (0–100), `points` (relative to x, y), `text`, `fontSize`, `textAlign`, `index`, `isDeleted`, `version`. Unknown keys are
//! kept. Whoever changes an element writes the whole object; of two at once one wins, the same one everywhere.
//!
//! The right to draw covers `elements`, the right to pages covers `pages` and `view`. Nothing else may be in the document:
//! no other roots, no rich text, no subdocuments, and nested Y types only below `pages`.
//!
//! # The protocol
//!
//! Binary frames, one message each, as `y-protocols` defines them: sync (0), awareness (1), auth (2, server to client
//! only: permission denied), query awareness (3). On connecting the server sends its state vector and everybody's
//! awareness. A change is stored before anybody else sees it. See `docs/whiteboard.md` for what clients should know.
//!
//! # Hostile clients
//!
//! yrs trusts what it decodes: it descends into nested values without a limit, and its internals assert what well-behaved
//! peers guarantee. So every update is first read by the `parse` module, which knows the whole grammar and refuses what no
//! Yjs client sends; `trim` cuts off what is known already; `known` then says, from a small index of which clock hangs
//! where, what the update would touch and whether it can be applied at once. Only an update that can, and may, reaches
//! yrs. Nothing is ever pending in there. A panic in spite of all that costs the board's sessions, not the process: the
//! document is read from the store again.

mod awareness;
mod board;
mod document;
mod draw;
mod known;
mod outbox;
mod parse;
mod shell;
mod trim;
mod wire;

pub use board::{Board, Effect, Limits, Outgoing, SessionId};
pub use document::Document;
pub use shell::Whiteboards;
pub use wire::{MAX_MESSAGE, PresenceEntry};
