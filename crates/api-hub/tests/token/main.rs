//! `POST /hub/v1/token` from request to answer. Test names carry the numbers of the acceptance lists: hub.md 9 (B),
//! classroom.md 9 (T).
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

mod bearers;
mod description;
mod refreshes;
