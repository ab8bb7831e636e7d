//! Signed addresses of the plain HTTP doors (classroom.md 6.1, 6.2): who may push, pull or play what, and until when.
//! Pure functions; whether the bearer of a good address may still use it is asked elsewhere.

use stoa_api::jwt::Key;
use stoa_core::class::ClassFile;
use stoa_core::id::{MeetingId, UserId};
use stoa_vendor::text::percent_encode;

/// `embedded.url_key`. Never printed.
#[derive(Debug, Clone)]
pub struct LinkKey(Key);

/// What an address is for; an address of one kind is none of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Publishes: WHIP.
    Push,
    /// Plays a publisher: WHEP.
    Pull,
    /// Plays a stream as a file: FLV, HLS.
    Play,
    /// Reads uploaded courseware.
    File,
}

impl LinkKind {
    fn word(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Play => "play",
            Self::File => "file",
        }
    }
}

/// What a signature covers: raw values, none of them encoded.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// What for.
    pub kind: LinkKind,
    /// The channel, or the path of a file.
    pub resource: &'a str,
    /// Who pushes, who is pulled, or who plays.
    pub user: &'a str,
    /// End of its life, Unix seconds.
    pub expires: i64,
}

impl LinkKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(Key::new(secret))
    }

    /// The signature, as lower-case hex.
    #[must_use]
    pub fn sign(&self, what: &Signed<'_>) -> String {
        hex::encode(self.0.signature(&what.text()))
    }

    /// Whether the signature is ours; constant time.
    #[must_use]
    pub fn verify(&self, what: &Signed<'_>, signature: &str) -> bool {
        // One spelling only: what is signed twice in two spellings would be two addresses.
        let plain = signature.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        plain && hex::decode(signature).is_ok_and(|s| self.0.made(&what.text(), &s))
    }
}

impl Signed<'_> {
    /// Ids hold no control characters, so the line breaks make it unambiguous.
    fn text(&self) -> String {
        format!("stoa1\n{}\n{}\n{}\n{}", self.kind.word(), self.resource, self.user, self.expires)
    }
}

/// What a stream shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// The camera, with the voice.
    Camera,
    /// A shared screen.
    Screen,
}

/// How a stream's sound is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// As it was published.
    Original,
    /// AAC.
    Aac,
}

/// Builds the addresses of one answer: all of them end at the same instant.
#[derive(Debug)]
pub struct Links<'a> {
    /// Signs.
    pub key: &'a LinkKey,
    /// `http(s)://host`.
    pub base: String,
    /// End of their life, Unix seconds.
    pub expires: i64,
}

impl Links<'_> {
    /// Where this publisher pushes.
    #[must_use]
    pub fn push(&self, meeting: MeetingId, publisher: &str) -> String {
        self.stream(LinkKind::Push, "whip", meeting, publisher)
    }

    /// Where others play this publisher.
    #[must_use]
    pub fn pull(&self, meeting: MeetingId, publisher: &str) -> String {
        self.stream(LinkKind::Pull, "whep", meeting, publisher)
    }

    fn stream(&self, kind: LinkKind, door: &str, meeting: MeetingId, user: &str) -> String {
        let (base, expires, resource) = (&self.base, self.expires, meeting.to_string());
        let token = self.key.sign(&Signed { kind, resource: &resource, user, expires });
        format!("{base}/{door}/{resource}?userId={}&timestamp={expires}&token={token}", percent_encode(user))
    }

    /// Where this viewer plays a stream as a file; `name` is [`stream_name`] with an ending.
    #[must_use]
    pub fn play(&self, name: &str, viewer: &UserId) -> String {
        let (base, expires, viewer) = (&self.base, self.expires, viewer.as_str());
        let resource = format!("/live/{name}");
        let signature = self.key.sign(&Signed { kind: LinkKind::Play, resource: &resource, user: viewer, expires });
        let (name, viewer) = (percent_encode(name), percent_encode(viewer));
        format!("{base}/live/{name}?viewer={viewer}&auth_key={expires}-0-0-{signature}")
    }

    /// Where this user reads an uploaded file.
    #[must_use]
    pub fn file(&self, file: &ClassFile, reader: &UserId) -> String {
        let (base, expires, resource) = (&self.base, self.expires, file.id.to_string());
        let token =
            self.key.sign(&Signed { kind: LinkKind::File, resource: &resource, user: reader.as_str(), expires });
        let (name, user) = (percent_encode(&file.name), percent_encode(reader.as_str()));
        format!("{base}/files/{resource}/{name}?user={user}&expires={expires}&token={token}")
    }
}

