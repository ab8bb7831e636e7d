//! What the server tells clients about a channel, and texts pushed to them (talk.md 6): one JSON body for both ways,
//! the media data channel and the message hub.

use serde_json::{Map, Value, json};

use crate::channel::{IdentityType, Member};
use crate::id::ChannelKey;
use crate::media::{Message, Muted};
use crate::time::UnixMs;
use crate::world::World;

/// Topic of pushed texts.
pub const TOPIC_TEXT: &str = "stoa.talk.msg";
/// Topic of notices.
pub const TOPIC_NOTICE: &str = "stoa.talk.notice";

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeKind {
    /// A text from a server.
    Text {
        /// For whom; `""` = everybody.
        receiver: String,
        /// As it was sent, not interpreted.
        content: String,
    },
    /// You were kicked.
    Kicked {
        /// Seconds of ban.
        secs: u64,
        /// End of the ban; 0 = none.
        until: UnixMs,
    },
    /// Somebody was kicked.
    UserKicked {
        /// Seconds of ban.
        secs: u64,
        /// End of the ban; 0 = none.
        until: UnixMs,
    },
    /// An identity was changed.
    Identity {
        /// Now.
        to: IdentityType,
        /// Before.
        from: IdentityType,
        /// `RequstId`, if there was one.
        request: Option<i64>,
    },
    /// A mic grant was given or withdrawn.
    MicGrant {
        /// Which.
        granted: bool,
    },
    /// A server mute changed.
    Muted {
        /// What is silenced now.
        muted: Muted,
        /// When the last of it ends; 0 = no limit, or nothing is silenced.
        until: UnixMs,
    },
    /// The channel is dismissed.
    Dismissed,
}

impl NoticeKind {
    /// The notice about a member's mutes.
    #[must_use]
    pub fn muted(muted: Muted, member: &Member) -> Self {
        let running = [(muted.audio, member.mute_audio_until), (muted.video, member.mute_video_until)];
        let until = running.iter().filter(|(on, _)| *on).map(|(_, until)| *until).max().unwrap_or(UnixMs(0));
        Self::Muted { muted, until: if until == UnixMs::MAX { UnixMs(0) } else { until } }
    }

    fn event(&self) -> &'static str {
        match self {
            Self::Text { .. } => "message",
            Self::Kicked { .. } => "kicked",
            Self::UserKicked { .. } => "user_kicked",
            Self::Identity { .. } => "identity",
            Self::MicGrant { .. } => "mic_grant",
            Self::Muted { .. } => "muted",
            Self::Dismissed => "dismissed",
        }
    }

    fn fields(&self, by: &str) -> Value {
        let bit = u8::from;
        match self {
            Self::Text { receiver, content } => json!({ "receiver_id": receiver, "content": content }),
            Self::Kicked { secs, until } | Self::UserKicked { secs, until } => json!({
                "op_user": by,
                "reason": 1,
                "kick_time": secs,
                "until": until.secs(),
                "detail": format!("{by},1,{secs}"),
            }),
            Self::Identity { to, from, request } => {
                let mut fields = json!({
                    "op_user": by,
                    "identity_type": to.number(),
                    "old_identity_type": from.number(),
                });
                // As text: 64 bits do not fit a JavaScript number.
                if let (Some(n), Some(map)) = (request, fields.as_object_mut()) {
                    map.insert("request_id".to_owned(), n.to_string().into());
                }
                fields
            }
            Self::MicGrant { granted } => json!({ "op_user": by, "granted": bit(*granted) }),
            Self::Muted { muted, until } => json!({
                "op_user": by,
                "audio": bit(muted.audio),
                "video": bit(muted.video),
                "until": until.secs(),
            }),
            Self::Dismissed => json!({ "op_user": by }),
        }
    }
}

/// One message, with an id that is the same on every way it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// ULID.
    pub id: String,
    /// Where.
    pub channel: ChannelKey,
    /// Whom it is about, or who sent the text; `""` = nobody.
    pub user: String,
    /// Who did it; `""` = the server by itself.
    pub by: String,
    /// When.
    pub at: UnixMs,
    /// What.
    pub kind: NoticeKind,
}

