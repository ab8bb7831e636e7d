//! Who is asking.

use crate::error::{Error, Kind, Result};
use crate::id::UserId;

/// The verified caller of a request: the token's subject, and what the server knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Subject of the token.
    pub user: UserId,
    /// Administrator, looked up at this request and never read from the token.
    pub admin: bool,
    /// `auth.bind_subject = false` (migration tests only): the names in bodies are believed.
    pub unbound: bool,
}

impl Caller {
    /// An ordinary caller.
    #[must_use]
    pub fn user(user: UserId) -> Self {
        Self { user, admin: false, unbound: false }
    }

    /// Whether this caller may act in the name of `who`: itself, anybody for an administrator.
    #[must_use]
    pub fn may_act_as(&self, who: &UserId) -> bool {
        self.admin || self.unbound || self.user == *who
    }

    /// As [`Caller::may_act_as`], as a result; `field` names the body field that disagrees.
    ///
    /// # Errors
    /// [`Kind::NotYou`].
    pub fn act_as(&self, who: &UserId, field: &'static str) -> Result<()> {
        if self.may_act_as(who) {
            Ok(())
        } else {
            Err(Error::new(Kind::NotYou, format!("{field} does not match the token")))
        }
    }
}
