//! The parameters: how errors spell them, and the folded names they come under.

/// A parameter.
#[derive(Debug)]
pub(crate) struct Field {
    /// As the command's own document spells it.
    pub(crate) shown: &'static str,
    /// Folded names.
    pub(crate) keys: &'static [&'static str],
}

const CHANNEL_KEYS: &[&str] = &["channelid", "meetingid", "roomid"];

macro_rules! fields {
    ($($name:ident = $shown:literal $keys:expr;)*) => {
        $(pub(crate) const $name: Field = Field { shown: $shown, keys: $keys };)*
        const ALL: &[Field] = &[$($name),*];
    };
}

fields! {
    APP_ID = "AppID" &["appid"];
    CHANNEL_ID = "ChannelID" CHANNEL_KEYS;
    KICK_CHANNEL_ID = "channel_id" CHANNEL_KEYS;
    MEETING_ID = "meeting_id" CHANNEL_KEYS;
    USER_ID = "UserID" &["userid"];
    KICK_USER_ID = "kick_user_id" &["userid", "kickuserid"];
    SENDER_ID = "user_id" &["userid"];
    RECEIVER_ID = "receiver_id" &["receiverid"];
    KICK_TIME = "kick_time" &["kicktime"];
    OP_USER = "op_user" &["opuser"];
    CONTENT = "content" &["content"];
    IDENTITY_TYPE = "IdentityType" &["identitytype"];
    REQUST_ID = "RequstId" &["requstid", "requestid"];
    QUERY_DATE = "QueryDate" &["querydate"];
    START_SEQ = "StartSeq" &["startseq"];
    LIMIT = "Limit" &["limit"];
    INCLUDE_OPEN = "IncludeOpen" &["includeopen"];
    TTL = "TTL" &["ttl"];
    DEVICE_ID = "DeviceID" &["deviceid"];
    NAME = "Name" &["name"];
    METADATA = "Metadata" &["metadata"];
    MUST_EXIST = "MustExist" &["mustexist"];
    AUDIO = "Audio" &["audio"];
    VIDEO = "Video" &["video"];
    DURATION = "Duration" &["duration"];
    GRANTED = "Granted" &["granted"];
    USER_LIST = "UserList" &["userlist"];
}

/// The folded name, if some parameter has it.
pub(crate) fn known(folded: &str) -> Option<&'static str> {
    ALL.iter().flat_map(|f| f.keys).copied().find(|k| *k == folded)
}
