//! Subscriptions: asked for, granted, admitted, ended (hub.md 2.4, 2.8, 3.4, 7.2).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use stoa_core::hub::{HubLeft, HubRefusal, HubSubscribed};

use super::conn::{MAX_AFTER, MAX_CHANNELS, Pending};
use super::{Ask, Call, ChanId, ConnId, Engine, Sub, refused};
use crate::proto::code::{self, Error};
use crate::proto::{
    ChannelRequest, Command, Empty, Push, Reply, SubscribePush, SubscribeRequest, SubscribeResult, UnsubscribePush,
    normalise,
};

/// Bit of `flag`: an unrecoverable position is an error, not `recovered:false`.
const FLAG_ERROR: i64 = 2;

/// How somebody is let in.
pub(super) struct Admission<'a> {
    pub request: &'a SubscribeRequest,
    pub presence: bool,
    pub server: bool,
    pub data: Option<&'a str>,
}

impl Engine {
    pub(super) fn subscribe(&mut self, conn: ConnId, id: u32, request: SubscribeRequest) {
        if request.channel.is_empty() || !matches!(request.delta.as_str(), "" | "fossil") {
            return self.close(conn, code::BAD_REQUEST);
        }
        let chan = self.names.get(request.channel.as_str()).copied();
        let fault = self.subscribe_fault(&request);
        let Some(c) = self.conns.get_mut(conn) else { return };
        if let Some(error) = fault {
            return self.fail(conn, id, error);
        }
        if let Some(pending) = c.pending(&request.channel) {
            if pending.after.len() >= MAX_AFTER {
                refused("subscribe_queue");
                return self.fail(conn, id, Error::TOO_MANY_REQUESTS);
            }
            pending.after.push_back(Command { id, subscribe: Some(request), ..Default::default() });
            return;
        }
        let own = c.subs.iter().filter(|s| !s.server).count() + c.pending.len();
        let error = if chan.is_some_and(|chan| c.sub(chan).is_some()) {
            Error::ALREADY_SUBSCRIBED
        } else if own >= MAX_CHANNELS {
            Error::LIMIT_EXCEEDED
        } else if request.channel.contains(":#") || !request.token.is_empty() {
            // A personal channel is the server's to subscribe; subscription tokens are not taken.
            Error::PERMISSION_DENIED
        } else {
            let Some(client) = c.me.as_ref().map(|m| m.client.clone()) else { return };
            let channel: Arc<str> = request.channel.as_str().into();
            let after = VecDeque::new();
            c.pending.push(Pending { channel: channel.clone(), id, request, granted: None, revoked: false, after });
            return self.ask(client, Call::Subscribe { conn, channel: channel.clone() }, Ask::Subscribe { channel });
        };
        self.fail(conn, id, error);
    }

    fn subscribe_fault(&self, request: &SubscribeRequest) -> Option<Error> {
        let channel = &request.channel;
        if !Self::is_name(channel) || request.tf.is_some() {
            Some(Error::BAD_REQUEST)
        } else if request.kind != 0 {
            Some(Error::NOT_AVAILABLE)
        } else if channel.starts_with('$') {
            Some(Error::PERMISSION_DENIED)
        } else if self.namespace(channel).is_none() {
            Some(Error::UNKNOWN_CHANNEL)
        } else {
            None
        }
    }

    pub(super) fn subscribe_answered(
        &mut self,
        conn: ConnId,
        channel: &Arc<str>,
        result: Result<HubSubscribed, HubRefusal>,
    ) {
        self.kind = "subscribe";
        let Some(pending) = self.conns.get_mut(conn).and_then(|c| c.pending(channel)) else { return };
        // The product ended this subscription after it was asked: its later word counts (hub.md 5.8).
        let result = if pending.revoked { Err(HubRefusal::DENIED) } else { result };
        let granted = result.and_then(|mut granted| {
            if let Some(data) = granted.data.take() {
                let clean = normalise(&data).and_then(|d| String::from_utf8(d.into()).ok());
                granted.data = Some(clean.ok_or(HubRefusal::INTERNAL)?);
            }
            Ok(granted)
        });
        match granted {
            Ok(granted) => pending.granted = Some(granted),
            Err(HubRefusal::Disconnect { code, reason }) => return self.close_for_product(conn, code, reason),
            Err(HubRefusal::Error { code, message, temporary }) => {
                return self.refuse(conn, channel, Error { code, message, temporary });
            }
        }
        let Some(chan) = self.channel(channel) else { return self.refuse(conn, channel, Error::UNKNOWN_CHANNEL) };
        match self.channels.get_mut(chan) {
            Some(ch) if ch.batched > 0 => ch.waiting.push_back(conn),
            _ => self.settle(conn, chan),
        }
    }

    fn refuse(&mut self, conn: ConnId, channel: &Arc<str>, error: Error) {
        let Some(c) = self.conns.get_mut(conn) else { return };
        let Some(at) = c.pending.iter().position(|p| p.channel == *channel) else { return };
        let pending = c.take_pending(at);
        self.fail(conn, pending.id, error);
        self.run_all(conn, pending.after);
    }

