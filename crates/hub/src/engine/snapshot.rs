//! Rings and positions over a planned restart (hub.md 7.8), as bytes. A hash at the end finds what was damaged.
//!
//! Layout, integers little-endian: magic; wall clock in ms; number of channels; per channel name, epoch, top, ms the
//! ring has left, number of publications and each of them; SHA-256 of all that. Texts have their length before them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use stoa_core::time::Now;

use super::channel::Channel;
use super::{ChanId, Due, Engine, Epoch, Ms};
use crate::proto::normalise;

const MAGIC: &[u8; 8] = b"STOAHUB1";
/// Older ones are not believed: clients have long been told of the loss, and offsets might be given out twice.
const MAX_AGE_MS: i64 = 10 * 60_000;
/// How long positions of channels without publications are remembered after a restart.
const META_MS: Ms = 30 * 24 * 3_600_000;

/// The snapshot cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadSnapshot {
    /// Not what was written.
    Corrupt,
    /// Written too long ago, or in the future.
    Stale,
}

impl Engine {
    /// Sends what is collected, and from now on refuses to publish: an offset given out after this would be given out
    /// again. Answers all rings and positions.
    pub fn freeze(&mut self, now: Now) -> Vec<u8> {
        self.now = now;
        self.frozen = true;
        let all: Vec<ChanId> = self.channels.iter().map(|(k, _)| k).collect();
        for chan in all {
            self.flush(chan);
        }
        let ms = self.ms();
        let mut out = MAGIC.to_vec();
        out.extend(now.wall.0.to_le_bytes());
        let channels: BTreeMap<&Arc<str>, &Channel> = self.channels.iter().map(|(_, c)| (&c.name, c)).collect();
        let count = channels.len() + self.idle.len();
        out.extend((count as u64).to_le_bytes());
        for (name, ch) in channels {
            let left = ch.ring_until.saturating_sub(ms);
            head(&mut out, name, ch.epoch, ch.top, left, ch.ring().len());
            for publication in ch.ring() {
                text(&mut out, &publication.data);
            }
        }
        for (name, meta) in &self.idle {
            head(&mut out, name, meta.epoch, meta.top, 0, 0);
        }
        let hash = Sha256::digest(&out);
        out.extend_from_slice(&hash);
        out
    }

    /// Takes over what [`Engine::freeze`] wrote, before anybody is connected. Answers the number of channels.
    ///
    /// # Errors
    /// [`BadSnapshot`]; the engine is as before.
    pub fn restore(&mut self, now: Now, bytes: &[u8]) -> Result<usize, BadSnapshot> {
        self.now = now;
        let (body, hash) = bytes.split_last_chunk::<32>().ok_or(BadSnapshot::Corrupt)?;
        if Sha256::digest(body)[..] != hash[..] {
            return Err(BadSnapshot::Corrupt);
        }
        let mut read = Reader(body);
        if read.take(MAGIC.len()) != Some(MAGIC) {
            return Err(BadSnapshot::Corrupt);
        }
        let written = read.number().ok_or(BadSnapshot::Corrupt)?.cast_signed();
        let age = now.wall.0.saturating_sub(written);
        if !(0..=MAX_AGE_MS).contains(&age) {
            return Err(BadSnapshot::Stale);
        }
        let age = Ms::try_from(age).unwrap_or(Ms::MAX);
        let count = read.number().ok_or(BadSnapshot::Corrupt)?;
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(read.entry().ok_or(BadSnapshot::Corrupt)?);
        }
        let n = entries.len();
        for entry in entries {
            self.take_over(entry, age);
        }
        Ok(n)
    }

    /// Every channel with a stream.
    pub(crate) fn known(&self) -> Vec<String> {
        self.names.keys().chain(self.idle.keys()).map(ToString::to_string).collect()
    }

    fn take_over(&mut self, entry: Entry, age: Ms) {
        let ms = self.ms();
        let Some(namespace) = self.namespace(&entry.name) else { return };
        let left = entry.left.saturating_sub(age);
        if entry.publications.is_empty() || left == 0 {
            self.remember(entry.name, entry.epoch, entry.top, ms + META_MS);
            return;
        }
        let size = self.config.namespaces[namespace].history_size.max(1);
        let before = entry.top - entry.publications.len() as u64;
        let mut ch = Channel::new(entry.name.clone(), namespace, entry.epoch, before);
        let change: isize = entry.publications.into_iter().map(|p| ch.keep(p, size)).sum();
        ch.ring_until = ms + left;
        ch.ring_armed = true;
        let chan = self.channels.insert(ch);
        self.names.insert(entry.name, chan);
        self.timers.push(Reverse((ms + left, Due::Ring(chan))));
        self.history_changed(change);
    }
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn head(out: &mut Vec<u8>, name: &str, epoch: Epoch, top: u64, left: Ms, publications: usize) {
    text(out, name.as_bytes());
    out.extend_from_slice(&epoch.0);
    for n in [top, left, publications as u64] {
        out.extend(n.to_le_bytes());
    }
}

struct Entry {
    name: Arc<str>,
    epoch: Epoch,
    top: u64,
    left: Ms,
    publications: Vec<Bytes>,
}

/// Takes only what is there: no length is believed before it was compared.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn number(&mut self) -> Option<u64> {
        let (head, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*head))
    }

    fn text(&mut self) -> Option<&'a str> {
        let n = usize::try_from(self.number()?).ok()?;
        std::str::from_utf8(self.take(n)?).ok()
    }

    fn entry(&mut self) -> Option<Entry> {
        let name = self.text()?.into();
        let epoch = Epoch(self.take(8)?.try_into().ok()?);
        let (top, left, count) = (self.number()?, self.number()?, self.number()?);
        if count > top {
            return None;
        }
        let mut publications = Vec::new();
        for _ in 0..count {
            publications.push(normalise(self.text()?)?);
        }
        Some(Entry { name, epoch, top, left, publications })
    }
}
