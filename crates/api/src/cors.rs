//! One CORS rule for all REST dialects (voice-room.md 2.7).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};
use http::{HeaderMap, HeaderValue};

/// `http.cors.origins`.
#[derive(Debug, Clone)]
pub enum Cors {
    /// `*`.
    Any,
    /// These origins, as browsers spell them.
    Listed(Vec<HeaderValue>),
}

impl Cors {
    /// From the configured texts; a list with `*` in it means any.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn from_origins<S: AsRef<str>>(origins: &[S]) -> Result<Self, String> {
        if origins.iter().any(|o| o.as_ref() == "*") {
            return Ok(Self::Any);
        }
        let read = |o: &S| HeaderValue::from_str(o.as_ref()).map_err(|_| format!("{:?} is not an origin", o.as_ref()));
        origins.iter().map(read).collect::<Result<_, _>>().map(Self::Listed)
    }

    /// Whether pages of this `Origin` may use us.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(list) => list.iter().any(|o| o.as_bytes() == origin.as_bytes()),
        }
    }

    /// Adds what belongs on an answer to a request with this `Origin`.
    pub(crate) fn apply(&self, origin: Option<&HeaderValue>, preflight: bool, headers: &mut HeaderMap) {
        match self {
            Self::Any => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Self::Listed(list) => {
                let Some(origin) = origin.filter(|o| list.contains(o)) else { return };
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                headers.append(VARY, HeaderValue::from_static("Origin"));
            }
        }
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-request-id, retry-after"));
        if preflight {
            let methods = HeaderValue::from_static("POST, GET, PUT, PATCH, DELETE, OPTIONS");
            let names = HeaderValue::from_static("authorization, content-type, accept, x-requested-with, x-request-id");
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
    }
}
