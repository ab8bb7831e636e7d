//! The embedded media engine: LiveKit signalling, forwarding, RoomService and webhooks.
//!
//! | module | job |
//! |---|---|
//! | [`token`] | access tokens |
//! | [`forward`] | decisions about single packets, free of sockets and media libraries |
//! | `signal` | WebSocket and HTTP doors |
//! | `shard`, `room` | channels and participants, single-threaded, no IO |
//! | `pc` | peer connections; the only module that names the WebRTC library |
//! | `stream` | WHIP and WHEP: participants without signalling |
//! | `simulate` | participants without anybody behind them, for measurements |
//! | `shown` | rooms as the port shows them, kept until they change |
//! | `net`, `tcp` | sockets and the shard's thread |
//! | `port`, `control` | commands from the product, and from server SDKs |
//! | [`twirp`] | RoomService |
//! | [`webhook`] | signed events to the operator's receivers |

mod control;
mod engine;
mod env;
#[cfg(test)]
mod fixed;
pub mod forward;
mod memory;
mod meters;
mod net;
mod pc;
mod port;
mod room;
mod shard;
mod shown;
mod signal;
mod simulate;
mod stream;
mod tcp;
pub mod token;
pub mod twirp;
pub mod webhook;

pub use engine::{Config, Engine, StartError};
pub use simulate::Simulated;
