//! Calls of Aliyun's OpenAPI, and what is made from the settings without a call.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use stoa_core::cloud::RecordingFile;
use stoa_core::time::UnixMs;

use super::answers::{self, GroupUser, MessageToken, Statistics};
use super::settings::{Settings, Use};
use super::url::{Cdn, CdnPullInfo, RtcUrls};
use super::{Im, Rtc, callback, rpc};
use crate::error::{Error, SettingsError};
use crate::health::{Health, Part};
use crate::transport::{Plan, Sending, Transport, Way, address};

/// Version of the live interface: messages and real-time media.
const LIVE_VERSION: &str = "2016-11-01";
/// Version of the interface of video on demand.
const VOD_VERSION: &str = "2017-03-21";
/// Who sends what the server sends to groups of the old messages.
const OPERATOR: &str = "System";

/// See the module.
pub struct Aliyun {
    settings: Settings,
    messages: Way,
    media: Way,
    recordings: Way,
}

impl std::fmt::Debug for Aliyun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aliyun").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Aliyun {
    /// A client. Keys may be empty: what needs them then says which.
    ///
    /// # Errors
    /// For an address that is none.
    pub fn new(settings: Settings, transport: &Arc<Transport>) -> Result<Self, SettingsError> {
        address("aliyun.hosts.live", &settings.hosts.live)?;
        address("aliyun.hosts.vod", &settings.hosts.vod)?;
        let way = |part| Way::new(part, transport);
        let (messages, media, recordings) =
            (way(Part::AliyunMessages), way(Part::AliyunMedia), way(Part::AliyunRecordings));
        Ok(Self { settings, messages, media, recordings })
    }

    /// The settings it was made from.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How its parts are doing.
    #[must_use]
    pub fn health(&self) -> [Health; 3] {
        [self.messages.health(), self.media.health(), self.recordings.health()]
    }

    fn need(&self, wanted: &[Use]) -> Result<(), Error> {
        match self.settings.missing(wanted).first() {
            Some(key) => Err(Error::NotConfigured(key)),
            None => Ok(()),
        }
    }

    async fn call<T>(
        &self,
        way: &Way,
        plan: Plan,
        request: rpc::Request<'_>,
        read: impl Fn(&Value) -> Result<T, Error> + Sync,
    ) -> Result<T, Error> {
        self.need(&[Use::Api])?;
        let (id, secret) = (self.settings.access_key_id.as_str(), self.settings.access_key_secret.expose_secret());
        let base = if request.version == VOD_VERSION { &self.settings.hosts.vod } else { &self.settings.hosts.live };
        let make = || Sending {
            method: Method::POST,
            url: format!("{}/", base.trim_end_matches('/')),
            headers: Vec::new(),
            // Every try has its own nonce: the vendor takes each only once.
            body: Some((
                "application/x-www-form-urlencoded",
                request.body(id, secret, &way.transport.nonce(), way.transport.clock.now().wall),
            )),
        };
        let read = |status: StatusCode, answer: &Value| {
            answers::refused(status, answer, &[id, secret])?;
            read(answer)
        };
        way.call(plan, make, read).await
    }

    /// A login to the old message service.
    ///
    /// # Errors
    /// When the vendor refuses, does not answer, or answers something else.
    pub async fn message_token(&self, user: &str, device: &str, device_type: &str) -> Result<MessageToken, Error> {
        self.need(&[Use::OldIm])?;
        let params = [
            ("AppId", self.settings.old_im_app_id.as_str()),
            ("UserId", user),
            ("DeviceId", device),
            ("DeviceType", device_type),
        ];
        let request = rpc::Request { action: "GetMessageToken", version: LIVE_VERSION, params: &params };
        self.call(&self.messages, Plan::Repeatable, request, answers::message_token).await
    }

    /// Makes a group of the old message service; its id is the vendor's choice.
    ///
    /// # Errors
    /// As [`Self::message_token`]. After `Unavailable` there may be a group that nobody knows.
    pub async fn create_message_group(&self, creator: &str) -> Result<String, Error> {
        self.need(&[Use::OldIm])?;
        let params = [("AppId", self.settings.old_im_app_id.as_str()), ("CreatorId", creator)];
        let request = rpc::Request { action: "CreateMessageGroup", version: LIVE_VERSION, params: &params };
        self.call(&self.messages, Plan::Once, request, answers::message_group).await
    }

    /// Makes a group of the new message service under our id. One that is there already is as good.
    ///
    /// # Errors
    /// As [`Self::message_token`]; the code is `AlreadyDelete` when a group of this id was deleted.
    pub async fn create_live_message_group(&self, group: &str, creator: &str) -> Result<(), Error> {
        self.need(&[Use::NewIm])?;
        let params = [("AppId", self.settings.im.app_id.as_str()), ("GroupId", group), ("CreatorId", creator)];
        let request = rpc::Request { action: "CreateLiveMessageGroup", version: LIVE_VERSION, params: &params };
        let read = |answer: &Value| answers::live_message_group(answer, group);
        self.call(&self.messages, Plan::Repeatable, request, read).await
    }

    /// What a group of the old message service counted.
    ///
    /// # Errors
    /// As [`Self::message_token`].
    pub async fn group_statistics(&self, group: &str) -> Result<Statistics, Error> {
        self.need(&[Use::OldIm])?;
        let params = [("AppId", self.settings.old_im_app_id.as_str()), ("GroupId", group)];
        let request = rpc::Request { action: "GetGroupStatistics", version: LIVE_VERSION, params: &params };
        self.call(&self.messages, Plan::Read, request, answers::statistics).await
    }

    /// A user of a group of the old message service, if known there.
    ///
    /// # Errors
    /// As [`Self::message_token`].
    pub async fn group_user(&self, group: &str, user: &str) -> Result<Option<GroupUser>, Error> {
        self.need(&[Use::OldIm])?;
        let users = Value::from(vec![user]).to_string();
        let params =
            [("AppId", self.settings.old_im_app_id.as_str()), ("GroupId", group), ("UserIdList", users.as_str())];
        let request = rpc::Request { action: "ListMessageGroupUserById", version: LIVE_VERSION, params: &params };
        self.call(&self.messages, Plan::Read, request, |answer| answers::group_user(answer, user)).await
    }

    /// Sends a message of the server to a group of the old message service. `data` is JSON text.
    ///
    /// # Errors
    /// As [`Self::message_token`]. After `Unavailable` it may have been sent.
    pub async fn send_to_group(&self, group: &str, number: u32, data: &str) -> Result<(), Error> {
        self.need(&[Use::OldIm])?;
        let number = number.to_string();
        let params = [
            ("AppId", self.settings.old_im_app_id.as_str()),
            ("GroupId", group),
            ("Type", number.as_str()),
            ("Data", data),
            ("OperatorUserId", OPERATOR),
            ("SkipAudit", "true"),
        ];
        let request = rpc::Request { action: "SendMessageToGroup", version: LIVE_VERSION, params: &params };
        self.call(&self.messages, Plan::Once, request, answers::done).await
    }

    /// Sends a message of the server to a group of the new message service. `body` is JSON text.
    ///
    /// # Errors
    /// As [`Self::message_token`]. After `Unavailable` it may have been sent.
    pub async fn send_to_live_group(&self, group: &str, number: u32, sender: &str, body: &str) -> Result<(), Error> {
        self.need(&[Use::NewIm])?;
        let number = number.to_string();
        let params = [
            ("AppId", self.settings.im.app_id.as_str()),
            ("GroupId", group),
            ("MsgType", number.as_str()),
            ("SenderId", sender),
            ("Body", body),
        ];
        let request = rpc::Request { action: "SendLiveMessageGroup", version: LIVE_VERSION, params: &params };
        self.call(&self.messages, Plan::Once, request, answers::done).await
    }

    /// How many are in a channel of the real-time media.
    ///
    /// # Errors
    /// As [`Self::message_token`].
    pub async fn channel_participants(&self, channel: &str) -> Result<u64, Error> {
        self.need(&[Use::Rtc])?;
        let params = [("AppId", self.settings.rtc.app_id.as_str()), ("ChannelId", channel)];
        let request = rpc::Request { action: "DescribeChannelParticipants", version: LIVE_VERSION, params: &params };
        self.call(&self.media, Plan::Read, request, answers::participants).await
    }

    /// The media id of the recording of a stream, if there is one. A name with a quote or backslash, which would change what
    /// is searched for, has none.
    ///
    /// # Errors
    /// As [`Self::message_token`].
    pub async fn search_media(&self, title: &str) -> Result<Option<String>, Error> {
        if title.is_empty() || title.contains(['\'', '"', '\\']) {
            return Ok(None);
        }
        let wanted = format!("Title='{title}'");
        let params = [("Match", wanted.as_str())];
        let request = rpc::Request { action: "SearchMedia", version: VOD_VERSION, params: &params };
        self.call(&self.recordings, Plan::Read, request, |answer| answers::media(answer, title)).await
    }

    /// The files of a recording.
    ///
    /// # Errors
    /// As [`Self::message_token`].
    pub async fn play_info(&self, media: &str) -> Result<Vec<RecordingFile>, Error> {
        let params = [("VideoId", media)];
        let request = rpc::Request { action: "GetPlayInfo", version: VOD_VERSION, params: &params };
        self.call(&self.recordings, Plan::Read, request, answers::play_info).await
    }

    /// `app_token` of the new message service. No call.
    ///
    /// # Errors
    /// [`Error::NotConfigured`].
    pub fn im_token(&self, user: &str, nonce: &str, ends: i64, role: &str) -> Result<String, Error> {
        self.need(&[Use::NewIm])?;
        let im = Im { app_id: &self.settings.im.app_id, user, nonce, timestamp: ends, role };
        Ok(im.token(self.settings.im.app_key.expose_secret()))
    }

    /// `auth_token` of the real-time media. No call.
    ///
    /// # Errors
    /// [`Error::NotConfigured`].
    pub fn rtc_token(&self, channel: &str, user: &str, ends: i64) -> Result<String, Error> {
        self.need(&[Use::Rtc])?;
        let rtc = Rtc { app_id: &self.settings.rtc.app_id, channel, user, timestamp: ends };
        Ok(rtc.token(self.settings.rtc.app_key.expose_secret()))
    }

    /// Where a user publishes and is played. No call.
    ///
    /// # Errors
    /// [`Error::NotConfigured`].
    pub fn rtc_urls(&self, channel: &str, user: &str, ends: i64) -> Result<RtcUrls, Error> {
        self.need(&[Use::Rtc])?;
        let rtc = Rtc { app_id: &self.settings.rtc.app_id, channel, user, timestamp: ends };
        Ok(rtc.urls(self.settings.rtc.app_key.expose_secret()))
    }

    /// The sixteen addresses of an owner's streams. No call.
    ///
    /// # Errors
    /// [`Error::NotConfigured`].
    pub fn cdn_pull_info(&self, meeting: &str, owner: &str, now: UnixMs) -> Result<CdnPullInfo, Error> {
        self.need(&[Use::Cdn])?;
        let live = &self.settings.live;
        let expires = now.plus(live.auth_expires).secs();
        let cdn = Cdn { domain: &live.pull_domain, app_name: &live.app_name, expires };
        Ok(cdn.pull_info(live.pull_auth_key.expose_secret(), &self.settings.rtc.app_id, meeting, owner))
    }

    /// Whether a call of the live service is the vendor's: its two headers. No call.
    ///
    /// # Errors
    /// Why it is not believed; without key or domain nothing is.
    pub fn verify_callback(&self, timestamp: &str, signed: &str, now: UnixMs) -> Result<(), callback::Refusal> {
        if !self.settings.missing(&[Use::Callback]).is_empty() {
            return Err(callback::Refusal::BadSignature);
        }
        let key = self.settings.callback_auth_key.expose_secret();
        callback::verify(&self.settings.live.push_domain, key, timestamp, signed, now)
    }
}
