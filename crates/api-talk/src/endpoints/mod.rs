//! One command, one file: what it reads, what it answers, how its description reads.

pub mod admin_kick_user;
pub mod batch_kick_talk_user;
pub mod change_user_identity;
pub mod create_talk_token;
pub mod delete_talk_ban;
pub mod dismiss_talk_channel;
pub mod get_talk_channel_detail;
pub mod get_talk_channel_list;
pub mod get_talk_speaker_list_on_a_channel;
pub mod get_talk_user_list_on_a_channel;
pub mod list_talk_bans;
pub mod mute_talk_user;
pub mod push_mcu_msg;
pub mod query_talk_channel_status;
pub mod query_talk_channel_user_count;
pub mod query_talk_user_call;
pub mod query_talk_user_status;
pub mod set_talk_mic;

use serde::Serialize;
use stoa_core::id::UserId;
use utoipa::ToSchema;

use crate::command::Command;
use crate::reply::Reply;
use crate::serve::{Call, Failure};

/// Longest ban and mute, in seconds: ten years.
const LONGEST_SECS: i64 = 315_360_000;

/// Reads the parameters and carries the command out.
pub(crate) async fn run(command: Command, call: Call) -> Result<Reply, Failure> {
    let done = match command {
        Command::UserCount => query_talk_channel_user_count::run(call).await,
        Command::UserList => get_talk_user_list_on_a_channel::run(call).await,
        Command::ChannelList => get_talk_channel_list::run(call).await,
        Command::Kick => admin_kick_user::run(call).await,
        Command::ChannelStatus => query_talk_channel_status::run(call).await,
        Command::UserStatus => query_talk_user_status::run(call).await,
        Command::UserCall => query_talk_user_call::run(call).await,
        Command::SpeakerList => get_talk_speaker_list_on_a_channel::run(call).await,
        Command::Push => push_mcu_msg::run(call).await,
        Command::Identity => return change_user_identity::run(call).await,
        Command::Token => create_talk_token::run(call).await,
        Command::ListBans => list_talk_bans::run(call).await,
        Command::DeleteBan => delete_talk_ban::run(call).await,
        Command::Dismiss => dismiss_talk_channel::run(call).await,
        Command::Mute => mute_talk_user::run(call).await,
        Command::Mic => set_talk_mic::run(call).await,
        Command::BatchKick => batch_kick_talk_user::run(call).await,
        Command::Detail => get_talk_channel_detail::run(call).await,
    };
    done.map_err(Failure::from)
}

/// A user, as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct ListedUser {
    /// Who.
    #[schema(value_type = String, min_length = 1, max_length = 255)]
    pub UserID: UserId,
}

fn listed(users: Vec<UserId>) -> Vec<ListedUser> {
    users.into_iter().map(|user| ListedUser { UserID: user }).collect()
}

/// Users of a channel.
#[derive(Debug, Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct UsersBody {
    /// The app of the key.
    pub AppID: u64,
    /// The channel, as sent.
    pub ChannelID: String,
    /// How many there are, also when only a page is shown.
    pub Total: u64,
    /// In the order of arrival.
    pub UserList: Vec<ListedUser>,
}

/// What the commands read that ask about one channel.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct ChannelRequest {
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    ChannelID: String,
    /// The app of the key, if given.
    AppID: Option<u64>,
}

/// What the lists of a channel read.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct ChannelPageRequest {
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    ChannelID: String,
    /// The app of the key, if given.
    AppID: Option<u64>,
    /// Rows to skip.
    #[schema(minimum = 0, default = 0)]
    StartSeq: Option<i64>,
    /// Rows to show. With neither of the two the whole list is shown.
    #[schema(minimum = 1, maximum = 1000, default = 100)]
    Limit: Option<i64>,
}
