//! One binary: configuration, command line, wiring, lifecycle. Whatever decides something lives in the other crates.

mod admin;
mod banner;
mod cli;
mod clock;
mod clouds;
mod cmd;
mod config;
mod dialects;
mod edge;
mod entropy;
mod events;
mod files;
mod groups;
mod held;
mod hook;
mod listener;
mod logs;
mod machine;
mod net;
mod ops;
mod page_kind;
mod pages;
mod passwords;
mod probe;
mod ready;
mod requests;
mod run;
mod simulate;
mod spawner;
mod stores;
mod tally;
mod webhooks;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

/// One TLS provider for the process; without it rustls panics at the first outgoing connection.
fn install_tls() {
    // A second call finds the provider in place, which is what is wanted.
    let _already_there = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn main() -> ExitCode {
    install_tls();
    let cli = cli::Cli::parse();
    match cmd::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(e) => {
            eprintln!("stoa: {:#}", e.error);
            ExitCode::from(e.exit)
        }
    }
}
