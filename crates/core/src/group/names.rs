//! Names in the hub: users, personal channels, groups and their channels (hub.md 3.5, 4.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::id::{AppId, ChannelName, ClassId, RoomId, UserId};

/// Longest id in bytes that is carried as it is or reversibly; channel names are at most 255 bytes.
const REVERSIBLE: usize = 128;
/// In front of the name of an adhoc Talk channel in a group id.
const TALK: &str = "talk:";

/// What kind of place a group belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A voice room.
    Room(RoomId),
    /// A class.
    Class(ClassId),
    /// An adhoc Talk channel.
    Talk(ChannelName),
}

/// A group of an app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// Tenant.
    pub app: AppId,
    /// Which.
    pub place: Place,
}

impl GroupKey {
    /// The group of a voice room.
    #[must_use]
    pub fn room(app: AppId, id: RoomId) -> Self {
        Self { app, place: Place::Room(id) }
    }

    /// The group of a class.
    #[must_use]
    pub fn class(app: AppId, id: ClassId) -> Self {
        Self { app, place: Place::Class(id) }
    }

    /// The group of an adhoc channel.
    #[must_use]
    pub fn talk(app: AppId, name: ChannelName) -> Self {
        Self { app, place: Place::Talk(name) }
    }

    /// `groupId` of the API; also the store's name of it inside the app.
    #[must_use]
    pub fn id(&self) -> String {
        match &self.place {
            Place::Room(id) => id.to_string(),
            Place::Class(id) => id.to_string(),
            Place::Talk(name) => format!("{TALK}{name}"),
        }
    }
}

/// A group id as a client sends it, before anybody looked what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedGroup {
    /// A voice room or a class: both ids are 128 random bits.
    Id([u8; 16]),
    /// An adhoc channel.
    Talk(ChannelName),
    /// An adhoc channel whose name is too long to be read back: the encoded form.
    Hashed(String),
}

impl NamedGroup {
    /// Reads `groupId` of a call. `None` names nothing.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        match id.strip_prefix(TALK) {
            Some(name) => ChannelName::new(name).ok().map(Self::Talk),
            None => RoomId::parse(id).map(|id| Self::Id(id.0)),
        }
    }
}

/// `enc(id)`: a name without characters that mean something in channel names.
#[must_use]
pub fn enc(id: &str) -> String {
    if id.len() > REVERSIBLE {
        format!("~~{}", URL_SAFE_NO_PAD.encode(Sha256::digest(id.as_bytes())))
    } else if is_safe(id) {
        id.to_owned()
    } else {
        format!("~{}", URL_SAFE_NO_PAD.encode(id))
    }
}

fn is_safe(id: &str) -> bool {
    id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@+=".contains(&b))
}

/// Reads what [`enc`] wrote. `None` for hashes and for anything that [`enc`] does not write.
#[must_use]
pub fn dec(text: &str) -> Option<String> {
    let id = match text.strip_prefix('~') {
        None => text.to_owned(),
        Some(rest) => String::from_utf8(URL_SAFE_NO_PAD.decode(rest).ok()?).ok()?,
    };
    (!id.is_empty() && enc(&id) == text).then_some(id)
}

/// How names of this installation are written: users of the default app have no prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// The app whose names have no prefix.
    pub default_app: AppId,
}

impl Names {
    fn prefixed(self, app: AppId, name: &str) -> String {
        if app == self.default_app { name.to_owned() } else { format!("!{app}.{name}") }
    }

    /// A user's name in the hub.
    #[must_use]
    pub fn hub_uid(self, app: AppId, user: &UserId) -> String {
        self.prefixed(app, &enc(user.as_str()))
    }

    /// A user's personal channel.
    #[must_use]
    pub fn personal(self, app: AppId, user: &UserId) -> String {
        format!("user:#{}", self.hub_uid(app, user))
    }

    fn key(self, group: &GroupKey) -> String {
        let name = match &group.place {
            Place::Room(id) => id.to_string(),
            Place::Class(id) => id.to_string(),
            Place::Talk(name) => format!("t.{}", enc(name.as_str())),
        };
        self.prefixed(group.app, &name)
    }

    /// The channel of a group's signals and events.
    #[must_use]
    pub fn room(self, group: &GroupKey) -> String {
        format!("room:{}", self.key(group))
    }

    /// The channel of a group's comments.
    #[must_use]
    pub fn chat(self, group: &GroupKey) -> String {
        format!("chat:{}", self.key(group))
    }

