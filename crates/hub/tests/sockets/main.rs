//! The hub over real sockets, with a client that speaks the wire by hand. Tests carry the ids of hub.md 9.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;
mod harness;
mod load;
mod wire;
