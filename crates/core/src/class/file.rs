//! Uploaded courseware: what it may be, what it may be called, and the port that keeps it in parts.

use async_trait::async_trait;

use super::view::Doc;
use crate::error::Result;
use crate::id::{AppId, ClassId, FileId};
use crate::time::UnixMs;

/// Bytes of one stored part; all but the last of a file have so many. Larger parts hold the one writer of an embedded
/// store for longer, smaller ones cost more rows.
pub const PART_BYTES: usize = 256 * 1024;

/// Longest name of a file, in characters.
const NAME_CHARS: usize = 200;

/// What may be uploaded: pictures and papers that browsers show and that cannot run anything here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A picture.
    Png,
    /// A picture.
    Jpeg,
    /// A picture, perhaps moving.
    Gif,
    /// A picture, perhaps moving.
    Webp,
    /// Pages.
    Pdf,
}

impl FileKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Png, Self::Jpeg, Self::Gif, Self::Webp, Self::Pdf];

    /// What content that begins like this is. What the sender calls it is not asked.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(Self::Png);
        }
        if head.starts_with(b"\xff\xd8\xff") {
            return Some(Self::Jpeg);
        }
        if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") {
            return Some(Self::Gif);
        }
        if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
            return Some(Self::Webp);
        }
        // Readers also take a header further on; what begins as something else is something else here.
        head.starts_with(b"%PDF-").then_some(Self::Pdf)
    }

    /// As it is stored.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Png => 1,
            Self::Jpeg => 2,
            Self::Gif => 3,
            Self::Webp => 4,
            Self::Pdf => 5,
        }
    }

    /// The opposite.
    #[must_use]
    pub fn from_number(n: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|k| i64::from(k.number()) == n)
    }

    /// Its media type.
    #[must_use]
    pub fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
        }
    }

    /// Endings of names, the usual one first.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Png => &[".png"],
            Self::Jpeg => &[".jpg", ".jpeg"],
            Self::Gif => &[".gif"],
            Self::Webp => &[".webp"],
            Self::Pdf => &[".pdf"],
        }
    }

    /// The name with an ending that says what the file is: whoever saves it under that name opens it as that.
    #[must_use]
    pub fn named(self, name: &str) -> String {
        let lower = name.to_ascii_lowercase();
        if self.endings().iter().any(|e| lower.len() > e.len() && lower.ends_with(e)) {
            return name.to_owned();
        }
        let ending = self.endings()[0];
        let room = NAME_CHARS - ending.len();
        name.chars().take(room).chain(ending.chars()).collect()
    }
}

/// A name that is only a name: the last part of a path, without characters that are not shown, turn the direction of
/// text, or are taken for something else by a file system. `None` = nothing is left.
#[must_use]
pub fn plain_name(asked: &str) -> Option<String> {
    let last = asked.rsplit(['/', '\\']).next().unwrap_or(asked);
    let shown = |c: &char| {
        let directs =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        !c.is_control() && !directs && !matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|')
    };
    let plain: String = last.chars().filter(shown).take(NAME_CHARS).collect();
    let plain = plain.trim_matches([' ', '.']).trim();
    (!plain.is_empty()).then(|| plain.to_owned())
}

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassFile {
    /// Random.
    pub id: FileId,
    /// Whose.
    pub class: ClassId,
    /// As [`FileKind::named`] gives it.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes.
    pub size: u64,
    /// Begun at.
    pub created: UnixMs,
}

/// Whether there is room for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSpace {
    /// It has a place now.
    Reserved,
    /// The class would have more than it may.
    Full,
    /// No such class.
    NoClass,
}

/// What lasts of uploaded files. The promises of [`crate::ports::Store`] hold. A file is there for readers once it is
/// finished, and until its document or its class is gone.
#[async_trait]
pub trait FileStore: Send + Sync {
    /// Reserves the file's size within `total` bytes of its class; of uploads at once none goes over it. Unfinished files count.
    async fn begin_file(&self, file: ClassFile, total: u64) -> Result<FileSpace>;

