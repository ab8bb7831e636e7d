//! An index beside the document: which clocks of which client are in it, in which part of the board they hang, and which
//! are deleted. It answers, before the library sees an update, what the update would touch and whether everything it
//! builds on is here. Runs of neighbouring clocks with the same owner are one entry, so it stays small.

use std::collections::BTreeMap;

use crate::parse::{Body, Deleted, Id, Kind, Parent, Parsed, Root, Section};
use crate::wire::Why;

/// How deep Y types may be nested below a root. A page is 1, its background 2.
const MAX_NESTING: u8 = 4;

/// The parts of a document that rights are given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Parts {
    /// `elements`.
    pub drawing: bool,
    /// `pages` and `view`.
    pub pages: bool,
}

impl Parts {
    pub(crate) const ALL: Self = Self { drawing: true, pages: true };

    pub(crate) fn within(self, allowed: Self) -> bool {
        (!self.drawing || allowed.drawing) && (!self.pages || allowed.pages)
    }

    fn add(&mut self, owner: Owner) {
        match owner {
            Owner::Gone => {}
            Owner::Item { root: Root::Elements, .. } => self.drawing = true,
            Owner::Item { root: Root::Pages | Root::View, .. } => self.pages = true,
        }
    }
}

/// Where an operation hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Nowhere: what it hung in was deleted.
    Gone,
    /// `depth` types below the root, in a map if `keyed`; `kind` is what it holds.
    Item { root: Root, depth: u8, keyed: bool, kind: Holds },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Values,
    Map,
    Array,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    start: u32,
    owner: Owner,
}

#[derive(Debug, Default)]
struct Client {
    runs: Vec<Run>,
    end: u32,
    /// Start → end; disjoint, not touching.
    deleted: BTreeMap<u32, u32>,
}

impl Client {
    fn owner(&self, clock: u32) -> Option<Owner> {
        let i = self.runs.partition_point(|r| r.start <= clock);
        (clock < self.end).then(|| self.runs.get(i.wrapping_sub(1)).map(|r| r.owner)).flatten()
    }

    fn is_deleted(&self, clock: u32) -> bool {
        self.deleted.range(..=clock).next_back().is_some_and(|(_, end)| clock < *end)
    }

    fn append(&mut self, start: u32, end: u32, owner: Owner) {
        let mergeable = matches!(owner, Owner::Gone | Owner::Item { kind: Holds::Values, .. });
        if !mergeable || self.runs.last().is_none_or(|r| r.owner != owner) {
            self.runs.push(Run { start, owner });
        }
        self.end = end;
    }

    fn delete(&mut self, mut start: u32, mut end: u32) {
        if let Some((s, e)) = self.deleted.range(..=start).next_back().map(|(s, e)| (*s, *e))
            && e >= start
        {
            start = s;
            end = end.max(e);
        }
        while let Some((s, e)) = self.deleted.range(start..=end).next().map(|(s, e)| (*s, *e)) {
            self.deleted.remove(&s);
            end = end.max(e);
        }
        self.deleted.insert(start, end);
    }

    /// Calls `each` for the owners of what a deletion would newly delete.
    fn newly_deleted(&self, start: u32, end: u32, mut each: impl FnMut(Owner)) -> bool {
        let end = end.min(self.end);
        let mut any = false;
        let mut at = start;
        while at < end {
            if let Some((_, e)) = self.deleted.range(..=at).next_back().filter(|(_, e)| **e > at) {
                at = *e;
                continue;
            }
            let until = self.deleted.range(at..end).next().map_or(end, |(s, _)| *s);
            any = true;
            let first = self.runs.partition_point(|r| r.start <= at).saturating_sub(1);
            self.runs[first..].iter().take_while(|r| r.start < until).for_each(|r| each(r.owner));
            at = until;
        }
        any
    }
}

/// What an update would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Everything in it is known.
    Nothing,
    /// It builds on something that is not here.
    Missing,
    /// It can be applied, and changes these parts.
    Changes(Parts),
    /// It contradicts the form of the document.
    Refused(Why),
}

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Known {
    clients: BTreeMap<u64, Client>,
}

impl Known {
    /// How many clocks of a client are known.
    pub(crate) fn end(&self, client: u64) -> u32 {
        self.clients.get(&client).map_or(0, |c| c.end)
    }

