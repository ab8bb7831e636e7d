//! The ports of channels and call records.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::PgConnection;
use stoa_core::Result;
use stoa_core::channel::{
    Boot, Call, CallOp, CallRow, ChannelRecord, Member, MemberApplied, MemberCommand, Subject, decide_member,
};
use stoa_core::class::{Class, ClassStatus, Meeting};
use stoa_core::group::GroupKey;
use stoa_core::id::{AppId, ChannelKey, ChannelName, MeetingId, UserId};
use stoa_core::ports::{CallFilter, CallStore, ChannelStore, SanctionFilter};
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;
use stoa_core::voice::Room;

use crate::class::record;
use crate::fault::{Fault, retry};
use crate::store::PostgresStore;
use crate::{calls, channels, groups, rooms, tables};

/// What a channel is, its row locked.
enum Place {
    Room(Arc<Room>),
    Class(Arc<Class>),
    Adhoc(ChannelRecord),
}

impl Place {
    /// `None` when there is no such channel now. Room or class first, the record after it.
    async fn lock(tx: &mut PgConnection, key: &ChannelKey) -> Result<Option<Self>, Fault> {
        if let Some(id) = key.room_id()
            && let Some(room) = rooms::lock(tx, key.app, id).await?
        {
            return Ok(room.live().then(|| Self::Room(Arc::new(room))));
        }
        let class = match key.meeting_id() {
            Some(meeting) => record::lock_meeting(tx, key.app, meeting).await?,
            None => None,
        };
        let record = channels::lock(tx, key).await?;
        Ok(match class {
            Some(class) if class.status == ClassStatus::Running || record.is_some() => {
                Some(Self::Class(Arc::new(class)))
            }
            Some(_) => None,
            None => record.map(Self::Adhoc),
        })
    }
}

impl PostgresStore {
    async fn apply_member_once(
        &self,
        key: &ChannelKey,
        user: &UserId,
        command: &MemberCommand,
        now: UnixMs,
    ) -> Result<Option<MemberApplied>, Fault> {
        let mut tx = self.pool.begin().await?;
        let Some(place) = Place::lock(&mut tx, key).await? else {
            return Ok(None);
        };
        let subject = match &place {
            Place::Room(room) => Subject::Room(room),
            Place::Class(class) => Subject::Class(class),
            Place::Adhoc(record) => Subject::Adhoc(record),
        };
        // After the lock, for the snapshot must begin after it was granted.
        let before = channels::member(&mut *tx, key, user).await?;
        let before = before.unwrap_or_else(|| Member::blank(key.clone(), user.clone()));
        let decision = decide_member(&subject, &before, command, now);
        match (&place, &decision.room, &decision.class) {
            (Place::Room(old), Some(next), _) => rooms::write_changes(&mut tx, old, next).await?,
            (Place::Class(old), _, Some(next)) => record::update(&mut tx, old, next).await?,
            (Place::Adhoc(record), _, _) if decision.bump => channels::bump(&mut tx, record).await?,
            _ => {}
        }
        if let Some(member) = &decision.member {
            channels::write_member(&mut tx, member).await?;
        }
        tx.commit().await?;
        let after = decision.member.unwrap_or_else(|| before.clone());
        Ok(Some(MemberApplied { before, after, outcome: decision.outcome }))
    }

    /// The channel of a class gets a record only while the class is preparing or paused, and one that was deleted never
    /// again. A class's channel name is random, so a channel found to be none of a class's does not become one.
    async fn open_once(&self, fresh: &ChannelRecord) -> Result<(ChannelRecord, bool), Fault> {
        let Some(meeting) = fresh.key.meeting_id() else {
            return channels::open(&self.pool, fresh).await;
        };
        match record::meeting(&self.pool, fresh.key.app, meeting).await? {
            Meeting::Unknown => channels::open(&self.pool, fresh).await,
            Meeting::Class(class) if class.status == ClassStatus::Idle => self.open_locked(fresh, meeting).await,
            Meeting::Class(_) | Meeting::Deleted => Ok((fresh.clone(), false)),
        }
    }

    /// All records of a class's channel are made and ended under the class's lock.
    async fn open_locked(&self, fresh: &ChannelRecord, meeting: MeetingId) -> Result<(ChannelRecord, bool), Fault> {
        let _turn = self.turn_of(&fresh.key).await?;
        let mut tx = self.pool.begin().await?;
        let class = record::lock_meeting(&mut tx, fresh.key.app, meeting).await?;
        if class.is_none_or(|c| c.status != ClassStatus::Idle) {
            return Ok((fresh.clone(), false));
        }
        if let Some(there) = channels::lock(&mut tx, &fresh.key).await? {
            return Ok((there, false));
        }
        let new = channels::insert(&mut *tx, fresh).await?;
        tx.commit().await?;
        Ok((fresh.clone(), new))
    }

