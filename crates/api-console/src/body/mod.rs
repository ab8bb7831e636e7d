//! What is asked and answered. Instants are Unix milliseconds; what is not known or not measured is left out.

pub mod accounts;
pub mod calls;
pub mod channels;
pub mod logs;
pub mod overview;

use serde::Serialize;
use utoipa::ToSchema;

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T: ToSchema> {
    /// Rows of the whole list.
    pub total: u64,
    /// Rows of this part.
    pub items: Vec<T>,
}

/// A refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalBody {
    /// What was refused.
    pub error: Fault,
}

/// Why, and what to do next.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fault {
    /// What kind it is.
    pub code: Code,
    /// Plain words.
    pub message: String,
    /// Ties the answer to the log.
    pub request_id: String,
}

/// The kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No token, or one that does not count: sign in.
    Unauthorized,
    /// Not an administrator.
    Forbidden,
    /// No such thing.
    NotFound,
    /// A key or field is missing, unknown or wrong.
    Invalid,
    /// It contradicts what is there.
    Conflict,
    /// Over the request rate.
    TooMany,
    /// A part is starting, stopping or out of reach.
    Unavailable,
    /// Our fault.
    Internal,
}
