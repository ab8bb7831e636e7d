//! Frames of a WebSocket: whatever comes in, in whatever pieces, the reader answers, and never holds more than a message may have.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stoa_hub::wire::{Event, Reader};

/// Largest message, bytes.
const MAX: usize = 1_024;

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = (usize::from(input.0).max(1), input.1);
    let mut reader = Reader::new(MAX);
    for part in bytes.chunks(piece) {
        let mut rest = part;
        loop {
            match reader.next(&mut rest) {
                Ok(Some(Event::Text(data) | Event::Binary(data))) => assert!(data.len() <= MAX),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => {
                    let mut more = &b"anything"[..];
                    assert!(matches!(reader.next(&mut more), Ok(None)), "nothing comes after a violation");
                    return;
                }
            }
        }
        assert!(rest.is_empty(), "all was read");
    }
});