    /// Keeps a part of an unfinished file. False = there is no such file.
    async fn put_file_part(&self, id: FileId, part: u32, data: Vec<u8>) -> Result<bool>;

    /// Ends an upload: the document is added, with the file. False = the class, the file or the document's id is not
    /// free for it any more; nothing is stored then.
    async fn finish_file(&self, class: ClassId, id: FileId, doc: Doc) -> Result<bool>;

    /// Forgets an unfinished file.
    async fn drop_file(&self, id: FileId) -> Result<()>;

    /// A finished file of the app.
    async fn file(&self, app: AppId, id: FileId) -> Result<Option<ClassFile>>;

    /// A part of a finished file, from 0.
    async fn file_part(&self, id: FileId, part: u32) -> Result<Option<Vec<u8>>>;

    /// Bytes of a class's files.
    async fn files_size(&self, class: ClassId) -> Result<u64>;

    /// Forgets unfinished files that were begun before this, and takes back space of what is gone, in a step that is
    /// over soon. Answers how much was done: 0 = nothing is left to do.
    async fn sweep_files(&self, before: UnixMs) -> Result<u64>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_first_bytes_only() {
        let known: [(&[u8], FileKind); 6] = [
            (b"\x89PNG\r\n\x1a\n....", FileKind::Png),
            (b"\xff\xd8\xff\xe0", FileKind::Jpeg),
            (b"GIF87a", FileKind::Gif),
            (b"GIF89a<script>alert(1)</script>", FileKind::Gif),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", FileKind::Webp),
            (b"%PDF-1.7\n", FileKind::Pdf),
        ];
        for (head, kind) in known {
            assert_eq!(FileKind::sniff(head), Some(kind), "{head:?}");
            assert_eq!(FileKind::from_number(kind.number().into()), Some(kind));
        }
        let refused: [&[u8]; 12] = [
            b"",
            b"\x89PN",
            b"RIFF\x01\x02\x03\x04WAVE",
            b"RIFF\x01\x02\x03\x04WEB",
            b"GIF88a",
            b"<svg xmlns=",
            b"<?xml version=",
            b"<!DOCTYPE html>",
            b" %PDF-1.7",
            b"<html>%PDF-1.7",
            b"PK\x03\x04",
            b"\xef\xbb\xbf<svg",
        ];
        for head in refused {
            assert_eq!(FileKind::sniff(head), None, "{head:?}");
        }
        assert_eq!((FileKind::from_number(0), FileKind::from_number(6)), (None, None));
    }

    #[test]
    fn names_are_names_and_no_paths() {
        for (asked, name) in [
            ("lesson 1.png", "lesson 1.png"),
            ("第一课.pdf", "第一课.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\a\\x.png", "x.png"),
            ("a\r\nSet-Cookie: b.png", "aSet-Cookie b.png"),
            ("gpj.\u{202e}exe.png", "gpj.exe.png"),
            (" .hidden. ", "hidden"),
            ("a\u{0}b\u{7f}\u{9b}c", "abc"),
        ] {
            assert_eq!(plain_name(asked).as_deref(), Some(name), "{asked:?}");
        }
        for nothing in ["", "/", "..", "a/..", "a/", ". .", "\u{202e}", "???"] {
            assert_eq!(plain_name(nothing), None, "{nothing:?}");
        }
        assert_eq!(plain_name(&"好".repeat(900)).unwrap().chars().count(), 200);
    }

    #[test]
    fn endings_say_what_the_file_is() {
        for (kind, name, want) in [
            (FileKind::Png, "a.PNG", "a.PNG"),
            (FileKind::Jpeg, "a.jpeg", "a.jpeg"),
            (FileKind::Png, "a.html", "a.html.png"),
            (FileKind::Pdf, "pdf", "pdf.pdf"),
            (FileKind::Gif, ".gif", ".gif.gif"),
        ] {
            assert_eq!(kind.named(name), want);
        }
        let long = FileKind::Webp.named(&"a".repeat(200));
        assert!(long.len() == 200 && long.ends_with("a.webp"));
    }
}
