//! The door of every REST endpoint, in the one order of checks (voice-room.md 2.6): token → rate →
//! size → JSON. The body is not read before the caller is known.

use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use stoa_core::Result as Outcome;
use stoa_core::caller::Caller;
use stoa_core::time::UnixMs;

use crate::fields::{Fields, Together, at_most_bytes};
use crate::origin::Origin;
use crate::refusal::Refusal;
use crate::state::{ApiState, OPEN_BODY_LIMIT, Place, client_key};

/// A request of a known caller, read.
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// Login session of the token (`jti`), if it names one.
    pub session: Option<String>,
    /// What was sent.
    pub fields: Fields,
    /// The address the client used.
    pub origin: Origin,
    _place: Place,
}

/// A request to an open path, read. The `Authorization` header is not looked at.
pub struct OpenCall {
    /// What was sent.
    pub fields: Fields,
    /// What failed logins are counted by.
    pub client: String,
    _place: Place,
}

/// Longest password in bytes; hashing more would only cost time.
const PASSWORD_BYTES: usize = 1024;

/// A login that went well.
pub struct LoggedIn {
    /// The bearer token.
    pub token: String,
    /// When it ends.
    pub expires: UnixMs,
}

impl OpenCall {
    /// Reads `username` and `password`, and makes a token if they belong together.
    ///
    /// # Errors
    /// `BadInput`, `BadCredentials`, `LoginThrottled`, faults of what knows the accounts.
    pub async fn log_in(&self, api: &ApiState) -> Outcome<LoggedIn> {
        let f = &self.fields;
        let password = f.required("password").and_then(|p| at_most_bytes("password", &p, PASSWORD_BYTES).map(|()| p));
        let (user, password) = (f.user_id("username"), password).together()?;
        let iat = api.login().log_in(&user, &password, &self.client).await?;
        let expires = UnixMs::from_secs(iat).plus(api.config().token_ttl);
        let token = api.keys().mint(&user, iat, expires.secs(), Some(&api.fresh_session()));
        Ok(LoggedIn { token, expires })
    }
}

impl<S> FromRequest<S> for Call
where
    ApiState: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let api = ApiState::from_ref(state);
        let place = api.enter()?;
        let (caller, session) = caller(&api, request.headers()).await?;
        api.check_rate(&caller.user)?;
        let origin = Origin::of(&request);
        let fields = Fields::parse(body(request, api.config().body_limit).await?)?;
        Ok(Self { caller, session, fields, origin, _place: place })
    }
}

impl<S> FromRequest<S> for OpenCall
where
    ApiState: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let api = ApiState::from_ref(state);
        api.check_ready()?;
        let client = client_key(request.extensions());
        let body = body(request, OPEN_BODY_LIMIT.min(api.config().body_limit)).await?;
        // Only now: strangers who send slowly must not take the places of everybody else.
        let place = api.enter()?;
        let fields = Fields::parse(body)?;
        Ok(Self { fields, client, _place: place })
    }
}

/// The caller behind the one `Authorization` header, and the login session its token names.
///
/// # Errors
/// A refusal with kind `Unauthenticated`, or a fault of the store.
pub async fn caller(api: &ApiState, headers: &HeaderMap) -> Result<(Caller, Option<String>), Refusal> {
    caller_of(api, bearer(headers).map_err(Refusal::unauthenticated)?).await
}

/// The caller whom this token names.
///
/// # Errors
/// As [`caller`].
pub async fn caller_of(api: &ApiState, token: &str) -> Result<(Caller, Option<String>), Refusal> {
    let now = api.clock().now().wall.secs();
    let token = api.keys().verify(token, now).map_err(Refusal::unauthenticated)?;
    Ok((api.login().caller(token.user, token.iat_secs).await?, token.session))
}

/// Exactly one header; `Bearer` in any case, then blanks or none, then the token.
///
/// # Errors
/// Why there is none, for the log.
pub fn bearer(headers: &HeaderMap) -> Result<&str, &'static str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (all.next().ok_or("no authorization header")?, all.next());
    if second.is_some() {
        return Err("two authorization headers");
    }
    let text = first.to_str().map_err(|_| "authorization header is not ASCII")?;
    match text.split_at_checked(6) {
        Some((word, token)) if word.eq_ignore_ascii_case("bearer") => Ok(token.trim_matches([' ', '\t'])),
        _ => Err("not a bearer token"),
    }
}

/// The whole body, at most `limit` bytes of it.
///
/// # Errors
/// [`Refusal::TooLarge`], or [`Refusal::Malformed`] when it was cut off.
pub async fn body(request: Request, limit: usize) -> Result<Bytes, Refusal> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > limit as u64) {
        return Err(Refusal::TooLarge);
    }
    collect(request.into_body(), limit).await
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    const CUT: Refusal = Refusal::Malformed("body was cut off");
    let mut chunks = body.into_data_stream();
    let first = match chunks.next().await {
        None => return Ok(Bytes::new()),
        Some(chunk) => chunk.map_err(|_| CUT)?,
    };
    if first.len() > limit {
        return Err(Refusal::TooLarge);
    }
    let Some(second) = chunks.next().await else { return Ok(first) };
    let mut all = BytesMut::from(first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        let chunk = chunk.map_err(|_| CUT)?;
        if all.len() + chunk.len() > limit {
            return Err(Refusal::TooLarge);
        }
        all.extend_from_slice(&chunk);
        next = chunks.next().await;
    }
    Ok(all.freeze())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_header_is_read_in_all_its_spellings_and_only_once() {
        let read = |values: &[&'static str]| {
            let mut h = HeaderMap::new();
            for v in values {
                h.append(AUTHORIZATION, HeaderValue::from_static(v));
            }
            bearer(&h).map(str::to_owned)
        };
        for good in ["Bearer t.o.k", "bearer t.o.k", "BEARER   t.o.k", "Bearert.o.k", "bEaReR\tt.o.k"] {
            assert_eq!(read(&[good]).as_deref(), Ok("t.o.k"), "{good}");
        }
        for bad in ["", "t.o.k", "Basic t.o.k", "Bear"] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
        assert!(read(&[]).is_err());
        assert!(read(&["Bearer t.o.k", "Bearer t.o.k"]).is_err());
    }

    #[tokio::test]
    async fn bodies_are_bounded_also_in_chunks_without_a_length() {
        let chunks = |n: usize| {
            let parts = (0..n).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b"12345")));
            Body::from_stream(futures_util::stream::iter(parts.collect::<Vec<_>>()))
        };
        assert_eq!(collect(chunks(0), 10).await.unwrap(), "");
        assert_eq!(collect(chunks(2), 10).await.unwrap(), "1234512345");
        assert!(matches!(collect(chunks(3), 10).await, Err(Refusal::TooLarge)));
        assert!(matches!(collect(Body::from("12345678901"), 10).await, Err(Refusal::TooLarge)));
    }
}
