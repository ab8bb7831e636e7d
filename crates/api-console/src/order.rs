//! Commands: carried through once begun, and written into the log of commands.

use std::future::Future;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use stoa_api::through;
use stoa_core::audit::AuditEntry;
use stoa_core::id::AppId;

use crate::ask::Admin;
use crate::refuse::Refused;
use crate::state::ConsoleState;

/// How long an answer waits for its entry. Longer keeps callers waiting for a store that is in trouble.
const DEADLINE: Duration = Duration::from_secs(5);

/// Stands for the whole server where an entry wants an app.
pub(crate) const NO_APP: AppId = AppId(0);

/// What a command is about.
pub(crate) struct Subject {
    /// Its name in the log.
    pub command: &'static str,
    /// Which app.
    pub app: AppId,
    /// A channel, users.
    pub target: String,
}

impl Subject {
    pub(crate) fn new<'a>(command: &'static str, app: AppId, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { command, app, target: AuditEntry::target(names) }
    }
}

/// Carries a command out, also when the client hangs up half-way, and logs what it came to.
pub(crate) async fn carry_out<Fut>(
    state: ConsoleState,
    who: Admin,
    subject: Subject,
    work: Fut,
) -> Result<Response, Refused>
where
    Fut: Future<Output = Result<StatusCode, Refused>> + Send + 'static,
{
    through(async move {
        let done = work.await;
        let result = done.as_ref().map_or_else(|refused| u32::from(refused.status().as_u16()), |_| 0);
        log(&state, &who, subject, result).await;
        Ok(done)
    })
    .await?
    .map(IntoResponse::into_response)
}

/// A store that cannot is reported in the log, and the answer stays what it is: the command is done.
async fn log(state: &ConsoleState, who: &Admin, subject: Subject, result: u32) {
    let Subject { command, app, target } = subject;
    let entry = AuditEntry {
        at: state.now(),
        app,
        identifier: who.user.to_string(),
        op_user: String::new(),
        command: command.to_owned(),
        target,
        result,
        request_id: who.request_id.clone(),
    };
    tracing::info!(console.command = command, console.by = %who.user, console.result = result, "administrator's command");
    match tokio::time::timeout(DEADLINE, state.console().world().store.audit(entry)).await {
        Ok(Ok(())) => {}
        Ok(Err(e)) => tracing::error!(error = e.internal(), console.command = command, "cannot log a command"),
        Err(_) => tracing::error!(console.command = command, "logging a command took too long"),
    }
}
