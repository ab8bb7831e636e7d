//! The bytes on the socket: lib0's variable-length numbers and the messages of y-protocols.

use std::sync::Arc;

/// Largest message of a client, in bytes. More lets somebody who was offline for long come back with more; less bounds
/// what 600 sessions can make the process hold. The WebSocket in front should refuse longer frames with the same value.
pub const MAX_MESSAGE: usize = 1 << 20;

/// Largest awareness state of one client, in bytes of JSON: a name, a colour, a cursor and room for more.
pub(crate) const MAX_STATE: usize = 4096;

/// Client ids of Yjs have at most 53 bits: they are JavaScript numbers.
pub(crate) const MAX_CLIENT: u64 = (1 << 53) - 1;

/// Highest clock of a client, in documents and in awareness. The library computes with 32 signed bits.
pub(crate) const MAX_CLOCK: u32 = i32::MAX as u32;

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;
const STEP_1: u64 = 0;
const STEP_2: u64 = 1;
const UPDATE: u64 = 2;
const PERMISSION_DENIED: u64 = 0;

/// Why bytes were refused; for the log and the answer.
pub(crate) type Why = &'static str;

/// Reads from the front of a slice; every failure means malformed input.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    whole: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest, whole: rest.len() }
    }

    /// How many bytes are read.
    pub(crate) fn position(&self) -> usize {
        self.whole - self.rest.len()
    }

    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Why> {
        let (first, rest) = self.rest.split_first().ok_or("ends early")?;
        self.rest = rest;
        Ok(*first)
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], Why> {
        if n > self.rest.len() {
            return Err("ends early");
        }
        let (taken, rest) = self.rest.split_at(n);
        self.rest = rest;
        Ok(taken)
    }

    /// An unsigned number of at most 53 bits.
    pub(crate) fn number(&mut self) -> Result<u64, Why> {
        let mut value = 0u64;
        for shift in (0..56).step_by(7) {
            let b = self.byte()?;
            value |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return if value <= MAX_CLIENT { Ok(value) } else { Err("number too large") };
            }
        }
        Err("number too long")
    }

    /// A clock or a length.
    pub(crate) fn clock(&mut self) -> Result<u32, Why> {
        let value = self.number()?;
        u32::try_from(value).ok().filter(|v| *v <= MAX_CLOCK).ok_or("clock too large")
    }

    /// How many of something follow that need at least `each` bytes: never more than fit.
    pub(crate) fn count(&mut self, each: usize) -> Result<usize, Why> {
        let n = usize::try_from(self.number()?).map_err(|_| "count too large")?;
        if n > self.left() / each { Err("count larger than the message") } else { Ok(n) }
    }

    pub(crate) fn buffer(&mut self) -> Result<&'a [u8], Why> {
        let n = usize::try_from(self.number()?).map_err(|_| "length too large")?;
        self.take(n)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Why> {
        std::str::from_utf8(self.buffer()?).map_err(|_| "not UTF-8")
    }

    pub(crate) fn end(&self) -> Result<(), Why> {
        if self.rest.is_empty() { Ok(()) } else { Err("more bytes than the message has") }
    }
}

pub(crate) fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// What is known of one awareness client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceEntry {
    /// Its Yjs client id.
    pub client: u64,
    /// Rises with each change.
    pub clock: u32,
    /// Its state as JSON; `None` = it is gone.
    pub state: Option<Arc<str>>,
}

/// A message of a client.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    /// A state vector: "tell me what I lack".
    Step1(&'a [u8]),
    /// The answer to our state vector.
    Step2(&'a [u8]),
    /// A change as it happens.
    Update(&'a [u8]),
    /// Awareness states.
    Awareness(Vec<PresenceEntry>),
    /// "Tell me everybody's awareness."
    Query,
}

/// Reads one message.
pub(crate) fn read(message: &[u8]) -> Result<Incoming<'_>, Why> {
    if message.len() > MAX_MESSAGE {
        return Err("longer than a message may be");
    }
    let mut r = Reader::new(message);
    let incoming = match r.number()? {
        SYNC => match r.number()? {
            STEP_1 => Incoming::Step1(r.buffer()?),
            STEP_2 => Incoming::Step2(r.buffer()?),
            UPDATE => Incoming::Update(r.buffer()?),
            _ => return Err("unknown kind of sync message"),
        },
        AWARENESS => Incoming::Awareness(read_awareness(r.buffer()?)?),
        QUERY_AWARENESS => Incoming::Query,
        _ => return Err("unknown kind of message"),
    };
    r.end()?;
    Ok(incoming)
}

fn read_awareness(bytes: &[u8]) -> Result<Vec<PresenceEntry>, Why> {
    let mut r = Reader::new(bytes);
    let n = r.count(3)?;
    let mut entries = Vec::with_capacity(n);
    for _ in 0..n {
        let client = r.number()?;
        let clock = r.clock()?;
        let text = r.text()?;
        if text.len() > MAX_STATE {
            return Err("awareness state too large");
        }
        // Clients parse each other's states without a net: what is no JSON must not reach them.
        if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
            return Err("awareness state is no JSON");
        }
        let state = (text.trim() != "null").then(|| Arc::from(text));
        entries.push(PresenceEntry { client, clock, state });
    }
    r.end()?;
    Ok(entries)
}

