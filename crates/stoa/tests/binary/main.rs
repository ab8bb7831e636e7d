//! The built program, from outside.

mod commands;
mod process;
mod support;
