//! Streams of plain HTTP coming in and ending.

use std::time::Duration;

use stoa_core::error::{Error, Kind, Result};
use stoa_core::id::ChannelKey;
use stoa_core::media::{Refused, Standing};
use stoa_core::stream::{Stream, StreamAsk};
use stoa_core::time::Now;

use super::Shard;
use crate::pc::{OpusAnswer, Pc, PcId, Role, StreamOffer, answered, set_msids, show_candidates};
use crate::room::{ClientParams, Joiner, Link, Owner, Refusal, Streamed, Streaming, fixed_line, may_push, wishes};
use crate::token::Verified;

/// Streams of one user in one channel that may be on their way to their first packet. Clients open one or two; offers
/// whose media never comes would otherwise pile up for the minute that is given to connect.
const MAX_CONNECTING: usize = 8;

/// A stream that asks to come in, its offer read.
pub(crate) struct Entrant {
    pub ask: StreamAsk,
    pub offer: StreamOffer,
    /// The name it gets.
    pub id: String,
}

impl Shard {
    /// Takes in a stream and answers its offer. `asked` is from before its rights are looked at.
    pub(crate) fn stream(&mut self, now: Now, asked: Duration, entrant: Entrant) -> Result<String> {
        if self.draining {
            return Err(refused(Refusal::Busy));
        }
        let ask = &entrant.ask;
        let key = ask.channel.clone();
        let mut standing = ask.rights.standing(&ask.claims);
        {
            let mut memory = self.memory.lock();
            let judged = memory.judge(now, &key, &ask.user, &ask.claims, asked, &mut standing);
            judged.map_err(|why| refused(Refusal::Door(why)))?;
            memory.opened(&key);
        }
        let answer = self.let_in(now, entrant, standing);
        if answer.is_err() && !self.by_key.contains_key(&key) {
            self.memory.lock().closed(&key);
        }
        answer
    }

    fn let_in(&mut self, now: Now, entrant: Entrant, standing: Standing) -> Result<String> {
        let Entrant { ask, offer, id } = entrant;
        let room = self.by_key.get(&ask.channel).copied();
        let role = match &ask.what {
            Stream::Push if !may_push(&offer.lines, &standing.permission) => {
                return Err(Error::new(Kind::Forbidden, "not allowed to publish this"));
            }
            Stream::Play { .. } if !standing.permission.subscribe => {
                return Err(Error::new(Kind::Forbidden, "not allowed to receive"));
            }
            Stream::Play { of } if !room.and_then(|ix| self.rooms.get(&ix)).is_some_and(|r| r.has_publisher(of)) => {
                return Err(Error::new(Kind::NotFound, "nobody to play"));
            }
            Stream::Push => Role::Publisher,
            Stream::Play { .. } => Role::Subscriber,
        };
        if room.and_then(|ix| self.rooms.get(&ix)).is_some_and(|r| r.connecting(&ask.user) >= MAX_CONNECTING) {
            return Err(Error::new(Kind::LimitReached, "too many streams that never connected"));
        }
        // Until the offer is answered nobody is replaced and no channel is made: this is the name it will have.
        let room = room.unwrap_or(self.next_room);
        let pid = self.next_pid;
        self.next_pid += 1;
        let at = self.at(now);
        let pc = self.pcs.open(role, Owner { room, pid, role }, at);
        let joined = self.negotiate(pc, &ask.what, offer).and_then(|(answer, mut link)| {
            if let Link::Stream { streaming, .. } = &mut link {
                streaming.id = id;
            }
            let ix = self.ensure(now, &ask.channel);
            let token = Verified::of_stream(&ask.channel, &ask.identity, ask.claims, &ask.what);
            let (identity, user, client) = (ask.identity, ask.user, ClientParams::default());
            let joiner = Joiner { identity, user, standing, token, client, link };
            let joined = self.with_room(now, ix, |r, ctx| r.join(ctx, pid, joiner));
            joined.unwrap_or(Err(Refusal::Busy)).map_err(refused)?;
            Ok(answer)
        });
        if joined.is_err() {
            self.pcs.close(pc);
        }
        joined
    }

    /// Answers the offer, and says what came of its lines.
    fn negotiate(&mut self, pc: PcId, what: &Stream, offer: StreamOffer) -> Result<(String, Link)> {
        let StreamOffer { sdp, mut lines } = offer;
        let answer = self.pcs.with(pc, |pc| match what {
            Stream::Push => pc.accept_offer(&sdp, |mid| {
                // Music is published this way too: what the client means to send is not narrowed.
                let stereo = lines.iter().any(|l| l.mid == mid && l.stereo);
                OpusAnswer { dtx: false, stereo }
            }),
            Stream::Play { .. } => pc.accept_as_it_is(&sdp),
        });
        self.pcs.renamed(pc);
        let answer = answer.and_then(std::result::Result::ok);
        let answer = answer.ok_or_else(|| Error::bad_input("offer", "cannot be answered"))?;
        let answer = show_candidates(&answer);
        lines.retain(|l| answered(&answer, &l.mid).is_some());
        if lines.is_empty() {
            return Err(Error::bad_input("offer", "no codec in common"));
        }
        let (mut down, mut msids) = (Vec::new(), Vec::new());
        let what = match what {
            Stream::Push => {
                let codec = |l: &crate::pc::StreamLine| answered(&answer, &l.mid).unwrap_or("").to_owned();
                Streamed::Push(lines.into_iter().map(|l| (l.clone(), codec(&l))).collect())
            }
            Stream::Play { of } => {
                for line in &lines {
                    let mid = crate::pc::Mid::from(line.mid.as_str());
                    let pts = self.pcs.with(pc, |pc: &mut Pc| pc.down_line(mid)).unwrap_or_default();
                    down.push(fixed_line(line, pts));
                    msids.push((line.mid.clone(), format!("stoa {}", line.mid)));
                }
                Streamed::Play { of: of.clone(), wishes: wishes(&lines) }
            }
        };
        // Sound and picture belong to one stream for whoever plays them.
        let answer = set_msids(&answer, |mid| msids.iter().find(|(m, _)| m == mid).map(|(_, msid)| msid.as_str()));
        Ok((answer, Link::Stream { streaming: Streaming { id: String::new(), what }, pc, lines: down }))
    }

    /// The client ends its stream; false = there is no such stream.
    pub(crate) fn end_stream(&mut self, now: Now, key: &ChannelKey, id: &str) -> bool {
        let Some(ix) = self.by_key.get(key).copied() else { return false };
        self.with_room(now, ix, |r, ctx| r.end_stream(ctx, id)).unwrap_or(false)
    }
}

fn refused(why: Refusal) -> Error {
    let kind = match why {
        Refusal::Door(Refused::Banned(_) | Refused::Revoked | Refused::BadIdentity) | Refusal::Taken => Kind::Forbidden,
        Refusal::Door(Refused::NoSuchChannel) | Refusal::UnknownSession => Kind::NotFound,
        Refusal::Door(Refused::Limit) => Kind::LimitReached,
        Refusal::Door(Refused::Unavailable) | Refusal::Busy => Kind::Unavailable,
    };
    Error::new(kind, why.to_string())
}
