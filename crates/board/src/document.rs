//! One board's document: the library's, the index beside it, and the rules for what gets in.

use std::borrow::Cow;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use yrs::updates::decoder::Decode as _;
use yrs::updates::encoder::Encode as _;
use yrs::{Any, Array as _, Doc, Map as _, Out, ReadTxn as _, StateVector, Transact as _, Update, WriteTxn as _};

use crate::known::{Known, Parts, Verdict};
use crate::parse::{Bounds, Fault, parse};
use crate::trim::trim;
use crate::wire::{Why, check_state_vector};

/// What became of an update.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It says nothing new.
    Nothing,
    /// It changed the document; this is the change, to be stored and told.
    Changed(Vec<u8>),
    /// It builds on changes that are not here.
    Missing,
    /// It touches what it may not. The document is as before.
    Refused(Why),
}

/// Why the session that sent an update is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    Malformed(Why),
    /// The document has reached its size.
    Full,
    /// The library failed. The document in memory is not to be trusted any more.
    Broken(Why),
}

/// A whiteboard's content.
pub struct Document {
    doc: Doc,
    known: Known,
    /// At least the size of a snapshot: what it was when last looked, and all changes since.
    size: usize,
    /// How many bytes of changes came since the size was last looked at.
    unmeasured: usize,
    /// Something was erased since.
    erased: bool,
    /// Counts changes.
    revision: u64,
    /// The answer to a client that has nothing, of the revision it was made at.
    whole: Option<(u64, Arc<[u8]>)>,
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").field("size", &self.size).field("revision", &self.revision).finish_non_exhaustive()
    }
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}

impl Document {
    /// An empty board.
    #[must_use]
    pub fn new() -> Self {
        let doc = Doc::new();
        doc.get_or_insert_array("pages");
        doc.get_or_insert_map("elements");
        doc.get_or_insert_map("view");
        Self { doc, known: Known::default(), size: 0, unmeasured: 0, erased: false, revision: 0, whole: None }
    }

    /// Reads back what was stored. The second value counts stored changes that could not be applied: none, unless the
    /// store lost something.
    #[must_use]
    pub fn load(rows: &[Vec<u8>]) -> (Self, usize) {
        let mut document = Self::new();
        let mut lost = 0;
        for row in rows {
            match document.take(row, Parts::ALL, usize::MAX, Bounds::OWN) {
                Ok(Applied::Changed(_) | Applied::Nothing) => {}
                Ok(Applied::Missing | Applied::Refused(_)) | Err(Failed::Malformed(_) | Failed::Full) => lost += 1,
                Err(Failed::Broken(_)) => {
                    // Start over without the row that broke it.
                    lost += 1;
                    let good: Vec<Vec<u8>> = rows.iter().filter(|r| *r != row).cloned().collect();
                    let (document, more) = Self::load(&good);
                    return (document, lost + more);
                }
            }
        }
        document.size = rows.iter().map(Vec::len).sum();
        (document, lost)
    }

    /// Applies a client's update if it may change what it changes, and the document stays below the limit.
    pub(crate) fn apply(&mut self, bytes: &[u8], allowed: Parts, limit: usize) -> Result<Applied, Failed> {
        self.take(bytes, allowed, limit, Bounds::CLIENT)
    }

    fn take(&mut self, bytes: &[u8], allowed: Parts, limit: usize, bounds: Bounds) -> Result<Applied, Failed> {
        let mut bytes = Cow::Borrowed(bytes);
        let read = parse(&bytes, bounds).and_then(|parsed| match trim(&bytes, &parsed, &self.known)? {
            None => Ok(parsed),
            Some(news) => {
                let parsed = parse(&news, bounds);
                bytes = Cow::Owned(news);
                parsed
            }
        });
        let parsed = match read {
            Ok(parsed) => parsed,
            Err(Fault::Malformed(why)) => return Err(Failed::Malformed(why)),
            Err(Fault::Refused(why)) => return Ok(Applied::Refused(why)),
        };
        match self.known.judge(&parsed) {
            Verdict::Nothing => return Ok(Applied::Nothing),
            Verdict::Missing => return Ok(Applied::Missing),
            Verdict::Refused(why) => return Ok(Applied::Refused(why)),
            Verdict::Changes(parts) if !parts.within(allowed) => {
                return Ok(Applied::Refused("no right to change this part of the board"));
            }
            Verdict::Changes(_) => {}
        }
        // What only deletes makes the document smaller, and must stay possible when it is full.
        if !parsed.sections.is_empty() && !self.has_room(bytes.len(), limit) {
            return Err(Failed::Full);
        }
        let change = self.integrate(&bytes)?;
        let parsed =
            parse(&change, Bounds::OWN).map_err(|_| Failed::Broken("the library made a change that cannot be read"))?;
        if !self.known.absorb(&parsed) {
            return Err(Failed::Broken("the library made a change with a gap"));
        }
        if parsed.sections.is_empty() && parsed.deleted.is_empty() {
            return Ok(Applied::Nothing);
        }
        self.size = self.size.saturating_add(change.len());
        self.unmeasured = self.unmeasured.saturating_add(change.len());
        self.erased |= parsed.sections.is_empty();
        self.revision += 1;
        self.whole = None;
        Ok(Applied::Changed(change))
    }

