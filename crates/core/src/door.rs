//! The door of the media engine: who may come in, as what (media.md 1.6), and what RoomService asks for.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::channel::{ATTR_MUST_EXIST, ATTR_USER, ChannelRecord};
use crate::class::ClassStatus;
use crate::director::{Director, Noted};
use crate::error::Result;
use crate::id::{ChannelKey, UserId};
use crate::kick::Kick;
use crate::media::{Admission, Admitted, Judge as _, MediaEvent, MediaHooks, Refused};
use crate::sanction::Source;
use crate::world::{Found, World};

/// The use-cases behind [`MediaHooks`].
pub struct Door {
    world: World,
    director: Arc<Director>,
}

impl Door {
    /// A door of this world.
    #[must_use]
    pub fn new(world: World, director: Arc<Director>) -> Self {
        Self { world, director }
    }

    async fn begin(&self, channel: &ChannelKey) -> std::result::Result<ChannelRecord, Refused> {
        self.director.open(channel, None).await.map_err(|_| Refused::Unavailable)
    }

    /// Where somebody arrives who is not refused: what was found under the name, or what comes to life there.
    async fn arrive(&self, ask: &Admission<'_>, found: Found) -> std::result::Result<Found, Refused> {
        let must_exist = ask.claims.attributes.get(ATTR_MUST_EXIST).is_some_and(|v| v == "1");
        match found {
            Found::Ended(_) => Err(Refused::NoSuchChannel),
            found if must_exist && !found.exists() => Err(Refused::NoSuchChannel),
            Found::Nothing if ask.joins => Ok(Found::Adhoc(self.begin(ask.channel).await?)),
            Found::Class(class, None) if ask.joins && class.status == ClassStatus::Idle => {
                let record = self.begin(ask.channel).await?;
                Ok(Found::Class(class, Some(record)))
            }
            found => Ok(found),
        }
    }
}

/// Whom a token speaks for: `stoa.user` if present, else the identity itself (talk.md 1.2).
///
/// # Errors
/// [`Refused::BadIdentity`] for names that are no user ids.
pub fn user_of(ask: &Admission<'_>) -> std::result::Result<UserId, Refused> {
    let name = ask.claims.attributes.get(ATTR_USER).map_or(ask.identity.user_part(), String::as_str);
    UserId::new(name).map_err(|_| Refused::BadIdentity)
}

#[async_trait]
impl MediaHooks for Door {
    async fn admit(&self, ask: Admission<'_>) -> std::result::Result<Admitted, Refused> {
        let user = user_of(&ask)?;
        // Room before sanction: a kick that commits in between raises the room's version and shows in the sanction.
        let found = self.world.find(ask.channel).await.map_err(|_| Refused::Unavailable)?;
        let sanction = self.world.store.sanction(ask.channel, &user).await.map_err(|_| Refused::Unavailable)?;
        if let Some(s) = sanction {
            if s.bans(ask.now) {
                return Err(Refused::Banned(s.until));
            }
            if s.revokes(ask.claims.nbf_secs) {
                return Err(Refused::Revoked);
            }
        }
        let found = self.arrive(&ask, found).await?;
        let rights = self.world.rights_in(&found, ask.channel, &user).await.map_err(|_| Refused::Unavailable)?;
        Ok(Admitted { user, standing: rights.standing(ask.claims) })
    }

    async fn kick_asked(&self, channel: &ChannelKey, user: &UserId) -> Result<()> {
        let k = Kick { channel, user, source: Source::Console, by: "roomservice", ban: Duration::ZERO, caller: None };
        k.carry_out(&self.world, &self.director).await
    }

    async fn delete_asked(&self, channel: &ChannelKey) -> Result<bool> {
        crate::talk::end(&self.world, &self.director, channel, "roomservice").await
    }

    async fn may_open(&self, channel: &ChannelKey, linger: Option<Duration>) -> Result<bool> {
        match self.world.find(channel).await? {
            Found::Ended(_) => return Ok(false),
            Found::Nothing => drop(self.director.open(channel, linger).await?),
            Found::Class(class, None) if class.status == ClassStatus::Idle => {
                drop(self.director.open(channel, linger).await?);
            }
            Found::Room(_) | Found::Class(..) | Found::Adhoc(_) => {}
        }
        Ok(true)
    }

    fn event(&self, event: MediaEvent) {
        let changes = self.world.live.note(&event);
        self.world.facts().push(Noted { event, changes });
    }
}
