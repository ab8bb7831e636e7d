//! The decisions about single packets, free of sockets, clocks and media libraries (media.md 6).
//!
//! | module | decides |
//! |---|---|
//! | [`gate`] | whether a publisher's packet counts at all |
//! | [`select`] | which simulcast layer a subscriber gets, and where to switch |
//! | [`munge`] | the numbers a forwarded packet carries downstream |
//! | [`keyframe`] | when a publisher is asked for a key frame |
//! | [`levels`] | who is speaking |
//! | [`stats`] | what was received, second by second |
//! | [`rate`] | what a track is said to send |
//!
//! `now` is always the monotonic clock of the caller, as the time since any fixed start.

pub mod gate;
pub mod keyframe;
pub mod levels;
pub mod munge;
pub mod rate;
pub mod select;
pub mod stats;
#[cfg(test)]
mod tests;
