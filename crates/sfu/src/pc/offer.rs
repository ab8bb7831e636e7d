//! Offers of clients that speak plain HTTP: one offer, one answer, no negotiation after that. What is not taken is cut
//! out of the offer's text before it is answered, so that the answer is right by itself.

use super::sdp::{Kind, sections, value_of};

/// Lines of one kind that are taken: there is a camera and a screen, a microphone and the screen's sound.
const MAX_OF_KIND: usize = 2;
/// Sections of an offer. One with more is none of a publisher or viewer, and reading it would take long.
const MAX_SECTIONS: usize = 32;
/// Simulcast layers of a line that are taken.
const MAX_LAYERS: usize = 3;
/// Names of layers whose order is known, from low to high.
const LAYER_NAMES: [[&str; 3]; 4] =
    [["q", "h", "f"], ["l", "m", "h"], ["low", "medium", "high"], ["low", "mid", "high"]];

/// Which way media shall flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the client.
    Push,
    /// To the client.
    Play,
}

/// A line that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamLine {
    /// `a=mid`.
    pub mid: String,
    pub kind: Kind,
    /// How many lines of its kind come before it.
    pub nth: usize,
    /// Names of its simulcast layers, from low to high.
    pub rids: Vec<String>,
    /// Two sound channels are meant.
    pub stereo: bool,
}

/// An offer as it is answered.
#[derive(Debug, Clone)]
pub(crate) struct StreamOffer {
    pub sdp: String,
    pub lines: Vec<StreamLine>,
}

/// What becomes of a section.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Data channels, and what is rejected already.
    AsItIs,
    Taken,
    /// Stays, but nothing flows.
    Idle,
    Rejected,
}

/// Takes at most `max` lines of an offer that can flow this way; the rest flows not or is rejected. Never fails: whether
/// the offer can be answered is seen when it is.
pub(crate) fn read_stream(offer: &str, way: Way, max: usize) -> StreamOffer {
    if sections(offer).nth(MAX_SECTIONS + 1).is_some() {
        return StreamOffer { sdp: String::new(), lines: Vec::new() };
    }
    let mut parts = sections(offer);
    let session = parts.next().unwrap_or("");
    let common = direction(session).unwrap_or("sendrecv");
    let mut lines: Vec<StreamLine> = Vec::new();
    let sections: Vec<_> = parts
        .map(|section| {
            let fate = match kind_of(section) {
                Some(kind) if !rejected(section) => {
                    let wanted = if way == Way::Push { "sendonly" } else { "recvonly" };
                    let given = direction(section).unwrap_or(common);
                    let nth = lines.iter().filter(|l| l.kind == kind).count();
                    match value_of(section, "a=mid:") {
                        _ if given != wanted && given != "sendrecv" => Fate::Idle,
                        Some(mid) if nth < MAX_OF_KIND && lines.len() < max => {
                            let (mid, rids) = (mid.to_owned(), layers(section));
                            lines.push(StreamLine { mid, kind, nth, rids, stereo: section.contains("stereo=1") });
                            Fate::Taken
                        }
                        _ => Fate::Rejected,
                    }
                }
                _ => Fate::AsItIs,
            };
            (section, fate)
        })
        .collect();
    let rejected = |mid: &str| sections.iter().any(|(s, f)| *f == Fate::Rejected && value_of(s, "a=mid:") == Some(mid));
    let mut sdp = String::with_capacity(offer.len() + 64);
    for line in session.lines() {
        match line.strip_prefix("a=group:BUNDLE") {
            Some(mids) => {
                sdp.push_str("a=group:BUNDLE");
                for mid in mids.split_whitespace().filter(|mid| !rejected(mid)) {
                    sdp.push(' ');
                    sdp.push_str(mid);
                }
            }
            None => sdp.push_str(line),
        }
        sdp.push_str("\r\n");
    }
    for (section, fate) in &sections {
        write_section(&mut sdp, section, *fate, way);
    }
    StreamOffer { sdp, lines }
}

