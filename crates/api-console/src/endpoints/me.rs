//! `GET /me`

use axum::extract::State;

use super::{Answer, shown};
use crate::ask::Ask;
use crate::body::logs::NoQuery;
use crate::body::overview::Me;
use crate::routes::Refusals;
use crate::state::ConsoleState;

/// Who is signed in
#[utoipa::path(get, path = "/api/console/v1/me", tag = "Server", security(("bearer" = [])),
    responses((status = 200, description = "the administrator", body = Me), Refusals))]
pub async fn me(State(state): State<ConsoleState>, ask: Ask<NoQuery>) -> Answer {
    let about = state.about();
    shown(&Me {
        user: ask.who.user.to_string(),
        version: about.version.to_owned(),
        now: state.now().0,
        time_zone: about.zone_name.clone(),
    })
}
