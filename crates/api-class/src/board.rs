//! What the whiteboard's door needs (classroom.md 6.6): the text in class objects, checksums, the memory of used
//! nonces, and the pump between a socket and a session.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use secrecy::ExposeSecret;
use serde::Serialize;
use stoa_core::Kind;
use stoa_core::board::BoardSession;
use stoa_core::class::Class;
use subtle::ConstantTimeEq;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::config::{BoardKeys, BoardProvider};

/// Open whiteboard sockets at once, over all classes. Each holds a task and, while it is read too slowly, some frames:
/// more would let members of many classes take the memory of everybody.
pub(crate) const MAX_SOCKETS: usize = 20_000;

/// Largest message of a client in bytes. A page full of strokes has some 100 KiB; larger ones would only let one client
/// hold much memory.
pub(crate) const MAX_MESSAGE: usize = 1024 * 1024;

/// Greatest difference between a checksum's time and ours, in seconds.
const MAX_AGE_SECS: i64 = 300;

/// Nonces remembered at once. Only those of let-in callers are: beyond this many in ten minutes the oldest could be
/// used again, still only by members of the class with a login token.
const MAX_NONCES: usize = 200_000;

/// Between two pings. Shorter finds dead clients sooner, longer costs phones less; proxies often cut at 60 s.
const PING_EVERY: Duration = Duration::from_secs(25);

/// Longest wait for a client to take a frame. A client that is stuck longer has to come again, and gets the whole board.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Longest wait for a client's part of a close.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// The `boards` text of class objects: exactly these keys.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BoardText<'a> {
    app_key: &'a str,
    board_id: String,
    board_title: &'a str,
    cid: String,
    code: u16,
    message: &'static str,
    uid: i64,
}

/// JSON text about a class's whiteboard: the one that it was made with.
pub(crate) fn board_text(provider: &BoardProvider, class: &Class) -> String {
    let embedded = match provider {
        BoardProvider::Embedded(keys) => &keys.app_key,
        BoardProvider::NetEase(netease) => netease.app_key(),
    };
    let outside = class.outside.board.as_ref();
    let text = BoardText {
        app_key: outside.map_or(embedded, |b| &b.app_key),
        board_id: class.id.to_string(),
        board_title: &class.board_title,
        cid: outside.map_or_else(|| cid(class.id.0), |b| b.cid.clone()),
        code: 200,
        message: "succeed",
        uid: class.created.secs(),
    };
    serde_json::to_string(&text).unwrap_or_default()
}

/// The first 12 hex digits of the id as a decimal number of 15 digits.
fn cid(id: [u8; 16]) -> String {
    let n = id[..6].iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
    format!("{n:015}")
}

/// What proves that we gave out this nonce at this time: the vendor's form, so that its clients need no other.
pub(crate) fn checksum(keys: &BoardKeys, nonce: &str, secs: i64) -> String {
    stoa_vendor::netease::checksum(keys.app_secret.expose_secret(), nonce, secs)
}

/// A nonce that we gave out, with its age checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    nonce: [u8; 16],
    time: i64,
}

impl Ticket {
    /// Reads the three parts; an error says why not, for the log.
    pub(crate) fn read(
        keys: &BoardKeys,
        (nonce, time, sum): (&str, &str, &str),
        now_secs: i64,
    ) -> Result<Self, &'static str> {
        // Fixed forms: with others the parts could be cut elsewhere and still have the same checksum.
        let plain = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let mut bytes = [0u8; 16];
        if nonce.len() != 32 || !nonce.bytes().all(plain) || hex::decode_to_slice(nonce, &mut bytes).is_err() {
            return Err("board nonce");
        }
        let secs = time.parse::<i64>().ok().filter(|t| t.to_string() == time).ok_or("board time")?;
        let want = checksum(keys, nonce, secs);
        if !bool::from(want.as_bytes().ct_eq(sum.as_bytes())) {
            return Err("board checksum");
        }
        if now_secs.abs_diff(secs) > MAX_AGE_SECS.unsigned_abs() {
            return Err("board ticket too old");
        }
        Ok(Self { nonce: bytes, time: secs })
    }
}

/// Nonces that were good for something, as long as they could be so again: at most 600 s.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    used: HashMap<[u8; 16], i64>,
    order: VecDeque<[u8; 16]>,
}

impl Nonces {
    /// Whether this ticket was used up before.
    pub(crate) fn used(&self, ticket: Ticket) -> bool {
        self.used.contains_key(&ticket.nonce)
    }

    /// Uses a ticket up. False = it was used before.
    pub(crate) fn take(&mut self, ticket: Ticket, now_secs: i64) -> bool {
        while let Some(oldest) = self.order.front() {
            let over = self.used.get(oldest).is_none_or(|time| time + MAX_AGE_SECS < now_secs);
            if !over && self.order.len() < MAX_NONCES {
                break;
            }
            self.used.remove(oldest);
            self.order.pop_front();
        }
        if self.used(ticket) {
            return false;
        }
        self.used.insert(ticket.nonce, ticket.time);
        self.order.push_back(ticket.nonce);
        true
    }
}

