//! Answers of Aliyun's OpenAPI. Plain functions from status and JSON.

use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::Value;
use stoa_core::cloud::{RecordingFile, SignedUrl};

use crate::error::Error;
use crate::json::{count, list, loose_text, optional_text, text};

/// A login to the old message service.
#[derive(Debug, Clone)]
pub struct MessageToken {
    /// `AccessToken`.
    pub access: SecretString,
    /// `RefreshToken`.
    pub refresh: SecretString,
}

/// What a group of the old message service counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Joins.
    pub pv: u64,
    /// Distinct users that ever joined.
    pub uv: u64,
    /// Users there now.
    pub online_count: u64,
    /// Likes.
    pub like_count: u64,
}

/// Who muted a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MuteSource {
    /// The user alone.
    User,
    /// The whole group.
    Group,
}

/// A user of a group of the old message service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupUser {
    /// May not send.
    pub mute: bool,
    /// Why not.
    pub sources: Vec<MuteSource>,
}

/// Status 400 to 499 carry a code and a message.
pub(crate) fn refused(status: StatusCode, answer: &Value, hide: &[&str]) -> Result<(), Error> {
    if !status.is_client_error() {
        return Ok(());
    }
    let code = text(&answer["Code"], "Code")?;
    Err(Error::refused(code, answer["Message"].as_str().unwrap_or_default(), hide))
}

pub(crate) fn message_token(answer: &Value) -> Result<MessageToken, Error> {
    let result = &answer["Result"];
    let access = text(&result["AccessToken"], "AccessToken")?;
    let refresh = text(&result["RefreshToken"], "RefreshToken")?;
    Ok(MessageToken { access: access.into(), refresh: refresh.into() })
}

pub(crate) fn message_group(answer: &Value) -> Result<String, Error> {
    text(&answer["Result"]["GroupId"], "GroupId").map(str::to_owned)
}

/// A group that was deleted before cannot come back under its id.
pub(crate) fn live_message_group(answer: &Value, asked: &str) -> Result<(), Error> {
    if text(&answer["GroupId"], "GroupId")? != asked {
        return Err(Error::Malformed("GroupId"));
    }
    match &answer["AlreadyDelete"] {
        Value::Null | Value::Bool(false) => Ok(()),
        Value::Bool(true) => Err(Error::refused("AlreadyDelete", "a group of this id was deleted", &[])),
        _ => Err(Error::Malformed("AlreadyDelete")),
    }
}

/// The operation is in no public reference: names are compared as the reference server does, without case and `_`.
pub(crate) fn statistics(answer: &Value) -> Result<Statistics, Error> {
    let result = answer["Result"].as_object().ok_or(Error::Malformed("Result"))?;
    let mut out = Statistics::default();
    let mut known = 0;
    for (name, value) in result {
        let field = match name.to_ascii_lowercase().replace('_', "").as_str() {
            "pv" => &mut out.pv,
            "uv" => &mut out.uv,
            "onlinecount" => &mut out.online_count,
            "likecount" => &mut out.like_count,
            _ => continue,
        };
        *field = count(value, "Result")?;
        known += 1;
    }
    if known == 0 { Err(Error::Malformed("Result")) } else { Ok(out) }
}

pub(crate) fn group_user(answer: &Value, user: &str) -> Result<Option<GroupUser>, Error> {
    let result = answer["Result"].as_object().ok_or(Error::Malformed("Result"))?;
    let users = list(result.get("UserList").unwrap_or(&Value::Null), "UserList")?;
    let Some(found) = users.iter().find(|u| u["UserId"] == user) else { return Ok(None) };
    let mute = found["IsMute"].as_bool().ok_or(Error::Malformed("IsMute"))?;
    let mut sources = Vec::new();
    for by in list(&found["MuteBy"], "MuteBy")? {
        let source = match by.as_str() {
            Some("user") => MuteSource::User,
            Some("group") => MuteSource::Group,
            _ => continue,
        };
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    Ok(Some(GroupUser { mute, sources }))
}

pub(crate) fn participants(answer: &Value) -> Result<u64, Error> {
    count(&answer["TotalNum"], "TotalNum")
}

/// For operations whose status says all.
pub(crate) fn done(answer: &Value) -> Result<(), Error> {
    if answer.is_object() { Ok(()) } else { Err(Error::Malformed("answer")) }
}

/// The first hit. The vendor's search is not exact: a hit whose title does not begin with ours is a recording of
/// somebody else and is passed over.
pub(crate) fn media(answer: &Value, title: &str) -> Result<Option<String>, Error> {
    done(answer)?;
    for hit in list(&answer["MediaList"], "MediaList")? {
        let ours = hit["Video"]["Title"].as_str().is_none_or(|t| t.starts_with(title));
        if ours {
            return text(&hit["MediaId"], "MediaId").map(|id| Some(id.to_owned()));
        }
    }
    Ok(None)
}

pub(crate) fn play_info(answer: &Value) -> Result<Vec<RecordingFile>, Error> {
    let list_ = answer["PlayInfoList"].as_object().ok_or(Error::Malformed("PlayInfoList"))?;
    list(list_.get("PlayInfo").unwrap_or(&Value::Null), "PlayInfo")?.iter().map(one_play_info).collect()
}

fn one_play_info(file: &Value) -> Result<RecordingFile, Error> {
    let words = |name: &'static str| loose_text(&file[name], name);
    let maybe = |name: &'static str| optional_text(&file[name], name);
    let number = |name: &'static str| match &file[name] {
        Value::Null => Ok(None),
        other => count(other, name).map(Some),
    };
    Ok(RecordingFile {
        bit_rate: words("Bitrate")?,
        creation_time: words("CreationTime")?,
        definition: words("Definition")?,
        duration: words("Duration")?,
        format: words("Format")?,
        fps: words("Fps")?,
        height: number("Height")?.unwrap_or_default(),
        width: number("Width")?.unwrap_or_default(),
        size: number("Size")?.unwrap_or_default(),
        play_url: SignedUrl(text(&file["PlayURL"], "PlayURL")?.to_owned()),
        status: words("Status")?,
        stream_type: words("StreamType")?,
        bit_depth: number("BitDepth")?,
        encrypt: number("Encrypt")?,
        encrypt_type: maybe("EncryptType")?,
        hdr_type: maybe("HDRType")?,
        watermark_id: maybe("WatermarkId")?,
    })
}
