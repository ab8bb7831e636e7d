//! What a client sends: bytes in, messages out. Keeps nothing but what is incomplete.

use bytes::Bytes;

use super::{BINARY, CLOSE, CONTINUATION, FIN, Fault, MAX_CONTROL, PING, PONG, TEXT, may_close_with};

/// Longest head of a frame: two bytes, eight of the length, four of the mask.
const MAX_HEAD: usize = 14;
/// Set in the second byte of every frame of a client.
const MASKED: u8 = 0x80;
/// Bits of extensions, of which there are none.
const RESERVED: u8 = 0x70;

/// Something whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A text message, which is UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// To be answered with this payload.
    Ping(Bytes),
    /// An answer to a ping.
    Pong,
    /// The client ends the connection, perhaps with a code. Nothing comes after it.
    Close(Option<u16>),
}

/// The frame whose payload is being read.
#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: u8,
    fin: bool,
    /// The mask, turned to where the payload goes on.
    key: [u8; 4],
    left: usize,
}

/// Reads the frames of one connection.
#[derive(Debug)]
pub struct Reader {
    /// Longest message.
    max: usize,
    head: [u8; MAX_HEAD],
    /// Bytes of the head that are there.
    have: usize,
    frame: Option<Frame>,
    /// The data message under way, and its opcode, from its first frame to its last.
    message: Vec<u8>,
    kind: Option<u8>,
    /// The control frame under way: it may come between two frames of a message.
    control: Vec<u8>,
    /// Nothing is read any more.
    over: bool,
}

impl Reader {
    /// For messages of at most `max` bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            max,
            head: [0; MAX_HEAD],
            have: 0,
            frame: None,
            message: Vec::new(),
            kind: None,
            control: Vec::new(),
            over: false,
        }
    }

    /// The next whole thing in `input`, which is moved on behind it. None = all is read, and more is needed.
    ///
    /// # Errors
    /// A violation. The rest of what the client sends means nothing.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Fault> {
        let result = self.advance(input);
        if matches!(result, Err(_) | Ok(Some(Event::Close(_)))) {
            self.over = true;
            self.message = Vec::new();
            self.control = Vec::new();
        }
        result
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Fault> {
        loop {
            if self.over {
                *input = &[];
                return Ok(None);
            }
            let mut frame = match self.frame {
                Some(frame) => frame,
                None => match self.read_head(input)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let (now, rest) = input.split_at(frame.left.min(input.len()));
            *input = rest;
            let into = if is_control(frame.opcode) { &mut self.control } else { &mut self.message };
            // What is announced is not believed: memory grows as the bytes come.
            if into.is_empty() {
                into.reserve_exact(now.len());
            }
            let from = into.len();
            into.extend_from_slice(now);
            unmask(&mut into[from..], frame.key);
            frame.key.rotate_left(now.len() % 4);
            frame.left -= now.len();
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            self.frame = None;
            if let Some(event) = self.complete(frame)? {
                return Ok(Some(event));
            }
        }
    }

    /// Collects a head and judges it as early as it can be judged. None = incomplete.
    fn read_head(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Fault> {
        loop {
            let need = match self.have {
                0 | 1 => 2,
                _ => 2 + extended(self.head[1]) + 4,
            };
            if self.have == need {
                break;
            }
            let Some((byte, rest)) = input.split_first() else { return Ok(None) };
            *input = rest;
            self.head[self.have] = *byte;
            self.have += 1;
            if self.have == 2 {
                self.judge()?;
            }
        }
        let [first, second, ..] = self.head;
        let mask = 2 + extended(second);
        let length = match extended(second) {
            0 => u64::from(second & !MASKED),
            // Longer forms than needed are taken: nobody is harmed by them.
            _ => self.head[2..mask].iter().fold(0, |n, b| n << 8 | u64::from(*b)),
        };
        if length >> 63 != 0 {
            return Err(Fault::Protocol);
        }
        let opcode = first & 0x0f;
        let left = usize::try_from(length).map_err(|_| Fault::TooLarge)?;
        if !is_control(opcode) && left > self.max - self.message.len() {
            return Err(Fault::TooLarge);
        }
        let key = [self.head[mask], self.head[mask + 1], self.head[mask + 2], self.head[mask + 3]];
        self.have = 0;
        let frame = Frame { opcode, fin: first & FIN != 0, key, left };
        self.frame = Some(frame);
        Ok(Some(frame))
    }

    /// The first two bytes.
    fn judge(&mut self) -> Result<(), Fault> {
        let [first, second, ..] = self.head;
        let opcode = first & 0x0f;
        let fits = match opcode {
            CONTINUATION => self.kind.is_some(),
            TEXT | BINARY => self.kind.is_none(),
            CLOSE | PING | PONG => first & FIN != 0 && usize::from(second & !MASKED) <= MAX_CONTROL,
            _ => false,
        };
        if !fits || first & RESERVED != 0 || second & MASKED == 0 {
            return Err(Fault::Protocol);
        }
        if opcode == TEXT || opcode == BINARY {
            self.kind = Some(opcode);
        }
        Ok(())
    }

    fn complete(&mut self, frame: Frame) -> Result<Option<Event>, Fault> {
        if is_control(frame.opcode) {
            let payload = std::mem::take(&mut self.control);
            return Ok(Some(match frame.opcode {
                PING => Event::Ping(payload.into()),
                PONG => Event::Pong,
                _ => Event::Close(closing(&payload)?),
            }));
        }
        if !frame.fin {
            return Ok(None);
        }
        let message = std::mem::take(&mut self.message);
        match self.kind.take() {
            Some(TEXT) if std::str::from_utf8(&message).is_err() => Err(Fault::NotUtf8),
            Some(TEXT) => Ok(Some(Event::Text(message.into()))),
            _ => Ok(Some(Event::Binary(message.into()))),
        }
    }
}

/// Code of a close frame; its reason must be text.
fn closing(payload: &[u8]) -> Result<Option<u16>, Fault> {
    match payload {
        [] => Ok(None),
        [a, b, reason @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            if !may_close_with(code) {
                return Err(Fault::Protocol);
            }
            std::str::from_utf8(reason).map_err(|_| Fault::NotUtf8)?;
            Ok(Some(code))
        }
        _ => Err(Fault::Protocol),
    }
}

fn is_control(opcode: u8) -> bool {
    opcode & 0x8 != 0
}

/// Bytes of a length that does not fit into the second byte of a head.
fn extended(second: u8) -> usize {
    match second & !MASKED {
        126 => 2,
        127 => 8,
        _ => 0,
    }
}

fn unmask(bytes: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}
