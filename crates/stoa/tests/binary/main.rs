//! The built program, from outside.

#![expect(clippy::unwrap_used, reason = "whatever fails here fails a test")]

mod commands;
mod process;
mod rust_sdk;
mod support;
