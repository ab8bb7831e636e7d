//! `POST /api/v1/class/getMeetingInfo`, `/updateMeetingInfo`: what clients share about who speaks (classroom.md 4.13,
//! 4.14, 5.7).

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use stoa_api::fields::truth;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Fields, Together as _};
use stoa_core::class::{MeetingInfo, MeetingMember, MeetingPatch};
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use crate::read::class_id;
use crate::refuse::{Missing, carry_out, respond};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// Most entries of `members`.
const MAX_MEMBERS: usize = 200;
/// Longest `members`, in bytes of JSON.
const MAX_BYTES: usize = 256 * 1024;

/// Keys of an entry that are booleans; the published table calls them strings.
const BOOLEANS: [&str; 9] = [
    "camera_opened",
    "mic_opened",
    "is_audio_publishing",
    "is_video_publishing",
    "is_screen_publishing",
    "screen_share",
    "mutil_media",
    "controlled_camera_opened",
    "controlled_mic_opened",
];

/// What `getMeetingInfo` reads.
#[derive(ToSchema)]
pub struct GetMeetingRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub id: String,
}

/// What `updateMeetingInfo` reads. Keys that are sent replace what was stored, whole.
#[derive(ToSchema)]
pub struct UpdateMeetingRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub id: String,
    /// At most 200 entries and 256 KiB. Every entry has a `user_id`; other keys are kept as sent.
    #[schema(max_items = 200)]
    pub members: Option<Vec<MeetingEntry>>,
    /// Every microphone is off.
    pub all_mute: Option<bool>,
    /// Students may ask to speak.
    pub interaction_allowed: Option<bool>,
}

/// One who speaks. Other keys are kept and shown as they were sent.
#[derive(Serialize, ToSchema)]
pub struct MeetingEntry {
    /// Who.
    #[schema(min_length = 1)]
    user_id: String,
    /// Shown name.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_nick: Option<String>,
    /// The camera is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    camera_opened: Option<bool>,
    /// The microphone is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    mic_opened: Option<bool>,
}

/// What clients share about who speaks.
#[derive(Serialize, ToSchema)]
pub struct MeetingBody {
    /// As stored.
    members: Vec<Map<String, Value>>,
    /// Once it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    all_mute: Option<bool>,
    /// Once it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    interaction_allowed: Option<bool>,
}

impl From<MeetingInfo> for MeetingBody {
    fn from(info: MeetingInfo) -> Self {
        Self {
            members: info.members.into_iter().map(|m| m.entry).collect(),
            all_mute: info.all_mute,
            interaction_allowed: info.interaction_allowed,
        }
    }
}

/// Shows what clients share.
#[utoipa::path(post, path = "/api/v1/class/getMeetingInfo", tag = "classroom", operation_id = "getMeetingInfo",
    summary = "Who speaks", request_body = GetMeetingRequest, security(("bearer" = [])),
    responses((status = 200, description = "what is stored, or why not", body = Answer<MeetingBody>), Refusals))]
pub async fn get_meeting_info(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, async |call| {
        let info = v.classes().meeting_info(&call.caller, class_id(&call.fields, "id")?).await?;
        ok(MeetingBody::from(info))
    })
    .await
}

/// Changes what clients share; who is newly named comes on stage, who is not any more leaves it.
#[utoipa::path(post, path = "/api/v1/class/updateMeetingInfo", tag = "classroom", operation_id = "updateMeetingInfo",
    summary = "Change who speaks", request_body = UpdateMeetingRequest, security(("bearer" = [])),
    responses((status = 200, description = "what is stored now, or why not", body = Answer<MeetingBody>), Refusals))]
pub async fn update_meeting_info(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| update(v, call)).await
}

async fn update(v: ClassState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let (id, members, all_mute, interaction_allowed) =
        (class_id(f, "id"), members(f), f.boolean("all_mute"), f.boolean("interaction_allowed")).together()?;
    let patch = MeetingPatch { members, all_mute, interaction_allowed };
    ok(MeetingBody::from(v.classes().update_meeting(&call.caller, id, patch).await?))
}

