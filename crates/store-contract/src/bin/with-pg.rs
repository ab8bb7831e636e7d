//! Runs a command beside a throw-away PostgreSQL: `with-pg cargo test`. The command finds the
//! server's URL in `STOA_TEST_PG_URL`; the server ends with the command.

use std::process::{Command, ExitCode};

use stoa_store_contract::pg::{Server, URL_VARIABLE};

fn main() -> std::io::Result<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        return Err(std::io::Error::other("usage: with-pg COMMAND [ARGUMENT…]"));
    };
    let server = Server::start()?;
    let status = Command::new(program).args(words).env(URL_VARIABLE, server.url()).status()?;
    let code = status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}
