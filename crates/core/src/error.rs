//! One error for the whole product. It has a kind that each dialect maps exhaustively, a public
//! text, and an internal context that cannot be printed by accident.

use std::borrow::Cow;
use std::fmt;

use crate::time::UnixMs;

/// Result of a use-case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as a caller can act on it. Dialects match on this without `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// No credential, or one that does not verify, is expired or revoked.
    Unauthenticated,
    /// User name and password do not belong together.
    BadCredentials,
    /// Too many failed logins; try again after so many seconds.
    LoginThrottled {
        /// Seconds until the window ends.
        retry_after_secs: u64,
    },
    /// A field is missing, malformed or out of range.
    BadInput {
        /// Name of the field as the published document spells it.
        field: &'static str,
    },
    /// The caller acts for somebody else without the right to.
    NotYou,
    /// The caller is known but may not do this.
    Forbidden,
    /// The user is banned from the channel until the instant given.
    Banned {
        /// End of the ban.
        until: UnixMs,
    },
    /// There is no such room, account or channel.
    NotFound,
    /// The channel exists, the user is not in it.
    NotPresent,
    /// There was one, and it has ended.
    Gone,
    /// A product limit (not a rate) is reached.
    LimitReached,
    /// The caller's request rate is exceeded.
    Throttled {
        /// Seconds to wait.
        retry_after_secs: u64,
    },
    /// A part is starting, stopping or overloaded; the same call may work later.
    Unavailable,
    /// A cloud that this server uses refused, or did not answer. The public text says which.
    Vendor {
        /// The vendor's own number, where a client is to see it.
        code: Option<i64>,
    },
    /// Our fault. The detail is in the log under the request id.
    Internal,
}

/// The one domain error.
///
/// `Display` shows the public text only; the internal context is reachable through
/// [`Error::internal`] and is meant for the log.
#[derive(Clone)]
pub struct Error {
    kind: Kind,
    public: Cow<'static, str>,
    internal: Option<String>,
}

impl Error {
    /// An error of `kind` with a text for the caller: English, short, says what to do.
    pub fn new(kind: Kind, public: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, public: public.into(), internal: None }
    }

    /// A refused field; `why` completes the sentence "field: …".
    pub fn bad_input(field: &'static str, why: impl fmt::Display) -> Self {
        Self::new(Kind::BadInput { field }, format!("{field}: {why}"))
    }

    /// Our fault: the caller learns nothing but that, the log learns `context`.
    pub fn internal_error(context: impl fmt::Display) -> Self {
        Self::new(Kind::Internal, "internal error").with_internal(context)
    }

    /// Adds context for the log.
    #[must_use]
    pub fn with_internal(mut self, context: impl fmt::Display) -> Self {
        self.internal = Some(context.to_string());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Text that may be shown to the caller.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// Text for the log only.
    #[must_use]
    pub fn internal(&self) -> Option<&str> {
        self.internal.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.kind).field("public", &self.public).finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}
