//! Checks and helpers of the repository: `cargo xtask <task>`, or `cargo run -p xtask -- <task>`.

mod graph;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo run -p xtask -- <task>

  graph    fail on any dependency between our crates that the table of ARCHITECTURE.md does not allow
";

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    let result = match task.as_deref() {
        Some("graph") => graph::check(),
        Some("help" | "--help") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("xtask: {e:#}");
            ExitCode::FAILURE
        }
    }
}
