//! Cuts from an update what is known already, and puts its deletions in order.
//!
//! Clients do repeat themselves: an answer to our state vector says again what they told meanwhile, perhaps merged with
//! what followed. The library's own way of cutting loses content when somebody claims different things about known
//! clocks, so it is only given updates that begin exactly where the document ends.

use crate::known::Known;
use crate::parse::{Body, Deleted, Fault, Id, Kind, Parsed, Section, Struct, value};
use crate::wire::{Reader, Why, put_number};

/// The update without what is known; `None` = there is nothing to cut or to order.
pub(crate) fn trim(bytes: &[u8], update: &Parsed, known: &Known) -> Result<Option<Vec<u8>>, Fault> {
    let repeats = |s: &Section| s.start() < known.end(s.client);
    if !update.sections.iter().any(repeats) && in_order(&update.deleted) {
        return Ok(None);
    }
    let news: Vec<&Section> = update.sections.iter().filter(|s| s.end() > known.end(s.client)).collect();
    let mut out = Vec::with_capacity(bytes.len());
    put_number(&mut out, news.len() as u64);
    for section in news {
        let from = known.end(section.client);
        // Something before it is missing: nothing to cut, and the judge will see.
        let start = section.start().max(from.min(section.end()));
        let structs: Vec<&Struct> = section.structs.iter().filter(|s| s.clock + s.len > start).collect();
        put_number(&mut out, structs.len() as u64);
        put_number(&mut out, section.client);
        put_number(&mut out, u64::from(start));
        for s in structs {
            if s.clock < start {
                rest(&mut out, bytes, section.client, s, start)?;
            } else {
                out.extend_from_slice(&bytes[s.bytes.0..s.bytes.2]);
            }
        }
    }
    put_deletions(&mut out, update.deleted.clone());
    Ok(Some(out))
}

/// What is left of an operation that begins before `from`: it hangs behind its own beginning.
fn rest(out: &mut Vec<u8>, bytes: &[u8], client: u64, s: &Struct, from: u32) -> Result<(), Why> {
    let (cut, left) = (from - s.clock, u64::from(s.clock + s.len - from));
    let (right, kind) = match s.body {
        Body::Gone | Body::Skip => {
            out.push(bytes[s.bytes.0]);
            put_number(out, left);
            return Ok(());
        }
        Body::Item { right, kind, .. } => (right, kind),
    };
    out.push(if right.is_some() { 0xc0 } else { 0x80 } | if deleted(kind)? { 1 } else { 8 });
    for id in [Some(Id { client, clock: from - 1 }), right].into_iter().flatten() {
        put_number(out, id.client);
        put_number(out, u64::from(id.clock));
    }
    put_number(out, left);
    if !deleted(kind)? {
        let mut values = Reader::new(&bytes[s.bytes.1..s.bytes.2]);
        // They were counted when the update was read.
        let mut budget = usize::MAX;
        values.number()?;
        for _ in 0..cut {
            value(&mut values, 0, &mut budget).map_err(|_| "unreadable values")?;
        }
        out.extend_from_slice(values.take(values.left())?);
    }
    Ok(())
}

fn deleted(kind: Kind) -> Result<bool, Why> {
    match kind {
        Kind::Plain { deleted } => Ok(deleted),
        // Types are one operation long, so they cannot be cut.
        Kind::Map | Kind::Array => Err("a type longer than one"),
    }
}

fn in_order(deleted: &[Deleted]) -> bool {
    deleted.windows(2).all(|w| w[0].client != w[1].client || w[0].end < w[1].start)
}

fn put_deletions(out: &mut Vec<u8>, mut deleted: Vec<Deleted>) {
    deleted.sort_by_key(|d| (d.client, d.start));
    deleted.dedup_by(|next, d| {
        let touches = next.client == d.client && next.start <= d.end;
        if touches {
            d.end = d.end.max(next.end);
        }
        touches
    });
    let clients: Vec<&[Deleted]> = deleted.chunk_by(|a, b| a.client == b.client).collect();
    put_number(out, clients.len() as u64);
    for ranges in clients {
        put_number(out, ranges[0].client);
        put_number(out, ranges.len() as u64);
        for d in ranges {
            put_number(out, u64::from(d.start));
            put_number(out, u64::from(d.end - d.start));
        }
    }
}
