//! Reads an update in Yjs's first encoding without building anything from its content: which clocks it brings, where each
//! hangs, what it deletes. Everything the library would trust blindly is checked here: depth, counts, clocks, kinds.

use crate::wire::{MAX_CLOCK, Reader, Why};

/// How deep JSON values may be nested. Excalidraw needs four; the library descends without a limit of its own, and an
/// overflowing stack ends the process.
const MAX_DEPTH: usize = 32;

/// How much one update may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// JSON values. Each takes up to 24 times its encoded size in memory; a stroke of 10,000 points has 30,000.
    pub values: usize,
    /// Yjs clients whose operations it brings. A writer's page is a new one each time it is loaded. What many of them put
    /// at the same place is ordered in quadratic time: 5,000 take 50 ms, 20,000 nearly a second.
    pub clients: usize,
}

impl Bounds {
    /// For what clients send.
    pub(crate) const CLIENT: Self = Self { values: 200_000, clients: 4096 };
    /// For what was stored.
    pub(crate) const OWN: Self = Self { values: usize::MAX, clients: usize::MAX };
}

/// The name of an operation: who did it, and its how-manieth it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id {
    pub client: u64,
    pub clock: u32,
}

/// The named parts of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    Pages,
    Elements,
    View,
}

/// Where an item says it hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    /// Where its neighbours hang.
    Copied,
    /// Directly below a root.
    Root { root: Root, keyed: bool },
    /// In a nested type.
    Item { id: Id, keyed: bool },
}

/// What an item holds, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Values, or what is left of something deleted.
    Plain { deleted: bool },
    /// A nested Y.Map.
    Map,
    /// A nested Y.Array.
    Array,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// Collected garbage: only its length is left.
    Gone,
    /// A hole.
    Skip,
    Item {
        origin: Option<Id>,
        right: Option<Id>,
        parent: Parent,
        kind: Kind,
    },
}

/// One operation, or several in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Struct {
    pub clock: u32,
    pub len: u32,
    pub body: Body,
    /// Where it lies in the update: its first byte, its content's first, and the end.
    pub bytes: (usize, usize, usize),
}

/// What one client did, without gaps.
#[derive(Debug)]
pub(crate) struct Section {
    pub client: u64,
    pub structs: Vec<Struct>,
}

impl Section {
    pub(crate) fn start(&self) -> u32 {
        self.structs.first().map_or(0, |s| s.clock)
    }

    pub(crate) fn end(&self) -> u32 {
        self.structs.last().map_or(0, |s| s.clock + s.len)
    }

    /// The place of the operation that covers `clock`.
    pub(crate) fn find(&self, clock: u32) -> Option<usize> {
        let i = self.structs.partition_point(|s| s.clock + s.len <= clock);
        self.structs.get(i).filter(|s| s.clock <= clock).map(|_| i)
    }
}

/// A range of deleted clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deleted {
    pub client: u64,
    pub start: u32,
    pub end: u32,
}

/// An update, read.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub sections: Vec<Section>,
    pub deleted: Vec<Deleted>,
}

/// Why an update was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No update, or one that no Yjs client makes.
    Malformed(Why),
    /// An update with something in it that whiteboards do not have.
    Refused(Why),
}

impl From<Why> for Fault {
    fn from(why: Why) -> Self {
        Self::Malformed(why)
    }
}

/// Reads an update.
pub(crate) fn parse(bytes: &[u8], bounds: Bounds) -> Result<Parsed, Fault> {
    let mut r = Reader::new(bytes);
    let mut values = bounds.values;
    let mut sections = Vec::new();
    let clients = r.count(4)?;
    if clients > bounds.clients {
        return Err(Fault::Refused("too many authors in one change"));
    }
    for _ in 0..clients {
        sections.push(section(&mut r, &mut values)?);
    }
    sections.sort_by_key(|s: &Section| s.client);
    if sections.windows(2).any(|w| w[0].client == w[1].client) {
        return Err("a client twice".into());
    }
    let deleted = deletions(&mut r)?;
    r.end()?;
    Ok(Parsed { sections, deleted })
}

