//! The port of groups and of the hub's credentials.

use async_trait::async_trait;
use stoa_core::Result;
use stoa_core::group::{
    Doomed, Exchanged, GroupKey, GroupPatch, GroupState, GroupStore, MessagePage, RefreshToken, StoredMessage,
};
use stoa_core::id::UserId;
use stoa_core::time::UnixMs;

use crate::store::SqliteStore;
use crate::{credentials, groups};

#[async_trait]
impl GroupStore for SqliteStore {
    async fn group(&self, group: &GroupKey) -> Result<GroupState> {
        let group = group.clone();
        self.read(move |c| groups::state(c, &group)).await
    }

    async fn reserve_seqnums(&self, group: &GroupKey, n: u32) -> Result<u64> {
        let group = group.clone();
        self.writer.submit(move |tx| groups::reserve(tx, &group, n)).await
    }

    async fn visit_group(&self, group: &GroupKey, user: &UserId, extension: &str) -> Result<(u64, u64)> {
        let (group, user, extension) = (group.clone(), user.clone(), extension.to_owned());
        self.writer.submit(move |tx| groups::visit(tx, &group, &user, &extension)).await
    }

    async fn visitor(&self, group: &GroupKey, user: &UserId) -> Result<Option<String>> {
        let (group, user) = (group.clone(), user.clone());
        self.read(move |c| groups::visitor(c, &group, &user)).await
    }

    async fn like_group(&self, group: &GroupKey, n: u32) -> Result<u64> {
        let group = group.clone();
        self.writer.submit(move |tx| groups::like(tx, &group, n)).await
    }

    async fn patch_group(&self, group: &GroupKey, patch: GroupPatch) -> Result<()> {
        let group = group.clone();
        self.writer.submit(move |tx| groups::patch(tx, &group, &patch)).await
    }

    async fn mute_group(&self, group: &GroupKey, on: bool) -> Result<bool> {
        let group = group.clone();
        self.writer.submit(move |tx| groups::mute_all(tx, &group, on)).await
    }

    async fn mute_in_group(&self, group: &GroupKey, users: &[UserId], until: UnixMs) -> Result<()> {
        let (group, users) = (group.clone(), users.to_vec());
        self.writer.submit(move |tx| groups::mute_users(tx, &group, &users, until)).await
    }

    async fn put_message(&self, group: &GroupKey, message: StoredMessage) -> Result<()> {
        let group = group.clone();
        self.writer.submit(move |tx| groups::put(tx, &group, &message)).await
    }

    async fn message(&self, group: &GroupKey, id: &str) -> Result<Option<StoredMessage>> {
        let (group, id) = (group.clone(), id.to_owned());
        self.read(move |c| groups::message(c, &group, &id)).await
    }

    async fn messages(
        &self,
        group: &GroupKey,
        kinds: &[i64],
        page: MessagePage,
        limit: u32,
    ) -> Result<(Vec<StoredMessage>, bool)> {
        let (group, kinds) = (group.clone(), kinds.to_vec());
        self.read(move |c| groups::messages(c, &group, &kinds, &page, limit)).await
    }

    async fn delete_messages(&self, group: &GroupKey, which: Doomed) -> Result<Vec<String>> {
        let group = group.clone();
        self.writer.submit(move |tx| groups::delete(tx, &group, which)).await
    }

    async fn put_refresh(&self, token: RefreshToken) -> Result<()> {
        self.writer.submit(move |tx| credentials::put(tx, &token)).await
    }

    async fn exchange_refresh(
        &self,
        hash: [u8; 32],
        device: &str,
        fresh: [u8; 32],
        expires: UnixMs,
        now: UnixMs,
    ) -> Result<Exchanged> {
        let device = device.to_owned();
        self.writer.submit(move |tx| credentials::exchange(tx, hash, &device, fresh, expires, now)).await
    }

    async fn use_once(&self, name: &str, until: UnixMs, now: UnixMs) -> Result<bool> {
        let name = name.to_owned();
        self.writer.submit(move |tx| credentials::use_once(tx, &name, until, now)).await
    }
}
