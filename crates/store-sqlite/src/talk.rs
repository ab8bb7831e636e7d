//! The ports of channels and call records.

use std::sync::Arc;

use async_trait::async_trait;
use stoa_core::Result;
use stoa_core::channel::{Boot, Call, CallOp, CallRow, ChannelRecord, Member, MemberApplied, MemberCommand};
use stoa_core::id::{AppId, ChannelKey, ChannelName, UserId};
use stoa_core::ports::{CallFilter, CallStore, ChannelStore, SanctionFilter};
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;

use crate::channels::Channel;
use crate::store::SqliteStore;
use crate::{calls, channels, tables};

impl SqliteStore {
    /// The channel as of the last commit, also one of which nothing is stored.
    async fn stored_channel(&self, key: &ChannelKey) -> Result<Arc<Channel>> {
        if let Some(channel) = self.memory.known_channel(key) {
            return Ok(channel);
        }
        let (memory, key) = (self.memory.clone(), key.clone());
        self.read(move |c| memory.channel(c, &key)).await
    }
}

#[async_trait]
impl ChannelStore for SqliteStore {
    async fn channel(&self, key: &ChannelKey) -> Result<Option<ChannelRecord>> {
        Ok(self.stored_channel(key).await?.record.clone())
    }

    async fn open_channel(&self, fresh: ChannelRecord) -> Result<(ChannelRecord, bool)> {
        self.writer.submit(move |tx| channels::open(tx, fresh)).await
    }

    async fn end_channel(&self, key: &ChannelKey) -> Result<bool> {
        let key = key.clone();
        self.writer.submit(move |tx| channels::end(tx, &key)).await
    }

    async fn all_channels(&self) -> Result<Vec<ChannelRecord>> {
        self.read(channels::all).await
    }

    async fn channel_names(&self, app: AppId, offset: u64, limit: u32) -> Result<(u64, Vec<ChannelName>)> {
        let list = match self.memory.lists.get(app) {
            Some(list) => list,
            None => {
                let (memory, ticket) = (self.memory.clone(), self.memory.lists.ticket());
                self.read(move |c| {
                    let list = Arc::new(channels::names(c, app)?);
                    memory.lists.fill(ticket, app, list.clone());
                    Ok(list)
                })
                .await?
            }
        };
        Ok(channels::page(&list, offset, limit))
    }

    async fn channel_names_edition(&self, app: AppId) -> Result<Option<u64>> {
        Ok(self.memory.lists.edition(app))
    }

    async fn member(&self, key: &ChannelKey, user: &UserId) -> Result<Option<Member>> {
        Ok(self.stored_channel(key).await?.member(user).cloned())
    }

    async fn members(&self, key: &ChannelKey) -> Result<Vec<Member>> {
        Ok(self.stored_channel(key).await?.members())
    }

    async fn timed_mutes(&self, now: UnixMs) -> Result<Vec<Member>> {
        self.read(move |c| channels::timed_mutes(c, now)).await
    }

    async fn apply_member(
        &self,
        key: &ChannelKey,
        user: &UserId,
        command: MemberCommand,
        now: UnixMs,
    ) -> Result<Option<MemberApplied>> {
        let (key, user) = (key.clone(), user.clone());
        self.writer.submit(move |tx| channels::apply_member(tx, &key, &user, &command, now)).await
    }

    async fn bans(
        &self,
        filter: &SanctionFilter,
        now: UnixMs,
        offset: u64,
        limit: u32,
    ) -> Result<(u64, Vec<Sanction>)> {
        let filter = filter.clone();
        self.read(move |c| tables::bans(c, &filter, now, offset, limit)).await
    }

    async fn lift_ban(&self, key: &ChannelKey, user: &UserId, now: UnixMs) -> Result<bool> {
        let key = (key.clone(), user.clone());
        self.writer
            .submit(move |tx| {
                let Some(ban) = tx.sanction(&key)?.filter(|s| s.bans(now)) else { return Ok(false) };
                let lifted = Sanction { until: UnixMs(0), ..ban };
                tables::put_sanction(tx.conn, &lifted)?;
                tx.wrote_sanction(key, Some(lifted));
                Ok(true)
            })
            .await
    }
}

#[async_trait]
impl CallStore for SqliteStore {
    async fn boot(&self, now: UnixMs) -> Result<Boot> {
        self.writer
            .submit(move |tx| {
                tx.wrote();
                calls::boot(tx.conn, now)
            })
            .await
    }

    async fn heartbeat(&self, boot: Boot, now: UnixMs) -> Result<()> {
        self.writer
            .submit(move |tx| {
                tx.wrote();
                calls::heartbeat(tx.conn, boot, now)
            })
            .await
    }

    async fn write_calls(&self, boot: Boot, ops: Vec<CallOp>) -> Result<()> {
        if ops.is_empty() {
            return Ok(());
        }
        self.writer
            .submit(move |tx| {
                ops.iter().try_for_each(|op| {
                    let (channel, user) = op.of();
                    tx.wrote_calls((channel.app, user.clone()));
                    calls::write(tx.conn, boot, op)
                })
            })
            .await
    }

    async fn open_calls(&self, boot: Boot) -> Result<Vec<CallRow>> {
        self.read(move |c| calls::open(c, boot)).await
    }

    async fn calls(&self, filter: &CallFilter, offset: u64, limit: u32) -> Result<(u64, Vec<Call>)> {
        if let Some(listed) = self.memory.known_calls(filter, offset, limit) {
            return Ok(listed);
        }
        let (memory, filter) = (self.memory.clone(), filter.clone());
        self.read(move |c| memory.calls(c, &filter, offset, limit)).await
    }

    async fn purge_calls(&self, before: UnixMs) -> Result<u64> {
        let mut purged = 0;
        loop {
            let gone = self
                .writer
                .submit(move |tx| {
                    let gone = calls::purge(tx.conn, before)?;
                    if gone > 0 {
                        tx.purged_calls();
                    } else {
                        tx.wrote();
                    }
                    Ok(gone)
                })
                .await?;
            purged += u64::try_from(gone).unwrap_or(0);
            if gone < calls::PURGE_ROWS {
                break;
            }
        }
        self.writer
            .submit(|tx| {
                tx.wrote();
                calls::purge_boots(tx.conn)
            })
            .await?;
        Ok(purged)
    }
}
