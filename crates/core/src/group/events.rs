//! What groups are told: one JSON object each (hub.md 4.2, 4.3).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::heart::{Changes, Placed};
use super::names::GroupKey;
use super::store::{Doomed, GroupState, StoredMessage};
use crate::class::ClassMember;
use crate::hub::HubPublication;
use crate::id::UserId;
use crate::time::UnixMs;
use crate::voice::{Room, SeatIndex};

/// Who made a message that nobody sent (classroom.md 7.5).
pub const SYSTEM: &str = "system";

/// A numeric message as clients get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// Where.
    pub group: &'a str,
    /// ULID.
    pub id: &'a str,
    /// Number in the group; `None` for direct messages.
    pub seqnum: Option<u64>,
    /// Number of the official clients.
    pub kind: i64,
    /// Who says so.
    pub sender: &'a str,
    /// Text given at join.
    pub extension: &'a str,
    /// JSON object as text.
    pub data: &'a str,
    /// 0 normal, 1 high.
    pub level: u8,
    /// When.
    pub at: UnixMs,
    /// Made by the server.
    pub sys: bool,
}

impl Outgoing<'_> {
    /// The payload.
    #[must_use]
    pub fn payload(&self) -> String {
        /// Bytes besides the texts, and what escaping them adds to most.
        const AROUND: usize = 384;
        /// Written as it stands: every message of every room comes by here, and a tree of values costs ten times as much.
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Text<'a> {
            kind: &'a str,
            group_id: &'a str,
            message_id: &'a str,
            r#type: i64,
            level: u8,
            timestamp: i64,
            sender: Sender<'a>,
            data: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            seqnum: Option<u64>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            sys: bool,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Sender<'a> {
            user_id: &'a str,
            user_extension: &'a str,
        }
        let text = Text {
            kind: "message",
            group_id: self.group,
            message_id: self.id,
            r#type: self.kind,
            level: self.level,
            timestamp: self.at.0,
            sender: Sender { user_id: self.sender, user_extension: self.extension },
            data: self.data,
            seqnum: self.seqnum,
            sys: self.sys,
        };
        let mut out = Vec::with_capacity(self.data.len() + self.extension.len() + AROUND);
        // Texts and numbers can always be written, and what is written is text.
        let _written = serde_json::to_writer(&mut out, &text);
        String::from_utf8(out).unwrap_or_default()
    }
}

/// What stands in the recovery window where a message was.
#[must_use]
pub fn gone(id: &str) -> String {
    json!({ "kind": "gone", "messageId": id }).to_string()
}

/// Where these messages stand among what a channel keeps.
#[must_use]
pub fn placed(kept: &[HubPublication], which: &Doomed) -> Vec<Placed> {
    /// As much of [`Outgoing::payload`] as tells.
    #[derive(Deserialize)]
    struct Head {
        kind: String,
        #[serde(rename = "messageId")]
        id: String,
        data: String,
    }
    let marked = |data: &str, sids: &[String]| {
        let data: Value = serde_json::from_str(data).unwrap_or_default();
        let sid = data.get("sid").and_then(Value::as_str).unwrap_or_default();
        !sid.is_empty() && sids.iter().any(|s| s == sid)
    };
    let meant = |m: &Head| match which {
        Doomed::Id(id) => m.id == *id,
        Doomed::Sids(sids) => marked(&m.data, sids),
    };
    // Events have other fields, and what is gone already has no data.
    let message = |p: &HubPublication| serde_json::from_str(&p.data).ok().filter(|m: &Head| m.kind == "message");
    let found = kept.iter().filter_map(|p| message(p).filter(meant).map(|m| Placed { id: m.id, offset: p.offset }));
    found.collect()
}

/// A state event: `fields` with what every event has.
#[must_use]
pub fn event(kind: &str, group: &str, version: u64, at: UnixMs, fields: Value) -> String {
    let mut out = Map::new();
    out.insert("kind".to_owned(), kind.into());
    out.insert("groupId".to_owned(), group.into());
    out.insert("version".to_owned(), version.into());
    out.insert("ts".to_owned(), at.0.into());
    if let Value::Object(fields) = fields {
        out.extend(fields);
    }
    Value::Object(out).to_string()
}

/// `members`: everybody who came and went, or only those whom `named` lets through.
#[must_use]
pub fn members(total: usize, changes: &Changes, named: impl Fn(&UserId) -> bool) -> Value {
    let person = |user: &UserId, extension: &str| json!({ "userId": user.as_str(), "userExtension": extension });
    let joined = changes.joined.iter().filter(|(u, _)| named(u)).map(|(u, e)| person(u, e));
    let left = changes
        .left
        .iter()
        .filter(|(u, _)| named(u))
        .map(|(u, (e, why))| json!({ "userId": u.as_str(), "userExtension": e, "why": why.word() }));
    json!({ "total": total, "joined": joined.collect::<Vec<_>>(), "left": left.collect::<Vec<_>>() })
}

