//! A keep-alive HTTP/1.1 client with little work per request, so that the server is what is measured.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::clock;
use crate::hist::Hist;

/// Largest answer read, bytes. A page of 500 rooms is about 1 MiB.
const ANSWER: usize = 8 << 20;
/// An answer later than this is a fault of the run, not a slow request.
const LATE: Duration = Duration::from_secs(30);

/// One kept-alive connection.
pub struct Client {
    stream: TcpStream,
    buf: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("connecting to {addr}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buf: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a whole request and reads the answer: status and body.
    ///
    /// # Errors
    /// The connection broke, or the answer is not plain HTTP/1.1 with a length.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buf.clear();
        let (status, from, len) = loop {
            if self.stream.read_buf(&mut self.buf).await? == 0 {
                bail!("server closed the connection");
            }
            if let Some(end) = self.buf.windows(4).position(|w| w == b"\r\n\r\n") {
                let (status, len) = head(&self.buf[..end])?;
                break (status, end + 4, len);
            }
            if self.buf.len() > 64 * 1024 {
                bail!("endless header");
            }
        };
        while self.buf.len() < from + len {
            if self.stream.read_buf(&mut self.buf).await? == 0 {
                bail!("server closed the connection within an answer");
            }
        }
        Ok((status, &self.buf[from..from + len]))
    }

    /// Sends a JSON body and reads a JSON answer.
    ///
    /// # Errors
    /// As [`Client::exchange`], or the answer is no JSON.
    pub async fn json(&mut self, request: &[u8]) -> Result<(u16, serde_json::Value)> {
        let (status, body) = self.exchange(request).await?;
        let value = serde_json::from_slice(body)
            .with_context(|| format!("HTTP {status}: {}", String::from_utf8_lossy(&body[..body.len().min(200)])))?;
        Ok((status, value))
    }
}

fn head(head: &[u8]) -> Result<(u16, usize)> {
    let text = std::str::from_utf8(head).context("header is not text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|l| l.split(' ').nth(1)).and_then(|s| s.parse().ok());
    let status = status.ok_or_else(|| anyhow!("no status line"))?;
    let length = lines.find_map(|l| {
        let (name, value) = l.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    match length {
        Some(n) if n <= ANSWER => Ok((status, n)),
        Some(n) => bail!("answer of {n} bytes"),
        None => bail!("answer without content-length (HTTP {status})"),
    }
}

/// The bytes of a POST with a JSON body.
#[must_use]
pub fn post(path: &str, bearer: Option<&str>, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    let auth = bearer.map(|t| format!("authorization: Bearer {t}\r\n")).unwrap_or_default();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\n{auth}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The bytes of a GET.
#[must_use]
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").into_bytes()
}

/// What a closed loop of clients achieved.
#[derive(Debug, Clone, Default)]
pub struct Load {
    /// Answers as expected.
    pub good: u64,
    /// Other answers.
    pub bad: u64,
    /// An example of the others.
    pub example: Option<String>,
    /// How long it really took.
    pub took: Duration,
    /// From sending to the whole answer.
    pub delay: Hist,
}

impl Load {
    /// Good answers per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.good as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Runs one closed loop per plan for `how_long`: each sends its requests round and round, the next when the answer is in.
/// `good` judges an answer.
///
/// # Errors
/// A connection could not be made or broke.
pub async fn closed_loop(
    addr: SocketAddr,
    plans: Vec<Vec<Vec<u8>>>,
    how_long: Duration,
    good: fn(u16, &[u8]) -> bool,
) -> Result<Load> {
    let mut clients = JoinSet::new();
    let started = clock::now();
    let until = started + how_long;
    for plan in plans {
        clients.spawn(tokio::time::timeout(how_long + LATE, one_loop(addr, plan, until, good)));
    }
    let mut all = Load::default();
    while let Some(done) = clients.join_next().await {
        let one = done?.context("an answer did not come")??;
        all.good += one.good;
        all.bad += one.bad;
        all.example = all.example.or(one.example);
        all.delay.merge(&one.delay);
    }
    all.took = clock::now() - started;
    Ok(all)
}

async fn one_loop(
    addr: SocketAddr,
    plan: Vec<Vec<u8>>,
    until: std::time::Instant,
    good: fn(u16, &[u8]) -> bool,
) -> Result<Load> {
    let mut client = Client::connect(addr).await?;
    let mut load = Load::default();
    // A plan is only left at its end: a seat taken is given back, so the next run starts from the same state.
    while clock::now() < until {
        for request in &plan {
            let sent = clock::now();
            let (status, body) = client.exchange(request).await?;
            load.delay.add(clock::now() - sent);
            if good(status, body) {
                load.good += 1;
            } else {
                load.bad += 1;
                let text = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
                load.example.get_or_insert(format!("HTTP {status}: {text}"));
            }
        }
    }
    Ok(load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nx: y").unwrap(), (200, 12));
        assert!(head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked").is_err());
        assert!(head(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999").is_err());
    }
}
