//! The little that must be read of payloads: where frames and key frames begin, and VP8's numbers.

use super::Codec;
use crate::forward::munge::Vp8;
use crate::forward::select::Seen;

/// What a packet's payload says. The layer is not in it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Read {
    pub seen: Seen,
    pub vp8: Option<Vp8>,
}

/// Reads a video payload; what cannot be read counts as the middle of some frame.
pub(crate) fn read(codec: Codec, payload: &[u8]) -> Read {
    match codec {
        Codec::Opus => Read::default(),
        Codec::Vp8 => vp8(payload).unwrap_or_default(),
        Codec::H264(..) => {
            let starts_key_frame = h264_key(payload);
            Read { seen: Seen { starts_key_frame, starts_frame: starts_key_frame, ..Seen::default() }, vp8: None }
        }
    }
}

/// The payload descriptor of RFC 7741, and the first bit of the frame behind it.
fn vp8(payload: &[u8]) -> Option<Read> {
    let mut rest = payload.iter().copied();
    let head = rest.next()?;
    let mut out = Vp8 { base_layer: true, ..Vp8::default() };
    let mut seen = Seen { starts_frame: head & 0x10 != 0 && head & 0x07 == 0, ..Seen::default() };
    if head & 0x80 != 0 {
        let ext = rest.next()?;
        if ext & 0x80 != 0 {
            let b = rest.next()?;
            out.picture_id = Some(if b & 0x80 == 0 {
                (u16::from(b), false)
            } else {
                (u16::from(b & 0x7f) << 8 | u16::from(rest.next()?), true)
            });
        }
        if ext & 0x40 != 0 {
            out.tl0_pic_idx = Some(rest.next()?);
        }
        if ext & 0x30 != 0 {
            let b = rest.next()?;
            if ext & 0x20 != 0 {
                seen.temporal = b >> 6;
                seen.layer_sync = b & 0x20 != 0;
                out.base_layer = seen.temporal == 0;
            }
            if ext & 0x10 != 0 {
                out.key_idx = Some(b & 0x1f);
            }
        }
    }
    // The P bit of the frame header: 0 = key frame. Only there in a frame's first packet.
    seen.starts_key_frame = seen.starts_frame && rest.next()? & 0x01 == 0;
    Some(Read { seen, vp8: Some(out) })
}

/// Whether this packet begins an IDR picture: parameter sets come right before one.
fn h264_key(payload: &[u8]) -> bool {
    /// NAL unit types: IDR slice, sequence parameter set.
    const IDR: u8 = 5;
    const SPS: u8 = 7;
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let key = |t: u8| t & 0x1f == IDR || t & 0x1f == SPS;
    match payload {
        [head, rest @ ..] if head & 0x1f == STAP_A => {
            let mut rest = rest;
            while let [a, b, body @ ..] = rest {
                let n = usize::from(u16::from_be_bytes([*a, *b]));
                if body.first().is_some_and(|t| key(*t)) {
                    return true;
                }
                rest = body.get(n..).unwrap_or(&[]);
            }
            false
        }
        // Only the fragment with the start bit begins anything.
        [head, fu, ..] if head & 0x1f == FU_A => fu & 0x80 != 0 && key(*fu),
        [head, ..] => key(*head),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn vp8_descriptors_are_read() {
        // X, I with 15 bits, L, T and K; frame start; key frame.
        let read = vp8(&[0x90, 0xf0, 0x92, 0x34, 7, 0x65, 0x00]).unwrap();
        let vp8_numbers = read.vp8.unwrap();
        assert_eq!(vp8_numbers.picture_id, Some((0x1234, true)));
        assert_eq!((vp8_numbers.tl0_pic_idx, vp8_numbers.key_idx, vp8_numbers.base_layer), (Some(7), Some(5), false));
        assert!(read.seen.starts_key_frame && read.seen.starts_frame && read.seen.layer_sync);
        assert_eq!(read.seen.temporal, 1);
        assert!(!vp8(&[0x10, 0x01]).unwrap().seen.starts_key_frame, "an inter frame");
        assert!(!vp8(&[0x00, 0x00]).unwrap().seen.starts_frame, "the middle of a frame");
    }

    #[test]
    fn h264_key_frames_begin_with_a_parameter_set_or_an_idr_slice() {
        assert!(h264_key(&[0x67, 1]));
        assert!(h264_key(&[0x78, 0, 2, 0x67, 0, 0, 1, 0x68]));
        assert!(h264_key(&[0x7c, 0x85]));
        assert!(!h264_key(&[0x7c, 0x05]), "a later fragment");
        assert!(!h264_key(&[0x61]));
    }

    proptest! {
        #[test]
        fn no_payload_breaks_the_readers(payload in prop::collection::vec(any::<u8>(), 0..64)) {
            read(Codec::Vp8, &payload);
            read(Codec::H264(0, 1), &payload);
        }
    }
}
