//! The routes of the dialect: one readable list.

use std::collections::BTreeMap;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::any;
use stoa_api::docs::{Document, render};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Info, OpenApi, OpenApiBuilder, RefOr, Response, ResponseBuilder, ResponsesBuilder};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::MediaProvider;
use crate::endpoints::{
    add_docs, check_in, create, delete, delete_docs, files, get, get_rtc_auth_token, join_class, jump, kick,
    leave_class, like, list, list_members, login, meeting, mute, permit, push_callback, query_doc, status, streams,
    token, update, upload_file, whiteboard, whiteboard_auth,
};
use crate::refuse::{no_such_endpoint, wrong_method};
use crate::reply::Refused;
use crate::state::ClassState;

fn endpoints() -> OpenApiRouter<ClassState> {
    OpenApiRouter::with_openapi(described())
        .routes(routes!(login::login))
        .routes(routes!(token::v1))
        .routes(routes!(token::v2))
        .routes(routes!(create::v1))
        .routes(routes!(create::v2))
        .routes(routes!(list::list))
        .routes(routes!(get::get))
        .routes(routes!(join_class::join_class))
        .routes(routes!(leave_class::leave_class))
        .routes(routes!(status::start))
        .routes(routes!(status::pause))
        .routes(routes!(status::stop))
        .routes(routes!(list_members::list_members))
        .routes(routes!(kick::kick_class))
        .routes(routes!(kick::cancel_kick))
        .routes(routes!(update::update))
        .routes(routes!(delete::delete))
        .routes(routes!(meeting::get_meeting_info))
        .routes(routes!(meeting::update_meeting_info))
        .routes(routes!(whiteboard_auth::get_whiteboard_auth_info))
        .routes(routes!(add_docs::add_doc))
        .routes(routes!(add_docs::add_docs))
        .routes(routes!(delete_docs::delete_doc))
        .routes(routes!(delete_docs::delete_docs))
        .routes(routes!(query_doc::query_doc))
        .routes(routes!(permit::set_assistant_permit))
        .routes(routes!(permit::delete_assistant_permit))
        .routes(routes!(permit::get_assistant_permit))
        .merge(check_ins())
        .routes(routes!(mute::mute_user))
        .routes(routes!(mute::cancel_mute_user))
        .routes(routes!(mute::mute_chatroom))
        .routes(routes!(mute::cancel_mute_chatroom))
        .routes(routes!(mute::is_mute_chatroom))
        .routes(routes!(like::send_like_message))
        .routes(routes!(like::get_statistics))
        .routes(routes!(get_rtc_auth_token::get_rtc_auth_token))
        .routes(routes!(jump::get_live_jump_url))
        .routes(routes!(jump::verify_auth_token))
}

fn check_ins() -> OpenApiRouter<ClassState> {
    OpenApiRouter::new()
        .routes(routes!(check_in::set_check_in))
        .routes(routes!(check_in::get_running_check_in))
        .routes(routes!(check_in::get_all_check_ins))
        .routes(routes!(check_in::check_in))
        .routes(routes!(check_in::get_check_in_records))
        .routes(routes!(check_in::get_check_in_record_by_user_id))
        .routes(routes!(check_in::set_check_in_v1))
        .routes(routes!(check_in::get_running_check_in_v1))
        .routes(routes!(check_in::get_all_check_ins_v1))
        .routes(routes!(check_in::check_in_v1))
        .routes(routes!(check_in::get_check_in_records_v1))
        .routes(routes!(check_in::get_check_in_record_by_user_id_v1))
}

/// Read with GET: the whiteboard's socket and pictures.
fn boards() -> OpenApiRouter<ClassState> {
    OpenApiRouter::new().routes(routes!(whiteboard::whiteboard)).routes(routes!(whiteboard::image))
}

/// Courseware that is uploaded, beside the contract.
fn uploads() -> OpenApiRouter<ClassState> {
    OpenApiRouter::new().routes(routes!(upload_file::upload_file, upload_file::upload_limits))
}

/// Where it is read. No part of the API's paths: addresses are handed out.
fn files() -> OpenApiRouter<ClassState> {
    OpenApiRouter::new().routes(routes!(files::file))
}