/// The name of a stream of `owner`, without an ending (classroom.md 6.1).
#[must_use]
pub fn stream_name(app: &str, meeting: MeetingId, owner: &str, picture: Picture, sound: Sound) -> String {
    let picture = match picture {
        Picture::Camera => "camera",
        Picture::Screen => "shareScreen",
    };
    let sound = match sound {
        Sound::Original => "",
        Sound::Aac => "_oriaac",
    };
    format!("{app}_{meeting}_{owner}_{picture}{sound}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: &str = "e65c9abd-0def-49c3-b7db-29380dbc0001";
    const E: i64 = 1_700_884_074;

    fn key() -> LinkKey {
        LinkKey::new(&(0u8..32).collect::<Vec<_>>())
    }

    fn vectors() -> Vec<(LinkKind, String, &'static str, &'static str)> {
        let file = |rest: &str| format!("/live/stoa_{CHANNEL}_{rest}");
        vec![
            (
                LinkKind::Push,
                CHANNEL.into(),
                "teacher1",
                "7326e76cceed66fac3de4d6ee071a6511bf960115330e0fdbea800b3eb1f8720",
            ),
            (
                LinkKind::Pull,
                CHANNEL.into(),
                "teacher1",
                "ea4741f68922c4e4707ed4de2e9e8c2949180ca7508b180408e63779be393ce0",
            ),
            (
                LinkKind::Push,
                CHANNEL.into(),
                "teacher1_shadow",
                "231327a0bc36a2b1e59862049e2a78f27f11fbd3c3b291b4ba68bc56c426e1f9",
            ),
            (
                LinkKind::Push,
                CHANNEL.into(),
                "李 老师&x=1",
                "24745da68845fc57391de6badf6b50324d8b063508ade32e311247a56354c8c4",
            ),
            (
                LinkKind::Play,
                file("teacher1_camera.flv"),
                "stu01",
                "bf128126f2f84867561bfa263da576eb437b621d63799a103fb78a72110527ee",
            ),
            (
                LinkKind::Play,
                file("teacher1_camera.m3u8"),
                "stu01",
                "451c81b78e0433daaa5a20dcd971fb71bdf25d5e853a9df9f51b6a6124a6cafc",
            ),
            (
                LinkKind::Play,
                file("teacher1_shadow_camera.m3u8"),
                "stu01",
                "130cd2f4b78f6b7ecbd50faa274a422026292eeb5529d253d26a6f2c188f4e56",
            ),
        ]
    }

    #[test]
    fn x01_signatures_meet_their_vectors() {
        for (kind, resource, user, want) in vectors() {
            let what = Signed { kind, resource: &resource, user, expires: E };
            assert_eq!(key().sign(&what), want, "{resource} {user}");
            assert!(key().verify(&what, want));
        }
    }

    #[test]
    fn a_signature_is_good_for_exactly_what_it_covers() {
        let (kind, resource, user, good) = vectors().remove(0);
        let what = Signed { kind, resource: &resource, user, expires: E };
        for wrong in [
            Signed { kind: LinkKind::Pull, ..what },
            Signed { resource: "e65c9abd-0def-49c3-b7db-29380dbc0002", ..what },
            Signed { user: "teacher2", ..what },
            Signed { expires: E + 1, ..what },
        ] {
            assert!(!key().verify(&wrong, good), "{wrong:?}");
        }
        assert!(!LinkKey::new(b"another").verify(&what, good));
        for wrong in ["", "zz", &good[..62], &good.to_uppercase(), &format!("{good}00"), &good.replace('7', "8")] {
            assert!(!key().verify(&what, wrong), "{wrong}");
        }
    }

    #[test]
    fn gt4_names_are_encoded_in_the_address_and_raw_in_the_signature() {
        let key = key();
        let links = Links { key: &key, base: "https://class.example.com".into(), expires: E };
        let meeting = MeetingId::parse(CHANNEL).unwrap();
        let want = format!(
            "https://class.example.com/whip/{CHANNEL}?userId=%E6%9D%8E%20%E8%80%81%E5%B8%88%26x%3D1&timestamp={E}\
             &token=24745da68845fc57391de6badf6b50324d8b063508ade32e311247a56354c8c4"
        );
        assert_eq!(links.push(meeting, "李 老师&x=1"), want);
        let name = stream_name("stoa", meeting, "a/b?c", Picture::Screen, Sound::Aac) + ".flv";
        let url = links.play(&name, &UserId::new("x y").unwrap());
        let start =
            format!("https://class.example.com/live/stoa_{CHANNEL}_a%2Fb%3Fc_shareScreen_oriaac.flv?viewer=x%20y&");
        assert!(url.starts_with(&start), "{url}");
    }
}