impl Notice {
    /// A notice made now.
    #[must_use]
    pub fn new(world: &World, channel: &ChannelKey, user: &str, by: &str, kind: NoticeKind) -> Self {
        let at = world.clock.now().wall;
        let mut random = [0u8; 10];
        world.entropy.fill(&mut random);
        Self { id: ulid(at, random), channel: channel.clone(), user: user.to_owned(), by: by.to_owned(), at, kind }
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self) -> String {
        let mut map = Map::new();
        map.insert("event".to_owned(), self.kind.event().into());
        map.insert("id".to_owned(), self.id.clone().into());
        map.insert("channel_id".to_owned(), self.channel.name.as_str().into());
        map.insert("user_id".to_owned(), self.user.clone().into());
        map.insert("ts".to_owned(), self.at.0.into());
        if let Value::Object(fields) = self.kind.fields(&self.by) {
            map.extend(fields);
        }
        Value::Object(map).to_string()
    }

    /// As the media engine sends it.
    #[must_use]
    pub fn message(&self) -> Message {
        let topic = if matches!(self.kind, NoticeKind::Text { .. }) { TOPIC_TEXT } else { TOPIC_NOTICE };
        Message { topic, body: self.body() }
    }
}

/// A ULID (its published specification): 48 bits of milliseconds, 80 random bits, Crockford's base 32.
pub(crate) fn ulid(at: UnixMs, random: [u8; 10]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let high = u128::from(at.0.max(0).unsigned_abs() & 0xffff_ffff_ffff) << 80;
    let low = random.iter().fold(0u128, |n, b| n << 8 | u128::from(*b));
    let value = high | low;
    (0..26).rev().map(|i| char::from(DIGITS[((value >> (5 * i)) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AppId, ChannelName};

    fn notice(kind: NoticeKind) -> Value {
        let channel = ChannelKey { app: AppId(1), name: ChannelName::new("raid-7").unwrap() };
        let n = Notice { id: "I".into(), channel, user: "leef".into(), by: "admin".into(), at: UnixMs(5), kind };
        serde_json::from_str(&n.body()).unwrap()
    }

    #[test]
    fn a_ulid_is_the_time_then_the_random_bits() {
        // The time of the specification's example, 2016-07-30T23:54:10.259Z.
        assert_eq!(&ulid(UnixMs(1_469_922_850_259), [0; 10])[..10], "01ARZ3NDEK");
        assert_eq!(ulid(UnixMs(0), [0xff; 10]), "0000000000ZZZZZZZZZZZZZZZZ");
        assert!(ulid(UnixMs(2), [0; 10]) > ulid(UnixMs(1), [0xff; 10]));
    }

    #[test]
    fn bodies_have_the_fields_of_talk_6() {
        assert_eq!(
            notice(NoticeKind::Kicked { secs: 60, until: UnixMs(61_500) }),
            json!({ "event": "kicked", "id": "I", "channel_id": "raid-7", "user_id": "leef", "ts": 5, "op_user": "admin",
                "reason": 1, "kick_time": 60, "until": 61, "detail": "admin,1,60" })
        );
        let identity = NoticeKind::Identity {
            to: IdentityType::Listener,
            from: IdentityType::FreeTalker,
            request: Some(i64::MAX),
        };
        assert_eq!(notice(identity)["request_id"], "9223372036854775807");
        let none = NoticeKind::Identity { to: IdentityType::Listener, from: IdentityType::FreeTalker, request: None };
        assert!(notice(none).get("request_id").is_none());
        let text = notice(NoticeKind::Text { receiver: String::new(), content: "a\u{0}\"<b>".into() });
        assert_eq!((&text["content"], &text["receiver_id"]), (&json!("a\u{0}\"<b>"), &json!("")));
        assert!(text.get("op_user").is_none());
    }

    #[test]
    fn a_mute_without_limit_shows_no_end() {
        let key = ChannelKey { app: AppId(1), name: ChannelName::new("c").unwrap() };
        let mut m = Member::blank(key, crate::id::UserId::new("u").unwrap());
        m.mute_audio_until = UnixMs::MAX;
        let both = Muted { audio: true, video: true };
        m.mute_video_until = UnixMs(9000);
        assert_eq!(NoticeKind::muted(both, &m), NoticeKind::Muted { muted: both, until: UnixMs(0) });
        let video = Muted { audio: false, video: true };
        assert_eq!(NoticeKind::muted(video, &m), NoticeKind::Muted { muted: video, until: UnixMs(9000) });
    }
}