/// Checks a state vector before the library decodes it.
pub(crate) fn check_state_vector(bytes: &[u8]) -> Result<(), Why> {
    let mut r = Reader::new(bytes);
    for _ in 0..r.count(2)? {
        r.number()?;
        r.clock()?;
    }
    r.end()
}

fn sync(kind: u64, payload: &[u8]) -> Arc<[u8]> {
    let mut out = Vec::with_capacity(payload.len() + 7);
    put_number(&mut out, SYNC);
    put_number(&mut out, kind);
    put_buffer(&mut out, payload);
    out.into()
}

pub(crate) fn step_1(state_vector: &[u8]) -> Arc<[u8]> {
    sync(STEP_1, state_vector)
}

pub(crate) fn step_2(update: &[u8]) -> Arc<[u8]> {
    sync(STEP_2, update)
}

pub(crate) fn update(update: &[u8]) -> Arc<[u8]> {
    sync(UPDATE, update)
}

pub(crate) fn denied(reason: &str) -> Arc<[u8]> {
    let mut out = Vec::with_capacity(reason.len() + 3);
    put_number(&mut out, AUTH);
    put_number(&mut out, PERMISSION_DENIED);
    put_buffer(&mut out, reason.as_bytes());
    out.into()
}

pub(crate) fn awareness<'a>(entries: impl ExactSizeIterator<Item = &'a PresenceEntry>) -> Vec<u8> {
    let mut body = Vec::new();
    put_number(&mut body, entries.len() as u64);
    for e in entries {
        put_number(&mut body, e.client);
        put_number(&mut body, u64::from(e.clock));
        put_buffer(&mut body, e.state.as_deref().unwrap_or("null").as_bytes());
    }
    let mut out = Vec::with_capacity(body.len() + 5);
    put_number(&mut out, AWARENESS);
    put_buffer(&mut out, &body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_endless_ones_are_refused() {
        for n in [0, 1, 127, 128, 300, u64::from(u32::MAX), MAX_CLIENT] {
            let mut out = Vec::new();
            put_number(&mut out, n);
            assert_eq!(Reader::new(&out).number(), Ok(n));
        }
        assert!(Reader::new(&[0xff; 20]).number().is_err());
        assert!(Reader::new(&[0x80]).number().is_err());
    }

    #[test]
    fn awareness_comes_back_and_garbage_is_refused() {
        let entry = PresenceEntry { client: 7, clock: 3, state: Some(Arc::from("{\"x\":1}")) };
        let gone = PresenceEntry { client: 8, clock: 4, state: None };
        let both = [entry, gone];
        let Ok(Incoming::Awareness(read_back)) = read(&awareness(both.iter())) else { panic!() };
        assert_eq!(read_back, both);
        let bad = PresenceEntry { client: 7, clock: 3, state: Some(Arc::from("{oops")) };
        assert!(read(&awareness([bad].iter())).is_err());
        let long = format!("\"{}\"", "x".repeat(MAX_STATE));
        let long = PresenceEntry { client: 7, clock: 3, state: Some(Arc::from(long)) };
        assert!(read(&awareness([long].iter())).is_err());
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bad in [&[][..], &[4], &[0], &[0, 3, 0], &[0, 0, 5, 1], &[0, 0, 0, 9], &[2, 0, 0], &[1, 1, 0xff]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        assert!(matches!(read(&[3]), Ok(Incoming::Query)));
        assert!(check_state_vector(&[0xff, 0xff, 0xff, 0x7f]).is_err());
    }
}
