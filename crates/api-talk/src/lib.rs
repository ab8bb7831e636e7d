//! The Talk dialect: published administration commands in, published envelopes out (talk.md). It decides nothing: it
//! authenticates, reads a request, calls one use-case, writes the answer.
//!
//! Paths are matched loosely, so the dialect does not sit among other routes but in front of them: see [`mount`].

mod audit;
mod auth;
mod body;
mod command;
pub mod endpoints;
mod lenient;
mod listing;
mod params;
mod path;
mod query;
mod refuse;
pub mod reply;
mod routes;
mod serve;
mod state;

pub use path::is_ours;
pub use routes::{document, mount, router};
pub use state::{ChannelCharset, TalkApiConfig, TalkState};
