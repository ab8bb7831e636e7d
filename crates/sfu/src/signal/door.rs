//! Who may come in: the token, then admission, then the shard.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::extract::Query;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use livekit_protocol::client_info::Capability;
use stoa_core::id::{ChannelKey, Identity};
use stoa_core::media::{Admission, Admitted, Refused};
use tokio::sync::oneshot;

use super::ADMISSION_TIMEOUT;
use crate::engine::Engine;
use crate::room::{ClientParams, Joiner, Link, Refusal, Resumer, Sink};
use crate::shard::{Command, Session};
use crate::token::{self, TokenError, Verified};

/// Attributes in the query, in bytes of JSON. The URL bounds them anyway.
const MAX_ATTRIBUTES: usize = 64 * 1024;
/// Capabilities of a client that are remembered.
const MAX_CAPABILITIES: usize = 32;

/// What a client's request says.
pub(super) struct Params {
    token: String,
    client: ClientParams,
    /// The participant to resume.
    resume: Option<String>,
}

impl Params {
    /// Whether it asks for a new session; else for the one it had.
    pub(super) fn is_join(&self) -> bool {
        self.resume.is_none()
    }

    pub(super) fn read(parts: &Parts) -> Self {
        let query = Query::<HashMap<String, String>>::try_from_uri(&parts.uri).map(|q| q.0).unwrap_or_default();
        let get = |name: &str| query.get(name).map_or("", String::as_str);
        let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let bearer = bearer.and_then(|v| v.strip_prefix("Bearer ").or_else(|| v.strip_prefix("bearer ")));
        let number = |name: &str| get(name).parse().unwrap_or(0);
        let client = ClientParams {
            client_protocol: number("client_protocol"),
            capabilities: capabilities(get("capabilities")),
            auto_subscribe: !matches!(get("auto_subscribe"), "0" | "false"),
            attributes: attributes(get("attributes")),
        };
        let resuming = matches!(get("reconnect"), "1" | "true");
        Self {
            token: bearer.unwrap_or_else(|| get("access_token")).trim().to_owned(),
            client,
            resume: resuming.then(|| get("sid").to_owned()),
        }
    }
}

fn capabilities(list: &str) -> Vec<i32> {
    let known = list.split(',').filter_map(|name| Capability::from_str_name(name.trim()));
    known.map(Into::into).take(MAX_CAPABILITIES).collect()
}

fn attributes(encoded: &str) -> BTreeMap<String, String> {
    if encoded.len() > MAX_ATTRIBUTES {
        return BTreeMap::new();
    }
    let json = URL_SAFE_NO_PAD.decode(encoded).or_else(|_| URL_SAFE.decode(encoded)).unwrap_or_default();
    serde_json::from_slice(&json).unwrap_or_default()
}

/// Somebody whom admission let in.
pub(super) struct Entry {
    key: ChannelKey,
    identity: Identity,
    token: Verified,
    admitted: Admitted,
}

/// Asks on behalf of one request.
pub(super) struct Door<'a> {
    pub engine: &'a Engine,
}

impl Door<'_> {
    /// Token, then admission. `joins`: somebody is about to come in. The error is the answer to give.
    pub(super) async fn ask(&self, params: &Params, joins: bool) -> Result<Entry, Response> {
        let inner = &self.engine.inner;
        let now = inner.env.clock.now();
        let bad = |e: TokenError| (e.status(), e.to_string()).into_response();
        let token = match params.token.as_str() {
            "" => return Err(bad(TokenError::Missing)),
            text => token::verify(text, &inner.env.apps(), now.wall).map_err(bad)?,
        };
        let (key, identity) = token.joining().map_err(bad)?;
        let ask = Admission { channel: &key, identity: &identity, claims: &token.claims, joins, now: now.wall };
        let admitted = match inner.hooks.get() {
            Some(hooks) => tokio::time::timeout(ADMISSION_TIMEOUT, hooks.admit(ask)).await,
            None => return Err(refused(Refusal::Busy)),
        };
        let admitted = admitted.unwrap_or(Err(Refused::Unavailable)).map_err(|r| refused(Refusal::Door(r)))?;
        Ok(Entry { key, identity, token, admitted })
    }

    /// Into the room, or back into it. `asked` is from before admission was asked.
    pub(super) async fn enter(
        &self,
        entry: Entry,
        params: &Params,
        sink: Sink,
        asked: Duration,
    ) -> Result<Session, Refusal> {
        let Entry { key, identity, token, admitted: Admitted { user, standing } } = entry;
        let (reply, answer) = oneshot::channel();
        let command = match &params.resume {
            Some(sid) => {
                let resumer = Box::new(Resumer { sid: sid.clone(), identity, user, standing, token, sink });
                Command::Resume { key, asked, resumer, reply }
            }
            None => {
                let client = params.client.clone();
                let link = Link::Signal(sink);
                let joiner = Box::new(Joiner { identity, user, standing, token, client, link });
                Command::Join { key, asked, joiner, reply }
            }
        };
        // A full queue is an overloaded shard: newcomers wait outside, running calls go on.
        self.engine.inner.port.commands.try_send(command).map_err(|_| Refusal::Busy)?;
        let answered = tokio::time::timeout(ADMISSION_TIMEOUT, answer).await;
        answered.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)?
    }
}

/// The HTTP answer to somebody who stays outside. SDKs act on the status and on one of the texts.
pub(super) fn refused(refusal: Refusal) -> Response {
    let status = match refusal {
        Refusal::Door(Refused::Banned(_) | Refused::BadIdentity | Refused::Limit) | Refusal::Taken => {
            StatusCode::FORBIDDEN
        }
        Refusal::Door(Refused::Revoked) => StatusCode::UNAUTHORIZED,
        Refusal::Door(Refused::NoSuchChannel) | Refusal::UnknownSession => StatusCode::NOT_FOUND,
        Refusal::Door(Refused::Unavailable) | Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, refusal.to_string()).into_response()
}
