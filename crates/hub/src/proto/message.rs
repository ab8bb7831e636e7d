//! The messages, once for both formats: `prost` numbers the fields, `serde` names them (hub.md 2.3).
//!
//! Fields that we neither read nor write are left out; both codecs skip what they do not know. Tokens are in here:
//! these types are not for logs.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// `bytes` fields hold JSON texts; in the JSON format they stand in the message as they are.
mod raw {
    use bytes::Bytes;
    use serde::ser::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use serde_json::value::RawValue;

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        let value: &RawValue = serde_json::from_slice(bytes).map_err(S::Error::custom)?;
        value.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let value = Box::<RawValue>::deserialize(from)?;
        Ok(Bytes::from(Box::<str>::from(value).into_string()))
    }
}

fn zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

macro_rules! messages {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field:meta])* $f:ident: $t:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name { $(#[doc = concat!("`", stringify!($f), "` of the protocol.")] $(#[$field])* pub $f: $t,)* }
    )*};
}

messages! {
    /// Client to server; exactly one body, or none for a pong.
    Command {
        #[prost(uint32, tag = "1")] #[serde(skip_serializing_if = "zero")] id: u32,
        #[prost(message, optional, tag = "4")] #[serde(skip_serializing_if = "Option::is_none")] connect: Option<ConnectRequest>,
        #[prost(message, optional, tag = "5")] #[serde(skip_serializing_if = "Option::is_none")] subscribe: Option<SubscribeRequest>,
        #[prost(message, optional, tag = "6")] #[serde(skip_serializing_if = "Option::is_none")] unsubscribe: Option<ChannelRequest>,
        #[prost(message, optional, tag = "7")] #[serde(skip_serializing_if = "Option::is_none")] publish: Option<PublishRequest>,
        #[prost(message, optional, tag = "8")] #[serde(skip_serializing_if = "Option::is_none")] presence: Option<ChannelRequest>,
        #[prost(message, optional, tag = "9")] #[serde(skip_serializing_if = "Option::is_none")] presence_stats: Option<ChannelRequest>,
        #[prost(message, optional, tag = "10")] #[serde(skip_serializing_if = "Option::is_none")] history: Option<HistoryRequest>,
        #[prost(message, optional, tag = "11")] #[serde(skip_serializing_if = "Option::is_none")] ping: Option<Empty>,
        #[prost(message, optional, tag = "12")] #[serde(skip_serializing_if = "Option::is_none")] send: Option<SendRequest>,
        #[prost(message, optional, tag = "13")] #[serde(skip_serializing_if = "Option::is_none")] rpc: Option<RpcRequest>,
        #[prost(message, optional, tag = "14")] #[serde(skip_serializing_if = "Option::is_none")] refresh: Option<RefreshRequest>,
        #[prost(message, optional, tag = "15")] #[serde(skip_serializing_if = "Option::is_none")] sub_refresh: Option<SubRefreshRequest>,
    }

    /// Nothing.
    Empty {}

    /// The first command.
    ConnectRequest {
        #[prost(string, tag = "1")] #[serde(skip_serializing_if = "zero")] token: String,
        #[prost(btree_map = "string, message", tag = "3")] #[serde(skip_serializing_if = "zero")] subs: BTreeMap<String, SubscribeRequest>,
        #[prost(string, tag = "4")] #[serde(skip_serializing_if = "zero")] name: String,
        #[prost(string, tag = "5")] #[serde(skip_serializing_if = "zero")] version: String,
    }

    /// Subscribe; inside `connect` a position the client still remembers.
    SubscribeRequest {
        #[prost(string, tag = "1")] #[serde(skip_serializing_if = "zero")] channel: String,
        #[prost(string, tag = "2")] #[serde(skip_serializing_if = "zero")] token: String,
        #[prost(bool, tag = "3")] #[serde(skip_serializing_if = "zero")] recover: bool,
        #[prost(string, tag = "6")] #[serde(skip_serializing_if = "zero")] epoch: String,
        #[prost(uint64, tag = "7")] #[serde(skip_serializing_if = "zero")] offset: u64,
        #[prost(bool, tag = "9")] #[serde(skip_serializing_if = "zero")] positioned: bool,
        #[prost(bool, tag = "10")] #[serde(skip_serializing_if = "zero")] recoverable: bool,
        #[prost(bool, tag = "11")] #[serde(skip_serializing_if = "zero")] join_leave: bool,
        #[prost(string, tag = "12")] #[serde(skip_serializing_if = "zero")] delta: String,
        #[prost(message, optional, tag = "13")] #[serde(skip_serializing_if = "Option::is_none")] tf: Option<Empty>,
        #[prost(int64, tag = "14")] #[serde(skip_serializing_if = "zero")] flag: i64,
        #[prost(int32, tag = "15")] #[serde(rename = "type", skip_serializing_if = "zero")] kind: i32,
    }

    /// Unsubscribe, presence and presence_stats.
    ChannelRequest {
        #[prost(string, tag = "1")] #[serde(skip_serializing_if = "zero")] channel: String,
    }

    /// Publish.
    PublishRequest {
        #[prost(string, tag = "1")] #[serde(skip_serializing_if = "zero")] channel: String,
        #[prost(bytes = "bytes", tag = "2")] #[serde(with = "raw", skip_serializing_if = "Bytes::is_empty")] data: Bytes,
    }

    /// History.
    HistoryRequest {
        #[prost(string, tag = "1")] #[serde(skip_serializing_if = "zero")] channel: String,
        #[prost(int32, tag = "7")] #[serde(skip_serializing_if = "zero")] limit: i32,
        #[prost(message, optional, tag = "8")] #[serde(skip_serializing_if = "Option::is_none")] since: Option<StreamPosition>,
        #[prost(bool, tag = "9")] #[serde(skip_serializing_if = "zero")] reverse: bool,
    }

    /// Where a stream stands.
    StreamPosition {
        #[prost(uint64, tag = "1")] #[serde(skip_serializing_if = "zero")] offset: u64,
        #[prost(string, tag = "2")] #[serde(skip_serializing_if = "zero")] epoch: String,
    }

    /// A function call.
    RpcRequest {
        #[prost(bytes = "bytes", tag = "1")] #[serde(with = "raw", skip_serializing_if = "Bytes::is_empty")] data: Bytes,
        #[prost(string, tag = "2")] #[serde(skip_serializing_if = "zero")] method: String,
    }

    /// One-way data.
    SendRequest {
        #[prost(bytes = "bytes", tag = "1")] #[serde(with = "raw", skip_serializing_if = "Bytes::is_empty")] data: Bytes,
    }

    /// A new connection token.
    RefreshRequest {
        #[prost(string, tag = "1")] #[serde(skip_serializing_if = "zero")] token: String,
    }

    /// A new subscription token.
    SubRefreshRequest {
        #[prost(string, tag = "1")] #[serde(skip_serializing_if = "zero")] channel: String,
        #[prost(string, tag = "2")] #[serde(skip_serializing_if = "zero")] token: String,
    }

    /// Server to client: the answer to a command, or a push.
    Reply {
        #[prost(uint32, tag = "1")] #[serde(skip_serializing_if = "zero")] id: u32,
        #[prost(message, optional, tag = "2")] #[serde(skip_serializing_if = "Option::is_none")] error: Option<ErrorReply>,
        #[prost(message, optional, tag = "4")] #[serde(skip_serializing_if = "Option::is_none")] push: Option<Push>,
        #[prost(message, optional, tag = "5")] #[serde(skip_serializing_if = "Option::is_none")] connect: Option<ConnectResult>,
        #[prost(message, optional, tag = "6")] #[serde(skip_serializing_if = "Option::is_none")] subscribe: Option<SubscribeResult>,
        #[prost(message, optional, tag = "7")] #[serde(skip_serializing_if = "Option::is_none")] unsubscribe: Option<Empty>,
        #[prost(message, optional, tag = "9")] #[serde(skip_serializing_if = "Option::is_none")] presence: Option<PresenceResult>,
        #[prost(message, optional, tag = "10")] #[serde(skip_serializing_if = "Option::is_none")] presence_stats: Option<PresenceStatsResult>,
        #[prost(message, optional, tag = "11")] #[serde(skip_serializing_if = "Option::is_none")] history: Option<HistoryResult>,
        #[prost(message, optional, tag = "13")] #[serde(skip_serializing_if = "Option::is_none")] rpc: Option<RpcResult>,
        #[prost(message, optional, tag = "14")] #[serde(skip_serializing_if = "Option::is_none")] refresh: Option<RefreshResult>,
    }

    /// Why a command failed.
    ErrorReply {
        #[prost(uint32, tag = "1")] #[serde(skip_serializing_if = "zero")] code: u32,
        #[prost(string, tag = "2")] #[serde(skip_serializing_if = "zero")] message: String,
        #[prost(bool, tag = "3")] #[serde(skip_serializing_if = "zero")] temporary: bool,
    }

    /// A message that answers no command.
    Push {
        #[prost(string, tag = "2")] #[serde(skip_serializing_if = "zero")] channel: String,
        #[prost(message, optional, tag = "4")] #[serde(rename = "pub", skip_serializing_if = "Option::is_none")] publication: Option<Publication>,
        #[prost(message, optional, tag = "7")] #[serde(skip_serializing_if = "Option::is_none")] unsubscribe: Option<UnsubscribePush>,
        #[prost(message, optional, tag = "9")] #[serde(skip_serializing_if = "Option::is_none")] subscribe: Option<SubscribePush>,
    }

    /// One message of a channel.
    Publication {
        #[prost(bytes = "bytes", tag = "4")] #[serde(with = "raw", skip_serializing_if = "Bytes::is_empty")] data: Bytes,
        #[prost(uint64, tag = "6")] #[serde(skip_serializing_if = "zero")] offset: u64,
    }

    /// The server ended a subscription.
    UnsubscribePush {
        #[prost(uint32, tag = "2")] #[serde(skip_serializing_if = "zero")] code: u32,
        #[prost(string, tag = "3")] #[serde(skip_serializing_if = "zero")] reason: String,
    }

    /// The server made a subscription.
    SubscribePush {
        #[prost(bool, tag = "1")] #[serde(skip_serializing_if = "zero")] recoverable: bool,
        #[prost(string, tag = "4")] #[serde(skip_serializing_if = "zero")] epoch: String,
        #[prost(uint64, tag = "5")] #[serde(skip_serializing_if = "zero")] offset: u64,
        #[prost(bool, tag = "6")] #[serde(skip_serializing_if = "zero")] positioned: bool,
    }

    /// Answer to connect.
    ConnectResult {
        #[prost(string, tag = "1")] #[serde(skip_serializing_if = "zero")] client: String,
        #[prost(string, tag = "2")] #[serde(skip_serializing_if = "zero")] version: String,
        #[prost(bool, tag = "3")] #[serde(skip_serializing_if = "zero")] expires: bool,
        #[prost(uint32, tag = "4")] #[serde(skip_serializing_if = "zero")] ttl: u32,
        #[prost(btree_map = "string, message", tag = "6")] #[serde(skip_serializing_if = "zero")] subs: BTreeMap<String, SubscribeResult>,
        #[prost(uint32, tag = "7")] #[serde(skip_serializing_if = "zero")] ping: u32,
        #[prost(bool, tag = "8")] #[serde(skip_serializing_if = "zero")] pong: bool,
        #[prost(int64, tag = "11")] #[serde(skip_serializing_if = "zero")] time: i64,
    }

    /// Answer to subscribe.
    SubscribeResult {
        #[prost(bool, tag = "3")] #[serde(skip_serializing_if = "zero")] recoverable: bool,
        #[prost(string, tag = "6")] #[serde(skip_serializing_if = "zero")] epoch: String,
        #[prost(message, repeated, tag = "7")] #[serde(skip_serializing_if = "zero")] publications: Vec<Publication>,
        #[prost(bool, tag = "8")] #[serde(skip_serializing_if = "zero")] recovered: bool,
        #[prost(uint64, tag = "9")] #[serde(skip_serializing_if = "zero")] offset: u64,
        #[prost(bool, tag = "10")] #[serde(skip_serializing_if = "zero")] positioned: bool,
        #[prost(bytes = "bytes", tag = "11")] #[serde(with = "raw", skip_serializing_if = "Bytes::is_empty")] data: Bytes,
        #[prost(bool, tag = "12")] #[serde(skip_serializing_if = "zero")] was_recovering: bool,
    }

    /// Answer to presence.
    PresenceResult {
        #[prost(btree_map = "string, message", tag = "1")] presence: BTreeMap<String, ClientInfo>,
    }

    /// Answer to presence_stats.
    PresenceStatsResult {
        #[prost(uint32, tag = "1")] num_clients: u32,
        #[prost(uint32, tag = "2")] num_users: u32,
    }

    /// Who somebody is.
    ClientInfo {
        #[prost(string, tag = "1")] user: String,
        #[prost(string, tag = "2")] client: String,
        #[prost(bytes = "bytes", tag = "3")] #[serde(with = "raw", skip_serializing_if = "Bytes::is_empty")] conn_info: Bytes,
    }

    /// Answer to history.
    HistoryResult {
        #[prost(message, repeated, tag = "1")] publications: Vec<Publication>,
        #[prost(string, tag = "2")] epoch: String,
        #[prost(uint64, tag = "3")] offset: u64,
    }

    /// Answer to rpc.
    RpcResult {
        #[prost(bytes = "bytes", tag = "1")] #[serde(with = "raw", skip_serializing_if = "Bytes::is_empty")] data: Bytes,
    }

    /// Answer to refresh. The client is always filled: JS overwrites its id with this field.
    RefreshResult {
        #[prost(string, tag = "1")] #[serde(skip_serializing_if = "zero")] client: String,
        #[prost(string, tag = "2")] #[serde(skip_serializing_if = "zero")] version: String,
        #[prost(bool, tag = "3")] #[serde(skip_serializing_if = "zero")] expires: bool,
        #[prost(uint32, tag = "4")] #[serde(skip_serializing_if = "zero")] ttl: u32,
    }
}

impl Command {
    /// How many bodies it has; 1 is right.
    #[must_use]
    pub fn bodies(&self) -> usize {
        [
            self.connect.is_some(),
            self.subscribe.is_some(),
            self.unsubscribe.is_some(),
            self.publish.is_some(),
            self.presence.is_some(),
            self.presence_stats.is_some(),
            self.history.is_some(),
            self.ping.is_some(),
            self.send.is_some(),
            self.rpc.is_some(),
            self.refresh.is_some(),
            self.sub_refresh.is_some(),
        ]
        .into_iter()
        .filter(|b| *b)
        .count()
    }
}
