//! The voice-room dialect from request to answer, on a real store. Test names carry the numbers of the
//! acceptance list, voice-room.md 9.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

mod common_rules;
mod description;
mod faults;
mod login;
mod rooms;
mod seats;
mod tokens;
mod who_may;
