//! A client of the message hub that costs little: the Centrifuge protocol in JSON over a WebSocket read by hand, so that
//! ten thousand of them fit beside the server they measure.

use std::collections::VecDeque;
use std::io::{Error as IoError, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, bail};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use socket2::{SockFilter, SockRef};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::clock;

/// Key that servers under load are started with, so that tokens for ten thousand users need no ten thousand logins.
/// For loopback only, like the pair of `stoa dev`.
pub const KEY: &[u8; 32] = b"load-hub-key-load-hub-key-load-h";
/// [`KEY`] as the configuration takes it.
pub const KEY_BASE64: &str = "bG9hZC1odWIta2V5LWxvYWQtaHViLWtleS1sb2FkLWg=";
/// Clients per source address. One address has 28,000 ports towards one listener, and closed ones rest for a minute.
const PER_ADDRESS: usize = 5_000;
/// Largest frame read; the server's batches have 32 KiB, its recoveries less than 1 MiB.
const MAX_FRAME: usize = 4 << 20;
/// First size of a read buffer.
const READ: usize = 2 << 10;

/// A connection token for a user, as the server's own API would mint it.
///
/// # Errors
/// Only when the signing backend refuses the key.
pub fn token(app: u64, user: &str) -> Result<String> {
    let now = clock::unix_secs();
    let meta = json!({"role": "user", "uid": user, "app": app, "face": "voice", "dev": user, "dt": "load", "sid": ""});
    let claims = json!({"sub": user, "aud": "hub", "iat": now, "exp": now + 6 * 3600, "meta": meta});
    Ok(encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(KEY))?)
}

/// The loopback address that client number `n` comes from.
#[must_use]
pub fn source(n: usize) -> Ipv4Addr {
    let host = u8::try_from(2 + n / PER_ADDRESS).unwrap_or(254);
    Ipv4Addr::new(127, 0, 0, host)
}

/// Where a channel was seen last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// Of the last publication.
    pub offset: u64,
    /// Of the stream.
    pub epoch: String,
}

impl Position {
    fn of(value: &Value) -> Self {
        Self {
            offset: value.get("offset").and_then(Value::as_u64).unwrap_or(0),
            epoch: value.get("epoch").and_then(Value::as_str).unwrap_or_default().to_owned(),
        }
    }
}

/// Answer to a subscribe.
#[derive(Debug, Clone)]
pub struct Subscribed {
    /// Where the stream is for this client: of the last of `missed`, if there are any.
    pub position: Position,
    /// A position was given.
    pub was_recovering: bool,
    /// Everything since then is in `missed`.
    pub recovered: bool,
    /// What was missed, oldest first.
    pub missed: Vec<Value>,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The server said no.
    #[error("{code} {message}")]
    Refused {
        /// Of the reply.
        code: u64,
        /// Of the reply.
        message: String,
    },
    /// The connection ended, with the close code if there was one.
    #[error("closed ({0:?})")]
    Closed(Option<u16>),
    /// Neither: a fault of the run.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl From<IoError> for Fault {
    fn from(_: IoError) -> Self {
        Self::Closed(None)
    }
}

/// A WebSocket towards the hub, below the protocol.
pub struct Socket {
    tcp: TcpStream,
    buf: Vec<u8>,
    /// Bytes at the front of `buf` that were handed out.
    used: usize,
    /// Close code, once there was one.
    pub closed: Option<u16>,
}

impl Socket {
    /// Opens `path` from a source address; answers once the server upgraded.
    ///
    /// # Errors
    /// No connection, or no upgrade.
    pub async fn open(to: SocketAddr, path: &str, from: Ipv4Addr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
        let tcp = socket.connect(to).await?;
        tcp.set_nodelay(true)?;
        let mut me = Self { tcp, buf: Vec::with_capacity(READ), used: 0, closed: None };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: load\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        me.tcp.write_all(request.as_bytes()).await?;
        let head = loop {
            if let Some(end) = me.buf.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            if me.buf.len() > 16 << 10 || me.tcp.read_buf(&mut me.buf).await? == 0 {
                bail!("no upgrade");
            }
        };
        if !me.buf.starts_with(b"HTTP/1.1 101") {
            bail!(
                "no upgrade: {}",
                String::from_utf8_lossy(&me.buf[..head.min(60)]).lines().next().unwrap_or_default()
            );
        }
        me.used = head;
        Ok(me)
    }

