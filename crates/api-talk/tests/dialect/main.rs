//! The Talk dialect from request to answer, over a world in memory. Test names carry the numbers of the acceptance
//! list, talk.md 9.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

mod anything;
mod audit;
mod auth;
mod bodies;
mod description;
mod extensions;
mod faults;
mod identities;
mod kicks;
mod listing;
mod mounting;
mod pushes;
mod reads;
