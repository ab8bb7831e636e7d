//! Twirp on the wire: two encodings, one form of error.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use stoa_core::{Error, Kind};

use crate::token::TokenError;

/// Twirp's error codes, as far as we answer them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    InvalidArgument,
    Malformed,
    NotFound,
    BadRoute,
    PermissionDenied,
    Unauthenticated,
    ResourceExhausted,
    FailedPrecondition,
    Unimplemented,
    Internal,
    Unavailable,
}

impl Code {
    /// The word in the body and the status, as the Twirp specification pairs them.
    pub fn wire(self) -> (&'static str, StatusCode) {
        match self {
            Self::InvalidArgument => ("invalid_argument", StatusCode::BAD_REQUEST),
            Self::Malformed => ("malformed", StatusCode::BAD_REQUEST),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::BadRoute => ("bad_route", StatusCode::NOT_FOUND),
            Self::PermissionDenied => ("permission_denied", StatusCode::FORBIDDEN),
            Self::Unauthenticated => ("unauthenticated", StatusCode::UNAUTHORIZED),
            Self::ResourceExhausted => ("resource_exhausted", StatusCode::TOO_MANY_REQUESTS),
            Self::FailedPrecondition => ("failed_precondition", StatusCode::PRECONDITION_FAILED),
            Self::Unimplemented => ("unimplemented", StatusCode::NOT_IMPLEMENTED),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// A refused call.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub code: Code,
    pub text: String,
}

impl Fault {
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// Always JSON, whatever the call was encoded in.
    pub fn response(&self) -> Response<Body> {
        let (code, status) = self.code.wire();
        let body = json!({"code": code, "msg": self.text, "meta": {}}).to_string();
        answer(status, "application/json", body.into())
    }
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        let code = match e.kind() {
            Kind::Unauthenticated | Kind::BadCredentials => Code::Unauthenticated,
            Kind::LoginThrottled { .. } | Kind::Throttled { .. } => Code::ResourceExhausted,
            // Not a rate: trying again changes nothing.
            Kind::LimitReached => Code::FailedPrecondition,
            Kind::BadInput { .. } => Code::InvalidArgument,
            Kind::NotYou | Kind::Forbidden | Kind::Banned { .. } => Code::PermissionDenied,
            Kind::NotFound | Kind::NotPresent | Kind::Gone => Code::NotFound,
            Kind::Unavailable | Kind::Vendor { .. } => Code::Unavailable,
            Kind::Internal => Code::Internal,
        };
        if let Some(internal) = e.internal() {
            tracing::warn!(twirp.code = code.wire().0, error = internal, "RoomService call failed");
        }
        Self::new(code, e.public())
    }
}

impl From<TokenError> for Fault {
    fn from(e: TokenError) -> Self {
        let code = if e.status() == StatusCode::FORBIDDEN { Code::PermissionDenied } else { Code::Unauthenticated };
        Self::new(code, e.to_string())
    }
}

/// How a call and its answer are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Protobuf,
    Json,
}

impl Codec {
    pub fn of(headers: &HeaderMap) -> Result<Self, Fault> {
        let value = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/protobuf") {
            Ok(Self::Protobuf)
        } else if essence.eq_ignore_ascii_case("application/json") {
            Ok(Self::Json)
        } else {
            Err(Fault::new(Code::BadRoute, "Content-Type must be application/protobuf or application/json"))
        }
    }

    pub fn decode<M: Message + Default + DeserializeOwned>(self, body: &Bytes) -> Result<M, Fault> {
        match self {
            Self::Protobuf => M::decode(body.clone())
                .map_err(|_| Fault::new(Code::Malformed, "the body is not a protobuf message of this method")),
            // The reason names the place only: serde's own text may repeat any amount of the body.
            Self::Json => serde_json::from_slice(body).map_err(|e| {
                let place = format!("line {}, column {}", e.line(), e.column());
                Fault::new(Code::Malformed, format!("the body is not JSON of this method ({place})"))
            }),
        }
    }

    pub fn encode<M: Message + Serialize>(self, message: &M) -> Result<Response<Body>, Fault> {
        match self {
            Self::Protobuf => Ok(answer(StatusCode::OK, "application/protobuf", message.encode_to_vec().into())),
            Self::Json => serde_json::to_vec(message)
                .map(|json| answer(StatusCode::OK, "application/json", json.into()))
                .map_err(|e| Fault::from(Error::internal_error(e))),
        }
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