    /// Judges an update.
    pub(crate) fn judge(&self, update: &Parsed) -> Verdict {
        let mut work = Resolve::new(self, update);
        if !work.complete() {
            return Verdict::Missing;
        }
        let mut parts = Parts::default();
        let mut news = false;
        for (i, section) in update.sections.iter().enumerate() {
            let known = self.end(section.client);
            for (j, s) in section.structs.iter().enumerate() {
                if s.clock + s.len <= known {
                    continue;
                }
                news = true;
                match work.owner_of(i, j) {
                    Ok(owner) => parts.add(owner),
                    Err(why) => return Verdict::Refused(why),
                }
            }
        }
        for d in &update.deleted {
            if let Some(client) = self.clients.get(&d.client) {
                news |= client.newly_deleted(d.start, d.end, |owner| parts.add(owner));
            }
        }
        if news { Verdict::Changes(parts) } else { Verdict::Nothing }
    }

    /// Takes in what was applied. False = it does not fit to what is known.
    pub(crate) fn absorb(&mut self, update: &Parsed) -> bool {
        let mut owners = Vec::new();
        let mut work = Resolve::new(self, update);
        if !work.complete() {
            return false;
        }
        for (i, section) in update.sections.iter().enumerate() {
            for j in 0..section.structs.len() {
                owners.push(work.owner_of(i, j).unwrap_or(Owner::Gone));
            }
        }
        let mut owners = owners.into_iter();
        for section in &update.sections {
            let client = self.clients.entry(section.client).or_default();
            for s in &section.structs {
                let owner = owners.next().unwrap_or(Owner::Gone);
                let (start, end) = (s.clock.max(client.end), s.clock + s.len);
                if end > client.end {
                    client.append(start, end, owner);
                }
                if matches!(s.body, Body::Gone | Body::Item { kind: Kind::Plain { deleted: true }, .. }) {
                    client.delete(s.clock, end);
                }
            }
        }
        for Deleted { client, start, end } in &update.deleted {
            if let Some(client) = self.clients.get_mut(client) {
                client.delete(*start, *end);
            }
        }
        true
    }
}

/// Finds out where the operations of one update hang; each is resolved once.
struct Resolve<'a> {
    known: &'a Known,
    update: &'a Parsed,
    /// Per section, per struct.
    found: Vec<Vec<Found>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    NotYet,
    /// Something it refers to is looked at first.
    Waiting,
    Done(Owner),
}

impl<'a> Resolve<'a> {
    fn new(known: &'a Known, update: &'a Parsed) -> Self {
        Self { known, update, found: update.sections.iter().map(|s| vec![Found::NotYet; s.structs.len()]).collect() }
    }

    fn section(&self, client: u64) -> Option<(usize, &'a Section)> {
        let i = self.update.sections.binary_search_by_key(&client, |s| s.client).ok()?;
        Some((i, &self.update.sections[i]))
    }

    /// How far a client is known once the update is applied.
    fn horizon(&self, client: u64) -> u32 {
        self.known.end(client).max(self.section(client).map_or(0, |(_, s)| s.end()))
    }

    /// True if everything the update builds on is in the document or in the update.
    fn complete(&self) -> bool {
        let here = |id: &Option<Id>| id.is_none_or(|id| id.clock < self.horizon(id.client));
        self.update.deleted.iter().all(|d| d.end <= self.horizon(d.client))
            && self.update.sections.iter().all(|section| {
                let known = self.known.end(section.client);
                section.start() <= known
                    && section.structs.iter().filter(|s| s.clock + s.len > known).all(|s| match &s.body {
                        Body::Gone => true,
                        Body::Skip => false,
                        Body::Item { origin, right, parent, .. } => {
                            let parent = match parent {
                                Parent::Item { id, .. } => Some(*id),
                                _ => None,
                            };
                            here(origin) && here(right) && here(&parent)
                        }
                    })
            })
    }

    fn at(&self, id: Id) -> Result<Place, Why> {
        if let Some(owner) = self.known.clients.get(&id.client).and_then(|c| c.owner(id.clock)) {
            return Ok(Place::Known(owner));
        }
        let (i, section) = self.section(id.client).ok_or("refers to nothing")?;
        let j = section.find(id.clock).ok_or("refers to nothing")?;
        Ok(Place::New(i, j))
    }

