//! The hub over real sockets, with a client that speaks the wire by hand. Tests carry the ids of hub.md 9.

mod client;
mod harness;
mod load;
mod wire;
