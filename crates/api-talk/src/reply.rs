//! The envelope of every answer (talk.md 2.5).

use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use stoa_api::answer::json_bytes;
use utoipa::ToSchema;

use crate::refuse::Refusal;

/// What every answer carries.
#[derive(Debug, Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct Envelope<'a> {
    /// `OK` or `FAIL`.
    pub ActionStatus: &'a str,
    /// 0 for `OK`.
    pub ErrorCode: u32,
    /// What was wrong, for people; empty for `OK`.
    #[schema(max_length = 256)]
    pub ErrorInfo: &'a str,
}

impl Envelope<'static> {
    /// Of an answer that says yes.
    pub const OK: Self = Self { ActionStatus: "OK", ErrorCode: 0, ErrorInfo: "" };
}

impl<'a> Envelope<'a> {
    pub(crate) fn fail(refusal: &'a Refusal) -> Self {
        Self { ActionStatus: "FAIL", ErrorCode: refusal.code().number(), ErrorInfo: refusal.info() }
    }
}

/// What `change_user_Identity` adds to every answer: what it was about, as far as it was read.
#[derive(Debug, Default, Clone, Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct IdentityEcho {
    /// The channel, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ChannelID: Option<String>,
    /// The user, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub UserID: Option<String>,
    /// `RequstId`, if it was sent. The published spelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ResponetId: Option<i64>,
    /// The same again, spelled right; only where the operator wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ResponseId: Option<i64>,
    /// The same as `ErrorCode`: 0 done, 401 no such channel, 402 no such user in it, 403 a later request was processed,
    /// 500 our fault.
    pub Code: u32,
}

#[derive(Serialize)]
struct Both<'a, T> {
    #[serde(flatten)]
    envelope: Envelope<'a>,
    #[serde(flatten)]
    body: T,
}

/// A body that says yes.
#[derive(Debug)]
pub(crate) struct Reply(Bytes);

impl Reply {
    /// With these fields beside the envelope. Fails only where a type does not serialise as a map: our fault.
    pub(crate) fn ok<T: Serialize>(body: &T) -> Result<Self, Refusal> {
        Self::bytes(body).map(|bytes| Self(bytes.into()))
    }

    /// The bytes of [`Reply::ok`], to be gone on with.
    pub(crate) fn bytes<T: Serialize>(body: &T) -> Result<Vec<u8>, Refusal> {
        write(Envelope::OK, body)
    }

    /// Of bytes that [`Reply::bytes`] began.
    pub(crate) fn written(bytes: Bytes) -> Self {
        Self(bytes)
    }

    #[cfg(test)]
    pub(crate) fn body(&self) -> &Bytes {
        &self.0
    }

    /// The envelope alone.
    pub(crate) fn bare() -> Result<Self, Refusal> {
        Self::ok(&serde_json::Map::new())
    }

    pub(crate) fn into_response(self) -> Response {
        json_bytes(StatusCode::OK, self.0)
    }
}

fn write<T: Serialize>(envelope: Envelope<'_>, body: &T) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(&Both { envelope, body }).map_err(|e| Refusal::broken(&e))
}

/// An answer that says no; `echo` for `change_user_Identity`, whose every answer has a `Code`.
pub(crate) fn refuse(refusal: &Refusal, echo: Option<IdentityEcho>) -> Response {
    const LAST_RESORT: &str = r#"{"ActionStatus":"FAIL","ErrorCode":100001,"ErrorInfo":"internal error"}"#;
    let envelope = Envelope::fail(refusal);
    let bytes = match echo {
        Some(echo) => write(envelope, &IdentityEcho { Code: refusal.code().number(), ..echo }),
        None => write(envelope, &serde_json::Map::new()),
    };
    json_bytes(StatusCode::OK, bytes.map_or_else(|_| Bytes::from_static(LAST_RESORT.as_bytes()), Bytes::from))
}

/// Either of two answers, for the description.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only described")]
pub(crate) enum Answer<T: ToSchema> {
    /// What was asked for.
    Done(Done<T>),
    /// Why not.
    Refused(Refused),
}

/// Fields beside the envelope.
#[derive(ToSchema)]
#[expect(dead_code, non_snake_case, reason = "the published names; only described")]
pub(crate) struct Done<T: ToSchema> {
    #[schema(pattern = "^OK$")]
    ActionStatus: String,
    #[schema(maximum = 0)]
    ErrorCode: u32,
    #[schema(max_length = 0)]
    ErrorInfo: String,
    #[serde(flatten)]
    body: T,
}

/// A refusal: the envelope alone.
#[derive(ToSchema)]
#[expect(dead_code, non_snake_case, reason = "the published names; only described")]
pub(crate) struct Refused {
    #[schema(pattern = "^FAIL$")]
    ActionStatus: String,
    #[schema(minimum = 401)]
    ErrorCode: u32,
    /// What was wrong, for people.
    #[schema(min_length = 1, max_length = 256)]
    ErrorInfo: String,
}

/// An answer of `change_user_Identity`, whatever it says.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described")]
pub(crate) struct IdentityAnswer {
    #[serde(flatten)]
    envelope: Envelope<'static>,
    #[serde(flatten)]
    echo: IdentityEcho,
}