    /// Where a struct hangs. Chains of references are as long as an update, hence a stack of our own.
    fn owner_of(&mut self, i: usize, j: usize) -> Result<Owner, Why> {
        let mut stack = vec![(i, j)];
        while let Some(&(a, b)) = stack.last() {
            match self.look(a, b)? {
                Looked::Owner(owner) => {
                    self.found[a][b] = Found::Done(owner);
                    stack.pop();
                }
                Looked::First(c, d) => {
                    if self.found[c][d] == Found::Waiting || (c, d) == (a, b) {
                        return Err("operations refer to each other in a circle");
                    }
                    self.found[a][b] = Found::Waiting;
                    stack.push((c, d));
                }
            }
        }
        match self.found[i][j] {
            Found::Done(owner) => Ok(owner),
            _ => Err("refers to nothing"),
        }
    }

    fn look(&self, i: usize, j: usize) -> Result<Looked, Why> {
        let s = &self.update.sections[i].structs[j];
        let Body::Item { origin, right, parent, kind } = s.body else { return Ok(Looked::Owner(Owner::Gone)) };
        let (root, depth, keyed) = match parent {
            Parent::Root { root, keyed } => {
                if keyed == (root == Root::Pages) {
                    return Err("a list where a map belongs, or the reverse");
                }
                (root, 0, keyed)
            }
            Parent::Item { id, keyed } => match self.resolved(id)? {
                Ok(Owner::Gone) => return Ok(Looked::Owner(Owner::Gone)),
                Ok(Owner::Item { root, depth, kind, .. }) => {
                    let fits = match kind {
                        Holds::Map => keyed,
                        Holds::Array => !keyed,
                        // What is left of a deleted type shows no longer what it was.
                        Holds::Values => self.deleted(id),
                    };
                    if !fits {
                        return Err("an item inside of what holds none of its kind");
                    }
                    (root, depth + 1, keyed)
                }
                Err(first) => return Ok(first),
            },
            Parent::Copied => match self.neighbours(origin, right)? {
                Looked::Owner(Owner::Item { root, depth, keyed, .. }) => (root, depth, keyed),
                other => return Ok(other),
            },
        };
        // The library orders these differently depending on when it sees them; no client makes them.
        if right.is_some() && (keyed || right == origin) {
            return Err("an item before another in what has no order");
        }
        let kind = match kind {
            Kind::Plain { .. } => Holds::Values,
            Kind::Map => Holds::Map,
            Kind::Array => Holds::Array,
        };
        if kind != Holds::Values && (root != Root::Pages || depth >= MAX_NESTING) {
            return Err("a nested type where plain values belong");
        }
        Ok(Looked::Owner(Owner::Item { root, depth, keyed, kind }))
    }

    /// An item without a parent of its own hangs beside its neighbours, which must hang together.
    fn neighbours(&self, origin: Option<Id>, right: Option<Id>) -> Result<Looked, Why> {
        let mut at = None;
        for id in [origin, right].into_iter().flatten() {
            match self.resolved(id)? {
                Ok(Owner::Gone) => {}
                Ok(Owner::Item { root, depth, keyed, .. }) => {
                    if at.is_some_and(|a| a != (root, depth, keyed)) {
                        return Err("between two items of different places");
                    }
                    at = Some((root, depth, keyed));
                }
                Err(first) => return Ok(first),
            }
        }
        let beside = |(root, depth, keyed)| Owner::Item { root, depth, keyed, kind: Holds::Values };
        Ok(Looked::Owner(at.map_or(Owner::Gone, beside)))
    }

    fn resolved(&self, id: Id) -> Result<Result<Owner, Looked>, Why> {
        Ok(match self.at(id)? {
            Place::Known(owner) => Ok(owner),
            Place::New(i, j) => match self.found[i][j] {
                Found::Done(owner) => Ok(owner),
                _ => Err(Looked::First(i, j)),
            },
        })
    }

    fn deleted(&self, id: Id) -> bool {
        self.known.clients.get(&id.client).is_some_and(|c| c.is_deleted(id.clock))
            || self
                .section(id.client)
                .and_then(|(_, s)| s.find(id.clock).map(|j| s.structs[j].body))
                .is_some_and(|body| matches!(body, Body::Gone | Body::Item { kind: Kind::Plain { deleted: true }, .. }))
    }
}

enum Place {
    Known(Owner),
    New(usize, usize),
}

enum Looked {
    Owner(Owner),
    /// This struct must be resolved before.
    First(usize, usize),
}
