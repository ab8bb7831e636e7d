//! Voice rooms (voice-room.md 6.3).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stoa_core::Result;
use stoa_core::cloud::RoomCloud;
use stoa_core::id::{RoomId, UserId};
use stoa_core::ports::Clock;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::cache::Cache;
use super::{ASKING, fault};
use crate::aliyun::Aliyun;

/// Between two questions about one room.
const ONLINE_FRESH: Duration = Duration::from_secs(10);

/// What voice rooms use of a vendor.
pub struct RoomClouds {
    aliyun: Arc<Aliyun>,
    clock: Arc<dyn Clock>,
    groups: bool,
    media: bool,
    calls: bool,
    online: Arc<Cache<RoomId, u64>>,
    asking: Arc<Semaphore>,
    tracker: TaskTracker,
}

impl RoomClouds {
    /// `groups`: messages are the vendor's; `media`: media is. Without access keys no call is made: rooms get no group,
    /// and nobody is counted.
    #[must_use]
    pub fn new(aliyun: Arc<Aliyun>, clock: Arc<dyn Clock>, groups: bool, media: bool, tracker: TaskTracker) -> Self {
        let calls = aliyun.settings().missing(&[crate::aliyun::Use::Api]).is_empty();
        let (online, asking) = (Arc::new(Cache::new(ONLINE_FRESH)), Arc::new(Semaphore::new(ASKING)));
        Self { aliyun, clock, groups, media, calls, online, asking, tracker }
    }
}

#[async_trait]
impl RoomCloud for RoomClouds {
    async fn open(&self, room: RoomId, owner: &UserId) -> Result<()> {
        if !(self.groups && self.calls) {
            return Ok(());
        }
        let made = self.aliyun.create_live_message_group(&room.to_string(), owner.as_str()).await;
        // The dialect has one text for all that is not the caller's fault (voice-room.md 2.5, row 14).
        made.map_err(|e| fault("internal error".to_owned(), &e))
    }

    fn online(&self, room: RoomId) -> Option<usize> {
        if !self.media {
            return None;
        }
        if !self.calls {
            return Some(0);
        }
        let known = self.online.look(&room, self.clock.now().mono);
        if known.ask {
            let (aliyun, online) = (Arc::clone(&self.aliyun), Arc::clone(&self.online));
            let asking = Arc::clone(&self.asking);
            self.tracker.spawn(async move {
                // Never closed.
                let _turn = asking.acquire().await;
                match aliyun.channel_participants(&room.to_string()).await {
                    Ok(n) => online.put(&room, n),
                    Err(e) => tracing::debug!(%room, "nobody counted: {e}"),
                }
            });
        }
        Some(known.value.and_then(|n| usize::try_from(n).ok()).unwrap_or(0))
    }
}