/// `seats`: all eight, as `getMeetingInfo` shows them.
#[must_use]
pub fn seats(room: &Room) -> Value {
    let seat = |i: SeatIndex| {
        let seat = room.seat(i);
        let user = seat.taken.as_ref().map_or("", |t| t.user.as_str());
        let mut out = json!({ "index": i.get(), "joined": seat.taken.is_some(), "user_id": user });
        if let Some(map) = out.as_object_mut() {
            if let Some(t) = &seat.taken {
                map.insert("join_time".to_owned(), t.since.0.into());
            }
            if let Some(extends) = &seat.extends {
                map.insert("extends".to_owned(), extends.as_str().into());
            }
        }
        out
    };
    json!({ "members": SeatIndex::all().map(seat).collect::<Vec<_>>() })
}

/// `statistics` of the group object, and the `stats` event.
#[must_use]
pub fn statistics(state: &GroupState, online: usize) -> Value {
    let amounts: Map<String, Value> = state.amounts.iter().map(|(k, n)| (k.to_string(), (*n).into())).collect();
    json!({
        "onlineCount": online,
        "pv": state.pv,
        "uv": state.uv,
        "likeCount": state.likes,
        "msgAmount": amounts,
    })
}

/// A stored message as `recent` and `list` show it.
#[must_use]
pub fn stored(group: &GroupKey, m: &StoredMessage) -> Value {
    let told: Value = serde_json::from_str(&m.extension).unwrap_or_default();
    let text = |key: &str| told.get(key).and_then(Value::as_str).unwrap_or_default();
    json!({
        "groupId": group.id(),
        "messageId": m.id,
        "type": m.kind,
        "sender": { "userId": m.sender.as_str(), "userExtension": m.extension },
        "userInfo": { "userId": m.sender.as_str(), "userNick": text("userNick"), "userAvatar": text("userAvatar") },
        "data": m.data,
        "seqnum": m.seqnum,
        "timestamp": m.at.0,
        "level": m.level,
    })
}

/// `data` of 11001 to 11003 (classroom.md 7.5).
#[must_use]
pub fn class_member(m: &ClassMember, joined: &str, sid: &str) -> String {
    json!({
        "class_id": m.class.to_string(),
        "user_id": m.user.as_str(),
        "user_name": m.name,
        "user_avatar": m.avatar.clone().unwrap_or_default(),
        "identity": m.identity.number(),
        "status": m.status.number(),
        "join_time": joined,
        "sid": sid,
    })
    .to_string()
}

/// The extension of a class member who gave none.
#[must_use]
pub fn class_extension(m: &ClassMember) -> String {
    json!({ "userNick": m.name, "userAvatar": m.avatar.clone().unwrap_or_default() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(id: &str, data: &Value) -> String {
        let message = Outgoing {
            group: "g",
            id,
            seqnum: Some(1),
            kind: 21301,
            sender: "a",
            extension: "{}",
            data: &data.to_string(),
            level: 0,
            at: UnixMs(5),
            sys: false,
        };
        message.payload()
    }

    fn kept(first: u64, payloads: impl IntoIterator<Item = String>) -> Vec<HubPublication> {
        payloads.into_iter().zip(first..).map(|(data, offset)| HubPublication { offset, data }).collect()
    }

    fn at(id: &str, offset: u64) -> Placed {
        Placed { id: id.to_owned(), offset }
    }

    #[test]
    fn e17_a_message_is_found_where_it_stands_however_many_came_after() {
        let window = kept(501, (0..256).map(|n| comment(&format!("m{n}"), &json!({ "content": "x" }))));
        let find = |id: &str| placed(&window, &Doomed::Id(id.to_owned()));
        assert_eq!(find("m0"), [at("m0", 501)]);
        assert_eq!(find("m255"), [at("m255", 756)]);
        assert_eq!(find("m256"), []);
    }

    #[test]
    fn e17_only_messages_are_found_and_not_who_speaks_of_them() {
        let deleted =
            event("deleted", "g", 1, UnixMs(5), json!({ "messageIds": ["m1"], "messageId": "m1", "data": "" }));
        let quote = json!({ "messageId": "m1", "kind": "message", "data": "{}" });
        let window = kept(1, [comment("m0", &quote), gone("m1"), deleted, "null".to_owned(), "{".to_owned()]);
        assert_eq!(placed(&window, &Doomed::Id("m1".to_owned())), []);
    }

    #[test]
    fn messages_are_found_by_the_marks_of_their_senders() {
        let marked = |id, sid| comment(id, &json!({ "sid": sid, "content": "x" }));
        let none = comment("m3", &json!({ "content": "s1" }));
        let number = comment("m4", &json!({ "sid": 1 }));
        let window = kept(
            7,
            [marked("m0", "s1"), marked("m1", "s2"), marked("m2", "s1"), none, number, gone("m5"), marked("m6", "")],
        );
        let sids = |all: &[&str]| Doomed::Sids(all.iter().map(ToString::to_string).collect());
        assert_eq!(placed(&window, &sids(&["s1", "s9"])), [at("m0", 7), at("m2", 9)]);
        assert_eq!(placed(&window, &sids(&["s3", "1", ""])), []);
    }
}