    /// Sends a text frame. The mask is zero: legal, and it leaves the bytes as they are.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send(&mut self, text: &[u8]) -> Result<(), IoError> {
        self.tcp.write_all(&frame(1, text)).await
    }

    /// The payload of the next text frame; `None` = the connection ended. Safe to be cancelled.
    ///
    /// # Errors
    /// The connection broke, or what comes is no WebSocket.
    pub async fn next(&mut self) -> Result<Option<&[u8]>, IoError> {
        loop {
            if let Some((opcode, from, len)) = head(&self.buf[self.used..])? {
                let start = self.used + from;
                self.used = start + len;
                match opcode {
                    1 | 2 => return Ok(Some(&self.buf[start..start + len])),
                    8 => {
                        let code = self.buf.get(start..start + 2).filter(|_| len >= 2);
                        self.closed = Some(code.map_or(1005, |c| u16::from_be_bytes([c[0], c[1]])));
                        return Ok(None);
                    }
                    _ => continue,
                }
            }
            self.buf.drain(..self.used);
            self.used = 0;
            if self.tcp.read_buf(&mut self.buf).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// The host is gone: whatever comes for this socket is dropped before the system sees it, so nothing is acknowledged
    /// and nothing answered, and no end or reset goes out while the socket is kept.
    ///
    /// # Errors
    /// The system refuses.
    pub fn vanish(&self) -> Result<()> {
        // `ret #0` of the classic packet filter: keep no byte of any packet.
        let nothing = SockFilter::new(6, 0, 0, 0);
        Ok(SockRef::from(&self.tcp).attach_filter(&[nothing])?)
    }

    /// Closes without a goodbye: the server sees a reset.
    pub fn cut(self) {
        // Linger zero discards what is unread and leaves no port behind in its minute of rest.
        #[expect(deprecated, reason = "zero never blocks, which is what the deprecation is about")]
        drop(self.tcp.set_linger(Some(std::time::Duration::ZERO)));
    }
}

fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 14);
    out.push(0x80 | opcode);
    match payload.len() {
        n @ 0..=125 => out.push(0x80 | n as u8),
        n @ 126..=65_535 => {
            out.push(0x80 | 126);
            out.extend((n as u16).to_be_bytes());
        }
        n => {
            out.push(0x80 | 127);
            out.extend((n as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
    out
}

/// Opcode, start of the payload and its length, if the whole frame is there.
fn head(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, IoError> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let (from, len) = match (second & 0x7f, rest) {
        (126, [a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        (127, rest) if rest.len() >= 8 => {
            let len = rest[..8].iter().fold(0_u64, |n, b| n << 8 | u64::from(*b));
            (10, usize::try_from(len).unwrap_or(usize::MAX))
        }
        (126 | 127, _) => return Ok(None),
        (n, _) => (2, usize::from(n)),
    };
    if len > MAX_FRAME || first & 0x80 == 0 {
        return Err(IoError::new(ErrorKind::InvalidData, "not a frame of the hub"));
    }
    Ok((bytes.len() >= from + len).then_some((first & 0x0f, from, len)))
}

/// A client that speaks the protocol.
pub struct Client {
    /// The WebSocket below.
    pub socket: Socket,
    id: u64,
    /// Pushes that came while an answer was waited for.
    pushes: VecDeque<Value>,
    lines: VecDeque<Value>,
}

impl Client {
    /// Opens a socket and connects as the user of a token.
    ///
    /// # Errors
    /// No connection, or refused.
    pub async fn connect(to: SocketAddr, from: Ipv4Addr, token: &str) -> Result<Self, Fault> {
        let mut me = Self::open(to, from).await?;
        me.command("connect", json!({"token": token, "name": "load"})).await?;
        Ok(me)
    }

    /// Opens a socket and says nothing.
    ///
    /// # Errors
    /// No connection.
    pub async fn open(to: SocketAddr, from: Ipv4Addr) -> Result<Self, Fault> {
        let socket = Socket::open(to, "/connection/websocket", from).await?;
        Ok(Self { socket, id: 0, pushes: VecDeque::new(), lines: VecDeque::new() })
    }

    /// Sends a command and does not wait; its id.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn post(&mut self, name: &str, body: &Value) -> Result<u64, Fault> {
        self.id += 1;
        let line = json!({"id": self.id, name: body}).to_string();
        self.socket.send(line.as_bytes()).await?;
        Ok(self.id)
    }

    /// A command's result.
    ///
    /// # Errors
    /// Refused, or the connection ended.
    pub async fn command(&mut self, name: &str, body: Value) -> Result<Value, Fault> {
        let id = self.post(name, &body).await?;
        self.reply(id, name).await
    }

    /// A function of the product.
    ///
    /// # Errors
    /// As [`Client::command`].
    pub async fn call(&mut self, method: &str, data: Value) -> Result<Value, Fault> {
        let mut reply = self.command("rpc", json!({"method": method, "data": data})).await?;
        Ok(reply.get_mut("data").map(Value::take).unwrap_or_default())
    }

    /// Joins a group and subscribes to both its channels from where the join says (hub.md 4.7): room, then chat.
    ///
    /// # Errors
    /// As [`Client::command`].
    pub async fn join(&mut self, group: &str) -> Result<[(String, Subscribed); 2], Fault> {
        let joined = self.call("group.join", json!({"groupId": group})).await?;
        let name = |n: usize| joined["channels"][n].as_str().map(str::to_owned).context("no channel");
        let names = [name(0)?, name(1)?];
        let since = [0, 1].map(|n| Some(Position::of(&joined["pos"][&names[n]])));
        let [room, chat] = names;
        let [a, b] = self.enter([&room, &chat], since).await?;
        Ok([(room, a), (chat, b)])
    }

    /// Subscribes to two channels with one frame.
    ///
    /// # Errors
    /// As [`Client::command`].
    pub async fn enter(&mut self, channels: [&str; 2], since: [Option<Position>; 2]) -> Result<[Subscribed; 2], Fault> {
        let first = self.id + 1;
        self.id += 2;
        let line = |n: u64, channel: &str, since: &Option<Position>| {
            let mut body = json!({"channel": channel});
            if let Some(p) = since {
                body = json!({"channel": channel, "recover": true, "offset": p.offset, "epoch": p.epoch});
            }
            json!({"id": n, "subscribe": body}).to_string()
        };
        let frame = format!("{}\n{}", line(first, channels[0], &since[0]), line(first + 1, channels[1], &since[1]));
        self.socket.send(frame.as_bytes()).await?;
        let a = self.reply(first, "subscribe").await?;
        let b = self.reply(first + 1, "subscribe").await?;
        Ok([subscribed(a), subscribed(b)])
    }

    async fn reply(&mut self, id: u64, name: &str) -> Result<Value, Fault> {
        let mine = |l: &Value| l.get("id").and_then(Value::as_u64) == Some(id);
        loop {
            // Answers to two commands may come in either order.
            let mut line = match self.pushes.iter().position(mine).and_then(|at| self.pushes.remove(at)) {
                Some(line) => line,
                None => self.line().await?,
            };
            match line.get("id").and_then(Value::as_u64) {
                Some(got) if got == id => {
                    if let Some(e) = line.get("error") {
                        let code = e.get("code").and_then(Value::as_u64).unwrap_or(0);
                        let message = e.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
                        return Err(Fault::Refused { code, message });
                    }
                    return Ok(line.get_mut(name).map(Value::take).unwrap_or_default());
                }
                // Answers to what was posted earlier are somebody else's.
                _ => self.pushes.push_back(line),
            }
        }
    }

    /// The next push, or the answer to something posted.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn next(&mut self) -> Result<Value, Fault> {
        match self.pushes.pop_front() {
            Some(push) => Ok(push),
            None => self.line().await,
        }
    }

    async fn line(&mut self) -> Result<Value, Fault> {
        loop {
            while let Some(line) = self.lines.pop_front() {
                if line.as_object().is_some_and(serde_json::Map::is_empty) {
                    self.socket.send(b"{}").await?;
                    continue;
                }
                return Ok(line);
            }
            let Some(frame) = self.socket.next().await? else { return Err(Fault::Closed(self.socket.closed)) };
            for line in frame.split(|b| *b == b'\n') {
                self.lines.push_back(serde_json::from_slice(line).context("a reply that is no JSON")?);
            }
        }
    }
}

fn subscribed(mut reply: Value) -> Subscribed {
    let flag = |name: &str| reply.get(name).and_then(Value::as_bool).unwrap_or(false);
    let (was_recovering, recovered) = (flag("was_recovering"), flag("recovered"));
    let mut position = Position::of(&reply);
    let missed = match reply.get_mut("publications").map(Value::take) {
        Some(Value::Array(all)) => all,
        _ => Vec::new(),
    };
    if let Some(last) = missed.last() {
        position.offset = last.get("offset").and_then(Value::as_u64).unwrap_or(position.offset);
    }
    Subscribed { position, was_recovering, recovered, missed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_all_lengths_are_read() {
        for n in [0, 125, 126, 65_535, 65_536] {
            let mut bytes = frame(1, &vec![7; n]);
            // The server does not mask.
            let from = bytes.len() - n - 4;
            bytes.drain(from..from + 4);
            bytes[1] &= 0x7f;
            assert_eq!(head(&bytes).unwrap(), Some((1, from, n)));
            assert_eq!(head(&bytes[..bytes.len() - 1]).unwrap(), None);
        }
        assert!(head(&[0x01, 0]).is_err(), "the hub does not fragment");
    }

    #[test]
    fn the_key_is_the_one_of_the_configuration() {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let encoded: String = KEY
            .chunks(3)
            .flat_map(|c| {
                let n = c.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b)) << (8 * (3 - c.len()));
                (0..4).map(move |i| if i <= c.len() { ALPHABET[n >> (18 - 6 * i) & 63] as char } else { '=' })
            })
            .collect();
        assert_eq!(encoded, KEY_BASE64);
    }

    #[test]
    fn a_recovery_ends_at_its_last_publication() {
        let s = subscribed(json!({"was_recovering": true, "recovered": true, "offset": 3, "epoch": "e",
            "publications": [{"offset": 4}, {"offset": 5}]}));
        assert_eq!((s.position.offset, s.recovered, s.missed.len()), (5, true, 2));
    }
}
