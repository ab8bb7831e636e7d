//! Frames: JSON objects separated by newlines, or Protobuf messages behind their lengths (hub.md 2.2).

use bytes::{Buf as _, Bytes};
use prost::Message as _;
use serde_json::value::RawValue;

use super::message::{Command, Publication, Push, Reply};

/// Longest message of a client. Anything a client has to say fits; a larger value lets each socket hold more memory.
pub const MAX_FRAME: usize = 64 * 1024;

/// Bytes of a publication besides its channel and payload, at most.
const AROUND: usize = 80;

/// How a connection writes its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// JSON lines.
    Json,
    /// Protobuf with varint lengths.
    Protobuf,
}

/// A frame that breaks the rules; the connection ends with 3501.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadFrame;

/// A payload that is no JSON was to go to a JSON client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotJson;

impl Format {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Json, Self::Protobuf];

    /// Label of metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Protobuf => "protobuf",
        }
    }

    /// Appends a reply to a frame.
    ///
    /// # Errors
    /// [`NotJson`]; the frame is as before.
    pub fn append(self, frame: &mut Vec<u8>, reply: &Reply) -> Result<(), NotJson> {
        match self {
            Self::Json => {
                let before = frame.len();
                if before > 0 {
                    frame.push(b'\n');
                }
                serde_json::to_writer(&mut *frame, reply).map_err(|_| {
                    frame.truncate(before);
                    NotJson
                })
            }
            // Writing into a Vec does not fail.
            Self::Protobuf => reply.encode_length_delimited(frame).map_err(|_| NotJson),
        }
    }

    /// Appends a publication, which is what the hub writes most: nothing is copied before it is in its place, and
    /// `data`, which [`normalise`] made, is not read again.
    pub fn append_publication(self, frame: &mut Vec<u8>, channel: &str, data: &Bytes, offset: u64) {
        let Self::Json = self else {
            let publication = Some(Publication { data: data.clone(), offset });
            let push = Push { channel: channel.to_owned(), publication, ..Default::default() };
            // Protobuf has no payload that it cannot carry.
            let _written = self.append(frame, &Reply { push: Some(push), ..Default::default() });
            return;
        };
        frame.reserve(channel.len() + data.len() + AROUND);
        if !frame.is_empty() {
            frame.push(b'\n');
        }
        frame.extend_from_slice(br#"{"push":{"channel":"#);
        // Writing a text into a Vec does not fail.
        let _quoted = serde_json::to_writer(&mut *frame, channel);
        frame.extend_from_slice(br#","pub":{"data":"#);
        frame.extend_from_slice(data);
        if offset > 0 {
            frame.extend_from_slice(br#","offset":"#);
            let _number = serde_json::to_writer(&mut *frame, &offset);
        }
        frame.extend_from_slice(b"}}}");
    }

    /// Appends what was encoded before.
    pub fn append_encoded(self, frame: &mut Vec<u8>, encoded: &[u8]) {
        if self == Self::Json && !frame.is_empty() {
            frame.push(b'\n');
        }
        frame.extend_from_slice(encoded);
    }

    /// A ping, as a whole frame.
    #[must_use]
    pub fn ping(self) -> &'static [u8] {
        match self {
            Self::Json => b"{}",
            Self::Protobuf => &[0],
        }
    }
}

/// The commands of one frame, decoded one by one: a frame of a thousand does not become a thousand structs at once.
#[derive(Debug)]
pub struct Commands {
    format: Format,
    rest: Bytes,
    first: bool,
}

impl Commands {
    /// Starts at the beginning of a frame.
    #[must_use]
    pub fn new(format: Format, frame: Bytes) -> Self {
        Self { format, rest: frame, first: true }
    }

    fn json(&mut self) -> Result<Command, BadFrame> {
        let end = self.rest.iter().position(|b| *b == b'\n').unwrap_or(self.rest.len());
        let line = self.rest.split_to(end);
        if self.rest.has_remaining() {
            self.rest.advance(1);
        }
        serde_json::from_slice(&line).map_err(|_| BadFrame)
    }

    fn protobuf(&mut self) -> Result<Command, BadFrame> {
        let length = prost::decode_length_delimiter(&mut self.rest).map_err(|_| BadFrame)?;
        if length > MAX_FRAME || length > self.rest.len() {
            return Err(BadFrame);
        }
        Command::decode(self.rest.split_to(length)).map_err(|_| BadFrame)
    }
}

impl Iterator for Commands {
    type Item = Result<Command, BadFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() && !self.first {
            return None;
        }
        let item = match self.format {
            _ if self.rest.is_empty() => Err(BadFrame),
            Format::Json => self.json(),
            Format::Protobuf => self.protobuf(),
        };
        self.first = false;
        if item.is_err() {
            self.rest = Bytes::new();
        }
        Some(item)
    }
}

/// A payload as it may stand in a JSON line: valid JSON without raw newlines. None = no JSON.
#[must_use]
pub fn normalise(data: &str) -> Option<Bytes> {
    let value: &RawValue = serde_json::from_str(data).ok()?;
    let text = value.get();
    if text.bytes().any(|b| b == b'\n' || b == b'\r') {
        // Strings hold no raw control characters, so every newline is whitespace between tokens.
        Some(Bytes::from(text.replace(['\n', '\r'], " ")))
    } else {
        Some(Bytes::copy_from_slice(text.as_bytes()))
    }
}
