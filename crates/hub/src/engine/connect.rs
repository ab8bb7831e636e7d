//! Connect and refresh (hub.md 2.4, 3.1, 3.2).

use std::collections::VecDeque;
use std::sync::Arc;

use stoa_core::hub::{HubAdmitted, HubClient, HubRefusal};

use super::conn::{Connecting, Me, State};
use super::subscribe::Admission;
use super::{Ask, Bucket, Call, ConnId, Engine, millis, refused};
use crate::proto::code::{self, Error};
use crate::proto::{Command, ConnectResult, RefreshRequest, RefreshResult, Reply};
use crate::token::{Claims, Refused};

/// Users whose connect rate is remembered; those that have been quiet are dropped first.
const MAX_CONNECT_RATES: usize = 100_000;

impl Engine {
    pub(super) fn connect(&mut self, conn: ConnId, command: Command) {
        let Some(request) = command.connect else { return };
        let id = command.id;
        if request.token.is_empty() {
            return self.close(conn, code::BAD_REQUEST);
        }
        let claims = match self.config.verifier.verify(&request.token, self.now.wall) {
            Ok(claims) => claims,
            Err(Refused::Invalid) => return self.close(conn, code::INVALID_TOKEN),
            Err(Refused::Expired) => return self.refuse_connect(conn, id, Error::TOKEN_EXPIRED),
            Err(Refused::ConnectionExpired) => return self.refuse_connect(conn, id, Error::EXPIRED),
        };
        let user: Arc<str> = claims.user.as_str().into();
        if !self.may_connect(&user) {
            refused("connects_user");
            return self.refuse_connect(conn, id, Error::TOO_MANY_REQUESTS);
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        let (ttl, expire_at) = self.life(&claims);
        let Some(c) = self.conns.get_mut(conn) else { return };
        let client = Arc::new(client(&c.client, &claims));
        c.seq = seq;
        c.expire_at = expire_at;
        c.me = Some(Me { client: client.clone(), user: user.clone(), info: claims.info });
        c.state = State::Connecting(Box::new(Connecting { id, subs: request.subs, ttl, backlog: VecDeque::new() }));
        // Known by its user from now on: a disconnect of the product finds it while the hook is under way.
        self.users.entry(user).or_default().push(conn);
        self.ask(client, Call::Connect(conn), Ask::Connect);
    }

    fn may_connect(&mut self, user: &Arc<str>) -> bool {
        let (rate, now) = (self.config.limits.connects_user, self.ms());
        if self.connect_rates.len() >= MAX_CONNECT_RATES {
            self.connect_rates.retain(|_, b| !b.is_full(rate, now));
        }
        if self.connect_rates.len() >= MAX_CONNECT_RATES && !self.connect_rates.contains_key(user) {
            return true;
        }
        self.connect_rates.entry(user.clone()).or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
    }

    /// Seconds that the token still lives, and the instant at which the connection ends without a new one.
    fn life(&self, claims: &Claims) -> (Option<u32>, u64) {
        let Some(expires) = claims.expires else { return (None, 0) };
        let secs = u32::try_from(expires - self.now.wall.secs()).unwrap_or(0).max(1);
        (Some(secs), self.ms() + u64::from(secs) * 1000 + millis(self.config.timing.grace))
    }

    /// The connection is dead after this: what came with the connect is not answered, what comes later closes it, and
    /// so does the timer.
    fn refuse_connect(&mut self, conn: ConnId, id: u32, error: Error) {
        if let Some(c) = self.conns.get_mut(conn) {
            c.state = State::Dead;
            c.expire_at = 0;
            if let Some(me) = c.me.take() {
                self.forget_user(&me.user, conn);
            }
        }
        metrics::counter!("stoa_hub_commands_total", "kind" => "connect", "result" => "error").increment(1);
        self.send(conn, &Reply { id, error: Some(error.reply()), ..Default::default() });
    }

    pub(super) fn connect_answered(&mut self, conn: ConnId, result: Result<HubAdmitted, HubRefusal>) {
        let Some(c) = self.conns.get_mut(conn) else { return };
        let State::Connecting(connecting) = std::mem::replace(&mut c.state, State::Dead) else { return };
        let Connecting { id, subs, ttl, backlog } = *connecting;
        let admitted = match result {
            Ok(admitted) => admitted,
            Err(HubRefusal::Error { code, message, temporary }) => {
                return self.refuse_connect(conn, id, Error { code, message, temporary });
            }
            Err(HubRefusal::Disconnect { code, reason }) => return self.close_for_product(conn, code, reason),
        };
        if self.namespace(&admitted.personal).is_none() {
            return self.refuse_connect(conn, id, Error::UNKNOWN_CHANNEL);
        }
        let c = match self.conns.get_mut(conn) {
            Some(c) if self.frozen => {
                c.state = State::Dead;
                return self.close(conn, code::SHUTDOWN);
            }
            Some(c) => c,
            None => return,
        };
        c.state = State::Open;
        c.stale_at = 0;
        if !self.take_place(conn, admitted.policy) {
            return;
        }
        let mut reply = self.connect_result(conn, ttl);
        let remembered = subs.get(&admitted.personal).cloned().unwrap_or_default();
        let chan = self.channel(&admitted.personal.as_str().into());
        if let Some(chan) = chan {
            self.flush(chan);
            let how = Admission { request: &remembered, presence: false, server: true, data: None };
            if let Some(result) = self.admit(conn, chan, &how) {
                reply.subs.insert(admitted.personal, result);
            }
        }
        metrics::counter!("stoa_hub_commands_total", "kind" => "connect", "result" => "ok").increment(1);
        self.send(conn, &Reply { id, connect: Some(reply), ..Default::default() });
        self.first_ping(conn);
        for command in backlog {
            self.command(conn, command);
        }
    }

    fn connect_result(&self, conn: ConnId, ttl: Option<u32>) -> ConnectResult {
        let c = self.conns.get(conn);
        let native = c.is_some_and(|c| c.native_ping);
        let ping = u32::try_from(self.config.timing.ping.as_secs()).unwrap_or(u32::MAX).max(1);
        ConnectResult {
            client: c.map_or_else(String::new, |c| c.client.to_string()),
            version: self.config.version.clone(),
            expires: ttl.is_some(),
            ttl: ttl.unwrap_or(0),
            ping: if native { 0 } else { ping },
            pong: !native,
            time: self.now.wall.0,
            ..Default::default()
        }
    }

    /// Somewhere after the first half of the interval, so that clients which came together do not answer together. Who
    /// vanishes right after coming, as many do, is found well before the end of the second half.
    fn first_ping(&mut self, conn: ConnId) {
        let ping = millis(self.config.timing.ping);
        let spread = self.random() % (ping * 3 / 10).max(1);
        let at = self.ms() + ping / 2 + spread;
        if let Some(c) = self.conns.get_mut(conn) {
            c.ping_at = at;
        }
        self.arm_conn(conn);
    }

    pub(super) fn refresh(&mut self, conn: ConnId, id: u32, request: &RefreshRequest) {
        if request.token.is_empty() {
            return self.close(conn, code::BAD_REQUEST);
        }
        let claims = match self.config.verifier.verify(&request.token, self.now.wall) {
            Ok(claims) => claims,
            Err(Refused::Invalid) => return self.close(conn, code::INVALID_TOKEN),
            // An error 109 would be terminal here; after this close the reconnect gets it, and a new token follows.
            Err(_) => return self.close(conn, code::EXPIRED),
        };
        let Some(c) = self.conns.get(conn) else { return };
        if c.me.as_ref().is_none_or(|m| *m.user != *claims.user) {
            return self.close(conn, code::INVALID_TOKEN);
        }
        // Asked as at connect: a login session may have been revoked since.
        let client = Arc::new(client(&c.client, &claims));
        let call = Call::Refresh { conn, id, claims: Box::new(claims), client: client.clone() };
        self.ask(client, call, Ask::Connect);
    }

    pub(super) fn refresh_answered(
        &mut self,
        conn: ConnId,
        id: u32,
        claims: Claims,
        client: Arc<HubClient>,
        result: Result<HubAdmitted, HubRefusal>,
    ) {
        self.kind = "refresh";
        match result {
            Ok(_) => {}
            Err(HubRefusal::Error { code, message, temporary: true }) => {
                return self.fail(conn, id, Error { code, message, temporary: true });
            }
            Err(HubRefusal::Error { .. }) => return self.close(conn, code::INVALID_TOKEN),
            Err(HubRefusal::Disconnect { code, reason }) => return self.close_for_product(conn, code, reason),
        }
        let (ttl, expire_at) = self.life(&claims);
        let Some(c) = self.conns.get_mut(conn) else { return };
        c.expire_at = expire_at;
        if let Some(me) = &mut c.me {
            me.client = client;
            me.info = claims.info;
        }
        let refresh = RefreshResult {
            client: c.client.to_string(),
            version: self.config.version.clone(),
            expires: ttl.is_some(),
            ttl: ttl.unwrap_or(0),
        };
        self.arm_conn(conn);
        self.done();
        self.send(conn, &Reply { id, refresh: Some(refresh), ..Default::default() });
    }
}

fn client(id: &str, claims: &Claims) -> HubClient {
    HubClient { client: id.to_owned(), user: claims.user.clone(), meta: claims.meta.clone(), issued: claims.issued }
}
