//! The store port on SQLite.
//!
//! One connection writes, on its own thread: jobs from a bounded queue share a transaction and one
//! fsync ([`writer`]). Reads come from memory when they can ([`cache`]) and from a few read-only
//! connections otherwise. What memory shows is exactly the last commit, never more and never less.
//!
//! One server process owns a database, by a lock file beside it. Use the file with an SQLite of
//! 3.51.3 or later only: older ones can damage a write-ahead log that two connections share.

mod audit;
#[cfg(feature = "bench")]
pub mod bench;
mod cache;
mod calls;
mod channels;
mod class_side;
mod class_store;
mod class_views;
mod classes;
mod config;
mod console;
mod credentials;
mod errors;
mod files;
mod gate;
mod group_store;
mod groups;
mod lists;
mod memory;
mod migrate;
mod open;
mod readers;
mod rooms;
mod store;
mod tables;
mod talk;
mod tx;
mod writer;

pub use config::Config;
pub use migrate::migration_names;
pub use open::{MIN_SQLITE_VERSION, backup_file};
pub use store::SqliteStore;
