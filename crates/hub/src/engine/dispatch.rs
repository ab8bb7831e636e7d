//! Commands of an open connection (hub.md 2.4, 5.6).

use bytes::Bytes;
use stoa_core::hub::HubRefusal;

use super::{Ask, Call, ChanId, ConnId, Engine, refused};
use crate::proto::code::{self, Error};
use crate::proto::{
    ClientInfo, Command, Format, HistoryRequest, HistoryResult, PresenceResult, PresenceStatsResult, PublishRequest,
    Reply, RpcRequest, RpcResult, SubRefreshRequest, normalise,
};

/// Function calls under way of everybody together; above it callers are told to slow down, because more would only
/// wait for the same store.
const MAX_RPC_CALLS: usize = 1_000;
/// Most entries of a presence answer; with public infos at their limit it still fits a connection's queue.
const MAX_PRESENCE: usize = 500;

impl Engine {
    /// Rate first, then the command.
    pub(super) fn dispatch(&mut self, conn: ConnId, command: Command) {
        let now = self.ms();
        let rate = self.config.limits.commands;
        let Some(c) = self.conns.get_mut(conn) else { return };
        if !c.commands.take(rate, now) {
            refused("commands");
            self.kind = kind(&command);
            if c.flooded(now) {
                return self.close(conn, code::TOO_MANY_REQUESTS);
            }
            // An error to an unsubscribe would make an SDK drop the connection.
            if command.unsubscribe.is_none() && command.send.is_none() {
                return self.fail(conn, command.id, Error::TOO_MANY_REQUESTS);
            }
        }
        self.run(conn, command);
    }

    pub(super) fn run(&mut self, conn: ConnId, command: Command) {
        let id = command.id;
        self.kind = kind(&command);
        if let Some(request) = command.subscribe {
            self.subscribe(conn, id, request);
        } else if let Some(request) = command.unsubscribe {
            self.unsubscribe(conn, id, request);
        } else if let Some(request) = command.rpc {
            self.rpc(conn, id, request);
        } else if let Some(request) = command.publish {
            self.client_publish(conn, id, &request);
        } else if let Some(request) = command.presence {
            self.client_presence(conn, id, &request.channel, false);
        } else if let Some(request) = command.presence_stats {
            self.client_presence(conn, id, &request.channel, true);
        } else if let Some(request) = command.history {
            self.client_history(conn, id, &request);
        } else if let Some(request) = command.refresh {
            self.refresh(conn, id, &request);
        } else if let Some(request) = command.sub_refresh {
            self.sub_refresh(conn, id, &request);
        } else if command.send.is_some() {
            self.close(conn, code::NOT_AVAILABLE);
        } else {
            self.close(conn, code::BAD_REQUEST);
        }
    }

    pub(super) fn fail(&mut self, conn: ConnId, id: u32, error: Error) {
        let now = self.ms();
        metrics::counter!("stoa_hub_commands_total", "kind" => self.kind, "result" => "error").increment(1);
        self.send(conn, &Reply { id, error: Some(error.reply()), ..Default::default() });
        // Refusals by a rate have their own end; a fault of ours is not the client's.
        let counts = !error.temporary && error.code != Error::TOO_FAST.code;
        if counts && self.conns.get_mut(conn).is_some_and(|c| c.failed(now)) {
            self.close(conn, code::TOO_MANY_ERRORS);
        }
    }

    pub(super) fn done(&self) {
        metrics::counter!("stoa_hub_commands_total", "kind" => self.kind, "result" => "ok").increment(1);
    }

    /// Our namespaces take publications of the server only.
    fn client_publish(&mut self, conn: ConnId, id: u32, request: &PublishRequest) {
        let error = if request.channel.is_empty() {
            return self.close(conn, code::BAD_REQUEST);
        } else if request.data.is_empty() {
            Error::BAD_REQUEST
        } else if self.namespace(&request.channel).is_none() {
            Error::UNKNOWN_CHANNEL
        } else {
            Error::PERMISSION_DENIED
        };
        self.fail(conn, id, error);
    }

    /// The channel, if this connection is in it and has not asked too often.
    fn readable(&mut self, conn: ConnId, channel: &str, has: fn(&super::Namespace) -> bool) -> Result<ChanId, Error> {
        let namespace = self.namespace(channel).ok_or(Error::UNKNOWN_CHANNEL)?;
        if !has(&self.config.namespaces[namespace]) {
            return Err(Error::NOT_AVAILABLE);
        }
        let (rate, now) = (self.config.limits.reads, self.ms());
        let chan = self.names.get(channel).copied();
        let c = self.conns.get_mut(conn).ok_or(Error::INTERNAL)?;
        if !c.reads.take(rate, now) {
            refused("reads");
            return Err(Error::TOO_MANY_REQUESTS);
        }
        chan.filter(|chan| c.sub(*chan).is_some()).ok_or(Error::PERMISSION_DENIED)
    }

