//! The console's API from request to answer, over a world in memory.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

mod accounts;
mod channels;
mod description;
mod doors;
mod server_reads;
