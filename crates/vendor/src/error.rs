//! How a call to a vendor fails. No text in here holds an address, a query or a body that we sent: these carry
//! signatures.

/// Longest code and message kept of a refusal, characters. Longer helps nobody and fills logs.
const MOST_CODE: usize = 64;
const MOST_MESSAGE: usize = 256;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The vendor understood and said no.
    #[error("the vendor refused: {code}: {message}")]
    Refused {
        /// The vendor's code, as text.
        code: String,
        /// The vendor's words, shortened.
        message: String,
    },
    /// No answer, or one that says the vendor is in trouble.
    #[error("the vendor is unavailable: {0}")]
    Unavailable(Why),
    /// An answer that is not what the vendor documents; says what of it.
    #[error("malformed answer of the vendor: {0}")]
    Malformed(&'static str),
    /// The call needs a key of the configuration that is empty; nothing was sent.
    #[error("{0} is not configured")]
    NotConfigured(&'static str),
}

/// Why a vendor is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It failed again and again, and is left alone for a while; nothing was sent.
    #[error("circuit breaker open")]
    Open,
    /// Too many of our calls wait for it; nothing was sent.
    #[error("too many calls at once")]
    Busy,
    /// No connection; nothing was sent.
    #[error("no connection")]
    Connect,
    /// No whole answer in time.
    #[error("time limit")]
    Timeout,
    /// The connection broke.
    #[error("connection broken")]
    Broken,
    /// A status of 500 or more.
    #[error("status {0}")]
    Status(u16),
}

/// A kind of error, for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Error::Refused`].
    Refused,
    /// [`Error::Unavailable`].
    Unavailable(Why),
    /// [`Error::Malformed`].
    Malformed,
    /// [`Error::NotConfigured`].
    NotConfigured,
}

impl Kind {
    /// A word for a label or a page.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unavailable(Why::Open) => "open",
            Self::Unavailable(Why::Busy) => "busy",
            Self::Unavailable(Why::Connect) => "connect",
            Self::Unavailable(Why::Timeout) => "timeout",
            Self::Unavailable(Why::Broken) => "broken",
            Self::Unavailable(Why::Status(_)) => "status",
            Self::Malformed => "malformed",
            Self::NotConfigured => "not_configured",
        }
    }
}

impl Error {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Refused { .. } => Kind::Refused,
            Self::Unavailable(why) => Kind::Unavailable(*why),
            Self::Malformed(_) => Kind::Malformed,
            Self::NotConfigured(_) => Kind::NotConfigured,
        }
    }

    /// A refusal, shortened and without what `hide` lists. A vendor that checks signatures likes to quote what it
    /// signed, key id and parameters included: the message ends before that.
    pub(crate) fn refused(code: &str, message: &str, hide: &[&str]) -> Self {
        let clean = |text: &str, most: usize| {
            let mut text = text.to_owned();
            for secret in hide.iter().filter(|s| !s.is_empty()) {
                text = text.replace(secret, "***");
            }
            text.chars().filter(|c| !c.is_control()).take(most).collect::<String>()
        };
        // ASCII lower case keeps every byte position.
        let end = message.to_ascii_lowercase().find("string to sign").unwrap_or(message.len());
        Self::Refused { code: clean(code, MOST_CODE), message: clean(&message[..end], MOST_MESSAGE) }
    }
}

/// A configuration no client can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A key that must not be empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// An address that is none, holds a user name, query or fragment, or is not HTTPS. Plain HTTP is for this machine only:
    /// the calls hand over tokens.
    #[error("{0} must be an https address without user, query and fragment")]
    Address(&'static str),
    /// The TLS stack cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Client,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_bounded_and_hides_secrets() {
        let long = "x".repeat(10_000);
        let Error::Refused { code, message } = Error::refused(&long, &long, &[]) else { panic!() };
        assert_eq!((code.len(), message.len()), (MOST_CODE, MOST_MESSAGE));
        let Error::Refused { message, .. } =
            Error::refused("c", "key AKID1 says\n secret s3cret", &["AKID1", "s3cret", ""])
        else {
            panic!()
        };
        assert_eq!(message, "key *** says secret ***");
    }

    #[test]
    fn a_quoted_string_to_sign_is_cut_off() {
        let quoted = "Specified signature is not matched. İ server String To Sign is:POST&%2F&AccessKeyId%3DAKID1";
        let text = Error::refused("SignatureDoesNotMatch", quoted, &[]).to_string();
        assert!(text.ends_with("not matched. İ server "), "{text}");
    }
}
