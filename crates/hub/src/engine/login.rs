//! Which connections of a user may live beside each other (hub.md 6).

use std::borrow::Cow;

use stoa_core::hub::{HubClientMeta, HubLeft, SingleLogin};

use super::{ConnId, Engine};
use crate::proto::code;

/// Same user, app and face. Two faces of one user are two clients.
fn same_face(a: &HubClientMeta, b: &HubClientMeta) -> bool {
    a.app == b.app && a.face == b.face
}

impl Engine {
    /// Closes whom a connection replaces; the later connect command wins. False = it was itself replaced.
    pub(super) fn take_place(&mut self, conn: ConnId, policy: SingleLogin) -> bool {
        let Some(c) = self.conns.get(conn) else { return false };
        let (seq, Some(me)) = (c.seq, c.me.as_ref()) else { return false };
        let mine = &me.client.meta;
        let mut rivals: Vec<(u64, ConnId, bool)> = Vec::new();
        for other in self.users.get(&me.user).into_iter().flatten() {
            let Some(o) = self.conns.get(*other).filter(|o| *other != conn && o.is_open()) else { continue };
            let Some(theirs) = o.me.as_ref().map(|m| &m.client.meta).filter(|m| same_face(m, mine)) else { continue };
            let replaces = match policy {
                SingleLogin::User => true,
                SingleLogin::Device => theirs.dev == mine.dev,
                SingleLogin::Cap => false,
            };
            rivals.push((o.seq, *other, replaces));
        }
        rivals.sort_unstable();
        let mut stays = true;
        for (theirs, other, _) in rivals.iter().filter(|r| r.2) {
            if *theirs < seq {
                self.replaced(*other);
            } else {
                stays = false;
            }
        }
        let mut left: Vec<(u64, ConnId)> = rivals.into_iter().filter(|r| !r.2).map(|r| (r.0, r.1)).collect();
        if stays {
            left.push((seq, conn));
        }
        left.sort_unstable();
        let over = left.len().saturating_sub(self.config.limits.connections_per_user);
        for (_, other) in left.into_iter().take(over) {
            if other == conn {
                stays = false;
            } else {
                self.replaced(other);
            }
        }
        if !stays {
            self.replaced(conn);
        }
        stays
    }

    fn replaced(&mut self, conn: ConnId) {
        let (code, reason) = code::ELSEWHERE;
        self.close_with(conn, code, Cow::Borrowed(reason), HubLeft::Replaced);
    }
}
