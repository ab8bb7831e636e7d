//! The few calls of the voice-room API that load plans need.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::http::{Client, post};

/// A client of the voice-room API on one connection.
pub struct Voice {
    http: Client,
}

/// What `getRtcAuthToken` hands out.
#[derive(Debug, Clone)]
pub struct RtcToken {
    /// Media token.
    pub token: String,
    /// Signalling address.
    pub url: String,
}

impl Voice {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(addr: SocketAddr) -> Result<Self> {
        Ok(Self { http: Client::connect(addr).await? })
    }

    /// Logs in where the password equals the name, as in `stoa dev`.
    ///
    /// # Errors
    /// Refused.
    pub async fn login(&mut self, user: &str) -> Result<String> {
        let answer = self.call("/login", None, &json!({"username": user, "password": user})).await?;
        text(&answer, "token")
    }

    /// Makes a room; its id.
    ///
    /// # Errors
    /// Refused.
    pub async fn create(&mut self, bearer: &str, owner: &str) -> Result<String> {
        let body = json!({"title": "load", "anchor": owner});
        text(&self.call("/api/chatroom/create", Some(bearer), &body).await?, "id")
    }

    /// Takes a free seat; its number.
    ///
    /// # Errors
    /// Refused, or no seat.
    pub async fn join_mic(&mut self, bearer: &str, room: &str, user: &str) -> Result<u8> {
        let body = json!({"id": room, "user_id": user});
        let answer = self.call("/api/chatroom/joinMic", Some(bearer), &body).await?;
        let members = answer.get("members").and_then(Value::as_array).with_context(|| format!("no seat: {answer}"))?;
        let mine = members.iter().find(|m| m.get("user_id").and_then(Value::as_str) == Some(user));
        let index = mine.and_then(|m| m.get("index")).and_then(Value::as_u64).context("not among the members")?;
        Ok(u8::try_from(index)?)
    }

    /// Frees a seat: the caller's own, or another's as the owner.
    ///
    /// # Errors
    /// Refused.
    pub async fn leave_mic(&mut self, bearer: &str, room: &str, user: &str, index: u8) -> Result<()> {
        let body = json!({"id": room, "user_id": user, "index": index});
        self.call("/api/chatroom/leaveMic", Some(bearer), &body).await.map(drop)
    }

    /// Ends a room.
    ///
    /// # Errors
    /// Refused.
    pub async fn dismiss(&mut self, bearer: &str, room: &str, owner: &str) -> Result<()> {
        let body = json!({"id": room, "user_id": owner});
        let answer = self.call("/api/chatroom/dismiss", Some(bearer), &body).await?;
        if answer.get("success") != Some(&Value::Bool(true)) {
            bail!("not dismissed: {answer}");
        }
        Ok(())
    }

    /// Credentials of the media channel.
    ///
    /// # Errors
    /// Refused.
    pub async fn rtc_token(&mut self, bearer: &str, room: &str, user: &str) -> Result<RtcToken> {
        let body = json!({"room_id": room, "user_id": user});
        let answer = self.call("/api/chatroom/getRtcAuthToken", Some(bearer), &body).await?;
        Ok(RtcToken { token: text(&answer, "auth_token")?, url: text(&answer, "rtc_url")? })
    }

    /// A connection token of the message hub.
    ///
    /// # Errors
    /// Refused.
    pub async fn hub_token(&mut self, bearer: &str, user: &str) -> Result<String> {
        let body = json!({"user_id": user, "device_id": user, "device_type": "load"});
        let answer = self.call("/api/chatroom/token", Some(bearer), &body).await?;
        text(&answer["aliyun_im"], "app_token")
    }

    async fn call(&mut self, path: &str, bearer: Option<&str>, body: &Value) -> Result<Value> {
        let (status, answer) = self.http.json(&post(path, bearer, body)).await.context(path.to_owned())?;
        if status != 200 || answer.get("code").and_then(Value::as_i64) != Some(200) {
            bail!("{path}: HTTP {status}, {answer}");
        }
        Ok(answer)
    }
}

fn text(answer: &Value, name: &str) -> Result<String> {
    answer.get(name).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("no {name} in {answer}"))
}
