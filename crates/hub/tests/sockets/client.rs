//! A raw client: TCP, an HTTP upgrade by hand, frames by hand, so that it can also be wrong.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use prost::Message as _;
use serde_json::Value;
use stoa_hub::proto::{Command, Format, Publication, Reply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    tcp: TcpStream,
    format: Format,
    unread: Vec<u8>,
    replies: VecDeque<Reply>,
    /// Close code, once there was one.
    pub closed: Option<u16>,
    /// Pings are answered.
    pub answers: bool,
    pub pings: usize,
}

pub fn frame(opcode: u8, fin: bool, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut out = vec![opcode | if fin { 0x80 } else { 0 }];
    match payload.len() {
        n @ 0..=125 => out.push(mask | u8::try_from(n).unwrap()),
        n @ 126..=65_535 => {
            out.push(mask | 126);
            out.extend(u16::try_from(n).unwrap().to_be_bytes());
        }
        n => {
            out.push(mask | 127);
            out.extend((n as u64).to_be_bytes());
        }
    }
    if masked {
        let key = [1, 2, 3, 4];
        out.extend(key);
        out.extend(payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
    } else {
        out.extend(payload);
    }
    out
}

/// Status and head of the answer to an upgrade.
pub async fn knock(to: SocketAddr, path: &str, headers: &str, recv_buffer: Option<u32>) -> (TcpStream, String) {
    knock_and_talk(to, path, headers, recv_buffer, b"").await
}

/// The same, with frames that do not wait for the answer.
pub async fn knock_and_talk(
    to: SocketAddr,
    path: &str,
    headers: &str,
    recv_buffer: Option<u32>,
    frames: &[u8],
) -> (TcpStream, String) {
    let socket = TcpSocket::new_v4().unwrap();
    if let Some(bytes) = recv_buffer {
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    let mut tcp = socket.connect(to).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    tcp.write_all(&[request.as_bytes(), frames].concat()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.unwrap());
    }
    (tcp, String::from_utf8(head).unwrap())
}

impl Client {
    pub async fn open(to: SocketAddr, format: Format) -> Self {
        Self::open_slow(to, format, None).await
    }

    /// With a small receive buffer in the kernel.
    pub async fn open_slow(to: SocketAddr, format: Format, recv_buffer: Option<u32>) -> Self {
        let headers = match format {
            Format::Json => "",
            Format::Protobuf => "Sec-WebSocket-Protocol: centrifuge-protobuf\r\n",
        };
        let (tcp, head) = knock(to, "/connection/websocket", headers, recv_buffer).await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        Self::over(tcp, format)
    }

    pub fn over(tcp: TcpStream, format: Format) -> Self {
        Self { tcp, format, unread: Vec::new(), replies: VecDeque::new(), closed: None, answers: true, pings: 0 }
    }

    /// Open and connected.
    pub async fn connected(to: SocketAddr, format: Format, token: &str) -> Self {
        let mut client = Self::open(to, format).await;
        client.say(&[serde_json::json!({"id": 1, "connect": {"token": token}})]).await;
        let reply = client.reply(1).await;
        assert!(reply.connect.is_some(), "{:?}", reply.error);
        client
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        self.tcp.write_all(bytes).await.unwrap();
    }

    pub async fn payload(&mut self, payload: &[u8]) {
        let opcode = if self.format == Format::Json { 1 } else { 2 };
        self.raw(&frame(opcode, true, true, payload)).await;
    }

    pub async fn say(&mut self, commands: &[Value]) {
        let mut out = Vec::new();
        for command in commands {
            match self.format {
                Format::Json => {
                    if !out.is_empty() {
                        out.push(b'\n');
                    }
                    out.extend(command.to_string().bytes());
                }
                Format::Protobuf => {
                    let command: Command = serde_json::from_value(command.clone()).unwrap();
                    command.encode_length_delimited(&mut out).unwrap();
                }
            }
        }
        self.payload(&out).await;
    }

    /// One frame: opcode and payload. None = the socket is closed.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((frame, used)) = parse(&self.unread) {
                self.unread.drain(..used);
                return Some(frame);
            }
            let mut more = [0; 64 * 1024];
            match self.tcp.read(&mut more).await {
                Ok(n) if n > 0 => self.unread.extend(&more[..n]),
                _ => return None,
            }
        }
    }

    /// The next message, or None at the end.
    pub async fn next(&mut self) -> Option<Reply> {
        loop {
            if let Some(reply) = self.replies.pop_front() {
                return Some(reply);
            }
            let (opcode, payload) = tokio::time::timeout(PATIENCE, self.frame()).await.expect("in time")?;
            match opcode {
                1 | 2 => {
                    assert_eq!(opcode == 1, self.format == Format::Json);
                    let ping = payload == self.format.ping();
                    if ping {
                        self.pings += 1;
                        if self.answers {
                            self.payload(&payload).await;
                        }
                    } else {
                        self.decode(&payload);
                    }
                }
                8 => {
                    self.closed = payload.first_chunk::<2>().map(|c| u16::from_be_bytes(*c));
                    // The answer may come too late; that is fine.
                    let _late = self.tcp.write_all(&frame(8, true, true, &payload)).await;
                }
                _ => {}
            }
        }
    }

    fn decode(&mut self, payload: &[u8]) {
        match self.format {
            Format::Json => {
                let lines = payload.split(|b| *b == b'\n').map(|l| serde_json::from_slice(l).unwrap());
                self.replies.extend(lines);
            }
            Format::Protobuf => {
                let mut rest = payload;
                while !rest.is_empty() {
                    self.replies.push_back(Reply::decode_length_delimited(&mut rest).unwrap());
                }
            }
        }
    }

    pub async fn reply(&mut self, id: u32) -> Reply {
        loop {
            let reply = self.next().await.unwrap_or_else(|| panic!("closed with {:?}", self.closed));
            if reply.id == id {
                return reply;
            }
        }
    }

    /// The next publication.
    pub async fn publication(&mut self) -> Publication {
        loop {
            let reply = self.next().await.unwrap_or_else(|| panic!("closed with {:?}", self.closed));
            if let Some(p) = reply.push.and_then(|p| p.publication) {
                return p;
            }
        }
    }

    /// Reads to the end; answers the close code, 0 = there was none.
    pub async fn end(&mut self) -> u16 {
        while self.next().await.is_some() {}
        self.closed.unwrap_or(0)
    }
}

fn parse(bytes: &[u8]) -> Option<((u8, Vec<u8>), usize)> {
    let [first, second, rest @ ..] = bytes else { return None };
    assert_eq!(second & 0x80, 0, "servers do not mask");
    assert_eq!(first & 0x70, 0, "no extension was agreed on");
    let (len, at) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), 10),
        n => (u64::from(n), 2),
    };
    let end = at + usize::try_from(len).unwrap();
    Some(((first & 0x0f, bytes.get(at..end)?.to_vec()), end))
}
