//! What opens the assistant's slot, and what it allows (classroom.md 5.4).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::id::UserId;
use crate::time::UnixMs;

/// One right of an assistant. Names that clients define without offering them are no rights here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssistantRight {
    /// Kick, and lift a kick's ban.
    Members,
    /// Run check-ins and read their records.
    CheckIn,
    /// Change the announcement.
    Announcement,
    /// Change courseware, turn the board's pages.
    Courseware,
    /// Remove what others wrote.
    RemoveMessages,
    /// Mute one user.
    MuteUser,
    /// Mute all.
    MuteGroup,
    /// Draw on the board.
    Whiteboard,
}

impl AssistantRight {
    /// All of them with the names that clients write.
    pub const NAMES: [(Self, &'static str); 8] = [
        (Self::Members, "MemberManagement"),
        (Self::CheckIn, "CheckInManagement"),
        (Self::Announcement, "EditAnnouncement"),
        (Self::Courseware, "Courceware"),
        (Self::RemoveMessages, "RemoveGroupMessage"),
        (Self::MuteUser, "MuteUser"),
        (Self::MuteGroup, "MuteGroup"),
        (Self::Whiteboard, "DrawWhiteboard"),
    ];

    fn parse(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(_, n)| *n == name).map(|(right, _)| right)
    }
}

/// A class's permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// Opaque JSON text, kept as sent.
    pub text: String,
    /// Only this user may take the slot.
    pub only: Option<UserId>,
    /// First set at.
    pub created: UnixMs,
    /// Last set at.
    pub updated: UnixMs,
}

impl Permit {
    /// The rights the text lists: the strings of an array, or an object's keys whose value says yes. Any other text
    /// opens the slot and gives none.
    #[must_use]
    pub fn rights(&self) -> BTreeSet<AssistantRight> {
        let yes = |v: &Value| *v == Value::Bool(true) || v.as_str() == Some("true") || v.as_i64() == Some(1);
        match serde_json::from_str(&self.text) {
            Ok(Value::Array(names)) => names.iter().filter_map(|n| AssistantRight::parse(n.as_str()?)).collect(),
            Ok(Value::Object(map)) => {
                map.iter().filter(|(_, v)| yes(v)).filter_map(|(k, _)| AssistantRight::parse(k)).collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// Whether this user may take the slot.
    #[must_use]
    pub fn admits(&self, user: &UserId) -> bool {
        self.only.as_ref().is_none_or(|only| only == user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(text: &str) -> Vec<AssistantRight> {
        let permit = Permit { text: text.into(), only: None, created: UnixMs(1), updated: UnixMs(1) };
        permit.rights().into_iter().collect()
    }

    #[test]
    fn a05_rights_are_read_from_arrays_and_objects() {
        use AssistantRight as R;
        assert_eq!(rights(r#"["Courceware","MuteGroup","Unknown",7]"#), [R::Courseware, R::MuteGroup]);
        let object = r#"{"MuteUser":true,"MuteGroup":"true","Courceware":"false","CheckInManagement":1,"x":true}"#;
        assert_eq!(rights(object), [R::CheckIn, R::MuteUser, R::MuteGroup]);
        assert_eq!(rights(r#"{"MuteUser":"True","MuteGroup":2,"Courceware":null}"#), []);
        for none in ["plain text", "", "\"MuteUser\"", "null", "[", "7"] {
            assert_eq!(rights(none), [], "{none}");
        }
        assert_eq!(rights(r#"["SwitchClassStatus","InteractionManagement","ScreenShare"]"#), []);
    }
}