/// Why a socket is closed: WebSocket close code and reason.
type Close = (u16, &'static str);

/// Service restart (RFC 6455's registry): the client comes again.
const RESTART: Close = (1012, "the server restarts");
const OVER: Close = (4403, "the right to this board ended");
const NO_TEXT: Close = (1003, "binary messages only");
const MALFORMED: Close = (1007, "not a message of the protocol");
const FULL: Close = (1009, "the board is full");
const FAULT: Close = (1011, "internal error");

/// Carries messages both ways until one side ends. A session that ends while the server is not `ready` is no loss of a
/// right.
pub(crate) async fn pump(mut socket: WebSocket, mut session: Box<dyn BoardSession>, ready: impl Fn() -> bool) {
    let mut beat = interval(PING_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is now; the first ping is not.
    beat.reset();
    let mut heard = true;
    loop {
        tokio::select! {
            out = session.next() => match out {
                Some(bytes) => {
                    if !sent(&mut socket, Message::Binary(bytes.into())).await {
                        return;
                    }
                }
                None => return close(socket, if ready() { OVER } else { RESTART }).await,
            },
            come = socket.recv() => {
                heard = true;
                match come {
                    Some(Ok(Message::Binary(bytes))) => {
                        if let Err(e) = session.feed(&bytes).await {
                            return close(socket, why(e.kind())).await;
                        }
                    }
                    Some(Ok(Message::Text(_))) => return close(socket, NO_TEXT).await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    // The answer to the client's close goes out with the next read.
                    Some(Ok(Message::Close(_))) => return drain(socket).await,
                    Some(Err(_)) | None => return,
                }
            }
            _ = beat.tick() => {
                if !heard || !sent(&mut socket, Message::Ping(bytes::Bytes::new())).await {
                    return;
                }
                heard = false;
            }
        }
    }
}

fn why(kind: &Kind) -> Close {
    match kind {
        Kind::BadInput { .. } => MALFORMED,
        Kind::LimitReached => FULL,
        Kind::Forbidden | Kind::Banned { .. } | Kind::NotFound | Kind::Gone | Kind::NotPresent | Kind::NotYou => OVER,
        Kind::Unauthenticated
        | Kind::BadCredentials
        | Kind::LoginThrottled { .. }
        | Kind::Throttled { .. }
        | Kind::Unavailable
        | Kind::Vendor { .. }
        | Kind::Internal => FAULT,
    }
}

async fn sent(socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(SEND_WITHIN, socket.send(message)).await, Ok(Ok(())))
}

async fn close(mut socket: WebSocket, (code, reason): Close) {
    if sent(&mut socket, Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await {
        drain(socket).await;
    }
}

/// Reads to the end, so that both sides have seen the close.
async fn drain(mut socket: WebSocket) {
    let rest = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _over_anyway = timeout(CLOSE_WITHIN, rest).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str) -> BoardKeys {
        BoardKeys { app_key: "k".into(), app_secret: secret.to_owned().into() }
    }

    const NONCE: &str = "08318a2ea1124ff49d3c5b7a9e0f1122";

    #[test]
    fn w03_the_checksum_meets_its_vector() {
        assert_eq!(checksum(&keys("wbsecret01"), NONCE, 1_691_650_304), "3d9e182d550e8e95fd3bf14d09057532b5ac9655");
    }

    #[test]
    fn the_number_of_a_board_is_made_of_its_id() {
        let id = stoa_core::id::ClassId::parse("89bdb7ab7fa940618a73c7c18a9c0001").unwrap();
        assert_eq!(cid(id.0), "151447923294121");
        assert_eq!(cid([0; 16]), "000000000000000");
        assert_eq!(cid([0xff; 16]).len(), 15);
    }

    #[test]
    fn w04_tickets_have_one_form_and_an_age() {
        let keys = keys("s");
        let now = 1_691_650_304;
        let read = |nonce: &str, time: &str| {
            let sum = checksum(&keys, nonce, time.parse().unwrap_or(now));
            Ticket::read(&keys, (nonce, time, &sum), now).err()
        };
        assert_eq!(read(NONCE, "1691650304"), None);
        assert_eq!(read(NONCE, "1691650004"), None);
        assert_eq!(read(NONCE, "1691650003"), Some("board ticket too old"));
        assert_eq!(read(NONCE, "1691650605"), Some("board ticket too old"));
        for odd in ["", "+1691650304", "01691650304", "1691650304.0", "x", "9223372036854775808"] {
            assert_eq!(read(NONCE, odd), Some("board time"), "{odd}");
        }
        for odd in ["", &NONCE[1..], &NONCE.to_uppercase(), &NONCE.replace('a', "g")] {
            assert_eq!(read(odd, "1691650304"), Some("board nonce"), "{odd}");
        }
        for odd in ["", "3d9e", &checksum(&keys, NONCE, now + 1), &checksum(&keys, NONCE, now).to_uppercase()] {
            assert_eq!(Ticket::read(&keys, (NONCE, "1691650304", odd), now), Err("board checksum"));
        }
        assert_eq!(Ticket::read(&keys, (NONCE, "-9223372036854775808", "x"), now), Err("board checksum"));
    }

    #[test]
    fn a_nonce_is_used_once_as_long_as_its_ticket_counts_and_then_forgotten() {
        let mut nonces = Nonces::default();
        let ticket = |n: u8, time| Ticket { nonce: [n; 16], time };
        assert!(nonces.take(ticket(1, 1000), 700));
        assert!(!nonces.take(ticket(1, 1000), 1300), "600 s later");
        assert!(nonces.take(ticket(2, 1200), 1301));
        assert_eq!((nonces.used.len(), nonces.order.len()), (1, 1));
        for n in 0..MAX_NONCES + 10 {
            let mut nonce = [0u8; 16];
            nonce[..8].copy_from_slice(&n.to_le_bytes());
            assert!(nonces.take(Ticket { nonce, time: 1301 }, 1301));
        }
        assert_eq!((nonces.used.len(), nonces.order.len()), (MAX_NONCES, MAX_NONCES));
    }
}
