//! The classroom dialect from request to answer, over a world in memory. Test names carry the numbers of the acceptance
//! list, classroom.md 9.
#![allow(clippy::unwrap_used, reason = "tests")]

mod doubles;
mod routes;
mod server;

mod chat;
mod check_ins;
mod classes;
mod common_rules;
mod courseware;
mod description;
mod golden;
mod jumps;
mod login_and_tokens;
mod meeting;
mod members;
mod permits;
mod streams;
mod uploads;
mod whiteboard;
mod who_may;
