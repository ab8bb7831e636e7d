//! `stoa user`

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, anyhow, bail};
use serde_json::json;

use super::{Failure, Outcome, load, usage};
use crate::admin::{self, Answer, Ask};
use crate::cli::{Common, UserCommand, exit};
use crate::clock::RealClock;
use crate::{files, passwords, stores};

/// Longest password, as at the login (voice-room.md 2.2).
const MAX_PASSWORD: usize = 1024;

pub fn run(command: UserCommand) -> Outcome {
    let (ask, common, json) = match command {
        UserCommand::Add { name, admin, common } => {
            (Ask::UserAdd { user: name, hash: new_hash()?, admin }, common, false)
        }
        UserCommand::Passwd { name, common } => (Ask::UserPasswd { user: name, hash: new_hash()? }, common, false),
        UserCommand::List { json, common } => (Ask::UserList, common, json),
        UserCommand::Remove { name, common } => (Ask::UserRemove { user: name }, common, false),
        UserCommand::Disable { name, common } => (Ask::UserDisable { user: name, disabled: true }, common, false),
        UserCommand::Enable { name, common } => (Ask::UserDisable { user: name, disabled: false }, common, false),
        UserCommand::Logout { name, common } => (Ask::UserLogout { user: name }, common, false),
    };
    match perform(&common, ask)? {
        Answer::Done { text } => println!("{text}"),
        Answer::Users { users } if json => println!("{}", json!(users)),
        Answer::Users { users } => {
            for u in users {
                let marks = [(u.admin, "  admin"), (u.disabled, "  disabled")];
                println!("{}{}", u.user, marks.iter().filter(|(on, _)| *on).map(|(_, t)| *t).collect::<String>());
            }
        }
        Answer::Failed { text, exit } => return Err(Failure { error: anyhow!(text), exit }),
    }
    Ok(exit::OK)
}

/// Through the running process if there is one, else on the store itself.
fn perform(common: &Common, ask: Ask) -> Result<Answer, Failure> {
    let settings = load(common)?.settings;
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    rt.block_on(async {
        let dir = &settings.server.data_dir;
        if let Some(answer) = admin::ask(dir, &ask).await? {
            return Ok(answer);
        }
        if !dir.exists() && !matches!(ask, Ask::UserAdd { .. }) {
            return Err(usage(anyhow!("there is no data folder {}: name it with --data or --config", dir.display())));
        }
        files::make_data_dir(dir)?;
        let store = stores::open(&settings).await?;
        Ok(admin::perform(&*store, &RealClock::new(), ask).await)
    })
}

fn new_hash() -> anyhow::Result<String> {
    let password = read_password()?;
    if password.is_empty() || password.len() > MAX_PASSWORD {
        bail!("a password has 1 to {MAX_PASSWORD} bytes");
    }
    passwords::hash(&password).map_err(|e| anyhow!("cannot hash the password: {e}"))
}

/// Twice from the terminal, unseen; or the first line of standard input. Never from the command
/// line, where every user of the machine can read it.
fn read_password() -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        return line();
    }
    let first = unseen("Password: ")?;
    if first != unseen("Again: ")? {
        bail!("the two passwords differ");
    }
    Ok(first)
}

fn line() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().read_line(&mut text).context("cannot read the password")?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn unseen(prompt: &str) -> anyhow::Result<String> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    eprint!("{prompt}");
    std::io::stderr().flush()?;
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &quiet)?;
    let text = line();
    tcsetattr(&stdin, OptionalActions::Now, &before)?;
    eprintln!();
    text
}
