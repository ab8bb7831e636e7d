//! The door: token, rate, administrator; then query and body, which know no key they do not know.

use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use http::request::Parts;
use serde::de::DeserializeOwned;
use stoa_api::shell::X_REQUEST_ID;
use stoa_api::{Place, call};
use stoa_core::id::{AppId, ChannelKey, ChannelName, UserId};
use stoa_core::talk::Page;

use crate::refuse::Refused;
use crate::state::ConsoleState;

/// Longest body: a password and two names fit many times over.
const BODY_LIMIT: usize = 16 * 1024;
/// Most rows of a part of a list.
const MAX_ROWS: u32 = 200;
/// Most rows that can be skipped: what all stores can count.
const MAX_SKIP: u64 = 1 << 53;
/// Longest text that is searched for, in bytes.
const MAX_TEXT: usize = 256;

/// An administrator, and what its request is called.
pub struct Admin {
    /// Who.
    pub user: UserId,
    /// As in the log and in the answer.
    pub request_id: String,
    _place: Place,
}

/// A request without a body.
pub struct Ask<Q> {
    /// Who asks.
    pub who: Admin,
    /// What the path names, in its order.
    pub path: Vec<String>,
    /// What is asked.
    pub query: Q,
}

/// A request with a body.
pub struct Order<B> {
    /// Who asks.
    pub who: Admin,
    /// What the path names, in its order.
    pub path: Vec<String>,
    /// What is to be done.
    pub body: B,
}

/// Whoever the token names, looked up now.
async fn admin(parts: &Parts, state: &ConsoleState) -> Result<Admin, Refused> {
    let place = state.api().enter()?;
    let (caller, _) = call::caller(state.api(), &parts.headers).await?;
    state.api().check_rate(&caller.user)?;
    if !caller.admin {
        return Err(Refused::forbidden());
    }
    let id = parts.headers.get(X_REQUEST_ID).and_then(|v| v.to_str().ok()).unwrap_or_default();
    Ok(Admin { user: caller.user, request_id: id.to_owned(), _place: place })
}

async fn path(parts: &mut Parts, state: &ConsoleState) -> Result<Vec<String>, Refused> {
    let named = RawPathParams::from_request_parts(parts, state).await;
    let named = named.map_err(|_| Refused::invalid("the path is not UTF-8"))?;
    Ok(named.iter().map(|(_, value)| value.to_owned()).collect())
}

fn query<Q: DeserializeOwned>(parts: &Parts) -> Result<Q, Refused> {
    let read = Query::<Q>::try_from_uri(&parts.uri);
    read.map(|q| q.0).map_err(|e| {
        let said = e.body_text();
        Refused::invalid(said.rsplit_once("query string: ").map_or(said.as_str(), |(_, why)| why))
    })
}

impl<Q: DeserializeOwned> FromRequestParts<ConsoleState> for Ask<Q> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &ConsoleState) -> Result<Self, Refused> {
        let who = admin(parts, state).await?;
        Ok(Self { who, path: path(parts, state).await?, query: query(parts)? })
    }
}

impl<B: DeserializeOwned> FromRequest<ConsoleState> for Order<B> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &ConsoleState) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let who = admin(&parts, state).await?;
        let path = path(&mut parts, state).await?;
        let _nothing: crate::body::logs::NoQuery = query(&parts)?;
        let bytes = call::body(Request::from_parts(parts, body), BODY_LIMIT).await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Refused::invalid("the body is not UTF-8"))?;
        let body = read(text)?;
        Ok(Self { who, path, body })
    }
}

/// The parser's words name fields, never values: they may be passwords.
fn read<B: DeserializeOwned>(text: &str) -> Result<B, Refused> {
    serde_json::from_str(text).map_err(|e| {
        let said = e.to_string();
        Refused::invalid(match said.split(" at line ").next() {
            Some(why) if said.starts_with("unknown field") || said.starts_with("missing field") => {
                format!("the body has an {}", why.replacen("missing", "absent", 1))
            }
            _ => "the body is not a JSON object of the documented fields".to_owned(),
        })
    })
}

/// Which part of a list.
pub(crate) fn page(offset: u64, limit: u32) -> Result<Page, Refused> {
    if !(1..=MAX_ROWS).contains(&limit) {
        return Err(Refused::invalid(format!("limit: must be 1 to {MAX_ROWS}")));
    }
    if offset > MAX_SKIP {
        return Err(Refused::invalid("offset: is too large"));
    }
    Ok(Page { start: offset, limit })
}

/// Number of an app.
pub(crate) fn app(text: &str) -> Result<AppId, Refused> {
    let wrong = || Refused::invalid("app: must be the number of an app");
    let plain = (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let n = text.parse().ok().filter(|n: &u64| plain && *n <= MAX_SKIP);
    n.map(AppId).ok_or_else(wrong)
}

/// Number of an app, if one is named.
pub(crate) fn maybe_app(text: Option<&str>) -> Result<Option<AppId>, Refused> {
    text.map(app).transpose()
}

/// Text to search for; nothing is as good as none.
pub(crate) fn text(q: Option<String>) -> Result<Option<String>, Refused> {
    match q {
        Some(q) if q.len() > MAX_TEXT => Err(Refused::invalid(format!("q: at most {MAX_TEXT} bytes"))),
        Some(q) if q.contains('\0') => Err(Refused::invalid("q: must not contain U+0000")),
        q => Ok(q.filter(|q| !q.is_empty())),
    }
}

/// A channel's app and name.
pub(crate) fn channel(of: &str, name: &str) -> Result<ChannelKey, Refused> {
    Ok(ChannelKey { app: app(of)?, name: ChannelName::new(name)? })
}

/// The channel that a path names.
pub(crate) fn channel_of(path: &[String]) -> Result<ChannelKey, Refused> {
    match path {
        [of, name] => channel(of, name),
        _ => Err(Refused::not_found("no such endpoint")),
    }
}

/// The user that a path names.
pub(crate) fn user_of(path: &[String]) -> Result<UserId, Refused> {
    match path {
        [user] => Ok(UserId::new(user.as_str())?),
        _ => Err(Refused::not_found("no such endpoint")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::accounts::NewAccount;

    #[test]
    fn numbers_of_apps_are_plain_digits() {
        assert_eq!(app("1000").unwrap(), AppId(1000));
        for wrong in ["", "+1", "-1", "1.0", " 1", "0x1", "99999999999999999", "9999999999999999999999"] {
            assert!(app(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_broken_body_is_refused_without_its_values() {
        let said = |text: &str| format!("{:?}", read::<NewAccount>(text).unwrap_err());
        for text in [
            r#"{"user":"a","password":"hunter2","admin":"hunter2"}"#,
            r#"{"user":"a","password":"hunter2","admin":true,"hunter":"hunter2"}"#,
            r#"{"user":"a","password":"hunter2"}"#,
            r#"{"user":"a","password":["hunter2"],"admin":true}"#,
            r#""hunter2""#,
            "hunter2",
        ] {
            assert!(!said(text).contains("hunter2"), "{}", said(text));
        }
        assert!(said(r#"{"user":"a","password":"x"}"#).contains("`admin`"));
    }

    #[test]
    fn pages_are_bounded() {
        assert!(page(0, 1).is_ok() && page(1 << 53, 200).is_ok());
        assert!(page(0, 0).is_err() && page(0, 201).is_err() && page(u64::MAX, 1).is_err());
        assert!(text(Some("x".repeat(257))).is_err() && text(Some("\0".into())).is_err());
        assert_eq!(text(Some(String::new())).unwrap(), None);
    }
}