    fn client_presence(&mut self, conn: ConnId, id: u32, channel: &str, stats: bool) {
        if channel.is_empty() {
            return self.close(conn, code::BAD_REQUEST);
        }
        let found = self.readable(conn, channel, |n| n.presence);
        let chan = match found {
            Ok(chan) => chan,
            Err(error) => return self.fail(conn, id, error),
        };
        let Some(ch) = self.channels.get(chan) else { return };
        let mut reply = Reply { id, ..Default::default() };
        if stats {
            let (num_clients, num_users) = ch.counts();
            reply.presence_stats = Some(PresenceStatsResult { num_clients, num_users });
        } else if ch.present.len() > MAX_PRESENCE {
            return self.fail(conn, id, Error::LIMIT_EXCEEDED);
        } else {
            let mut result = PresenceResult::default();
            for me in ch.present.iter().filter_map(|c| self.conns.get(*c)).filter_map(|c| c.me.as_ref()) {
                let client = me.client.client.clone();
                let info = ClientInfo { user: me.user.to_string(), client: client.clone(), conn_info: me.info.clone() };
                result.presence.insert(client, info);
            }
            reply.presence = Some(result);
        }
        self.done();
        self.send(conn, &reply);
    }

    fn client_history(&mut self, conn: ConnId, id: u32, request: &HistoryRequest) {
        if request.channel.is_empty() {
            return self.close(conn, code::BAD_REQUEST);
        }
        let found = self.readable(conn, &request.channel, |n| n.history_size > 0);
        let chan = match found {
            Ok(chan) => chan,
            Err(error) => return self.fail(conn, id, error),
        };
        let Some(ch) = self.channels.get(chan) else { return };
        let since = request.since.as_ref();
        if since.is_some_and(|s| !s.epoch.is_empty() && !ch.epoch.is(&s.epoch)) {
            return self.fail(conn, id, Error::UNRECOVERABLE);
        }
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let publications = ch.page(since.map(|s| s.offset), limit, request.reverse);
        let history = HistoryResult { publications, epoch: ch.epoch.text().to_owned(), offset: ch.top };
        self.done();
        self.send(conn, &Reply { id, history: Some(history), ..Default::default() });
    }

    /// There are no subscription tokens, so no subscription is one that its client could refresh.
    fn sub_refresh(&mut self, conn: ConnId, id: u32, request: &SubRefreshRequest) {
        let chan = self.names.get(request.channel.as_str()).copied();
        let subscribed = chan.is_some_and(|chan| self.conns.get(conn).is_some_and(|c| c.sub(chan).is_some()));
        if request.channel.is_empty() {
            self.close(conn, code::BAD_REQUEST);
        } else if !subscribed {
            self.fail(conn, id, Error::PERMISSION_DENIED);
        } else {
            self.close(conn, code::BAD_REQUEST);
        }
    }

    /// One at a time per connection: what somebody sends arrives in the order in which it was sent.
    fn rpc(&mut self, conn: ConnId, id: u32, request: RpcRequest) {
        let Some(c) = self.conns.get_mut(conn) else { return };
        if c.rpc_busy {
            if !c.may_wait(&request) {
                refused("rpc_queue");
                return self.fail(conn, id, Error::TOO_MANY_REQUESTS);
            }
            c.rpcs.push_back((id, request));
            return;
        }
        let Some(client) = c.me.as_ref().map(|m| m.client.clone()) else { return };
        let data = if request.data.is_empty() {
            Some(Bytes::from_static(b"null"))
        } else if c.format == Format::Json {
            // A part of a line that was read as JSON.
            Some(request.data)
        } else {
            std::str::from_utf8(&request.data).ok().and_then(normalise)
        };
        let Some(data) = data else {
            return self.fail(conn, id, Error::BAD_REQUEST);
        };
        if self.rpc_calls >= MAX_RPC_CALLS {
            refused("rpc_calls");
            return self.fail(conn, id, Error::TOO_FAST);
        }
        c.rpc_busy = true;
        self.ask(client, Call::Rpc { conn, id }, Ask::Rpc { method: request.method, data });
    }

    pub(super) fn rpc_answered(&mut self, conn: ConnId, id: u32, result: Result<String, HubRefusal>) {
        let Some(c) = self.conns.get_mut(conn) else { return };
        c.rpc_busy = false;
        self.kind = "rpc";
        match result.map(|text| normalise(&text)) {
            Ok(Some(data)) => {
                self.done();
                self.send(conn, &Reply { id, rpc: Some(RpcResult { data }), ..Default::default() });
            }
            Ok(None) => self.fail(conn, id, Error::INTERNAL),
            Err(HubRefusal::Error { code, message, temporary }) => {
                self.fail(conn, id, Error { code, message, temporary });
            }
            Err(HubRefusal::Disconnect { code, reason }) => return self.close_for_product(conn, code, reason),
        }
        // A refused one does not occupy the line, so the next is tried until one does.
        while let Some(c) = self.conns.get_mut(conn)
            && !c.rpc_busy
            && let Some((id, request)) = c.rpcs.pop_front()
        {
            self.rpc(conn, id, request);
        }
    }
}

/// Label of metrics.
fn kind(command: &Command) -> &'static str {
    let kinds = [
        (command.subscribe.is_some(), "subscribe"),
        (command.unsubscribe.is_some(), "unsubscribe"),
        (command.rpc.is_some(), "rpc"),
        (command.publish.is_some(), "publish"),
        (command.presence.is_some(), "presence"),
        (command.presence_stats.is_some(), "presence_stats"),
        (command.history.is_some(), "history"),
        (command.refresh.is_some(), "refresh"),
        (command.sub_refresh.is_some(), "sub_refresh"),
    ];
    kinds.into_iter().find(|k| k.0).map_or("other", |k| k.1)
}
