//! The hub over real sockets, with a client that speaks the wire by hand. Tests carry the ids of hub.md 9.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "clients of a test are tasks of the test")]

mod client;
mod frames;
mod harness;
mod load;
mod wire;
