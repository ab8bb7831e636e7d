//! Commands of the product (hub.md 1.3): the synchronous half of [`stoa_core::hub::Hub`].

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use stoa_core::hub::{HubLeft, HubPresence, HubPublication, HubSubscribed, Position, PublishOptions};
use stoa_core::time::Now;

use super::channel::Channel;
use super::conn::Pending;
use super::{ChanId, ConnId, Engine, Ms};
use crate::proto::code;
use crate::proto::{SubscribeRequest, normalise};

/// How long a publication's key is remembered.
const REPEAT_MS: Ms = 5 * 60_000;
/// Keys remembered.
const MAX_REPEATS: usize = 100_000;
/// Longest key.
const MAX_KEY: usize = 256;

/// Why a command of the product was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiError {
    /// No such namespace.
    UnknownNamespace,
    /// The channel's name cannot be one.
    BadName,
    /// The payload is no JSON.
    BadData,
    /// The idempotency key is too long.
    BadKey,
    /// The position is of another epoch.
    OtherEpoch,
    /// The hub is stopping.
    Stopping,
}

impl Channel {
    /// Connections and distinct users that count.
    pub(super) fn counts(&self) -> (u32, u32) {
        let n = |len| u32::try_from(len).unwrap_or(u32::MAX);
        (n(self.present.len()), n(self.users.len()))
    }
}

impl Engine {
    fn checked(&self, channel: &str) -> Result<Arc<str>, ApiError> {
        // A channel that is there has a good name, and one to share.
        if let Some((name, _)) = self.names.get_key_value(channel) {
            return Ok(name.clone());
        }
        if !Self::is_name(channel) {
            return Err(ApiError::BadName);
        }
        self.namespace(channel).ok_or(ApiError::UnknownNamespace)?;
        Ok(channel.into())
    }

    /// [`stoa_core::hub::Hub::publish`].
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn publish(
        &mut self,
        now: Now,
        channel: &str,
        data: &str,
        options: &PublishOptions,
    ) -> Result<Position, ApiError> {
        self.now = now;
        let name = self.checked(channel)?;
        let data = normalise(data).ok_or(ApiError::BadData)?;
        if self.frozen {
            return Err(ApiError::Stopping);
        }
        let key = options.idempotency_key.as_ref().map(|k| (name.clone(), k.clone()));
        if let Some(key) = &key {
            if key.1.len() > MAX_KEY {
                return Err(ApiError::BadKey);
            }
            self.forget_repeats();
            if let Some(position) = self.repeated.get(key) {
                return Ok(position.clone());
            }
        }
        if options.skip_history && !self.names.contains_key(&name) {
            // Nobody is there to see it, and nothing is kept.
            let epoch = self.idle.get(&name).map_or_else(String::new, |m| m.epoch.text().to_owned());
            return Ok(Position { offset: 0, epoch });
        }
        let Some(chan) = self.channel(&name) else { return Err(ApiError::UnknownNamespace) };
        let position = self.append(chan, data, options.skip_history);
        if let Some(key) = key {
            self.repeats.push_back((self.ms() + REPEAT_MS, key.0.clone(), key.1.clone()));
            self.repeated.insert(key, position.clone());
        }
        self.rest_if_idle(chan);
        Ok(position)
    }

    pub(super) fn forget_repeats(&mut self) {
        let now = self.ms();
        while let Some((until, ..)) = self.repeats.front()
            && (*until <= now || self.repeats.len() >= MAX_REPEATS)
        {
            if let Some((_, name, key)) = self.repeats.pop_front() {
                self.repeated.remove(&(name, key));
            }
        }
    }

    fn connections_of(&self, user: &str, client: Option<&str>) -> Vec<ConnId> {
        let all = self.users.get(user).into_iter().flatten().copied();
        all.filter(|c| client.is_none_or(|id| self.conns.get(*c).is_some_and(|c| *c.client == *id))).collect()
    }

    /// [`stoa_core::hub::Hub::subscribe`].
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn subscribe_user(&mut self, now: Now, user: &str, channel: &str) -> Result<(), ApiError> {
        self.now = now;
        let name = self.checked(channel)?;
        for conn in self.connections_of(user, None) {
            let Some(chan) = self.channel(&name) else { return Err(ApiError::UnknownNamespace) };
            let waits = self.channels.get(chan).is_some_and(|ch| ch.batched > 0);
            let Some(c) = self.conns.get_mut(conn).filter(|c| c.is_open()) else { continue };
            if c.sub(chan).is_some() || c.pending(&name).is_some() {
                continue;
            }
            c.pending.push(Pending {
                channel: name.clone(),
                id: 0,
                request: SubscribeRequest::default(),
                granted: Some(HubSubscribed { data: None, presence: true }),
                revoked: false,
                after: std::collections::VecDeque::new(),
            });
            if let Some(ch) = self.channels.get_mut(chan).filter(|_| waits) {
                ch.waiting.push_back(conn);
            } else {
                self.settle(conn, chan);
            }
        }
        if let Some(chan) = self.names.get(&name).copied() {
            self.rest_if_idle(chan);
        }
        Ok(())
    }

