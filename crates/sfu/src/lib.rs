//! The embedded media engine: LiveKit signalling, forwarding, RoomService and webhooks.

pub mod forward;
pub mod token;
