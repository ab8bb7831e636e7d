//! Numbers that SDKs act on: errors of replies, close codes, unsubscribe codes (hub.md 2.9 to 2.11).

use super::message::ErrorReply;

/// An error of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// Number.
    pub code: u32,
    /// Text.
    pub message: &'static str,
    /// The SDK may try again.
    pub temporary: bool,
}

impl Error {
    const fn end(code: u32, message: &'static str) -> Self {
        Self { code, message, temporary: false }
    }

    const fn again(code: u32, message: &'static str) -> Self {
        Self { code, message, temporary: true }
    }

    /// Our fault.
    pub const INTERNAL: Self = Self::again(100, "internal server error");
    /// No such namespace.
    pub const UNKNOWN_CHANNEL: Self = Self::end(102, "unknown channel");
    /// Not for this user.
    pub const PERMISSION_DENIED: Self = Self::end(103, "permission denied");
    /// The connection has this subscription.
    pub const ALREADY_SUBSCRIBED: Self = Self::end(105, "already subscribed");
    /// Too many subscriptions.
    pub const LIMIT_EXCEEDED: Self = Self::end(106, "limit exceeded");
    /// A malformed request that does not end the connection.
    pub const BAD_REQUEST: Self = Self::end(107, "bad request");
    /// The namespace does not have this.
    pub const NOT_AVAILABLE: Self = Self::end(108, "not available");
    /// The SDK fetches a new token and tries again.
    pub const TOKEN_EXPIRED: Self = Self::end(109, "token expired");
    /// The connection's own life is over.
    pub const EXPIRED: Self = Self::end(110, "expired");
    /// A rate limit.
    pub const TOO_MANY_REQUESTS: Self = Self::again(111, "too many requests");
    /// The position is lost, and the client asked to be told so.
    pub const UNRECOVERABLE: Self = Self::end(112, "unrecoverable position");
    /// Back-pressure on functions that send.
    pub const TOO_FAST: Self = Self::end(1429, "too fast");

    /// As it goes into a reply.
    #[must_use]
    pub fn reply(self) -> ErrorReply {
        ErrorReply { code: self.code, message: self.message.to_owned(), temporary: self.temporary }
    }
}

/// A close code with its reason.
pub type Close = (u32, &'static str);

/// Graceful stop.
pub const SHUTDOWN: Close = (3001, "shutdown");
/// A bug of ours.
pub const SERVER_ERROR: Close = (3004, "internal server error");
/// No new token within the grace.
pub const EXPIRED: Close = (3005, "connection expired");
/// The outbound queue overflowed, or a write stood still.
pub const SLOW: Close = (3008, "slow");
/// The socket failed in a write.
pub const WRITE_ERROR: Close = (3009, "write error");
/// A publication of a server-side subscription was lost.
pub const INSUFFICIENT_STATE: Close = (3010, "insufficient state");
/// A ping was not answered.
pub const NO_PONG: Close = (3012, "no pong");
/// A flood of commands went on.
pub const TOO_MANY_REQUESTS: Close = (3013, "too many requests");
/// A token that cannot be good.
pub const INVALID_TOKEN: Close = (3500, "invalid token");
/// A violation of the protocol.
pub const BAD_REQUEST: Close = (3501, "bad request");
/// No connect in time.
pub const STALE: Close = (3502, "stale");
/// Something that is no JSON was to go to a JSON client.
pub const INAPPROPRIATE: Close = (3506, "inappropriate protocol");
/// `send` has no receiver.
pub const NOT_AVAILABLE: Close = (3508, "not available");
/// A flood of failing commands.
pub const TOO_MANY_ERRORS: Close = (3509, "too many errors");
/// A newer connection took this one's place.
pub const ELSEWHERE: Close = (4504, "signed in elsewhere");

/// Unsubscribed by the server; the SDK does not come back.
pub const UNSUBSCRIBED: (u32, &str) = (2000, "server unsubscribe");
/// The SDK subscribes again at once, from its position.
pub const UNSUBSCRIBED_INSUFFICIENT: (u32, &str) = (2500, "insufficient state");

/// Longest reason of a close frame (RFC 6455 5.5: 125 bytes with the code).
pub const MAX_REASON: usize = 123;