    /// [`stoa_core::hub::Hub::unsubscribe`]. What was published before arrives before; a subscribe that the product is
    /// still asked about is refused, whatever it answers.
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn unsubscribe_user(
        &mut self,
        now: Now,
        user: &str,
        channel: &str,
        client: Option<&str>,
    ) -> Result<(), ApiError> {
        self.now = now;
        let name = self.checked(channel)?;
        let chan = self.names.get(&name).copied();
        if let Some(chan) = chan {
            self.flush(chan);
        }
        for conn in self.connections_of(user, client) {
            if let Some(pending) = self.conns.get_mut(conn).and_then(|c| c.pending(&name)) {
                pending.revoked = true;
            }
            if chan.is_some_and(|chan| self.end_sub(conn, chan, HubLeft::Server)) {
                self.push_unsubscribed(conn, &name, code::UNSUBSCRIBED);
            }
        }
        Ok(())
    }

    /// [`stoa_core::hub::Hub::bar`].
    pub fn bar_user(&mut self, now: Now, user: &str, channel: &str) {
        self.now = now;
        for conn in self.connections_of(user, None) {
            if let Some(pending) = self.conns.get_mut(conn).and_then(|c| c.pending(channel)) {
                pending.revoked = true;
            }
        }
    }

    /// [`stoa_core::hub::Hub::disconnect`]. What was published before arrives before.
    pub fn disconnect_user(&mut self, now: Now, user: &str, client: Option<&str>, code: u32, reason: &str) {
        self.now = now;
        for conn in self.connections_of(user, client) {
            let chans: Vec<ChanId> =
                self.conns.get(conn).map_or_else(Vec::new, |c| c.subs.iter().map(|s| s.chan).collect());
            for chan in chans {
                self.flush(chan);
            }
            self.close_with(conn, code, Cow::Owned(reason.to_owned()), HubLeft::Server);
        }
    }

    /// [`stoa_core::hub::Hub::presence`].
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn presence(&self, channel: &str) -> Result<Vec<HubPresence>, ApiError> {
        self.checked(channel)?;
        let ch = self.names.get(channel).and_then(|c| self.channels.get(*c));
        let present = ch.into_iter().flat_map(|ch| &ch.present);
        let who = present.filter_map(|c| self.conns.get(*c)).filter_map(|c| c.me.as_ref());
        Ok(who.map(|m| HubPresence { client: m.client.client.clone(), user: m.client.user.clone() }).collect())
    }

    /// [`stoa_core::hub::Hub::presence_stats`].
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn presence_stats(&self, channel: &str) -> Result<(u32, u32), ApiError> {
        self.checked(channel)?;
        Ok(self.names.get(channel).and_then(|c| self.channels.get(*c)).map_or((0, 0), Channel::counts))
    }

    /// [`stoa_core::hub::Hub::history`].
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn history(
        &mut self,
        channel: &str,
        since: Option<&Position>,
        limit: u32,
    ) -> Result<(Vec<HubPublication>, Position), ApiError> {
        let name = self.checked(channel)?;
        // A position that was handed out must stay good, so asking for it makes the channel.
        let Some(chan) = self.channel(&name) else { return Err(ApiError::UnknownNamespace) };
        let Some(ch) = self.channels.get(chan) else { return Err(ApiError::UnknownNamespace) };
        let position = Position { offset: ch.top, epoch: ch.epoch.text().to_owned() };
        let page = match since {
            Some(s) if !s.epoch.is_empty() && s.epoch != position.epoch => Err(ApiError::OtherEpoch),
            _ => Ok(ch.page(since.map(|s| s.offset), usize::try_from(limit).unwrap_or(usize::MAX), false)),
        };
        self.rest_if_idle(chan);
        let kept = |p: crate::proto::Publication| HubPublication {
            offset: p.offset,
            data: String::from_utf8_lossy(&p.data).into_owned(),
        };
        page.map(|page| (page.into_iter().map(kept).collect(), position))
    }

    /// [`stoa_core::hub::Hub::history_remove`].
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn history_remove(&mut self, now: Now, channel: &str) -> Result<(), ApiError> {
        self.now = now;
        self.checked(channel)?;
        if let Some(chan) = self.names.get(channel).copied() {
            let freed = self.channels.get_mut(chan).map_or(0, Channel::forget);
            self.history_changed(-freed.cast_signed());
            self.rest_if_idle(chan);
        }
        Ok(())
    }

    /// [`stoa_core::hub::Hub::history_replace`]. A hub that stops refuses: what it takes over the restart is written.
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn history_replace(&mut self, channel: &str, offset: u64, data: &str) -> Result<bool, ApiError> {
        self.checked(channel)?;
        let data: Bytes = normalise(data).ok_or(ApiError::BadData)?;
        if self.frozen {
            return Err(ApiError::Stopping);
        }
        let chan = self.names.get(channel).copied();
        let change = chan.and_then(|c| self.channels.get_mut(c)).and_then(|ch| ch.replace(offset, data));
        if let Some(change) = change {
            self.history_changed(change);
        }
        Ok(change.is_some())
    }
}
