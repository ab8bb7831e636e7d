//! The log of commands that change something, also of those that were refused (talk.md 8.1).

use std::time::Duration;

use axum::extract::Request;
use stoa_api::shell::X_REQUEST_ID;
use stoa_core::app::App;
use stoa_core::audit::AuditEntry;
use stoa_core::id::UserId;
use stoa_core::time::UnixMs;

use crate::command::Command;
use crate::params::Params;
use crate::params::fields::{CHANNEL_ID, Field, KICK_USER_ID, OP_USER, RECEIVER_ID, USER_ID, USER_LIST};
use crate::query::AuthParams;
use crate::serve::Call;
use crate::state::TalkState;

/// How long an answer waits for its entry. Longer keeps callers waiting for a store that is in trouble.
const DEADLINE: Duration = Duration::from_secs(5);
/// Most users that are read of a list; a target is cut earlier.
const USERS: usize = 100;

/// The entry of one command, before its result is known.
pub(crate) struct Record {
    state: TalkState,
    entry: AuditEntry,
}

impl Record {
    /// Of a command whose caller holds the app's secret. `None`: it changes nothing.
    pub(crate) fn of(
        state: &TalkState,
        app: &App,
        params: &AuthParams<'_>,
        command: Command,
        request: &Request,
    ) -> Option<Self> {
        if !command.mutates() {
            return None;
        }
        let id = request.headers().get(X_REQUEST_ID).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let entry = AuditEntry {
            at: UnixMs(0),
            app: app.id,
            // An acting account may be called anything; a store takes no control characters.
            identifier: params.identifier.chars().filter(|c| !c.is_control()).collect(),
            op_user: String::new(),
            command: command.name().to_owned(),
            target: String::new(),
            result: 0,
            request_id: id.to_owned(),
        };
        Some(Self { state: state.clone(), entry })
    }

    /// What it is about. Values that are no ids are left out: only then it is certain that no text of a person gets in.
    pub(crate) fn about(mut self, command: Command, call: &Call) -> Self {
        let params = &call.params;
        let channel = call.maybe_channel(&CHANNEL_ID).ok().flatten();
        let users = users(command, params);
        let names = channel.iter().map(|c| c.name.as_str()).chain(users.iter().map(UserId::as_str));
        self.entry.target = AuditEntry::target(names);
        self.entry.op_user = user(params, &OP_USER).map(|u| u.to_string()).unwrap_or_default();
        self
    }

    /// Writes it. A store that cannot is reported in the log, and the answer stays what it is: the command is done.
    pub(crate) async fn write(mut self, result: u32) {
        let world = self.state.talk().world();
        self.entry.at = world.clock.now().wall;
        self.entry.result = result;
        let command = self.entry.command.clone();
        match tokio::time::timeout(DEADLINE, world.store.audit(self.entry)).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::error!(error = e.internal(), talk.command = command, "cannot log a command"),
            Err(_) => tracing::error!(talk.command = command, "logging a command took too long"),
        }
    }
}

fn user(params: &Params, field: &Field) -> Option<UserId> {
    params.maybe_user(field).ok().flatten()
}

/// The users that a command is about.
fn users(command: Command, params: &Params) -> Vec<UserId> {
    match command {
        Command::BatchKick => params.users(&USER_LIST, USERS).unwrap_or_default(),
        Command::Dismiss => Vec::new(),
        Command::Kick => user(params, &KICK_USER_ID).into_iter().collect(),
        Command::Push => user(params, &RECEIVER_ID).into_iter().collect(),
        _ => user(params, &USER_ID).into_iter().collect(),
    }
}
