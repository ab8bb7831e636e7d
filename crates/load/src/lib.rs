//! Bots that speak the LiveKit signalling protocol with real ICE, DTLS and SRTP, and the load tools made of them.
//!
//! The bots are a library so that tests can drive them, badly behaved ones included; see [`bot::Bot`].

pub mod bot;
pub mod clock;
pub mod hist;
mod link;
mod pc;
mod session;
mod signal;
pub mod stats;
pub mod token;

pub use link::Transport;
pub use signal::JoinError;
