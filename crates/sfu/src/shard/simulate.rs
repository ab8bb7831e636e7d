//! Participants without anybody behind them coming in.

use std::time::Duration;

use stoa_core::id::ChannelKey;
use stoa_core::time::Now;

use super::Shard;
use crate::pc::{PcEvent, PcId, Role};
use crate::room::{Joiner, Owner, Refusal};

impl Shard {
    /// Takes them in and says of each that its connection is up, which there is none of.
    pub(crate) fn simulate(
        &mut self,
        now: Now,
        asked: Duration,
        key: &ChannelKey,
        joiners: Vec<Joiner>,
    ) -> Result<(), Refusal> {
        for joiner in joiners {
            let session = self.join(now, key, asked, joiner)?;
            let owner = Owner { room: session.room, pid: session.pid, role: Role::Publisher };
            self.with_room(now, session.room, |r, ctx| r.pc_event(ctx, owner, PcId::NONE, PcEvent::Connected));
        }
        Ok(())
    }
}
