//! What str0m does not tell: the text of session descriptions.
//!
//! Remote stream ids of `-` are replaced inside str0m, so the client's track ids are read from the offer text; and the
//! msid of a line is fixed there for life, so reused lines get theirs written into the offer text.

/// Kind of a media line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Audio,
    Video,
}

/// One audio or video line of a client's publisher offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferLine {
    /// `a=mid`.
    pub mid: String,
    pub kind: Kind,
    /// Second word of `a=msid`: the client's track id.
    pub cid: Option<String>,
    /// The client means to send on it.
    pub sending: bool,
}

/// Longest list of lines that is read; the rest of a longer offer is not looked at.
const MAX_LINES: usize = 256;

/// Reads the audio and video lines of an offer. Never fails: what is not understood is left out.
pub(crate) fn scan(offer: &str) -> Vec<OfferLine> {
    let mut out = Vec::new();
    for section in sections(offer).skip(1).take(MAX_LINES) {
        let mut lines = section.lines();
        let Some(head) = lines.next().and_then(|l| l.strip_prefix("m=")) else { continue };
        let kind = match head.split(' ').next() {
            Some("audio") => Kind::Audio,
            Some("video") => Kind::Video,
            _ => continue,
        };
        let stopped = head.split(' ').nth(1) == Some("0");
        let mut line = OfferLine { mid: String::new(), kind, cid: None, sending: true };
        for l in lines {
            if let Some(mid) = l.strip_prefix("a=mid:") {
                mid.trim().clone_into(&mut line.mid);
            } else if let Some(msid) = l.strip_prefix("a=msid:") {
                line.cid = msid.split_whitespace().nth(1).map(str::to_owned);
            } else if matches!(l.trim(), "a=recvonly" | "a=inactive") {
                line.sending = false;
            }
        }
        line.sending &= !stopped;
        if !line.mid.is_empty() {
            out.push(line);
        }
    }
    out
}

/// Opus settings of one answered line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpusAnswer {
    pub dtx: bool,
    pub stereo: bool,
}

/// Edits the answer to a publisher offer: nothing is sent on this connection, and `opus` decides per line (by mid) what
/// the microphone track shall use.
pub(crate) fn edit_answer(answer: &str, opus: impl Fn(&str) -> OpusAnswer) -> String {
    let mut out = String::with_capacity(answer.len() + 256);
    for section in sections(answer) {
        let mid = value_of(section, "a=mid:").unwrap_or("");
        let opus_pt = section.lines().find_map(|l| {
            let (pt, codec) = l.strip_prefix("a=rtpmap:")?.split_once(' ')?;
            codec.to_ascii_lowercase().starts_with("opus/").then_some(pt)
        });
        let fmtp = opus_pt.map(|pt| format!("a=fmtp:{pt} "));
        for l in section.lines() {
            match l {
                "a=sendonly" => out.push_str("a=inactive"),
                "a=sendrecv" => out.push_str("a=recvonly"),
                _ => out.push_str(l),
            }
            if fmtp.as_ref().is_some_and(|f| l.starts_with(f.as_str())) {
                let want = opus(mid);
                if want.dtx && !l.contains("usedtx=") {
                    out.push_str(";usedtx=1");
                }
                if want.stereo && !l.contains(";stereo=") {
                    out.push_str(";stereo=1;maxaveragebitrate=510000");
                }
            }
            out.push_str("\r\n");
        }
    }
    out
}

/// Writes the msid of each line, found by mid, into an offer of ours.
pub(crate) fn set_msids<'a>(offer: &str, msid: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut out = String::with_capacity(offer.len() + 256);
    for section in sections(offer) {
        let want = value_of(section, "a=mid:").and_then(&msid);
        for l in section.lines() {
            match (want, l.starts_with("a=msid:")) {
                (Some(want), true) => {
                    out.push_str("a=msid:");
                    out.push_str(want);
                }
                _ => out.push_str(l),
            }
            out.push_str("\r\n");
        }
    }
    out
}

/// The session part, then each media section, without copying.
pub(super) fn sections(sdp: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(sdp);
    std::iter::from_fn(move || {
        let text = rest?;
        match text.find("\nm=") {
            Some(at) => {
                rest = Some(&text[at + 1..]);
                Some(&text[..=at])
            }
            None => {
                rest = None;
                Some(text)
            }
        }
    })
}

pub(super) fn value_of<'a>(section: &'a str, prefix: &str) -> Option<&'a str> {
    section.lines().find_map(|l| l.strip_prefix(prefix)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
        a=msid:- abc\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=msid:stream cam\r\na=inactive\r\n";

    #[test]
    fn the_cid_is_the_second_word_of_msid() {
        let lines = scan(OFFER);
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].mid.as_str(), lines[0].cid.as_deref(), lines[0].sending), ("0", Some("abc"), true));
        assert_eq!((lines[1].mid.as_str(), lines[1].cid.as_deref(), lines[1].sending), ("2", Some("cam"), false));
    }

    #[test]
    fn answers_send_nothing_and_carry_opus_settings() {
        let answer = OFFER.replace("m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2", "m=audio 9 X 111\r\na=mid:2");
        let out = edit_answer(&answer, |mid| OpusAnswer { dtx: mid == "0", stereo: false });
        assert!(!out.contains("a=sendonly"));
        assert!(out.contains("a=fmtp:111 minptime=10;usedtx=1\r\n"));
        assert!(out.ends_with("\r\n"));
    }

    #[test]
    fn msids_are_written_by_mid() {
        let out = set_msids(OFFER, |mid| (mid == "2").then_some("PA_x|TR_y TR_y"));
        assert!(out.contains("a=msid:- abc\r\n"));
        assert!(out.contains("a=msid:PA_x|TR_y TR_y\r\n"));
        assert!(!out.contains("stream cam"));
    }
}
