//! NetEase: the whiteboard (classroom.md 6.6).

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use crate::error::{Error, SettingsError};
use crate::health::{Health, Part};
use crate::json::{code, loose_text};
use crate::text::percent_encode;
use crate::transport::{Plan, Sending, Transport, Way, address};

/// Life of a room at the vendor, seconds; the specification fixes it.
const ROOM_SECS: i64 = 86_400;

/// The keys `netease.*`; an empty one is not configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `netease.app_key`; shown to clients.
    pub app_key: String,
    /// `netease.app_secret`.
    pub app_secret: SecretString,
    /// `netease.create_url`.
    pub create_url: String,
    /// `netease.delete_url`; the room's `cid` is put behind it as it is.
    pub delete_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        let secret = SecretString::from(String::new());
        Self { app_key: String::new(), app_secret: secret, create_url: String::new(), delete_url: String::new() }
    }
}

impl Settings {
    /// The keys that are empty.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let keys = [
            ("netease.app_key", self.app_key.as_str()),
            ("netease.app_secret", self.app_secret.expose_secret()),
            ("netease.create_url", self.create_url.as_str()),
            ("netease.delete_url", self.delete_url.as_str()),
        ];
        keys.iter().filter(|(_, value)| value.is_empty()).map(|(key, _)| *key).collect()
    }
}

/// What both the server and a client of the whiteboard show. The time is in exact seconds.
#[must_use]
pub fn checksum(app_secret: &str, nonce: &str, cur_time: i64) -> String {
    hex::encode(Sha1::digest(format!("{app_secret}{nonce}{cur_time}")))
}

/// What a client shows to the whiteboard; the answer of `getWhiteboardAuthInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuth {
    /// 32 hex digits, different each time.
    pub nonce: String,
    /// Unix seconds.
    pub cur_time: i64,
    /// 40 hex digits.
    pub checksum: String,
}

impl ClientAuth {
    /// Signs this nonce and time.
    #[must_use]
    pub fn new(app_secret: &str, nonce: String, cur_time: i64) -> Self {
        Self { checksum: checksum(app_secret, &nonce, cur_time), nonce, cur_time }
    }
}

/// A whiteboard at the vendor: what goes into `boards`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The vendor's id of the room.
    pub cid: String,
    /// Creation time in seconds; the vendor calls it the creator's id.
    pub uid: i64,
    /// The vendor's words.
    pub message: String,
}

/// See the module.
pub struct NetEase {
    settings: Settings,
    board: Way,
}

impl std::fmt::Debug for NetEase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetEase").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl NetEase {
    /// A client.
    ///
    /// # Errors
    /// For a missing key or an address that is none.
    pub fn new(settings: Settings, transport: &Arc<Transport>) -> Result<Self, SettingsError> {
        if let Some(key) = settings.missing().first() {
            return Err(SettingsError::Missing(key));
        }
        address("netease.create_url", &settings.create_url)?;
        address("netease.delete_url", &settings.delete_url)?;
        Ok(Self { settings, board: Way::new(Part::NetEaseBoard, transport) })
    }

    /// `netease.app_key`, for `boards`.
    #[must_use]
    pub fn app_key(&self) -> &str {
        &self.settings.app_key
    }

    /// How it is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        self.board.health()
    }

    /// What a client shows to the whiteboard now. No call.
    #[must_use]
    pub fn client_auth(&self) -> ClientAuth {
        let (nonce, now) = (self.board.transport.nonce(), self.board.transport.secs());
        ClientAuth::new(self.settings.app_secret.expose_secret(), nonce, now)
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let auth = self.client_auth();
        vec![
            ("AppKey", self.settings.app_key.clone()),
            ("Nonce", auth.nonce),
            ("CurTime", auth.cur_time.to_string()),
            ("CheckSum", auth.checksum),
        ]
    }

    /// Makes the whiteboard of a class.
    ///
    /// # Errors
    /// When the vendor refuses, does not answer, or answers something else. After `Unavailable` there may be a room that
    /// nobody knows; the vendor ends it after a day.
    pub async fn create_room(&self, class: &str) -> Result<Room, Error> {
        let uid = self.board.transport.secs();
        let body = json!({
            "channelName": class,
            "mode": 2,
            "uid": uid,
            "persistent": true,
            "channelDestroyTime": uid.saturating_add(ROOM_SECS),
            "platform": 2,
        })
        .to_string();
        let make = || Sending {
            method: Method::POST,
            url: self.settings.create_url.clone(),
            headers: self.headers(),
            body: Some(("application/json; charset=utf-8", body.clone())),
        };
        let secret = self.settings.app_secret.expose_secret();
        let read = |status: StatusCode, answer: &Value| room(status, answer, uid, secret);
        self.board.call(Plan::Once, make, read).await
    }

    /// Ends a whiteboard.
    ///
    /// # Errors
    /// As [`Self::create_room`]. The code is `404` when there is no such room, also when an earlier try removed it and
    /// its answer was lost.
    pub async fn delete_room(&self, cid: &str) -> Result<(), Error> {
        let make = || Sending {
            method: Method::DELETE,
            url: format!("{}{}", self.settings.delete_url, percent_encode(cid)),
            headers: self.headers(),
            body: None,
        };
        let secret = self.settings.app_secret.expose_secret();
        let read = |status: StatusCode, answer: &Value| deleted(status, answer, secret);
        self.board.call(Plan::Repeatable, make, read).await
    }
}

pub(crate) fn room(status: StatusCode, answer: &Value, uid: i64, secret: &str) -> Result<Room, Error> {
    let code = code(&answer["code"])?;
    if code != "200" || !status.is_success() {
        return Err(Error::refused(&code, words(answer), &[secret]));
    }
    match loose_text(&answer["cid"], "cid")? {
        cid if cid.is_empty() => Err(Error::Malformed("cid")),
        cid => Ok(Room { cid, uid, message: words(answer).to_owned() }),
    }
}

/// The specification names no answer: any status of success is one, unless a code says otherwise.
pub(crate) fn deleted(status: StatusCode, answer: &Value, secret: &str) -> Result<(), Error> {
    let code = match &answer["code"] {
        Value::Null if status.is_success() => return Ok(()),
        Value::Null => status.as_u16().to_string(),
        other => code(other)?,
    };
    if code == "200" && status.is_success() { Ok(()) } else { Err(Error::refused(&code, words(answer), &[secret])) }
}

fn words(answer: &Value) -> &str {
    ["msg", "errmsg"].iter().find_map(|key| answer[*key].as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_6_6_checksum_meets_the_vector() {
        let (nonce, now) = ("08318a2ea1124ff49d3c5b7a9e0f1122", 1_691_650_304);
        let want = "3d9e182d550e8e95fd3bf14d09057532b5ac9655";
        assert_eq!(checksum("wbsecret01", nonce, now), want);
        let auth = ClientAuth::new("wbsecret01", nonce.to_owned(), now);
        assert_eq!((auth.nonce.as_str(), auth.cur_time, auth.checksum.as_str()), (nonce, now, want));
    }
}