fn section(r: &mut Reader<'_>, values: &mut usize) -> Result<Section, Fault> {
    let n = r.number()?;
    let client = r.number()?;
    let mut clock = r.clock()?;
    // An item needs two bytes at least. Not `count`: client and clock lie in between.
    if n == 0 || n > (r.left() / 2) as u64 {
        return Err("count larger than the message".into());
    }
    let mut structs = Vec::new();
    for _ in 0..n {
        let first = r.position();
        let (len, body, content) = structure(r, values)?;
        if len == 0 {
            return Err("an operation of no length".into());
        }
        structs.push(Struct { clock, len, body, bytes: (first, content, r.position()) });
        clock = clock.checked_add(len).filter(|c| *c <= MAX_CLOCK).ok_or("clock too large")?;
    }
    Ok(Section { client, structs })
}

fn id(r: &mut Reader<'_>) -> Result<Id, Why> {
    Ok(Id { client: r.number()?, clock: r.clock()? })
}

fn structure(r: &mut Reader<'_>, values: &mut usize) -> Result<(u32, Body, usize), Fault> {
    const HAS_ORIGIN: u8 = 0x80;
    const HAS_RIGHT: u8 = 0x40;
    const HAS_KEY: u8 = 0x20;
    let info = r.byte()?;
    match info {
        0 => return Ok((r.clock()?, Body::Gone, r.position())),
        10 => return Ok((r.clock()?, Body::Skip, r.position())),
        _ => {}
    }
    let origin = if info & HAS_ORIGIN != 0 { Some(id(r)?) } else { None };
    let right = if info & HAS_RIGHT != 0 { Some(id(r)?) } else { None };
    let parent = if origin.is_some() || right.is_some() {
        Parent::Copied
    } else {
        let root = match r.number()? {
            1 => Some(root(r.text()?)?),
            0 => None,
            _ => return Err("neither a name nor an item as parent".into()),
        };
        let item = if root.is_none() { Some(id(r)?) } else { None };
        let keyed = info & HAS_KEY != 0;
        if keyed {
            r.text()?;
        }
        match (root, item) {
            (Some(root), _) => Parent::Root { root, keyed },
            (None, Some(id)) => Parent::Item { id, keyed },
            (None, None) => return Err("no parent".into()),
        }
    };
    let at = r.position();
    let (len, kind) = content(r, info & 0x1f, values)?;
    Ok((len, Body::Item { origin, right, parent, kind }, at))
}

fn root(name: &str) -> Result<Root, Fault> {
    match name {
        "pages" => Ok(Root::Pages),
        "elements" => Ok(Root::Elements),
        "view" => Ok(Root::View),
        _ => Err(Fault::Refused("no such part of the board")),
    }
}

fn content(r: &mut Reader<'_>, kind: u8, values: &mut usize) -> Result<(u32, Kind), Fault> {
    match kind {
        1 => Ok((r.clock()?, Kind::Plain { deleted: true })),
        7 => match r.number()? {
            0 => Ok((1, Kind::Array)),
            1 => Ok((1, Kind::Map)),
            _ => Err(Fault::Refused("only maps and arrays may be nested")),
        },
        8 => {
            let n = r.count(1)?;
            for _ in 0..n {
                value(r, 0, values)?;
            }
            let len = u32::try_from(n).map_err(|_| "count too large")?;
            Ok((len, Kind::Plain { deleted: false }))
        }
        // Old JSON, bytes, text, embeds, formats, subdocuments: all real, none of a whiteboard.
        2..=6 | 9 => Err(Fault::Refused("only JSON values may be stored")),
        _ => Err("unknown kind of content".into()),
    }
}

/// Passes over one JSON value.
pub(crate) fn value(r: &mut Reader<'_>, depth: usize, values: &mut usize) -> Result<(), Fault> {
    *values = values.checked_sub(1).ok_or(Fault::Refused("too many values in one change"))?;
    match r.byte()? {
        126 | 127 | 120 | 121 => {}
        125 => {
            for n in 0.. {
                if r.byte()? < 0x80 {
                    break;
                }
                if n == 9 {
                    return Err("number too long".into());
                }
            }
        }
        124 => _ = r.take(4)?,
        122 | 123 => _ = r.take(8)?,
        119 => _ = r.text()?,
        116 => _ = r.buffer()?,
        tag @ (117 | 118) => {
            if depth == MAX_DEPTH {
                return Err(Fault::Refused("a value nested too deep"));
            }
            let keyed = tag == 118;
            for _ in 0..r.count(if keyed { 2 } else { 1 })? {
                if keyed {
                    r.text()?;
                }
                value(r, depth + 1, values)?;
            }
        }
        _ => return Err("unknown kind of value".into()),
    }
    Ok(())
}