    /// The group a channel belongs to, and whether it is the one of signals and events. `None`: no group's channel.
    #[must_use]
    pub fn group_of(self, channel: &str) -> Option<(AppId, NamedGroup, bool)> {
        let (key, room) = match (channel.strip_prefix("room:"), channel.strip_prefix("chat:")) {
            (Some(key), _) => (key, true),
            (None, Some(key)) => (key, false),
            (None, None) => return None,
        };
        let (app, name) = match key.strip_prefix('!') {
            None => (self.default_app, key),
            Some(rest) => {
                let (app, name) = rest.split_once('.')?;
                let id = AppId(app.parse().ok()?);
                // One spelling per group: two would be two streams.
                (id != self.default_app && id.to_string() == app).then_some((id, name))?
            }
        };
        let named = match name.strip_prefix("t.") {
            Some(hash) if hash.starts_with("~~") => NamedGroup::Hashed(hash.to_owned()),
            Some(enc) => NamedGroup::Talk(ChannelName::new(dec(enc)?).ok()?),
            None => {
                let id = RoomId::parse(name).filter(|id| id.to_string() == name)?;
                NamedGroup::Id(id.0)
            }
        };
        Some((app, named, room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names = Names { default_app: AppId(1) };

    fn user(s: &str) -> UserId {
        UserId::new(s).unwrap()
    }

    #[test]
    fn b16_ids_are_encoded_as_the_vectors_say() {
        for (id, want) in [
            ("alice", "alice".to_owned()),
            ("user@example.com", "user@example.com".to_owned()),
            ("u#123", "~dSMxMjM".to_owned()),
            ("a,b", "~YSxi".to_owned()),
            ("a:b$c", "~YTpiJGM".to_owned()),
            ("用户一", "~55So5oi35LiA".to_owned()),
            (" alice", "~IGFsaWNl".to_owned()),
            ("~YWxpY2U", "~fllXeHBZMlU".to_owned()),
            (&"x".repeat(128), "x".repeat(128)),
            (&"x".repeat(129), "~~DsnrM-dFELzdHy6lUgboLyFknFwr7L8rQz60dbNMAb0".to_owned()),
            (&"用".repeat(43), "~~f68FHgZcdqSKq6BULtEiDoqN8TvVAo9V4GEfwZCCcBA".to_owned()),
        ] {
            assert_eq!(enc(id), want);
            assert_eq!(dec(&want), (id.len() <= 128).then(|| id.to_owned()), "{id}");
        }
        assert_eq!(dec("~YWxpY2U"), None, "safe content is not canonical");
        for bad in ["", "~", "~YSxi=", "a,b", "~!!", "~_w"] {
            assert_eq!(dec(bad), None, "{bad}");
        }
    }

    #[test]
    fn users_of_other_apps_are_prefixed() {
        assert_eq!(NAMES.hub_uid(AppId(214), &user("u#123")), "!214.~dSMxMjM");
        assert_eq!(NAMES.personal(AppId(214), &user("u#123")), "user:#!214.~dSMxMjM");
        assert_eq!(NAMES.hub_uid(AppId(1), &user("214.bob")), "214.bob");
        let longest = NAMES.hub_uid(AppId(9_007_199_254_740_991), &user(&"用".repeat(42)));
        assert_eq!(longest.len(), 187);
    }

    #[test]
    fn b16_channels_of_groups_are_read_back() {
        let raid = |app: u64, name: &str| GroupKey::talk(AppId(app), ChannelName::new(name).unwrap());
        let id = "cfa4a59e90ab42cbaf708f218ad10000";
        let room = GroupKey::room(AppId(1), RoomId::parse(id).unwrap());
        assert_eq!(NAMES.room(&raid(1, "raid-7")), "room:t.raid-7");
        assert_eq!(NAMES.room(&raid(214, "raid-7")), "room:!214.t.raid-7");
        assert_eq!(NAMES.room(&raid(1, "大厅")), "room:t.~5aSn5Y6F");
        assert_eq!(NAMES.chat(&room), format!("chat:{id}"));
        let talk = |name: &str| NamedGroup::Talk(ChannelName::new(name).unwrap());
        assert_eq!(NAMES.group_of("room:!214.t.raid-7"), Some((AppId(214), talk("raid-7"), true)));
        assert_eq!(NAMES.group_of("chat:t.~5aSn5Y6F"), Some((AppId(1), talk("大厅"), false)));
        assert_eq!(NAMES.group_of(&format!("room:{id}")).unwrap().1, NamedGroup::Id(RoomId::parse(id).unwrap().0));
        let dashed = "room:cfa4a59e-90ab-42cb-af70-8f218ad10000";
        for bad in [dashed, "room:", "user:#a", "room:!1.t.x", "room:!0214.t.x", "room:t.a,b", "room:CFA4", "x"] {
            assert_eq!(NAMES.group_of(bad), None, "{bad}");
        }
        let long = raid(1, &"x".repeat(200));
        assert!(matches!(NAMES.group_of(&NAMES.room(&long)), Some((_, NamedGroup::Hashed(_), true))));
    }
}
