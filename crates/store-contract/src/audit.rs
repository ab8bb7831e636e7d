//! The log of commands.

use stoa_core::audit::AuditEntry;
use stoa_core::id::AppId;
use stoa_core::time::UnixMs;

use crate::{APP, Subject, good};

fn entry(app: AppId, at: i64, target: &str) -> AuditEntry {
    AuditEntry {
        at: UnixMs(at),
        app,
        identifier: "admin 😀".to_owned(),
        op_user: "o'p".to_owned(),
        command: "admin_kick_user".to_owned(),
        target: target.to_owned(),
        result: 100_005,
        request_id: "r-1".to_owned(),
    }
}

/// Every field comes back, newest first, of the app alone; old ones go.
pub async fn commands_are_logged_newest_first_and_old_ones_forgotten(mut s: impl Subject) {
    let other = AppId(APP.0 + 1);
    // Also more than one turn of a purge takes.
    for n in 0..2500 {
        good(s.store().audit(entry(APP, n, "ch\u{1f}bob")).await);
    }
    good(s.store().audit(entry(other, 2400, "")).await);
    s.reopen().await;
    let newest = good(s.store().audit_entries(APP, 2).await);
    assert_eq!(newest, [entry(APP, 2499, "ch\u{1f}bob"), entry(APP, 2498, "ch\u{1f}bob")]);
    assert_eq!(good(s.store().audit_entries(other, 10).await), [entry(other, 2400, "")]);
    assert_eq!(good(s.store().purge_audit(UnixMs(2450)).await), 2451);
    assert_eq!(good(s.store().purge_audit(UnixMs(2450)).await), 0);
    let kept = good(s.store().audit_entries(APP, 1000).await);
    assert_eq!((kept.len(), kept[49].at), (50, UnixMs(2450)));
    assert_eq!(good(s.store().audit_entries(other, 10).await), []);
}
