//! The store port on PostgreSQL.
//!
//! Nothing is kept in memory, so any number of processes may share a database. A command locks its
//! room's or class's row (`SELECT … FOR UPDATE`), is decided on what the rows say, and writes the rows
//! that differ; unique indexes and checks refuse what no decision may lead to. The order of locks is:
//! room or class, channel record, everything that hangs on them.

mod audit;
mod calls;
mod channels;
mod class;
mod console;
mod credentials;
mod fault;
mod group_store;
mod groups;
mod rooms;
mod store;
mod tables;
mod talk;

pub use store::{PostgresStore, migration_names};
