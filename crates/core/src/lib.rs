//! What Stoa is: rooms, seats, channels, accounts and sanctions as plain types; the decisions
//! about them as plain functions; the use-cases that carry decisions out through ports.
//!
//! Nothing in this crate does IO, reads a clock or makes up randomness. Time comes in as
//! [`time::Now`], entropy as [`ports::Entropy`], the world as the traits of [`ports`] and [`media`].

pub mod account;
pub mod app;
pub mod audit;
pub mod board;
pub mod caller;
pub mod channel;
pub mod class;
pub mod cloud;
pub mod console;
pub mod director;
pub mod door;
pub mod error;
pub mod group;
pub mod hub;
pub mod id;
mod index;
pub mod kick;
pub mod live;
pub mod login;
pub mod media;
pub mod notice;
pub mod ports;
pub mod rate;
pub mod sanction;
pub mod stream;
pub mod talk;
pub mod time;
pub mod voice;
pub mod world;

pub use error::{Error, Kind, Result};
