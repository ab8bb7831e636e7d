//! Why a request got no further than the door.

use stoa_core::{Error, Kind};

/// What stopped a request before a use-case saw it. Dialects turn each into their own answer.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// The body is larger than the route takes.
    TooLarge,
    /// The body is not one JSON object; the text says why.
    Malformed(&'static str),
    /// Everything that has a kind: no token, over the rate, not ready, a bad field.
    Domain(Error),
}

impl From<Error> for Refusal {
    fn from(e: Error) -> Self {
        Self::Domain(e)
    }
}

impl Refusal {
    /// No credential that counts. `why` is for the log: the caller learns no more than that.
    #[must_use]
    pub fn unauthenticated(why: &'static str) -> Self {
        Self::Domain(Error::new(Kind::Unauthenticated, "missing or invalid token").with_internal(why))
    }
}