fn members(f: &Fields) -> Result<Option<Vec<MeetingMember>>> {
    let Some(text) = f.compact("members")? else { return Ok(None) };
    let wrong = |why: &str| Error::bad_input("members", why);
    if text.len() > MAX_BYTES {
        return Err(wrong(&format!("must be at most {MAX_BYTES} bytes")));
    }
    let Ok(Value::Array(entries)) = serde_json::from_str(&text) else {
        return Err(wrong("must be a list of objects"));
    };
    if entries.len() > MAX_MEMBERS {
        return Err(wrong(&format!("must be at most {MAX_MEMBERS}")));
    }
    let read = |entry| member(entry).ok_or_else(|| wrong("every entry must be an object with a user_id"));
    entries.into_iter().map(read).collect::<Result<_>>().map(Some)
}

/// An entry as it is stored: without nulls, which no answer may have, and with booleans where readers want them.
fn member(entry: Value) -> Option<MeetingMember> {
    let Value::Object(mut entry) = entry else { return None };
    let camera = entry.get("user_camera_opened").filter(|v| !v.is_null()).cloned();
    entry.values_mut().for_each(without_nulls);
    entry.retain(|_, v| !v.is_null());
    if let Some(sent) = camera {
        entry.entry("camera_opened").or_insert(sent);
    }
    for name in BOOLEANS {
        if let Some(value) = entry.get_mut(name)
            && let Some(meant) = truth(&value.to_string())
        {
            *value = Value::Bool(meant);
        }
    }
    let user = match entry.get("user_id")? {
        Value::String(s) => s.clone(),
        Value::Number(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        _ => return None,
    };
    if user.trim().is_empty() {
        return None;
    }
    entry.insert("user_id".to_owned(), Value::String(user));
    MeetingMember::new(entry)
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(without_nulls);
            map.retain(|_, v| !v.is_null());
        }
        Value::Array(items) => {
            items.iter_mut().for_each(without_nulls);
            items.retain(|v| !v.is_null());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(json: &str) -> Option<String> {
        member(serde_json::from_str(json).unwrap()).map(|m| Value::Object(m.entry).to_string())
    }

    #[test]
    fn entries_are_stored_as_sent_but_for_nulls_booleans_and_one_other_spelling() {
        for (sent, want) in [
            (r#"{"user_id":"a","sid":7,"x":{"y":[1.5,"z"]}}"#, Some(r#"{"sid":7,"user_id":"a","x":{"y":[1.5,"z"]}}"#)),
            (r#"{"user_id":7,"x":null,"y":[null,{"z":null}]}"#, Some(r#"{"user_id":"7","y":[{}]}"#)),
            (
                r#"{"user_id":"a","mic_opened":"True","screen_share":0,"mutil_media":"often"}"#,
                Some(r#"{"mic_opened":true,"mutil_media":"often","screen_share":false,"user_id":"a"}"#),
            ),
            (
                r#"{"user_id":"a","user_camera_opened":"true"}"#,
                Some(r#"{"camera_opened":true,"user_camera_opened":"true","user_id":"a"}"#),
            ),
            (
                r#"{"user_id":"a","user_camera_opened":true,"camera_opened":false}"#,
                Some(r#"{"camera_opened":false,"user_camera_opened":true,"user_id":"a"}"#),
            ),
            (
                r#"{"user_id":"a","user_camera_opened":true,"camera_opened":null}"#,
                Some(r#"{"camera_opened":true,"user_camera_opened":true,"user_id":"a"}"#),
            ),
            (r#"{"user_id":" "}"#, None),
            (r#"{"user_id":null}"#, None),
            (r#"{"user_id":[]}"#, None),
            (r#"{"user":"a"}"#, None),
            ("\"a\"", None),
        ] {
            assert_eq!(stored(sent).as_deref(), want, "{sent}");
        }
    }
}