fn deletions(r: &mut Reader<'_>) -> Result<Vec<Deleted>, Why> {
    let mut deleted = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..r.count(2)? {
        let client = r.number()?;
        clients.push(client);
        for _ in 0..r.count(2)? {
            let start = r.clock()?;
            let len = r.clock()?;
            let end = start.checked_add(len).filter(|c| *c <= MAX_CLOCK).ok_or("clock too large")?;
            if len == 0 {
                return Err("a deletion of no length");
            }
            deleted.push(Deleted { client, start, end });
        }
    }
    clients.sort_unstable();
    if clients.windows(2).any(|w| w[0] == w[1]) {
        return Err("a client twice");
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One client's one item with the given content bytes below `elements`, key "k".
    fn with_content(kind: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![1, 1, 5, 0, 0x20 | kind, 1, 8];
        out.extend_from_slice(b"elements");
        out.extend_from_slice(&[1, b'k']);
        out.extend_from_slice(content);
        out.push(0);
        out
    }

    #[test]
    fn an_item_is_read() {
        let read = parse(&with_content(8, &[1, 120]), Bounds::CLIENT).unwrap();
        let s = read.sections[0].structs[0];
        assert_eq!((read.sections[0].client, s.clock, s.len), (5, 0, 1));
        let Body::Item { parent, kind, .. } = s.body else { panic!() };
        assert_eq!(parent, Parent::Root { root: Root::Elements, keyed: true });
        assert_eq!(kind, Kind::Plain { deleted: false });
    }

    #[test]
    fn nesting_that_would_overflow_the_stack_is_refused() {
        let mut deep = vec![1];
        for _ in 0..100_000 {
            deep.extend_from_slice(&[117, 1]);
        }
        deep.push(126);
        assert!(matches!(parse(&with_content(8, &deep), Bounds::CLIENT), Err(Fault::Refused(_))));
    }

    #[test]
    fn values_and_clients_are_counted() {
        let three = with_content(8, &[2, 120, 117, 1, 126]);
        let most = |values, clients| Bounds { values, clients };
        assert!(matches!(parse(&three, most(2, 1)), Err(Fault::Refused(_))));
        assert!(matches!(parse(&three, most(3, 0)), Err(Fault::Refused(_))));
        assert!(parse(&three, most(3, 1)).is_ok());
    }

    #[test]
    fn bombs_and_nonsense_are_malformed() {
        let malformed = |bytes: &[u8]| matches!(parse(bytes, Bounds::CLIENT), Err(Fault::Malformed(_)));
        for bad in [
            &[][..],
            &[0xff, 0xff, 0xff, 0xff, 0x0f, 0],
            &[1, 0, 5, 0, 0],
            &[1, 1, 5, 0, 0, 0, 0],
            &[0, 1, 5, 0xff, 0xff, 0x7f],
            &[0, 0, 0],
            &[0, 2, 5, 1, 0, 1, 5, 1, 3, 1],
            &[0, 1, 5, 1, 0xff, 0xff, 0xff, 0xff, 7, 1],
        ] {
            assert!(malformed(bad), "{bad:?}");
        }
        assert!(malformed(&with_content(8, &[0])));
        assert!(malformed(&with_content(8, &[1, 118, 0xff, 0xff, 0xff, 0x7a])));
        assert!(malformed(&with_content(8, &[1, 119, 2, 0xc3, 0x28])));
        assert!(malformed(&with_content(12, &[1])));
        assert!(parse(&[0, 0], Bounds::CLIENT).is_ok());
    }

    #[test]
    fn what_whiteboards_do_not_have_is_refused() {
        for (kind, content) in [(4, &[1, b'x'][..]), (9, &[1, b'x', 126]), (7, &[2]), (3, &[1, 1])] {
            assert!(matches!(parse(&with_content(kind, content), Bounds::CLIENT), Err(Fault::Refused(_))), "{kind}");
        }
        let mut other = vec![1, 1, 5, 0, 0x28, 1, 5];
        other.extend_from_slice(b"other");
        other.extend_from_slice(&[1, b'k', 1, 126, 0]);
        assert!(matches!(parse(&other, Bounds::CLIENT), Err(Fault::Refused(_))));
    }
}
