//! The client protocol: messages, both codecs, framing, codes (hub.md 2).

pub mod code;
mod frame;
mod message;

#[cfg(test)]
mod tests;

pub use frame::{BadFrame, Commands, Format, MAX_FRAME, NotJson, normalise};
pub use message::{
    ChannelRequest, ClientInfo, Command, ConnectRequest, ConnectResult, Empty, ErrorReply, HistoryRequest,
    HistoryResult, PresenceResult, PresenceStatsResult, Publication, PublishRequest, Push, RefreshRequest,
    RefreshResult, Reply, RpcRequest, RpcResult, SendRequest, StreamPosition, SubRefreshRequest, SubscribePush,
    SubscribeRequest, SubscribeResult, UnsubscribePush,
};
