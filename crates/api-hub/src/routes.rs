//! The routes and their description.

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::any;
use stoa_api::docs::{Document, render};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Info, OpenApi, OpenApiBuilder, RefOr, Response, ResponseBuilder, ResponsesBuilder};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::refuse::{RefusalBody, no_such_endpoint, wrong_method};
use crate::state::HubState;
use crate::token;

fn endpoints() -> OpenApiRouter<HubState> {
    OpenApiRouter::with_openapi(described()).routes(routes!(token::token))
}

/// Everything under `/hub/v1/`. Put the whole server's router into [`stoa_api::normalized`], so that untidy paths get
/// here too.
pub fn router(state: HubState) -> Router {
    let (routes, _) = endpoints().split_for_parts();
    let routes = routes
        .method_not_allowed_fallback(wrong_method)
        .route("/hub/v1", any(no_such_endpoint))
        .route("/hub/v1/{*rest}", any(no_such_endpoint))
        .with_state(state.clone());
    stoa_api::shell(state.api(), routes)
}

/// The published description, for [`stoa_api::docs::router`].
#[must_use]
pub fn document() -> Document {
    let (_, api) = endpoints().split_for_parts();
    Document { name: "hub", title: "Message hub", json: render(&api) }
}

fn described() -> OpenApi {
    let mut info = Info::new("Stoa message hub", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Where clients of the message hub get connection tokens. With them any Centrifuge SDK connects to \
         `/connection/websocket`."
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

/// Every refusal has an HTTP status of its own.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let list = [
            ("400", "malformed body, or a field is missing or wrong"),
            ("401", "no credential, or one that does not count"),
            ("403", "banned from the channel of the media token"),
            ("404", "the channel of the media token is over"),
            ("405", "only POST is served"),
            ("413", "the body is over the limit"),
            ("429", "over the request rate; Retry-After tells how long to wait"),
            ("500", "internal error"),
            ("503", "starting, stopping or overloaded; try again after Retry-After"),
        ];
        let mut all = ResponsesBuilder::new();
        for (status, what) in list {
            all = all.response(status, refusal(what));
        }
        all.build().responses
    }
}
