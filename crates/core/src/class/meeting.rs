//! What clients share about who speaks: one JSON object per class (classroom.md 5.7).

use serde_json::{Map, Value};

use crate::id::UserId;

/// One entry of `members`, kept as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeetingMember {
    /// `user_id` of the entry; any text.
    pub user: String,
    /// The whole entry, `user_id` in it.
    pub entry: Map<String, Value>,
}

/// The stored object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MeetingInfo {
    /// Who speaks, as the clients see it.
    pub members: Vec<MeetingMember>,
    /// Every microphone is off.
    pub all_mute: Option<bool>,
    /// Students may ask to speak.
    pub interaction_allowed: Option<bool>,
}

/// A change of whole top-level keys; `None` leaves a key alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MeetingPatch {
    /// New list.
    pub members: Option<Vec<MeetingMember>>,
    /// New switch.
    pub all_mute: Option<bool>,
    /// New switch.
    pub interaction_allowed: Option<bool>,
}

impl MeetingInfo {
    /// The object as the wire and the store have it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let members = self.members.iter().map(|m| Value::Object(m.entry.clone())).collect();
        let mut out = Map::from_iter([("members".to_owned(), Value::Array(members))]);
        let flags = [("all_mute", self.all_mute), ("interaction_allowed", self.interaction_allowed)];
        out.extend(flags.into_iter().filter_map(|(k, v)| Some((k.to_owned(), Value::Bool(v?)))));
        Value::Object(out)
    }

    /// Reads what [`MeetingInfo::to_value`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Ok(Value::Object(mut object)) = serde_json::from_str(text) else { return None };
        let flag = |v: Option<Value>| v.and_then(|v| v.as_bool());
        let Some(Value::Array(entries)) = object.remove("members") else { return None };
        let members = entries.into_iter().map(|e| match e {
            Value::Object(entry) => MeetingMember::new(entry),
            _ => None,
        });
        Some(Self {
            members: members.collect::<Option<_>>()?,
            all_mute: flag(object.remove("all_mute")),
            interaction_allowed: flag(object.remove("interaction_allowed")),
        })
    }

    /// The entries' users that can be users, in the order of the list, each once.
    #[must_use]
    pub fn users(&self) -> Vec<UserId> {
        let mut out: Vec<UserId> = Vec::new();
        for user in self.members.iter().filter_map(|m| UserId::new(m.user.as_str()).ok()) {
            if !out.contains(&user) {
                out.push(user);
            }
        }
        out
    }

    /// Removes a user's entries. False = there were none.
    pub fn remove(&mut self, user: &UserId) -> bool {
        let had = self.members.len();
        self.members.retain(|m| m.user != user.as_str());
        had != self.members.len()
    }

    /// Replaces the keys that the patch has.
    pub fn merge(&mut self, patch: &MeetingPatch) {
        if let Some(members) = &patch.members {
            self.members.clone_from(members);
        }
        self.all_mute = patch.all_mute.or(self.all_mute);
        self.interaction_allowed = patch.interaction_allowed.or(self.interaction_allowed);
    }
}

impl MeetingMember {
    /// An entry with a `user_id` that is a text; `None` for every other.
    #[must_use]
    pub fn new(entry: Map<String, Value>) -> Option<Self> {
        let user = entry.get("user_id")?.as_str()?.to_owned();
        Some(Self { user, entry })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(json: &str) -> MeetingMember {
        MeetingMember::new(serde_json::from_str(json).unwrap()).unwrap()
    }

    #[test]
    fn keys_are_replaced_whole_and_kept_when_absent() {
        let mut info = MeetingInfo::default();
        assert_eq!(info.to_value().to_string(), r#"{"members":[]}"#);
        info.merge(&MeetingPatch { all_mute: Some(true), ..MeetingPatch::default() });
        info.merge(&MeetingPatch {
            members: Some(vec![entry(r#"{"user_id":"a","sid":7}"#)]),
            ..MeetingPatch::default()
        });
        assert_eq!(info.to_value().to_string(), r#"{"all_mute":true,"members":[{"sid":7,"user_id":"a"}]}"#);
        info.merge(&MeetingPatch {
            members: Some(vec![]),
            interaction_allowed: Some(false),
            ..MeetingPatch::default()
        });
        assert_eq!(info.to_value().to_string(), r#"{"all_mute":true,"interaction_allowed":false,"members":[]}"#);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let info = MeetingInfo {
            members: vec![
                entry(r#"{"user_id":"李","mic_opened":true,"x":{"y":[1.5,"z"]}}"#),
                entry(r#"{"user_id":""}"#),
            ],
            all_mute: None,
            interaction_allowed: Some(true),
        };
        assert_eq!(MeetingInfo::parse(&info.to_value().to_string()), Some(info.clone()));
        assert_eq!(info.users(), [UserId::new("李").unwrap()], "an empty name is nobody");
        for bad in ["", "[]", "{}", r#"{"members":[1]}"#, r#"{"members":[{}]}"#] {
            assert_eq!(MeetingInfo::parse(bad), None, "{bad}");
        }
    }
}
