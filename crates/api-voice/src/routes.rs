//! The routes of the dialect: one readable list.

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::any;
use stoa_api::docs::{Document, render};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Info, OpenApi, OpenApiBuilder, RefOr, Response, ResponseBuilder, ResponsesBuilder};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::RefusalBody;
use crate::endpoints::{
    create, dismiss, get, get_meeting_info, get_rtc_auth_token, join_mic, leave_mic, list, login, token, update,
};
use crate::refuse::{no_such_endpoint, wrong_method};
use crate::state::VoiceState;

fn endpoints() -> OpenApiRouter<VoiceState> {
    OpenApiRouter::with_openapi(described())
        .routes(routes!(login::login))
        .routes(routes!(token::token))
        .routes(routes!(create::create))
        .routes(routes!(list::list))
        .routes(routes!(get::get))
        .routes(routes!(get_rtc_auth_token::get_rtc_auth_token))
        .routes(routes!(dismiss::dismiss))
        .routes(routes!(join_mic::join_mic))
        .routes(routes!(leave_mic::leave_mic))
        .routes(routes!(get_meeting_info::get_meeting_info))
        .routes(routes!(update::update))
}

/// Everything under `/login` and `/api/chatroom/`, with this dialect's 404 and 405. Put the whole server's
/// router into [`stoa_api::normalized`], so that untidy paths get here too.
pub fn router(state: VoiceState) -> Router {
    let (routes, _) = endpoints().split_for_parts();
    let routes = routes
        .method_not_allowed_fallback(wrong_method)
        .route("/api/chatroom", any(no_such_endpoint))
        .route("/api/chatroom/{*rest}", any(no_such_endpoint))
        .with_state(state.clone());
    stoa_api::shell(state.api(), routes)
}

/// The published description, for [`stoa_api::docs::router`].
#[must_use]
pub fn document() -> Document {
    let (_, api) = endpoints().split_for_parts();
    Document { name: "voice-room", title: "Voice rooms", json: render(&api) }
}

fn described() -> OpenApi {
    let mut info = Info::new("Stoa voice rooms", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "The voice chat room API. What the application refuses is HTTP 200 with a `code` other than 200; \
         `getRtcAuthToken` answers every refusal with the HTTP status of its code."
            .to_owned(),
    );
    let mut api = OpenApiBuilder::new().info(info).build();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme("bearer", bearer);
    api
}

fn refusal(what: &str) -> RefOr<Response> {
    let schema = RefOr::Ref(utoipa::openapi::Ref::from_schema_name(RefusalBody::name()));
    ResponseBuilder::new().description(what).content("application/json", Content::new(Some(schema))).build().into()
}

fn responses(list: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let mut all = ResponsesBuilder::new();
    for (status, what) in list {
        all = all.response(*status, refusal(what));
    }
    all.build().responses
}

const MALFORMED: (&str, &str) = ("400", "the body is not one JSON object in UTF-8, or nested deeper than 32");
const NO_TOKEN: (&str, &str) = ("401", "no token, or one that does not count");
const NO_METHOD: (&str, &str) = ("405", "only POST is served");
const TOO_LARGE: (&str, &str) = ("413", "the body is over the limit");
const THROTTLED: (&str, &str) = ("429", "over the request rate; Retry-After tells how long to wait");
const AWAY: (&str, &str) = ("503", "starting, stopping or overloaded; try again after Retry-After");

/// Refusals of an endpoint behind a token.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[MALFORMED, NO_TOKEN, NO_METHOD, TOO_LARGE, THROTTLED, AWAY])
    }
}

/// Refusals of the seat endpoints that answer throttling with HTTP 200.
pub struct SeatRefusals;

impl IntoResponses for SeatRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[MALFORMED, NO_TOKEN, NO_METHOD, TOO_LARGE, AWAY])
    }
}

/// Refusals of `getRtcAuthToken`: every one has its own HTTP status.
pub struct StatusRefusals;

impl IntoResponses for StatusRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[
            ("400", "malformed body, or a field is missing or wrong"),
            NO_TOKEN,
            ("403", "another user's name, or banned"),
            ("404", "the room is unknown or dismissed"),
            NO_METHOD,
            TOO_LARGE,
            THROTTLED,
            ("500", "internal error"),
            AWAY,
        ])
    }
}

/// Refusals of an open endpoint.
pub struct OpenRefusals;

impl IntoResponses for OpenRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[
            MALFORMED,
            NO_METHOD,
            TOO_LARGE,
            ("429", "too many failed logins; Retry-After tells how long to wait"),
            AWAY,
        ])
    }
}
