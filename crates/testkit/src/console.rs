//! Lists and totals over everything.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use stoa_core::Result;
use stoa_core::audit::AuditEntry;
use stoa_core::channel::Call;
use stoa_core::console::{AuditFilter, CallDay, CallSearch, CallSeen, CallSpan, Census, ConsoleStore};
use stoa_core::time::UnixMs;

use crate::MemStore;
use crate::store::{CallRecord, page};

fn len(n: usize) -> u64 {
    n as u64
}

/// What clocks are ahead at an instant.
fn offset(span: &CallSpan, at: UnixMs) -> i64 {
    let then = span.offsets.iter().rev().find(|(from, _)| *from <= at);
    then.map_or(span.offsets[0].1, |(_, offset)| *offset)
}

#[async_trait]
impl ConsoleStore for MemStore {
    async fn census(&self, now: UnixMs) -> Result<Census> {
        let t = self.t()?;
        Ok(Census {
            rooms: len(t.rooms.values().filter(|r| r.live()).count()),
            classes: len(t.classes.in_progress()),
            adhoc: len(t.channels.keys().filter(|k| t.classes.of_channel(k).is_none()).count()),
            bans: len(t.sanctions.values().filter(|s| s.bans(now)).count()),
            accounts: len(t.accounts.len()),
        })
    }

    async fn audit_page(&self, f: &AuditFilter, offset: u64, limit: u32) -> Result<(u64, Vec<AuditEntry>)> {
        let t = self.t()?;
        let text = f.text.as_deref().map(str::to_ascii_lowercase);
        let wanted = |e: &&AuditEntry| {
            let has = |text: &String| {
                [&e.identifier, &e.command, &e.target].iter().any(|of| of.to_ascii_lowercase().contains(text))
            };
            f.app.is_none_or(|a| a == e.app) && text.as_ref().is_none_or(has)
        };
        Ok(page(t.audit.iter().rev().filter(wanted).cloned().collect(), offset, limit))
    }

    async fn search_calls(&self, s: &CallSearch, offset: u64, limit: u32) -> Result<(u64, Vec<CallSeen>)> {
        let t = self.t()?;
        let wanted = |c: &&CallRecord| {
            s.app.is_none_or(|a| a == c.key.0.app)
                && s.channel.as_ref().is_none_or(|n| *n == c.key.0.name)
                && s.user.as_ref().is_none_or(|u| *u == c.key.1)
                && s.from <= c.join
                && c.join < s.until
        };
        let mut rows: Vec<_> = t.calls.iter().filter(wanted).collect();
        rows.sort_by_key(|c| c.join);
        let seen = |c: &CallRecord| {
            let call = Call { channel: c.key.0.clone(), user: c.key.1.clone(), join: c.join, leave: c.leave };
            CallSeen { call, reason: c.reason }
        };
        Ok(page(rows.into_iter().rev().map(seen).collect(), offset, limit))
    }

    async fn call_days(&self, span: &CallSpan) -> Result<Vec<CallDay>> {
        let t = self.t()?;
        let mut days: BTreeMap<i64, (u64, u64, BTreeSet<_>)> = BTreeMap::new();
        for c in &t.calls {
            if span.app.is_some_and(|a| a != c.key.0.app) || c.join < span.from || c.join >= span.until {
                continue;
            }
            let day = days.entry((c.join.0 + offset(span, c.join)).div_euclid(86_400_000)).or_default();
            day.0 += 1;
            day.1 += u64::try_from(c.leave.unwrap_or(span.now).0 - c.join.0).unwrap_or(0);
            day.2.insert((c.key.0.app, c.key.1.clone()));
        }
        let total = |(day, (calls, ms, users)): (i64, (u64, u64, BTreeSet<_>))| CallDay {
            day,
            calls,
            ms,
            users: len(users.len()),
        };
        Ok(days.into_iter().map(total).collect())
    }
}
