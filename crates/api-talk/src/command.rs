//! The commands, by the names in their paths.

/// A command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    UserCount,
    UserList,
    ChannelList,
    Kick,
    ChannelStatus,
    UserStatus,
    UserCall,
    SpeakerList,
    Push,
    Identity,
    Token,
    ListBans,
    DeleteBan,
    Dismiss,
    Mute,
    Mic,
    BatchKick,
    Detail,
}

/// What it takes to run a command (talk.md 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A question of section 3: any identifier.
    Open,
    /// A question among the extensions: administrators.
    Guarded,
    /// Changes something: administrators.
    Mutating,
}

impl Command {
    pub(crate) const ALL: [Self; 18] = [
        Self::UserCount,
        Self::UserList,
        Self::ChannelList,
        Self::Kick,
        Self::ChannelStatus,
        Self::UserStatus,
        Self::UserCall,
        Self::SpeakerList,
        Self::Push,
        Self::Identity,
        Self::Token,
        Self::ListBans,
        Self::DeleteBan,
        Self::Dismiss,
        Self::Mute,
        Self::Mic,
        Self::BatchKick,
        Self::Detail,
    ];

    fn entry(self) -> (&'static str, Class) {
        match self {
            Self::UserCount => ("query_talk_channel_user_count", Class::Open),
            Self::UserList => ("get_talk_user_list_on_a_channel", Class::Open),
            Self::ChannelList => ("get_talk_channel_list", Class::Open),
            Self::Kick => ("admin_kick_user", Class::Mutating),
            Self::ChannelStatus => ("query_talk_channel_status", Class::Open),
            Self::UserStatus => ("query_talk_user_status", Class::Open),
            Self::UserCall => ("query_talk_user_call", Class::Open),
            Self::SpeakerList => ("get_talk_speaker_list_on_a_channel", Class::Open),
            Self::Push => ("push_mcu_msg", Class::Mutating),
            Self::Identity => ("change_user_identity", Class::Mutating),
            Self::Token => ("create_talk_token", Class::Guarded),
            Self::ListBans => ("list_talk_bans", Class::Guarded),
            Self::DeleteBan => ("delete_talk_ban", Class::Mutating),
            Self::Dismiss => ("dismiss_talk_channel", Class::Mutating),
            Self::Mute => ("mute_talk_user", Class::Mutating),
            Self::Mic => ("set_talk_mic", Class::Mutating),
            Self::BatchKick => ("batch_kick_talk_user", Class::Mutating),
            Self::Detail => ("get_talk_channel_detail", Class::Guarded),
        }
    }

    /// Canonical name, lower case.
    pub(crate) fn name(self) -> &'static str {
        self.entry().0
    }

    /// The command of this name, which is in lower case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }

    /// Needs a listed identifier.
    pub(crate) fn guarded(self) -> bool {
        self.entry().1 != Class::Open
    }

    /// Changes something: once begun it is carried through.
    pub(crate) fn mutates(self) -> bool {
        self.entry().1 == Class::Mutating
    }
}