/// Media over plain HTTP.
fn stream_doors() -> OpenApiRouter<ClassState> {
    OpenApiRouter::new()
        .routes(routes!(streams::whip))
        .routes(routes!(streams::whip_end))
        .routes(routes!(streams::whep))
        .routes(routes!(streams::whep_end))
}

/// Everything under `/api/class/`, `/api/v1/` and `/api/v2/`, with this dialect's 404 and 405; `/files/`; and, where
/// the state has an engine for them, `/whip/` and `/whep/`. Put the whole server's router into
/// [`stoa_api::normalized`], so that untidy paths get here too.
pub fn router(state: ClassState) -> Router {
    let (mut routes, _) = endpoints().split_for_parts();
    routes = routes.method_not_allowed_fallback(wrong_method);
    let (boards, _) = boards().split_for_parts();
    routes = routes.merge(boards.method_not_allowed_fallback(whiteboard::wrong_method));
    let (uploads, _) = uploads().split_for_parts();
    routes = routes.merge(uploads.method_not_allowed_fallback(upload_file::wrong_method));
    for tree in ["/api/class", "/api/v1", "/api/v2"] {
        routes = routes.route(tree, any(no_such_endpoint)).route(&format!("{tree}/{{*rest}}"), any(no_such_endpoint));
    }
    if matches!(state.config().media, MediaProvider::Aliyun(_)) {
        let callback = axum::routing::get(push_callback::handle).post(push_callback::handle);
        let callback = callback.fallback(wrong_method);
        routes = routes.route("/api/v1/class/handlePushStreamEventCallback", callback);
    }
    let routes = stoa_api::shell(state.api(), routes.with_state(state.clone()));
    let (files, _) = files().split_for_parts();
    let files = files.method_not_allowed_fallback(whiteboard::wrong_method).with_state(state.clone());
    let routes = routes.merge(stoa_api::shell(state.api(), files).layer(from_fn(files::surround)));
    if state.streams().is_none() {
        return routes;
    }
    let (doors, _) = stream_doors().split_for_parts();
    let doors = doors.method_not_allowed_fallback(streams::wrong_method).with_state(state.clone());
    routes.merge(stoa_api::shell(state.api(), doors).layer(from_fn(streams::surround)))
}

/// The published description, for [`stoa_api::docs::router`].
#[must_use]
pub fn document() -> Document {
    let (_, api) = endpoints().merge(uploads()).merge(files()).merge(boards()).merge(stream_doors()).split_for_parts();
    Document { name: "classroom", title: "Classrooms", json: render(&api) }
}

fn described() -> OpenApi {
    let mut info = Info::new("Stoa classrooms", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "The interactive classroom API. What the application refuses is HTTP 200 with `success` false; `errorCode` is a \
         number as text. A refusal with a `reason` in `data` has no `errorCode`."
            .to_owned(),
    );
    let mut api = OpenApiBuilder::new().info(info).build();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme("bearer", bearer);
    api
}

fn refusal(what: &str) -> RefOr<Response> {
    let schema = RefOr::Ref(utoipa::openapi::Ref::from_schema_name(Refused::name()));
    ResponseBuilder::new().description(what).content("application/json", Content::new(Some(schema))).build().into()
}

fn responses(list: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let mut all = ResponsesBuilder::new();
    for (status, what) in list {
        all = all.response(*status, refusal(what));
    }
    all.build().responses
}

const NO_TOKEN: (&str, &str) = ("401", "no token, or one that does not count");
const NO_METHOD: (&str, &str) = ("405", "only POST is served");
const TOO_LARGE: (&str, &str) = ("413", "the body is over the limit");
const AWAY: (&str, &str) = ("503", "starting, stopping or overloaded; try again after Retry-After");

/// Refusals of an endpoint behind a token that have an HTTP status of their own.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let throttled = ("429", "over the request rate; Retry-After tells how long to wait");
        responses(&[NO_TOKEN, NO_METHOD, TOO_LARGE, throttled, AWAY])
    }
}

/// Refusals of an open endpoint.
pub struct OpenRefusals;

impl IntoResponses for OpenRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let throttled = ("429", "too many failed logins; Retry-After tells how long to wait");
        responses(&[NO_METHOD, TOO_LARGE, throttled, AWAY])
    }
}
