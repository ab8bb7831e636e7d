//! Voice rooms: eight seats around an owner (voice-room.md 5).

mod decide;
mod room;
mod service;

pub use decide::{Applied, Command, Decision, Freed, Outcome, decide};
pub use room::{NewRoom, Room, RoomPatch, Seat, SeatIndex, Taken};
pub use service::{CreateRoom, Kick, Voice, VoiceConfig, banned, kick};
