//! Bots that speak the LiveKit signalling protocol with real ICE, DTLS and SRTP, and the load tools made of them.
//!
//! The bots are a library so that tests can drive them, badly behaved ones included; see [`bot::Bot`].

pub mod bare;
pub mod bench;
pub mod bot;
pub mod chaos;
pub mod check;
pub mod child;
pub mod clock;
pub mod drive;
pub mod ghosts;
pub mod hist;
pub mod http;
pub mod hub;
mod link;
pub mod measure;
mod pc;
pub mod proc;
pub mod report;
mod session;
mod signal;
pub mod stage;
pub mod stats;
pub mod token;
pub mod voice;

pub use link::Transport;
pub use signal::JoinError;
