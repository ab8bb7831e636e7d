//! The routes and their description.

use std::collections::BTreeMap;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::any;
use serde_json::{Value, json};
use stoa_api::docs::{Document, render};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Info, OpenApi, OpenApiBuilder, RefOr, Response, ResponseBuilder, ResponsesBuilder};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::RefusalBody;
use crate::endpoints::{
    account_add, account_logout, account_patch, account_remove, accounts, apps, audit, ban_lift, bans, call_days,
    calls, channel, channel_end, channel_kick, channel_mute, channels, me, overview, requests, series,
};
use crate::refuse::{no_such_endpoint, write, wrong_method};
use crate::state::ConsoleState;

fn endpoints() -> OpenApiRouter<ConsoleState> {
    OpenApiRouter::with_openapi(described())
        .routes(routes!(me::me))
        .routes(routes!(overview::overview))
        .routes(routes!(series::series))
        .routes(routes!(channels::channels))
        .routes(routes!(channel::channel))
        .routes(routes!(channel_kick::kick))
        .routes(routes!(channel_mute::mute))
        .routes(routes!(channel_end::end))
        .routes(routes!(bans::bans))
        .routes(routes!(ban_lift::lift))
        .routes(routes!(calls::calls))
        .routes(routes!(call_days::days))
        .routes(routes!(accounts::accounts, account_add::add))
        .routes(routes!(account_patch::patch, account_remove::remove))
        .routes(routes!(account_logout::logout))
        .routes(routes!(apps::apps))
        .routes(routes!(requests::requests))
        .routes(routes!(audit::audit))
}

/// Everything under `/api/console/v1`. Pages of other origins get no answer they could read.
pub fn router(state: ConsoleState) -> Router {
    let (routes, _) = endpoints().split_for_parts();
    let routes = routes
        .method_not_allowed_fallback(wrong_method)
        .route("/api/console", any(no_such_endpoint))
        .route("/api/console/{*rest}", any(no_such_endpoint))
        .with_state(state.clone())
        .layer(from_fn(write));
    stoa_api::shell_of_own_pages(state.api(), routes)
}

/// The published description, for [`stoa_api::docs::router`].
#[must_use]
pub fn document() -> Document {
    let (_, api) = endpoints().split_for_parts();
    Document { name: "console", title: "Console", json: with_gaps(&render(&api)) }
}

/// Rows of measurements are the one place where null is sent.
fn with_gaps(text: &str) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(rows) = value.pointer_mut("/components/schemas/Rows/properties").and_then(Value::as_object_mut) {
        for row in rows.values_mut() {
            row["items"]["type"] = json!(["number", "null"]);
        }
    }
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

fn described() -> OpenApi {
    let mut info = Info::new("Stoa console", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "What administrators see of the whole server and may do to it. The token is that of `POST /login`; whether its \
         user is an administrator is looked up at each request. Instants are Unix milliseconds, ids are text. What is \
         not known or not measured is absent. Keys that are not described here are refused. Commands are written into \
         the log that `audit` shows."
            .to_owned(),
    );
    let mut api = OpenApiBuilder::new().info(info).build();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme("bearer", bearer);
    api
}

fn responses(list: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let mut all = ResponsesBuilder::new();
    for (status, what) in list {
        let schema = RefOr::Ref(utoipa::openapi::Ref::from_schema_name(RefusalBody::name()));
        let content = Content::new(Some(schema));
        all = all.response(*status, ResponseBuilder::new().description(*what).content("application/json", content));
    }
    all.build().responses
}

/// Refusals of every endpoint.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[
            ("400", "a key or field is missing, unknown or wrong"),
            ("401", "no token, or one that does not count"),
            ("403", "not an administrator"),
            ("405", "no such method"),
            ("413", "the body is over the limit"),
            ("429", "over the request rate; Retry-After tells how long to wait"),
            ("500", "internal error"),
            ("503", "starting, stopping or overloaded; try again after Retry-After"),
        ])
    }
}

/// Refusals where the request names something.
pub struct Named;

impl IntoResponses for Named {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[("404", "there is no such thing")])
    }
}

/// Refusals where a rule may stand against it.
pub struct Clash;

impl IntoResponses for Clash {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(&[("409", "it contradicts what is there")])
    }
}