    /// Lets the library apply the update; returns what really changed. Whatever it could not apply is forgotten.
    fn integrate(&self, bytes: &[u8]) -> Result<Vec<u8>, Failed> {
        let decoded = catch_unwind(|| Update::decode_v1(bytes)).map_err(|_| Failed::Broken("decoding panicked"))?;
        let update = decoded.map_err(|_| Failed::Malformed("not decodable"))?;
        // A transaction commits when it is dropped, also while a panic unwinds: a second panic there would end the
        // process. So after a panic it is leaked, and the whole document given up.
        let mut txn = ManuallyDrop::new(self.doc.transact_mut());
        let change = catch_unwind(AssertUnwindSafe(|| {
            let applied = txn.apply_update(update);
            txn.prune_pending();
            txn.commit();
            (applied.is_ok(), txn.encode_update_v1())
        }));
        let Ok((applied, change)) = change else { return Err(Failed::Broken("applying panicked")) };
        drop(ManuallyDrop::into_inner(txn));
        if applied { Ok(change) } else { Err(Failed::Broken("an update that was checked could not be applied")) }
    }

    /// True if `more` bytes fit. Measures only when the estimate is over the limit and enough has changed since.
    fn has_room(&mut self, more: usize, limit: usize) -> bool {
        /// The share of the limit that must have changed before measuring again: measuring costs a snapshot.
        const SHARE: usize = 64;
        if self.size.saturating_add(more) > limit && (self.erased || self.unmeasured >= limit / SHARE) {
            self.snapshot();
        }
        self.size.saturating_add(more) <= limit
    }

    /// The whole document as one update. Measures its size by the way.
    pub fn snapshot(&mut self) -> Vec<u8> {
        let snapshot = self.doc.transact().encode_diff_v1(&StateVector::default());
        self.size = snapshot.len();
        self.unmeasured = 0;
        self.erased = false;
        snapshot
    }

    /// What a client with this state vector lacks.
    pub(crate) fn answer(&mut self, state_vector: &[u8]) -> Result<Arc<[u8]>, Why> {
        check_state_vector(state_vector)?;
        let theirs = StateVector::decode_v1(state_vector).map_err(|_| "no state vector")?;
        if !theirs.is_empty() {
            return Ok(crate::wire::step_2(&self.doc.transact().encode_diff_v1(&theirs)));
        }
        // When a class begins, everybody asks for the same.
        if let Some((revision, whole)) = &self.whole
            && *revision == self.revision
        {
            return Ok(whole.clone());
        }
        let whole = crate::wire::step_2(&self.snapshot());
        self.whole = Some((self.revision, whole.clone()));
        Ok(whole)
    }

    /// What the server has.
    pub(crate) fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    /// How many pages the board has: one at least.
    #[must_use]
    pub fn pages(&self) -> usize {
        let txn = self.doc.transact();
        txn.get_array("pages").map_or(1, |pages| pages.len(&txn).max(1) as usize)
    }

    /// The elements of a page as plain values, in no order.
    pub(crate) fn elements(&self, page: usize) -> Vec<Any> {
        let txn = self.doc.transact();
        let Some(elements) = txn.get_map("elements") else { return Vec::new() };
        let of_page = |e: &Any| {
            let Any::Map(map) = e else { return false };
            let at = match map.get("page") {
                Some(Any::Number(n)) => crate::draw::number(n),
                _ => 0.0,
            };
            at == page as f64
        };
        elements
            .iter(&txn)
            .filter_map(|(_, value)| if let Out::Any(e) = value { Some(e) } else { None })
            .filter(of_page)
            .collect()
    }

    /// At least how many bytes a snapshot has.
    pub(crate) fn size(&self) -> usize {
        self.size
    }
}