    /// Lets in whom the product has granted a subscription; the channel's batch is empty.
    pub(super) fn settle(&mut self, conn: ConnId, chan: ChanId) {
        let Some(ch) = self.channels.get(chan) else { return };
        let Some(c) = self.conns.get_mut(conn) else { return };
        let Some(at) = c.pending.iter().position(|p| p.channel == ch.name && p.granted.is_some()) else { return };
        let pending = c.take_pending(at);
        let (id, granted) = (pending.id, pending.granted.as_ref());
        let how = Admission {
            request: &pending.request,
            presence: granted.is_some_and(|g| g.presence),
            server: id == 0,
            data: granted.and_then(|g| g.data.as_deref()),
        };
        self.kind = "subscribe";
        match self.admit(conn, chan, &how) {
            Some(result) if id == 0 => self.push_subscribed(conn, &pending.channel, &result),
            Some(result) => {
                self.done();
                self.send(conn, &Reply { id, subscribe: Some(result), ..Default::default() });
            }
            None => self.fail(conn, id, Error::UNRECOVERABLE),
        }
        self.run_all(conn, pending.after);
        self.rest_if_idle(chan);
    }

    fn run_all(&mut self, conn: ConnId, commands: VecDeque<Command>) {
        for command in commands {
            self.run(conn, command);
        }
    }

    /// Computes the answer and enters the channel. None = lost, and the client wants that as an error.
    pub(super) fn admit(&mut self, conn: ConnId, chan: ChanId, how: &Admission<'_>) -> Option<SubscribeResult> {
        let now = self.ms();
        let ch = self.channels.get(chan)?;
        let ns = &self.config.namespaces[ch.namespace];
        let c = self.conns.get_mut(conn)?;
        let data = how.data.map_or_else(Bytes::new, |d| Bytes::copy_from_slice(d.as_bytes()));
        let mut result = SubscribeResult { data, ..Default::default() };
        if ns.recover && ns.history_size > 0 {
            result.recoverable = true;
            result.positioned = true;
            ch.epoch.text().clone_into(&mut result.epoch);
            result.offset = ch.top;
            result.was_recovering = how.request.recover;
        }
        if result.was_recovering {
            let missed = ch.recover(how.request.offset, &how.request.epoch);
            let bytes = |all: &Vec<_>| all.iter().map(|p: &crate::proto::Publication| p.data.len() + 32).sum();
            match missed.filter(|m| c.may_recover(bytes(m), now)) {
                Some(missed) => {
                    metrics::counter!("stoa_hub_recoveries_total", "result" => "ok").increment(1);
                    metrics::counter!("stoa_hub_recovered_publications_total").increment(missed.len() as u64);
                    result.recovered = true;
                    // The SDK advances by itself, one by one.
                    result.offset = how.request.offset;
                    result.publications = missed;
                }
                None => {
                    metrics::counter!("stoa_hub_recoveries_total", "result" => "lost").increment(1);
                    if how.request.flag & FLAG_ERROR != 0 && !how.server {
                        return None;
                    }
                }
            }
        }
        self.enter(conn, chan, how.server, how.presence);
        Some(result)
    }

    pub(super) fn push_subscribed(&mut self, conn: ConnId, channel: &str, result: &SubscribeResult) {
        let subscribe = Some(SubscribePush {
            recoverable: result.recoverable,
            epoch: result.epoch.clone(),
            offset: result.offset,
            positioned: result.positioned,
        });
        self.push(conn, Push { channel: channel.to_owned(), subscribe, ..Default::default() });
    }

    pub(super) fn push_unsubscribed(&mut self, conn: ConnId, channel: &str, (code, reason): (u32, &str)) {
        let unsubscribe = Some(UnsubscribePush { code, reason: reason.to_owned() });
        self.push(conn, Push { channel: channel.to_owned(), unsubscribe, ..Default::default() });
    }

    fn push(&mut self, conn: ConnId, push: Push) {
        self.send(conn, &Reply { push: Some(push), ..Default::default() });
    }

    /// Always succeeds; behind a subscribe that is still under way it waits for that.
    pub(super) fn unsubscribe(&mut self, conn: ConnId, id: u32, request: ChannelRequest) {
        if request.channel.is_empty() {
            return self.close(conn, code::BAD_REQUEST);
        }
        let Some(c) = self.conns.get_mut(conn) else { return };
        if let Some(pending) = c.pending(&request.channel) {
            if pending.after.len() >= MAX_AFTER {
                refused("subscribe_queue");
                return self.close(conn, code::TOO_MANY_REQUESTS);
            }
            pending.after.push_back(Command { id, unsubscribe: Some(request), ..Default::default() });
            return;
        }
        if let Some(chan) = self.names.get(request.channel.as_str()).copied() {
            self.end_sub(conn, chan, HubLeft::Itself);
        }
        self.done();
        self.send(conn, &Reply { id, unsubscribe: Some(Empty {}), ..Default::default() });
    }

    /// Takes a connection out of a channel. False = it was not in it.
    pub(super) fn end_sub(&mut self, conn: ConnId, chan: ChanId, left: HubLeft) -> bool {
        let Some(c) = self.conns.get_mut(conn) else { return false };
        let Some(at) = c.subs.iter().position(|s| s.chan == chan) else { return false };
        let Sub { at, .. } = c.subs.swap_remove(at);
        let format = c.format;
        self.leave(conn, format, chan, at, left);
        true
    }
}
