//! `list_talk_bans`: bans that run now.

use serde::Serialize;
use stoa_core::ports::SanctionFilter;
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;
use utoipa::ToSchema;

use crate::params::fields::{CHANNEL_ID, USER_ID};
use crate::refuse::{Refusal, remaining_secs};
use crate::reply::{Answer, Reply};
use crate::routes::AuthQuery;
use crate::serve::Call;

/// What `list_talk_bans` reads.
#[derive(ToSchema)]
#[expect(non_snake_case, dead_code, reason = "the published names; only described")]
pub struct ListBansRequest {
    /// In this channel only.
    #[schema(max_length = 128)]
    ChannelID: Option<String>,
    /// On this user only.
    #[schema(max_length = 255)]
    UserID: Option<String>,
    /// Rows to skip.
    #[schema(minimum = 0, default = 0)]
    StartSeq: Option<i64>,
    /// Rows to show.
    #[schema(minimum = 1, maximum = 1000, default = 100)]
    Limit: Option<i64>,
    /// The app of the key, if given.
    AppID: Option<u64>,
}

/// Bans.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct ListBansBody {
    /// How many there are.
    pub Total: u64,
    /// In the order in which they were set.
    pub BanList: Vec<ListedBan>,
}

/// A ban.
#[derive(Serialize, ToSchema)]
#[expect(non_snake_case, reason = "the published names")]
pub struct ListedBan {
    /// Where.
    pub ChannelID: String,
    /// Whom.
    pub UserID: String,
    /// Who set it.
    pub OpUser: String,
    /// `talk`, `room`, `class` or `console`.
    pub Source: &'static str,
    /// When it was set, Unix seconds.
    pub StartTime: i64,
    /// When it ends, Unix seconds; 0 = never.
    pub ExpireTime: i64,
    /// Seconds left; -1 = without end.
    #[schema(minimum = -1)]
    pub Remaining: i64,
}

impl ListedBan {
    fn of(s: &Sanction, now: UnixMs) -> Self {
        let permanent = s.until == UnixMs::MAX;
        Self {
            ChannelID: s.channel.name.to_string(),
            UserID: s.user.to_string(),
            OpUser: s.by.clone(),
            Source: s.source.as_str(),
            StartTime: s.created.secs(),
            ExpireTime: if permanent { 0 } else { s.until.secs() },
            Remaining: if permanent { -1 } else { remaining_secs(s.until, now) },
        }
    }
}

/// Bans that run now.
#[utoipa::path(post, path = "/v1/im/list_talk_bans", tag = "talk-extensions", operation_id = "list_talk_bans", params(AuthQuery),
    summary = "Bans that run", request_body = ListBansRequest,
    responses((status = 200, description = "done, or why not", body = Answer<ListBansBody>)))]
pub(crate) async fn run(call: Call) -> Result<Reply, Refusal> {
    let channel = call.maybe_channel(&CHANNEL_ID)?.map(|c| c.name);
    let user = call.params.maybe_user(&USER_ID)?;
    let page = call.params.always_page()?;
    let filter = SanctionFilter { app: call.app.id, channel, user };
    let found = call.state.talk().bans(&filter, page).await.map_err(|e| call.refused(e))?;
    let now = call.state.api().clock().now().wall;
    let rows = found.rows.iter().map(|s| ListedBan::of(s, now)).collect();
    Reply::ok(&ListBansBody { Total: found.total, BanList: rows })
}

#[cfg(test)]
mod tests {
    use stoa_core::id::{AppId, ChannelKey, ChannelName, UserId};
    use stoa_core::sanction::Source;

    use super::*;

    #[test]
    fn x08_a_ban_without_end_has_no_end_and_a_running_one_never_shows_none_left() {
        let ban = |until| Sanction {
            channel: ChannelKey { app: AppId(1), name: ChannelName::new("c").unwrap() },
            user: UserId::new("u").unwrap(),
            source: Source::Class,
            by: "t".into(),
            created: UnixMs(999),
            until,
            not_before_secs: 1,
        };
        let shown = |until, now| {
            let b = ListedBan::of(&ban(until), UnixMs(now));
            (b.Source, b.StartTime, b.ExpireTime, b.Remaining)
        };
        assert_eq!(shown(UnixMs::MAX, 5000), ("class", 0, 0, -1));
        assert_eq!(shown(UnixMs(60_999), 60_998), ("class", 0, 60, 1));
    }
}