fn write_section(out: &mut String, section: &str, fate: Fate, way: Way) {
    for line in section.lines() {
        match (fate, line.strip_prefix("m=")) {
            (Fate::Rejected, Some(head)) => {
                let mut words = head.split(' ');
                out.push_str("m=");
                out.push_str(words.next().unwrap_or(""));
                out.push_str(" 0");
                for word in words.skip(1) {
                    out.push(' ');
                    out.push_str(word);
                }
            }
            (Fate::Rejected, None) if line.trim() == "a=bundle-only" => continue,
            (Fate::Taken | Fate::Idle | Fate::Rejected, None) if direction(line).is_some() => continue,
            _ => out.push_str(line),
        }
        out.push_str("\r\n");
    }
    out.push_str(match (fate, way) {
        (Fate::AsItIs, _) => "",
        (Fate::Taken, Way::Push) => "a=sendonly\r\n",
        (Fate::Taken, Way::Play) => "a=recvonly\r\n",
        (Fate::Idle | Fate::Rejected, _) => "a=inactive\r\n",
    });
}

/// What the answer takes of a line: the name of its first codec. `None`: it is not taken.
pub(crate) fn answered<'a>(answer: &'a str, mid: &str) -> Option<&'a str> {
    let section = sections(answer).skip(1).find(|s| value_of(s, "a=mid:") == Some(mid))?;
    let mut head = section.lines().next()?.split(' ').skip(1);
    let (port, first) = (head.next()?, head.nth(1)?);
    let of_first = |l: &'a str| l.strip_prefix("a=rtpmap:")?.strip_prefix(first)?.strip_prefix(' ');
    let name = section.lines().find_map(of_first)?.split('/').next()?;
    (port != "0").then_some(name)
}

/// An answer with our addresses where clients look for them, and the word that there are no more to come. They are in the
/// first section; when that one is rejected they go into the first one that is not.
pub(crate) fn show_candidates(answer: &str) -> String {
    let is_candidate = |l: &&str| l.starts_with("a=candidate:");
    let candidates: Vec<&str> = answer.lines().filter(is_candidate).collect();
    let mut out = String::with_capacity(answer.len() + 64);
    let mut shown = false;
    for (n, section) in sections(answer).enumerate() {
        let here = n > 0 && !shown && !rejected(section);
        shown |= here;
        let addresses = if here { candidates.as_slice() } else { &[] };
        let end = here.then_some("a=end-of-candidates");
        let others = section.lines().filter(|l| !is_candidate(l) && !l.starts_with("a=end-of-candidates"));
        for line in others.chain(addresses.iter().copied()).chain(end) {
            out.push_str(line);
            out.push_str("\r\n");
        }
    }
    out
}

fn kind_of(section: &str) -> Option<Kind> {
    match section.strip_prefix("m=")?.split(' ').next()? {
        "audio" => Some(Kind::Audio),
        "video" => Some(Kind::Video),
        _ => None,
    }
}

/// Port 0 rejects, unless the line only says that it shares another one's.
fn rejected(section: &str) -> bool {
    let port = section.lines().next().and_then(|head| head.split(' ').nth(1));
    port == Some("0") && !section.lines().any(|l| l.trim() == "a=bundle-only")
}

fn direction(text: &str) -> Option<&str> {
    let words = text.lines().filter_map(|l| l.trim().strip_prefix("a="));
    words.into_iter().find(|w| matches!(*w, "sendrecv" | "sendonly" | "recvonly" | "inactive"))
}

