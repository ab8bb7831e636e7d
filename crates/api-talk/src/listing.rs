//! The list of channels as it is written in answers, kept for as long as it is true.
//!
//! A kept list bears the [`Edition`] that held before and after it was made, and is shown only while that edition holds:
//! nothing here goes by time. Parts of it are cut out of the whole. What is kept is one answer per app.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use stoa_core::id::{AppId, ChannelName};
use stoa_core::talk::{Edition, Listed, Page};

use crate::endpoints::get_talk_channel_list::{ChannelListBody, ListedChannel};
use crate::refuse::Refusal;
use crate::reply::Reply;

/// What stands between two rows, and behind the last.
const BETWEEN: u8 = b',';
const END: &[u8] = b"]}";

/// An answer with the whole list, and where its rows are.
#[derive(Debug)]
pub(crate) struct Whole {
    body: Bytes,
    /// The first byte of each row, and where the next one would begin.
    starts: Vec<usize>,
    app: AppId,
}

impl Whole {
    /// Writes an answer with these rows.
    pub(crate) fn of(app: AppId, listed: Listed<(ChannelName, usize)>) -> Result<Self, Refusal> {
        let rows = listed.rows;
        // Names of usual length fit without another move.
        let mut body = head(app, listed.total, 64 * rows.len())?;
        let mut starts = Vec::with_capacity(rows.len() + 1);
        for (name, users) in rows {
            starts.push(body.len());
            let row = ListedChannel { ChannelID: name, UserCount: users };
            let mut out = serde_json::Serializer::new(&mut body);
            row.serialize(&mut out).map_err(|e| Refusal::broken(&e))?;
            body.push(BETWEEN);
        }
        starts.push(body.len());
        if starts.len() > 1 {
            body.pop();
        }
        body.extend_from_slice(END);
        body.shrink_to_fit();
        Ok(Self { body: body.into(), starts, app })
    }

    /// The answer.
    pub(crate) fn reply(&self) -> Reply {
        Reply::written(self.body.clone())
    }

    /// An answer with a part of it.
    pub(crate) fn part(&self, page: Page) -> Result<Reply, Refusal> {
        let total = self.starts.len() - 1;
        let from = usize::try_from(page.start).unwrap_or(usize::MAX).min(total);
        let until = from.saturating_add(page.limit as usize).min(total);
        let rows = self.rows(from..until);
        let mut body = head(self.app, total as u64, rows.len())?;
        body.extend_from_slice(rows);
        body.extend_from_slice(END);
        Ok(Reply::written(body.into()))
    }

    fn rows(&self, some: Range<usize>) -> &[u8] {
        if some.is_empty() { &[] } else { &self.body[self.starts[some.start]..self.starts[some.end] - 1] }
    }
}

/// All before the rows, with room for so many bytes of them.
fn head(app: AppId, total: u64, room: usize) -> Result<Vec<u8>, Refusal> {
    let mut body = Reply::bytes(&ChannelListBody { AppID: app.0, Total: total, ChannelList: Vec::new() })?;
    body.truncate(body.len() - END.len());
    body.reserve_exact(room + END.len() + 1);
    Ok(body)
}

/// The whole list of one edition, or how many rows were read for want of it.
#[derive(Debug)]
struct Kept {
    edition: Edition,
    whole: Option<Arc<Whole>>,
    missed: u64,
}

/// Of every app.
#[derive(Debug, Default)]
pub(crate) struct Listings(Mutex<BTreeMap<AppId, Kept>>);

impl Listings {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<AppId, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The whole list of this edition, if it is here.
    pub(crate) fn get(&self, app: AppId, edition: Edition) -> Option<Arc<Whole>> {
        self.lock().get(&app).filter(|k| k.edition == edition)?.whole.clone()
    }

    /// A list that was made while this edition held.
    pub(crate) fn keep(&self, app: AppId, edition: Edition, whole: Arc<Whole>) {
        self.lock().insert(app, Kept { edition, whole: Some(whole), missed: 0 });
    }

    /// A part of so many rows was made without the whole list. Tells whether the whole one should be made: once as many
    /// rows as it has were read one part after the other, it would have cost no more.
    pub(crate) fn missed(&self, app: AppId, edition: Edition, rows: usize, total: u64) -> bool {
        let mut all = self.lock();
        let kept = all.entry(app).or_insert(Kept { edition, whole: None, missed: 0 });
        if kept.edition != edition {
            *kept = Kept { edition, whole: None, missed: 0 };
        }
        kept.missed += rows as u64;
        kept.missed > total
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const APP: AppId = AppId(1000);

    fn listed(rows: &[(String, usize)]) -> Listed<(ChannelName, usize)> {
        let rows: Vec<_> = rows.iter().map(|(n, c)| (ChannelName::new(n.as_str()).unwrap(), *c)).collect();
        Listed { total: rows.len() as u64, rows }
    }

    /// As it is written without anything kept.
    fn plain(total: u64, rows: Listed<(ChannelName, usize)>) -> Bytes {
        let row = |(name, users)| ListedChannel { ChannelID: name, UserCount: users };
        let rows = rows.rows.into_iter().map(row).collect();
        Reply::bytes(&ChannelListBody { AppID: APP.0, Total: total, ChannelList: rows }).unwrap().into()
    }

    proptest! {
        #[test]
        fn the_whole_and_its_parts_are_what_is_written_at_once(
            rows in prop::collection::vec(("[a-z\"\\\\中/,\\]}]{1,9}", 0usize..20_000), 0..12),
            start in prop_oneof![0u64..14, Just(u64::MAX)],
            limit in prop_oneof![1u32..14, Just(u32::MAX)],
        ) {
            let total = rows.len() as u64;
            let whole = Whole::of(APP, listed(&rows)).unwrap();
            prop_assert_eq!(&whole.body, &plain(total, listed(&rows)));
            let from = usize::try_from(start).unwrap_or(usize::MAX);
            let some: Vec<_> = rows.iter().skip(from).take(limit as usize).cloned().collect();
            let part = whole.part(Page { start, limit }).unwrap();
            prop_assert_eq!(part.body(), &plain(total, listed(&some)));
        }
    }
}
