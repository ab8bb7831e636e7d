//! Frames of a WebSocket (RFC 6455) without IO: what clients send is taken apart as it comes, what the hub sends is
//! built once and shared by everybody who gets it. No extension is ever agreed on.

mod reader;

#[cfg(test)]
mod tests;

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::proto::code;

pub use reader::{Event, Reader};

/// Longest payload of a control frame (RFC 6455 5.5).
pub const MAX_CONTROL: usize = 125;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
/// The last frame of its message.
const FIN: u8 = 0x80;

/// What a client did to its socket. It ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Against the rules of frames.
    Protocol,
    /// Text that is no UTF-8.
    NotUtf8,
    /// Longer than messages may be.
    TooLarge,
}

impl Fault {
    /// The close code of RFC 6455 7.4.
    #[must_use]
    pub fn close(self) -> code::Close {
        match self {
            Self::Protocol => (1002, "protocol error"),
            Self::NotUtf8 => (1007, "not UTF-8"),
            Self::TooLarge => (1009, "message too large"),
        }
    }
}

fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(payload.len() + 10);
    out.put_u8(FIN | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(n @ 0..=125), _) => out.put_u8(n),
        (_, Ok(n)) => {
            out.put_u8(126);
            out.put_u16(n);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(payload.len() as u64);
        }
    }
    out.put_slice(payload);
    out.freeze()
}

/// A text message as one frame. The payload is UTF-8, or clients end the connection: what comes from an encoder of JSON
/// that was fed with text is.
#[must_use]
pub fn text(payload: &[u8]) -> Bytes {
    debug_assert!(std::str::from_utf8(payload).is_ok(), "text is UTF-8");
    frame(TEXT, payload)
}

/// A binary message as one frame.
#[must_use]
pub fn binary(payload: &[u8]) -> Bytes {
    frame(BINARY, payload)
}

/// A ping without a payload.
#[must_use]
pub fn ping() -> Bytes {
    Bytes::from_static(&[FIN | PING, 0])
}

/// The answer to a ping. `payload` is what the ping carried.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    frame(PONG, &payload[..payload.len().min(MAX_CONTROL)])
}

/// The end. Without a code the peer gave none either. Reasons longer than a close frame may hold are cut.
#[must_use]
pub fn close(code: Option<u16>, reason: &str) -> Bytes {
    let Some(code) = code else { return Bytes::from_static(&[FIN | CLOSE, 0]) };
    let mut end = reason.len().min(code::MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = Vec::with_capacity(end + 2);
    payload.extend(code.to_be_bytes());
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    frame(CLOSE, &payload)
}

/// May a client name this close code (RFC 6455 7.4, and what was registered since)?
fn may_close_with(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
