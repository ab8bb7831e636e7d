//! RongCloud: messages (classroom.md 6.7, 4.25). The id of a chat room is the class id.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha1::{Digest as _, Sha1};

use crate::error::{Error, SettingsError};
use crate::health::{Health, Part};
use crate::json::{code, count, list, text};
use crate::text::form;
use crate::transport::{Plan, Sending, Transport, Way, address};

/// The keys `rongcloud.*`; an empty one is not configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `rongcloud.app_key`.
    pub app_key: String,
    /// `rongcloud.app_secret`.
    pub app_secret: SecretString,
    /// Base address, without a slash at the end.
    pub host: String,
}

impl Default for Settings {
    fn default() -> Self {
        let host = "https://api.rong-api.com".to_owned();
        Self { app_key: String::new(), app_secret: SecretString::from(String::new()), host }
    }
}

impl Settings {
    /// The keys that are empty.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let keys =
            [("rongcloud.app_key", self.app_key.as_str()), ("rongcloud.app_secret", self.app_secret.expose_secret())];
        keys.iter().filter(|(_, value)| value.is_empty()).map(|(key, _)| *key).collect()
    }
}

/// The value of the `Signature` header.
#[must_use]
pub fn signature(app_secret: &str, nonce: &str, timestamp: i64) -> String {
    hex::encode(Sha1::digest(format!("{app_secret}{nonce}{timestamp}")))
}

/// See the module.
pub struct RongCloud {
    settings: Settings,
    messages: Way,
}

impl std::fmt::Debug for RongCloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RongCloud").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl RongCloud {
    /// A client.
    ///
    /// # Errors
    /// For a missing key or an address that is none.
    pub fn new(settings: Settings, transport: &Arc<Transport>) -> Result<Self, SettingsError> {
        if let Some(key) = settings.missing().first() {
            return Err(SettingsError::Missing(key));
        }
        address("rongcloud.host", &settings.host)?;
        Ok(Self { settings, messages: Way::new(Part::RongCloudMessages, transport) })
    }

    /// How it is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        self.messages.health()
    }

    async fn call<T>(
        &self,
        plan: Plan,
        path: &str,
        pairs: &[(&str, &str)],
        read: impl Fn(&Value) -> Result<T, Error> + Sync,
    ) -> Result<T, Error> {
        let (key, secret) = (self.settings.app_key.as_str(), self.settings.app_secret.expose_secret());
        let make = || {
            let (nonce, timestamp) = (self.messages.transport.nonce(), self.messages.transport.secs());
            let signed = signature(secret, &nonce, timestamp);
            Sending {
                method: Method::POST,
                url: format!("{}{path}", self.settings.host.trim_end_matches('/')),
                headers: vec![
                    ("App-Key", key.to_owned()),
                    ("Nonce", nonce),
                    ("Timestamp", timestamp.to_string()),
                    ("Signature", signed),
                ],
                body: Some(("application/x-www-form-urlencoded", form(pairs))),
            }
        };
        let read = |status: StatusCode, answer: &Value| {
            accepted(status, answer, secret)?;
            read(answer)
        };
        self.messages.call(plan, make, read).await
    }

    /// Registers a user, under its id as its name too, and gives its token.
    ///
    /// # Errors
    /// When the vendor refuses, does not answer, or answers something else.
    pub async fn user_token(&self, user: &str) -> Result<SecretString, Error> {
        let pairs = [("userId", user), ("name", user), ("portraitUri", "")];
        self.call(Plan::Repeatable, "/user/getToken.json", &pairs, token).await
    }

    /// Makes a chat room; one that is there already is as good.
    ///
    /// # Errors
    /// As [`Self::user_token`].
    pub async fn create_chatroom(&self, room: &str, name: &str) -> Result<(), Error> {
        let key = format!("chatroom[{room}]");
        self.call(Plan::Repeatable, "/chatroom/create.json", &[(key.as_str(), name)], done).await
    }

    /// Mutes a user in a room for some minutes, and tells the clients.
    ///
    /// # Errors
    /// As [`Self::user_token`].
    pub async fn mute_user(&self, room: &str, user: &str, minutes: u32) -> Result<(), Error> {
        let minutes = minutes.to_string();
        let pairs = [("userId", user), ("chatroomId", room), ("minute", minutes.as_str()), ("needNotify", "true")];
        self.call(Plan::Repeatable, "/chatroom/user/gag/add.json", &pairs, done).await
    }

    /// Ends the mute of a user, and tells the clients.
    ///
    /// # Errors
    /// As [`Self::user_token`].
    pub async fn unmute_user(&self, room: &str, user: &str) -> Result<(), Error> {
        let pairs = [("userId", user), ("chatroomId", room), ("needNotify", "true")];
        self.call(Plan::Repeatable, "/chatroom/user/gag/rollback.json", &pairs, done).await
    }

    /// Whether a user is muted in a room: the vendor lists only mutes that run.
    ///
    /// # Errors
    /// As [`Self::user_token`].
    pub async fn is_user_muted(&self, room: &str, user: &str) -> Result<bool, Error> {
        self.call(Plan::Read, "/chatroom/user/gag/list.json", &[("chatroomId", room)], |answer| {
            user_muted(answer, user)
        })
        .await
    }

    /// Mutes a whole room, and tells the clients.
    ///
    /// # Errors
    /// As [`Self::user_token`].
    pub async fn mute_chatroom(&self, room: &str) -> Result<(), Error> {
        let pairs = [("chatroomId", room), ("needNotify", "true")];
        self.call(Plan::Repeatable, "/chatroom/ban/add.json", &pairs, done).await
    }

    /// Ends the mute of a whole room, and tells the clients.
    ///
    /// # Errors
    /// As [`Self::user_token`].
    pub async fn unmute_chatroom(&self, room: &str) -> Result<(), Error> {
        let pairs = [("chatroomId", room), ("needNotify", "true")];
        self.call(Plan::Repeatable, "/chatroom/ban/rollback.json", &pairs, done).await
    }

    /// Whether a whole room is muted.
    ///
    /// # Errors
    /// As [`Self::user_token`].
    pub async fn is_chatroom_muted(&self, room: &str) -> Result<bool, Error> {
        self.call(Plan::Read, "/chatroom/ban/check.json", &[("chatroomId", room)], room_muted).await
    }
}

/// A code other than 200 is a refusal, whatever the status.
pub(crate) fn accepted(status: StatusCode, answer: &Value, secret: &str) -> Result<(), Error> {
    let code = code(&answer["code"])?;
    if code == "200" && status.is_success() {
        return Ok(());
    }
    Err(Error::refused(&code, answer["errorMessage"].as_str().unwrap_or_default(), &[secret]))
}

pub(crate) fn token(answer: &Value) -> Result<SecretString, Error> {
    text(&answer["token"], "token").map(SecretString::from)
}

pub(crate) fn user_muted(answer: &Value, user: &str) -> Result<bool, Error> {
    Ok(list(&answer["users"], "users")?.iter().any(|u| u["userId"] == user))
}

/// A number in the documents, a text in the vendor's own library.
pub(crate) fn room_muted(answer: &Value) -> Result<bool, Error> {
    match count(&answer["status"], "status")? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::Malformed("status")),
    }
}

/// For calls whose code says all.
fn done(_: &Value) -> Result<(), Error> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_6_7_signature_meets_the_vector() {
        assert_eq!(signature("rcsecret01", "14314", 1_700_000_000), "337eb6b00d83be407069350f5fc10ff8d03d8def");
    }
}
