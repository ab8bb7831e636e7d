//! `create_talk_token` (talk.md 7.2): what a media token says. Making one creates nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Talk, no_channel};
use crate::channel::{ATTR_DEVICE, ATTR_IDENTITY, ATTR_MUST_EXIST, IdentityType, Place};
use crate::error::{Error, Kind, Result};
use crate::id::{ChannelKey, Identity, UserId};
use crate::media::{Claims, Judge as _, MediaGrant};
use crate::world::Found;

/// A token, as it is asked for.
#[derive(Debug, Clone)]
pub struct TokenWish<'a> {
    /// Where.
    pub channel: &'a ChannelKey,
    /// For whom.
    pub user: &'a UserId,
    /// As what; adhoc channels only.
    pub identity: Option<IdentityType>,
    /// How long it lasts; `None` = the operator's default.
    pub ttl: Option<Duration>,
    /// On which device.
    pub device: Option<&'a str>,
    /// Display name.
    pub name: String,
    /// Metadata.
    pub metadata: String,
    /// It opens no channel that does not exist at join time.
    pub must_exist: bool,
}

/// What the token will say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMade {
    /// To be signed.
    pub grant: MediaGrant,
    /// The effective type.
    pub identity: IdentityType,
}

impl Talk {
    /// Decides what the token says.
    ///
    /// # Errors
    /// `NotFound` (a dismissed room, an ended class), `Banned`, `BadInput` (a name that rooms reserve, a device too long), store faults.
    pub async fn token(&self, wish: TokenWish<'_>) -> Result<TokenMade> {
        let (channel, user) = (wish.channel, wish.user);
        let found = self.world.find(channel).await?;
        match &found {
            Found::Ended(_) => return Err(no_channel()),
            Found::Room(_) | Found::Class(..) => drop(UserId::for_dialect("UserID", user.as_str())?),
            Found::Adhoc(_) | Found::Nothing => {}
        }
        let now = self.world.clock.now().wall;
        let sanction = self.world.store.sanction(channel, user).await?;
        if let Some(s) = sanction.as_ref().filter(|s| s.bans(now)) {
            return Err(Error::new(Kind::Banned { until: s.until }, "the user is banned from the channel"));
        }
        let rights = self.world.rights_in(&found, channel, user).await?;
        let asked = match rights.place {
            Place::Adhoc => wish.identity.unwrap_or(IdentityType::FreeTalker),
            Place::Room { .. } | Place::Class { .. } => rights.identity(&Claims::default()),
        };
        let claims = Claims {
            attributes: BTreeMap::from([(ATTR_IDENTITY.to_owned(), asked.as_str().to_owned())]),
            ..Claims::default()
        };
        let identity = rights.identity(&claims);
        let permission = rights.standing(&claims).permission;
        let mut attributes = BTreeMap::new();
        if let Some(device) = wish.device {
            attributes.insert(ATTR_DEVICE.to_owned(), device.to_owned());
        }
        if wish.must_exist {
            attributes.insert(ATTR_MUST_EXIST.to_owned(), "1".to_owned());
        }
        let name = match wish.device {
            Some(device) => format!("{user}\u{1f}{device}"),
            None => user.to_string(),
        };
        let grant = MediaGrant {
            channel: channel.name.clone(),
            identity: Identity::new(name)?,
            user: user.clone(),
            identity_type: identity,
            name: wish.name,
            metadata: wish.metadata,
            attributes,
            can_publish: permission.publish,
            sources: permission.sources,
            can_publish_data: permission.data,
            iat_secs: now.secs(),
            // A token minted in the very second of a kick must work again at once (talk.md 5.1).
            nbf_secs: now.secs().max(sanction.map_or(0, |s| s.not_before_secs)),
            exp_secs: now.plus(wish.ttl.unwrap_or(self.config.token_ttl)).secs(),
        };
        Ok(TokenMade { grant, identity })
    }
}
