//! The voice-room dialect: published requests in, published answers out. It decides nothing: it reads a
//! request, calls one use-case, writes the answer that existing clients can read.

pub mod body;
pub mod config;
pub mod endpoints;
mod refuse;
mod routes;
mod state;

pub use config::{AliyunIm, AliyunRole, AliyunRtc, ImProvider, MediaProvider, VoiceApiConfig};
pub use routes::{document, router};
pub use state::VoiceState;