/// Names of a line's simulcast layers, from low to high. Where names say nothing the order does: first is best (RFC 8853).
fn layers(section: &str) -> Vec<String> {
    let mut words = value_of(section, "a=simulcast:").unwrap_or("").split_whitespace();
    let list = words.by_ref().skip_while(|w| *w != "send").nth(1).unwrap_or("");
    let first_choice = |group: &str| group.split(',').next().unwrap_or("").trim_start_matches('~').to_owned();
    let mut rids: Vec<String> = list.split(';').map(first_choice).filter(|rid| !rid.is_empty()).collect();
    let place = |table: &[&str; 3], rid: &str| table.iter().position(|name| *name == rid);
    match LAYER_NAMES.iter().find(|table| rids.iter().all(|rid| place(table, rid).is_some())) {
        Some(table) => rids.sort_by_key(|rid| place(table, rid)),
        None => rids.reverse(),
    }
    rids.drain(..rids.len().saturating_sub(MAX_LAYERS));
    rids
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3 4\r\n";

    fn line(kind: &str, port: u16, mid: usize, more: &str) -> String {
        format!("m={kind} {port} UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\n{more}")
    }

    fn mids(offer: &StreamOffer) -> Vec<(&str, usize)> {
        offer.lines.iter().map(|l| (l.mid.as_str(), l.nth)).collect()
    }

    #[test]
    fn what_cannot_be_taken_is_cut_out() {
        let offer = HEAD.to_owned()
            + &line("audio", 9, 0, "a=sendrecv\r\n")
            + &line("video", 0, 1, "a=bundle-only\r\na=sendonly\r\n")
            + &line("video", 0, 2, "a=sendonly\r\na=bundle-only\r\n")
            + &line("video", 9, 3, "a=sendonly\r\na=bundle-only\r\n")
            + &line("audio", 9, 4, "a=recvonly\r\n");
        let read = read_stream(&offer, Way::Push, 8);
        assert_eq!(mids(&read), [("0", 0), ("1", 0), ("2", 1)]);
        assert!(read.sdp.contains("a=group:BUNDLE 0 1 2 4\r\n"), "{}", read.sdp);
        assert!(read.sdp.contains("m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=inactive\r\n"), "{}", read.sdp);
        assert!(read.sdp.ends_with("a=mid:4\r\na=inactive\r\n"));
        assert!(!read.sdp.contains("a=sendrecv"));
        assert_eq!(mids(&read_stream(&offer, Way::Push, 1)), [("0", 0)]);
        assert_eq!(mids(&read_stream(&offer, Way::Play, 8)), [("0", 0), ("4", 1)]);
        let long = HEAD.to_owned() + &line("audio", 9, 0, "").repeat(MAX_SECTIONS + 1);
        assert_eq!(mids(&read_stream(&long, Way::Push, 8)), []);
        // What is rejected already is not taken, and a direction may be the whole session's, or nobody's.
        let offer = HEAD.to_owned() + "a=recvonly\r\n" + &line("audio", 0, 0, "") + &line("video", 9, 1, "");
        assert_eq!(mids(&read_stream(&offer, Way::Play, 8)), [("1", 0)]);
        assert_eq!(mids(&read_stream(&offer, Way::Push, 8)), []);
    }

    #[test]
    fn layers_are_ordered_by_what_their_names_say() {
        let of = |list: &str| layers(&line("video", 9, 0, &format!("a=simulcast:send {list}\r\n")));
        assert_eq!(of("f;h;q"), ["q", "h", "f"]);
        assert_eq!(of("h;l"), ["l", "h"]);
        assert_eq!(of("~0;1,x;2"), ["2", "1", "0"], "first is best");
        assert_eq!(of("a;b;c;d"), ["c", "b", "a"]);
        assert_eq!(of(""), [""; 0]);
        assert_eq!(layers(&line("video", 9, 0, "a=simulcast:recv x send q;f\r\n")), ["q", "f"]);
    }

    #[test]
    fn an_answer_is_read_back() {
        let map = "a=rtpmap:97 rtx/90000\r\na=rtpmap:96 H264/90000\r\n";
        let first = line("audio", 0, 0, "a=candidate:1 1 udp 1 1.2.3.4 5 typ host\r\n");
        let answer = HEAD.to_owned() + &first + &line("video", 9, 1, map) + &line("video", 9, 2, map);
        assert_eq!((answered(&answer, "0"), answered(&answer, "1")), (None, Some("H264")));
        let shown = show_candidates(&answer);
        assert_eq!(shown.matches("a=candidate:").count(), 1);
        assert!(
            shown.find("a=candidate:") > shown.find("a=mid:1") && shown.find("a=candidate:") < shown.find("a=mid:2")
        );
        assert_eq!(shown.matches("a=end-of-candidates").count(), 1);
    }

    proptest! {
        #[test]
        fn no_offer_breaks_it(text in "(v=0|\r\n|m=video|m=audio| 0| 9|a=mid:|a=group:BUNDLE|a=simulcast:send |;|~|x| ){0,40}") {
            for way in [Way::Push, Way::Play] {
                let read = read_stream(&text, way, 3);
                prop_assert!(read.lines.len() <= 3);
                show_candidates(&read.sdp);
                answered(&text, "x");
            }
        }
    }
}
