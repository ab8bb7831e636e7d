//! The administrator's view of every live channel of an app (talk.md): who is there, who speaks, at what rate, how
//! long they talked; and the power to remove, mute and promote.

mod admin;
mod query;
mod token;

use std::sync::Arc;
use std::time::Duration;

pub use admin::{IdentityChange, IdentityWish, MuteWish, end};
pub use query::{CallQuery, ChannelDetail, ChannelKind, ChannelStatus, Edition, Listed, MemberDetail, Page, UserMedia};
pub use token::{TokenMade, TokenWish};

use crate::director::Director;
use crate::error::{Error, Kind};
use crate::world::World;

/// What the operator chose.
#[derive(Debug, Clone, Copy)]
pub struct TalkConfig {
    /// Life of a token whose request names none.
    pub token_ttl: Duration,
    /// Open call records are always shown.
    pub include_open_calls: bool,
}

/// The use-cases. Cheap to clone.
#[derive(Clone)]
pub struct Talk {
    world: World,
    director: Arc<Director>,
    config: TalkConfig,
}

impl Talk {
    /// In this world.
    #[must_use]
    pub fn new(world: World, director: Arc<Director>, config: TalkConfig) -> Self {
        Self { world, director, config }
    }

    /// The world.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }
}

fn no_channel() -> Error {
    Error::new(Kind::NotFound, "the channel does not exist")
}

fn no_user() -> Error {
    Error::new(Kind::NotPresent, "the user is not in the channel")
}
