//! Refresh tokens of the hub (hub.md 3.6): what renews a connection token without a login. Signing is the shells'.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::names::Names;
use super::store::{Exchanged, RefreshToken};
use crate::account::token_counts;
use crate::error::{Error, Kind, Result};
use crate::id::{AppId, UserId};
use crate::time::UnixMs;
use crate::world::World;

/// Bytes of a refresh token before they are written as text.
const TOKEN_BYTES: usize = 32;

/// How sessions of the hub are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// Life of a refresh token. Longer spares a login after a longer absence, and leaves a stolen token good for as long.
    pub refresh_ttl: Duration,
}

impl Default for SessionConfig {
    /// 7 days (hub.md 3.6).
    fn default() -> Self {
        Self { refresh_ttl: Duration::from_secs(7 * 86_400) }
    }
}

/// Makes refresh tokens and exchanges them. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    world: World,
    names: Names,
    config: SessionConfig,
}

/// A session that was renewed: for a connection token of the access profile, and the next exchange.
#[derive(Clone, PartialEq, Eq)]
pub struct Renewed {
    /// What the spent token said.
    pub session: RefreshToken,
    /// The user's name in the hub.
    pub hub_uid: String,
    /// The next refresh token. Never logged.
    pub text: String,
    /// When that one ends.
    pub expires: UnixMs,
}

impl fmt::Debug for Renewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewed").field("hub_uid", &self.hub_uid).finish_non_exhaustive()
    }
}

/// What is kept of a token. `None`: no token of ours was ever written like that.
fn hash_of(text: &str) -> Option<[u8; 32]> {
    // Longer texts are no tokens, and not worth decoding.
    if text.len() > 2 * TOKEN_BYTES {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|b| b.len() == TOKEN_BYTES)?;
    Some(Sha256::digest(bytes).into())
}

fn refused(why: &'static str) -> Error {
    Error::new(Kind::Unauthenticated, "refresh token not accepted").with_internal(why)
}

impl Sessions {
    /// Sessions in this world.
    #[must_use]
    pub fn new(world: World, names: Names, config: SessionConfig) -> Self {
        Self { world, names, config }
    }

    /// Begins a session of a user on a device. Answers its refresh token.
    ///
    /// # Errors
    /// Store faults.
    pub async fn begin(
        &self,
        app: AppId,
        user: &UserId,
        face: &str,
        device: &str,
        device_type: &str,
    ) -> Result<String> {
        let (text, hash) = self.fresh();
        let mut family = [0u8; 16];
        self.world.entropy.fill(&mut family);
        let token = RefreshToken {
            hash,
            family,
            app,
            user: user.clone(),
            face: face.to_owned(),
            device: device.to_owned(),
            device_type: device_type.to_owned(),
            expires: self.world.clock.now().wall.plus(self.config.refresh_ttl),
        };
        self.world.store.put_refresh(token).await?;
        Ok(text)
    }

    /// Exchanges a refresh token on the device it was made for. A token that was exchanged before ends its whole family:
    /// one of the two who sent it is a thief, and nobody can tell which.
    ///
    /// # Errors
    /// `Unauthenticated`, store faults.
    pub async fn exchange(&self, text: &str, device: &str) -> Result<Renewed> {
        let hash = hash_of(text).ok_or_else(|| refused("refresh token malformed"))?;
        let (text, fresh) = self.fresh();
        let now = self.world.clock.now().wall;
        let expires = now.plus(self.config.refresh_ttl);
        let session = match self.world.store.exchange_refresh(hash, device, fresh, expires, now).await? {
            Exchanged::Done(session) => session,
            Exchanged::Refused => return Err(refused("refresh token unknown, over, spent or of another device")),
        };
        // After the exchange: what is revoked meanwhile must not win the race. The new token is then nobody's.
        let account = self.world.store.account(&session.user).await?;
        let life = i64::try_from(self.config.refresh_ttl.as_secs()).unwrap_or(i64::MAX);
        if !token_counts(account.as_deref(), session.expires.secs().saturating_sub(life)) {
            return Err(refused("account disabled or its tokens revoked"));
        }
        let hub_uid = self.names.hub_uid(session.app, &session.user);
        Ok(Renewed { session, hub_uid, text, expires })
    }

    fn fresh(&self) -> (String, [u8; 32]) {
        let mut bytes = [0u8; TOKEN_BYTES];
        self.world.entropy.fill(&mut bytes);
        (URL_SAFE_NO_PAD.encode(bytes), Sha256::digest(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_of_32_bytes_are_looked_up() {
        let text = URL_SAFE_NO_PAD.encode([7u8; 32]);
        assert_eq!(hash_of(&text), Some(Sha256::digest([7u8; 32]).into()));
        let padded = format!("{text}=");
        // The same bytes in another spelling would be a second name of the same token.
        let loose = format!("{}d", &text[..42]);
        for bad in ["", "x", &text[1..], padded.as_str(), loose.as_str(), &"A".repeat(43_000), &"A".repeat(64)] {
            assert_eq!(hash_of(bad), None, "{bad:.80}");
        }
    }
}
