//! The command line: what can be said, not what it does.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::simulate::Crowd;

/// Exit codes, for scripts. `--help` shows them.
pub mod exit {
    /// Done.
    pub const OK: u8 = 0;
    /// It did not work; the message says why.
    pub const FAILED: u8 = 1;
    /// The command line or the configuration is wrong.
    pub const USAGE: u8 = 2;
    /// `doctor` found a fault.
    pub const FAULT: u8 = 3;
    /// No user or app of that name.
    pub const NOT_FOUND: u8 = 4;
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 command line or configuration wrong, 3 doctor found a fault, 4 no such user or app.
Start here: `stoa dev` on your machine, `stoa serve` on a server.";

/// Self-hosted live rooms: REST, media and pages in one process.
#[derive(Debug, Parser)]
#[command(name = "stoa", version, about, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command that reads the configuration.
#[derive(Debug, Args, Clone, Default)]
pub struct Common {
    /// Configuration file [default: stoa.toml if it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets one key, like --set http.listen=:8080; repeatable, beats environment and file
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// Data folder, short for --set server.data_dir=DIR
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run on this machine only, without any configuration, with demo logins
    Dev(Dev),
    /// Run for real; the first start writes the configuration file
    Serve(Serve),
    /// Show or check the configuration
    Config {
        /// What to do.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Manage accounts, also while the server runs
    User {
        /// What to do.
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Manage apps (tenants) in the configuration file
    App {
        /// What to do.
        #[command(subcommand)]
        command: AppCommand,
    },
    /// Make a media token for one user and one room
    Token(Token),
    /// Copy the database to a file, also while the server runs
    Backup(Backup),
    /// Look for what is wrong with this set-up
    Doctor(Doctor),
}

/// `stoa dev`
#[derive(Debug, Args)]
pub struct Dev {
    /// Address of the one TCP port [default: 127.0.0.1:7880]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// UDP port of media, 0 = a free one [default: 7882]
    #[arg(long, value_name = "PORT")]
    pub media_port: Option<u16>,
    /// Prints no banner
    #[arg(long)]
    pub quiet: bool,
    /// Serves the pages from this folder instead of those built in: for work on the pages.
    #[arg(long, hide = true, value_name = "DIR")]
    pub pages: Option<std::path::PathBuf>,
    /// Starts with so many channels of so many participants that nobody is behind: for `make bench`.
    #[arg(long, hide = true, value_name = "CHANNELSxEACH")]
    pub simulate: Option<Crowd>,
    /// See [`Common`]; the file is optional and never looked for.
    #[command(flatten)]
    pub common: Common,
}

/// `stoa serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// See [`Common`].
    #[command(flatten)]
    pub common: Common,
}

/// `stoa config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the commented configuration file with all keys and defaults
    Template,
    /// Check the configuration and say what is wrong with it
    Check {
        /// See [`Common`].
        #[command(flatten)]
        common: Common,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
}

/// `stoa user …`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add an account; the password is asked for, or read from standard input
    Add {
        /// User name, the same as the user id
        name: String,
        /// Give administrator rights
        #[arg(long)]
        admin: bool,
        /// See [`Common`].
        #[command(flatten)]
        common: Common,
    },
    /// Set a new password and end the user's login sessions
    Passwd {
        /// User name
        name: String,
        /// See [`Common`].
        #[command(flatten)]
        common: Common,
    },
    /// List accounts
    List {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
        /// See [`Common`].
        #[command(flatten)]
        common: Common,
    },
    /// Remove an account; to shut somebody out at once use `disable`
    Remove {
        /// User name
        name: String,
        /// See [`Common`].
        #[command(flatten)]
        common: Common,
    },
    /// Refuse an account's logins and tokens
    Disable {
        /// User name
        name: String,
        /// See [`Common`].
        #[command(flatten)]
        common: Common,
    },
    /// Undo `disable`
    Enable {
        /// User name
        name: String,
        /// See [`Common`].
        #[command(flatten)]
        common: Common,
    },
    /// End every login session of a user: tokens made until now are refused
    Logout {
        /// User name
        name: String,
        /// See [`Common`].
        #[command(flatten)]
        common: Common,
    },
}

/// `stoa app …`
#[derive(Debug, Subcommand)]
pub enum AppCommand {
    /// Add an app with a fresh key and secret
    Add {
        /// A name for people
        name: String,
        /// Number of the app [default: the next free one from 1000]
        #[arg(long)]
        id: Option<u64>,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
        /// See [`Common`].
        #[command(flatten)]
        common: Common,
    },
    /// List apps; secrets are not shown
    List {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
        /// See [`Common`].
        #[command(flatten)]
        common: Common,
    },
    /// Make a new secret; the old one keeps verifying
    Rotate {
        /// Number of the app
        id: u64,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
        /// See [`Common`].
        #[command(flatten)]
        common: Common,
    },
}

/// `stoa token`
#[derive(Debug, Args)]
pub struct Token {
    /// Room id (or any channel name)
    #[arg(long, value_name = "ROOM")]
    pub room: String,
    /// User id
    #[arg(long, value_name = "USER")]
    pub user: String,
    /// Number of the app [default: that of voice rooms]
    #[arg(long, value_name = "ID")]
    pub app: Option<u64>,
    /// Life of the token, like 30m or 24h [default: voice.rtc_token_ttl]
    #[arg(long, value_name = "TIME")]
    pub ttl: Option<String>,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// See [`Common`].
    #[command(flatten)]
    pub common: Common,
}

/// `stoa backup`
#[derive(Debug, Args)]
pub struct Backup {
    /// File to write; must not exist
    pub dest: PathBuf,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// See [`Common`].
    #[command(flatten)]
    pub common: Common,
}

/// `stoa doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// Also compare the clock with the Date header of this web server
    #[arg(long, value_name = "URL")]
    pub time_from: Option<String>,
    /// See [`Common`].
    #[command(flatten)]
    pub common: Common,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// All help texts in one file: what the manual says is reviewed like code.
    #[test]
    fn help_is_as_committed() {
        let mut cmd = Cli::command().term_width(100);
        cmd.build();
        let mut text = String::new();
        all(&mut cmd, &mut text);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/help.txt");
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == text, "help changed: run with UPDATE_SNAPSHOTS=1 and review tests/help.txt");
    }

    fn all(cmd: &mut clap::Command, out: &mut String) {
        let help = cmd.render_help();
        out.push_str(&format!("$ {} --help\n{help}\n", cmd.get_bin_name().unwrap_or("stoa")));
        for sub in cmd.get_subcommands_mut() {
            all(sub, out);
        }
    }
}
