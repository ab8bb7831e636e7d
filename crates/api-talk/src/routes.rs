//! How the dialect is mounted, and its description.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use stoa_api::docs::{Document, render};
use tower::{Service, ServiceExt as _};
use utoipa::openapi::{Info, OpenApi as Description};
use utoipa::{IntoParams, OpenApi};

use crate::endpoints::{
    admin_kick_user, batch_kick_talk_user, change_user_identity, create_talk_token, delete_talk_ban,
    dismiss_talk_channel, get_talk_channel_detail, get_talk_channel_list, get_talk_speaker_list_on_a_channel,
    get_talk_user_list_on_a_channel, list_talk_bans, mute_talk_user, push_mcu_msg, query_talk_channel_status,
    query_talk_channel_user_count, query_talk_user_call, query_talk_user_status, set_talk_mic,
};
use crate::path::is_ours;
use crate::serve::answer;
use crate::state::TalkState;

/// Puts the dialect in front of `rest`: paths of the form `/v<digits>/<service>/<command>` ([`is_ours`]) are answered
/// here, all others there. It has to be in front, and not among the routes of `rest`, because paths are matched by rules
/// that no router has: percent-encoded blanks, plus signs, any case. `rest` keeps its fallback.
pub fn mount(state: TalkState, rest: Router) -> Router {
    Router::new().fallback_service(Front { state, rest })
}

/// The dialect alone; every other path is answered 404.
pub fn router(state: TalkState) -> Router {
    let nothing = stoa_api::fallback(state.api());
    mount(state, nothing)
}

/// Sends each request where it belongs. A service of its own and not two routers in each other: those clone and box
/// themselves for every request, which takes longer than a short answer.
#[derive(Clone)]
struct Front {
    state: TalkState,
    rest: Router,
}

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if !is_ours(request.uri().path()) {
            return Box::pin(self.rest.clone().oneshot(request));
        }
        let state = self.state.clone();
        Box::pin(async move { Ok(stoa_api::within(state.api(), request, |r| answer(&state, r)).await) })
    }
}

/// What authenticates every request, in the query string.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described")]
pub(crate) struct AuthQuery {
    /// Public name of the app.
    appkey: String,
    /// The acting account. Commands that change something, and all extensions, want a listed one.
    identifier: String,
    /// Unix seconds as text, perhaps with a fraction.
    #[param(pattern = r"^[0-9]{1,18}(\.[0-9]{1,9})?$")]
    curtime: String,
    /// SHA-1 of the app's secret followed by `curtime` as sent, 40 hexadecimal digits.
    #[param(pattern = "^[0-9A-Fa-f]{40}$")]
    checksum: String,
    /// HMAC-SHA256 over command, `curtime`, `identifier` and body; verified if present.
    #[param(pattern = "^[0-9a-f]{64}$")]
    sign: Option<String>,
}

#[derive(OpenApi)]
#[openapi(paths(
    query_talk_channel_user_count::run,
    get_talk_user_list_on_a_channel::run,
    get_talk_channel_list::run,
    admin_kick_user::run,
    query_talk_channel_status::run,
    query_talk_user_status::run,
    query_talk_user_call::run,
    get_talk_speaker_list_on_a_channel::run,
    push_mcu_msg::run,
    change_user_identity::run,
    create_talk_token::run,
    list_talk_bans::run,
    delete_talk_ban::run,
    dismiss_talk_channel::run,
    mute_talk_user::run,
    set_talk_mic::run,
    batch_kick_talk_user::run,
    get_talk_channel_detail::run,
))]
struct Commands;

fn described() -> Description {
    let mut api = Commands::openapi();
    api.info = Info::new("Stoa Talk", env!("CARGO_PKG_VERSION"));
    api.info.description = Some(
        "Administration of live channels, from server to server. Every answer is HTTP 200 with the three fields of \
         `Envelope`; a refusal carries nothing else (`change_user_Identity` also `Code` and what it was about). \
         `/v1/talk/` serves the same commands. The checksum binds neither account nor command nor body: whoever sees one \
         URL can act for five minutes, so use TLS, or send `sign`. Names of parameters are read in any case and with or \
         without `_`; ids may be numbers, integers may be text."
            .to_owned(),
    );
    api
}

/// The published description, for [`stoa_api::docs::router`].
#[must_use]
pub fn document() -> Document {
    Document { name: "talk", title: "Talk", json: render(&described()) }
}
