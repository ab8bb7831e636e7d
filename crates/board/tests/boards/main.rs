//! The whiteboards as their users meet them: clients are documents of the library with its own implementation of the
//! protocol, so nothing here reads bytes the way the crate itself does.

#![allow(clippy::unwrap_used, reason = "tests")]

mod client;
mod hostile;
mod machine;
mod picture;
mod property;
mod rights;
mod sessions;
mod world;
mod yjs;
