//! One endpoint, one file.

pub mod account_add;
pub mod account_logout;
pub mod account_patch;
pub mod account_remove;
pub mod accounts;
pub mod apps;
pub mod audit;
pub mod ban_lift;
pub mod bans;
pub mod call_days;
pub mod calls;
pub mod channel;
pub mod channel_end;
pub mod channel_kick;
pub mod channel_mute;
pub mod channels;
pub mod me;
pub mod overview;
pub mod requests;
pub mod series;

use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use stoa_api::answer::json;
use stoa_core::console::AccountChange;

use crate::refuse::Refused;

/// What handlers answer.
pub(crate) type Answer = Result<Response, Refused>;

/// Longest ban or mute that has an end: 100 years, which every calendar holds.
const LONGEST: u64 = 3_153_600_000;

fn shown<T: Serialize>(body: &T) -> Answer {
    Ok(json(StatusCode::OK, body))
}

fn seconds(field: &'static str, n: u64) -> Result<Duration, Refused> {
    match n {
        0..=LONGEST => Ok(Duration::from_secs(n)),
        _ => Err(Refused::invalid(format!("{field}: must be 0 to {LONGEST}"))),
    }
}

/// Longest password, as at the login.
const PASSWORD_BYTES: usize = 1024;

fn password(text: String) -> Result<String, Refused> {
    match text.len() {
        1..=PASSWORD_BYTES => Ok(text),
        _ => Err(Refused::invalid(format!("password: must be 1 to {PASSWORD_BYTES} bytes"))),
    }
}

/// What a change of an account came to.
fn changed(what: AccountChange, done: StatusCode) -> Result<StatusCode, Refused> {
    match what {
        AccountChange::Done => Ok(done),
        AccountChange::Exists => Err(Refused::conflict("there is an account of this name already")),
        AccountChange::Unknown => Err(Refused::not_found("there is no account of this name")),
        AccountChange::LastAdmin => {
            Err(Refused::conflict("this is the last administrator; make somebody else one first"))
        }
        AccountChange::Oneself => Err(Refused::conflict("this would shut you out; let another administrator do it")),
    }
}
