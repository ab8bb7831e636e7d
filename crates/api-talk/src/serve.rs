//! One request through the checks of talk.md 2.3, in their order.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::Method;
use stoa_api::{Origin, Place};
use stoa_core::Error;
use stoa_core::app::App;
use stoa_core::id::{AppId, ChannelKey};
use tracing::Instrument as _;

use crate::audit::Record;
use crate::command::Command;
use crate::params::Params;
use crate::params::fields::Field;
use crate::query::AuthParams;
use crate::refuse::{Code, Refusal};
use crate::reply::{IdentityEcho, Reply, refuse};
use crate::state::TalkState;
use crate::{auth, body, endpoints, path};

/// How long a command may take (talk.md 2.5). The store gives up a wait for a room after 5 s.
const DEADLINE: Duration = Duration::from_secs(8);

/// A request of a known app, read.
pub(crate) struct Call {
    pub(crate) state: TalkState,
    pub(crate) app: Arc<App>,
    /// The acting account.
    pub(crate) identifier: String,
    pub(crate) params: Params,
    /// The address the caller used.
    pub(crate) origin: Origin,
}

/// A refusal, with what `change_user_Identity` says beside it.
pub(crate) struct Failure {
    pub(crate) refusal: Refusal,
    pub(crate) echo: IdentityEcho,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, echo: IdentityEcho::default() }
    }
}

impl Call {
    /// A required channel of this app.
    pub(crate) fn channel(&self, field: &Field) -> Result<ChannelKey, Refusal> {
        self.params.channel(field, self.app.id, self.state.config().channel_charset)
    }

    /// An optional channel of this app.
    pub(crate) fn maybe_channel(&self, field: &Field) -> Result<Option<ChannelKey>, Refusal> {
        self.params.maybe_channel(field, self.app.id, self.state.config().channel_charset)
    }

    /// `op_user`, else the acting account.
    pub(crate) fn op_user(&self) -> Result<String, Refusal> {
        let named = self.params.maybe_user(&crate::params::fields::OP_USER)?;
        Ok(named.map_or_else(|| self.identifier.clone(), |u| u.to_string()))
    }

    /// What a use-case refused, for the caller.
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(crate) fn refused(&self, e: Error) -> Refusal {
        Refusal::of(&e, self.state.api().clock().now().wall)
    }
}

/// Answers every request to a path of ours.
pub(crate) async fn answer(state: &TalkState, request: Request<Body>) -> Response {
    // The clock is read for the log only.
    let mono = || state.api().clock().now().mono;
    let began = tracing::enabled!(tracing::Level::DEBUG).then(mono);
    let command = path::command(request.uri().path());
    let mut app = None;
    let done = match command {
        None => Err(Refusal::new(Code::UNKNOWN_COMMAND, "unknown version, service or command").into()),
        Some(command) => serve(state, command, request, &mut app).await,
    };
    if let Some(began) = began {
        let (took, code) = (mono().saturating_sub(began), code(&done));
        let name = command.map_or("unknown", Command::name);
        let app = app.map_or(0, |AppId(id)| id);
        // Neither the query string nor anything of the body: they hold checksums and what people write.
        tracing::debug!(app.id = app, talk.command = name, talk.code = code, took.ms = took.as_millis(), "command");
    }
    match done {
        Ok(reply) => reply.into_response(),
        Err(f) => refuse(&f.refusal, (command == Some(Command::Identity)).then_some(f.echo)),
    }
}

fn code(done: &Result<Reply, Failure>) -> u32 {
    done.as_ref().map_or_else(|f| f.refusal.code().number(), |_| 0)
}

async fn serve(
    state: &TalkState,
    command: Command,
    request: Request<Body>,
    known: &mut Option<AppId>,
) -> Result<Reply, Failure> {
    if request.method() != Method::POST {
        return Err(Refusal::new(Code::HTTP_PARSE, "method: only POST is served").into());
    }
    // A copy that costs nothing: the request itself is used up.
    let uri = request.uri().clone();
    let (app, params) = identify(state, uri.query().unwrap_or_default())?;
    *known = Some(app.id);
    let record = Record::of(state, &app, &params, command, &request);
    let now = || state.api().clock().now().wall;
    if command.guarded() && !app.is_admin(&params.identifier) {
        if let Some(record) = record
            && let (Ok(()), Ok(_place)) = (state.check_refusal_rate(app.id), state.api().enter())
        {
            record.write(Code::NOT_ADMIN.number()).await;
        }
        return Err(Refusal::new(Code::NOT_ADMIN, "identifier: may not run this command").into());
    }
    state.check_app_rate(app.id).map_err(|e| Refusal::of(&e, now()))?;
    let place = state.api().enter().map_err(|e| Refusal::of(&e, now()))?;
    match read(state, command, request, app, params).await {
        Ok(call) => {
            let record = record.map(|r| r.about(command, &call));
            run(command, call, place, record).await
        }
        Err(refusal) => {
            if let Some(record) = record {
                record.write(refusal.code().number()).await;
            }
            Err(refusal.into())
        }
    }
}

/// Steps 3 to 8: who asks. No body is read for whoever fails here.
fn identify<'a>(state: &TalkState, query: &'a str) -> Result<(Arc<App>, AuthParams<'a>), Refusal> {
    let params = AuthParams::read(query)?;
    let now = state.api().clock().now().wall;
    let config = state.config();
    let app = state.apps().by_key(&params.appkey);
    let app = auth::authenticate(&params, app, now.secs(), config.clock_skew_secs, config.uniform_auth_errors)?;
    Ok((Arc::clone(app), params))
}

/// What is asked.
async fn read(
    state: &TalkState,
    command: Command,
    request: Request<Body>,
    app: Arc<App>,
    params: AuthParams<'_>,
) -> Result<Call, Refusal> {
    let origin = Origin::of(&request);
    let bytes = body::read(request, state.api().config().body_limit).await?;
    auth::check_sign(&app, &params, command, &bytes)?;
    let read = body::parse(&bytes, state.config().lenient_json)?;
    read.check_app(app.id)?;
    Ok(Call { state: state.clone(), app, identifier: params.identifier.into_owned(), params: read, origin })
}

/// Carries the command out within the deadline. What changes something is carried through, also when the deadline
/// passes or the caller hangs up half-way: a ban that is stored and never told to the engine would be the worst of both.
async fn run(command: Command, call: Call, place: Place, record: Option<Record>) -> Result<Reply, Failure> {
    let done = if command.mutates() {
        let work = async move {
            let done = endpoints::run(command, call).await;
            if let Some(record) = record {
                record.write(code(&done)).await;
            }
            drop(place);
            done
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "as long-lived as one command, counted among the requests under way, which shutdown waits for"
        )]
        let task = tokio::task::spawn(work.in_current_span());
        let done = tokio::time::timeout(DEADLINE, task).await;
        done.map(|d| d.unwrap_or_else(|e| Err(broken(command, &e))))
    } else {
        // Its place is held until the answer is there, and nothing is recorded of it.
        let _place = place;
        tokio::time::timeout(DEADLINE, endpoints::run(command, call)).await
    };
    done.unwrap_or_else(|_| {
        tracing::warn!(talk.command = command.name(), "command exceeded its deadline");
        Err(Refusal::new(Code::INTERNAL, "took too long; whether it takes effect is not known").into())
    })
}

/// The task fell: our fault.
fn broken(command: Command, e: &tokio::task::JoinError) -> Failure {
    tracing::error!(error = %e, talk.command = command.name(), "command broke");
    Refusal::new(Code::INTERNAL, "internal error").into()
}
