//! Accounts: who may log in, who is an administrator, whose tokens still count.

use crate::id::UserId;

/// A stored account. A user may exist without one: whoever holds a signing key vouches for the
/// names in its tokens (voice-room.md 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name, which is the subject of the tokens.
    pub user: UserId,
    /// Argon2id hash in PHC text form.
    pub password_hash: String,
    /// Has administrator rights.
    pub admin: bool,
    /// May not log in, and its tokens are refused.
    pub disabled: bool,
    /// Tokens issued at or before this second are refused; 0 when nothing was ever revoked.
    pub revoked_at_secs: i64,
}

/// Whether a login token issued at `iat` (seconds; 0 when it names none) still counts.
#[must_use]
pub fn token_counts(account: Option<&Account>, iat_secs: i64) -> bool {
    match account {
        None => true,
        Some(a) => !a.disabled && (a.revoked_at_secs == 0 || iat_secs > a.revoked_at_secs),
    }
}
