//! The port of groups and of the hub's credentials.

use async_trait::async_trait;
use stoa_core::Result;
use stoa_core::group::names::Place;
use stoa_core::group::{
    Doomed, Exchanged, GroupKey, GroupPatch, GroupState, GroupStore, MessagePage, RefreshToken, StoredMessage,
};
use stoa_core::id::{ChannelKey, UserId};
use stoa_core::time::UnixMs;
use tokio::sync::MutexGuard;

use crate::fault::{Fault, retry};
use crate::store::PostgresStore;
use crate::{credentials, groups};

impl PostgresStore {
    /// A crowd in one group holds one connection of the pool and not all: its rows are one queue anyway.
    async fn turn_at(&self, group: &GroupKey) -> Result<MutexGuard<'_, ()>> {
        match &group.place {
            Place::Room(id) => self.turn(*id).await,
            Place::Class(id) => self.turn_in(*id).await,
            Place::Talk(name) => self.turn_of(&ChannelKey { app: group.app, name: name.clone() }).await,
        }
    }

    async fn put_once(&self, group: &GroupKey, message: &StoredMessage) -> Result<(), Fault> {
        let mut tx = self.pool.begin().await?;
        groups::put(&mut tx, group, message).await?;
        Ok(tx.commit().await?)
    }

    async fn put_token_once(&self, token: &RefreshToken) -> Result<(), Fault> {
        let mut tx = self.pool.begin().await?;
        credentials::put(&mut tx, token).await?;
        Ok(tx.commit().await?)
    }

    async fn exchange_once(
        &self,
        hash: [u8; 32],
        device: &str,
        fresh: [u8; 32],
        expires: UnixMs,
        now: UnixMs,
    ) -> Result<Exchanged, Fault> {
        let mut tx = self.pool.begin().await?;
        let exchanged = credentials::exchange(&mut tx, hash, device, fresh, expires, now).await?;
        tx.commit().await?;
        Ok(exchanged)
    }
}

#[async_trait]
impl GroupStore for PostgresStore {
    async fn group(&self, group: &GroupKey) -> Result<GroupState> {
        retry("read a group", || groups::state(&self.pool, group)).await
    }

    async fn reserve_seqnums(&self, group: &GroupKey, n: u32) -> Result<u64> {
        let _turn = self.turn_at(group).await?;
        retry("reserve message numbers", || groups::reserve(&self.pool, group, n)).await
    }

    async fn visit_group(&self, group: &GroupKey, user: &UserId, extension: &str) -> Result<(u64, u64)> {
        let _turn = self.turn_at(group).await?;
        retry("count a join", || groups::visit(&self.pool, group, user, extension)).await
    }

    async fn visitor(&self, group: &GroupKey, user: &UserId) -> Result<Option<String>> {
        retry("read a visitor", || groups::visitor(&self.pool, group, user)).await
    }

    async fn like_group(&self, group: &GroupKey, n: u32) -> Result<u64> {
        let _turn = self.turn_at(group).await?;
        retry("like a group", || groups::like(&self.pool, group, n)).await
    }

    async fn patch_group(&self, group: &GroupKey, patch: GroupPatch) -> Result<()> {
        if patch == GroupPatch::default() {
            return Ok(());
        }
        let _turn = self.turn_at(group).await?;
        retry("describe a group", || groups::patch(&self.pool, group, &patch)).await
    }

    async fn mute_group(&self, group: &GroupKey, on: bool) -> Result<bool> {
        let _turn = self.turn_at(group).await?;
        retry("mute a group", || groups::mute_all(&self.pool, group, on)).await
    }

    async fn mute_in_group(&self, group: &GroupKey, users: &[UserId], until: UnixMs) -> Result<()> {
        let _turn = self.turn_at(group).await?;
        retry("mute users of a group", || groups::mute_users(&self.pool, group, users, until)).await
    }

    async fn put_message(&self, group: &GroupKey, message: StoredMessage) -> Result<()> {
        let _turn = self.turn_at(group).await?;
        retry("store a message", || self.put_once(group, &message)).await
    }

    async fn message(&self, group: &GroupKey, id: &str) -> Result<Option<StoredMessage>> {
        retry("read a message", || groups::message(&self.pool, group, id)).await
    }

    async fn messages(
        &self,
        group: &GroupKey,
        kinds: &[i64],
        page: MessagePage,
        limit: u32,
    ) -> Result<(Vec<StoredMessage>, bool)> {
        retry("list messages", || groups::messages(&self.pool, group, kinds, &page, limit)).await
    }

    async fn delete_messages(&self, group: &GroupKey, which: Doomed) -> Result<Vec<String>> {
        let _turn = self.turn_at(group).await?;
        retry("delete messages", || groups::delete(&self.pool, group, &which)).await
    }

    async fn put_refresh(&self, token: RefreshToken) -> Result<()> {
        retry("store a refresh token", || self.put_token_once(&token)).await
    }

    async fn exchange_refresh(
        &self,
        hash: [u8; 32],
        device: &str,
        fresh: [u8; 32],
        expires: UnixMs,
        now: UnixMs,
    ) -> Result<Exchanged> {
        retry("forget what is over", || credentials::forget(&self.pool, now)).await?;
        retry("exchange a refresh token", || self.exchange_once(hash, device, fresh, expires, now)).await
    }

    async fn use_once(&self, name: &str, until: UnixMs, now: UnixMs) -> Result<bool> {
        retry("forget what is over", || credentials::forget(&self.pool, now)).await?;
        retry("use a name up", || credentials::use_once(&self.pool, name, until, now)).await
    }
}
