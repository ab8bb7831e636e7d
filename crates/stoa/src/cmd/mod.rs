//! What the commands do.

mod app;
mod backup;
mod conf;
mod doctor;
mod serve;
mod token;
mod user;

use std::path::PathBuf;

use crate::cli::{Cli, Command, Common, exit};
use crate::config::{Loaded, Sources};

/// An error and the exit code that tells its kind.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: anyhow::Error,
    /// See [`exit`].
    pub exit: u8,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(e: E) -> Self {
        Self { error: e.into(), exit: exit::FAILED }
    }
}

/// A wrong command line or configuration.
pub fn usage(e: impl Into<anyhow::Error>) -> Failure {
    Failure { error: e.into(), exit: exit::USAGE }
}

/// Result of a command: the exit code.
pub type Outcome = Result<u8, Failure>;

/// File that is looked for when none is named.
pub const DEFAULT_CONFIG: &str = "stoa.toml";

/// Where the values of a command come from.
#[must_use]
pub fn sources(common: &Common) -> Sources {
    let found = PathBuf::from(DEFAULT_CONFIG);
    let file = common.config.clone().or_else(|| found.exists().then_some(found));
    let mut sets = common.sets.clone();
    if let Some(dir) = &common.data {
        sets.push(format!("server.data_dir={}", toml::Value::String(dir.display().to_string())));
    }
    Sources { file, sets, env: std::env::vars().collect(), command_defaults: String::new() }
}

/// The configuration of a command, as far as it can be read.
///
/// # Errors
/// Exit code 2.
pub fn load(common: &Common) -> Result<Loaded, Failure> {
    sources(common).load().map_err(usage)
}

/// Runs a command.
///
/// # Errors
/// What to print, and the exit code.
pub fn run(cli: Cli) -> Outcome {
    match cli.command {
        Command::Dev(args) => serve::dev(args),
        Command::Serve(args) => serve::serve(args),
        Command::Config { command } => conf::run(command),
        Command::App { command } => app::run(command),
        Command::User { command } => user::run(command),
        Command::Backup(args) => backup::run(args),
        Command::Token(args) => token::run(args),
        Command::Doctor(args) => doctor::run(args),
        _ => Ok(exit::OK),
    }
}