    async fn end_once(&self, key: &ChannelKey) -> Result<bool, Fault> {
        let mut tx = self.pool.begin().await?;
        if let Some(meeting) = key.meeting_id() {
            record::lock_meeting(&mut tx, key.app, meeting).await?;
        }
        let ended = channels::end(&mut tx, key).await?;
        // Of a channel without a record too: its group needs none.
        groups::erase_talk(&mut tx, &GroupKey::talk(key.app, key.name.clone())).await?;
        tx.commit().await?;
        Ok(ended)
    }

    async fn boot_once(&self, now: UnixMs) -> Result<Boot, Fault> {
        let mut tx = self.pool.begin().await?;
        let boot = calls::boot(&mut tx, now).await?;
        tx.commit().await?;
        Ok(boot)
    }
}

#[async_trait]
impl ChannelStore for PostgresStore {
    async fn channel(&self, key: &ChannelKey) -> Result<Option<ChannelRecord>> {
        retry("read a channel", || channels::record(&self.pool, key)).await
    }

    async fn open_channel(&self, fresh: ChannelRecord) -> Result<(ChannelRecord, bool)> {
        retry("open a channel", || self.open_once(&fresh)).await
    }

    async fn end_channel(&self, key: &ChannelKey) -> Result<bool> {
        let _turn = self.turn_of(key).await?;
        retry("end a channel", || self.end_once(key)).await
    }

    async fn all_channels(&self) -> Result<Vec<ChannelRecord>> {
        retry("list channels", || channels::all(&self.pool)).await
    }

    async fn channel_names(&self, app: AppId, offset: u64, limit: u32) -> Result<(u64, Vec<ChannelName>)> {
        retry("list channel names", || channels::names(&self.pool, app, offset, limit)).await
    }

    async fn member(&self, key: &ChannelKey, user: &UserId) -> Result<Option<Member>> {
        retry("read a member", || channels::member(&self.pool, key, user)).await
    }

    async fn members(&self, key: &ChannelKey) -> Result<Vec<Member>> {
        retry("read members", || channels::members(&self.pool, key)).await
    }

    async fn timed_mutes(&self, now: UnixMs) -> Result<Vec<Member>> {
        retry("list timed mutes", || channels::timed_mutes(&self.pool, now)).await
    }

    async fn apply_member(
        &self,
        key: &ChannelKey,
        user: &UserId,
        command: MemberCommand,
        now: UnixMs,
    ) -> Result<Option<MemberApplied>> {
        let _turn = self.turn_of(key).await?;
        retry("decide about a member", || self.apply_member_once(key, user, &command, now)).await
    }

    async fn bans(
        &self,
        filter: &SanctionFilter,
        now: UnixMs,
        offset: u64,
        limit: u32,
    ) -> Result<(u64, Vec<Sanction>)> {
        retry("list bans", || tables::bans(&self.pool, filter, now, offset, limit)).await
    }

    async fn lift_ban(&self, key: &ChannelKey, user: &UserId, now: UnixMs) -> Result<bool> {
        retry("lift a ban", || tables::lift_ban(&self.pool, key, user, now)).await
    }
}

#[async_trait]
impl CallStore for PostgresStore {
    async fn boot(&self, now: UnixMs) -> Result<Boot> {
        retry("begin a run", || self.boot_once(now)).await
    }

    async fn heartbeat(&self, boot: Boot, now: UnixMs) -> Result<()> {
        retry("write a heartbeat", || calls::heartbeat(&self.pool, boot, now)).await
    }

    async fn write_calls(&self, boot: Boot, ops: Vec<CallOp>) -> Result<()> {
        retry("write call records", || calls::write(&self.pool, boot, &ops)).await
    }

    async fn open_calls(&self, boot: Boot) -> Result<Vec<CallRow>> {
        retry("list open call records", || calls::open(&self.pool, boot)).await
    }

    async fn calls(&self, filter: &CallFilter, offset: u64, limit: u32) -> Result<(u64, Vec<Call>)> {
        retry("list call records", || calls::list(&self.pool, filter, offset, limit)).await
    }

    async fn purge_calls(&self, before: UnixMs) -> Result<u64> {
        let mut purged = 0;
        loop {
            let gone = retry("purge call records", || calls::purge(&self.pool, before)).await?;
            purged += gone;
            if gone < calls::PURGE_ROWS {
                break;
            }
        }
        retry("purge runs", || calls::purge_boots(&self.pool)).await?;
        Ok(purged)
    }
}
