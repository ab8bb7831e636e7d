//! The door of the media engine: who may come in, as what (media.md 1.6), and what RoomService asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::caller::Caller;
use crate::director::{Director, Input};
use crate::error::{Kind, Result};
use crate::id::{ChannelKey, UserId};
use crate::media::{
    Admission, Admitted, Claims, MediaEvent, MediaHooks, Muted, Permission, Refused, Standing, TrackSource,
};
use crate::sanction::Source;
use crate::voice::{Command, Kick, Outcome, Room, kick};
use crate::world::World;

/// Attribute that names the user behind an identity.
pub const ATTR_USER: &str = "stoa.user";
/// Attribute that carries the identity type and marks a token as ours.
pub const ATTR_IDENTITY: &str = "stoa.identity";

/// Takes the engine's facts, in order, without blocking; the shell drains it into [`Director::event`]
/// and whoever else listens.
pub trait EventSink: Send + Sync {
    /// One fact.
    fn push(&self, event: MediaEvent);
}

/// The use-cases behind [`MediaHooks`].
pub struct Door {
    world: World,
    director: Arc<Director>,
    sink: Arc<dyn EventSink>,
}

impl Door {
    /// A door of this world.
    #[must_use]
    pub fn new(world: World, director: Arc<Director>, sink: Arc<dyn EventSink>) -> Self {
        Self { world, director, sink }
    }

    async fn room(&self, channel: &ChannelKey) -> Result<Option<Arc<Room>>> {
        match channel.room_id() {
            Some(id) => self.world.store.room(channel.app, id).await,
            None => Ok(None),
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

/// A foreign token can only narrow what live state allows (voice-room.md 5.5).
fn narrow(mut standing: Standing, claims: &Claims) -> Standing {
    if claims.attributes.contains_key(ATTR_IDENTITY) {
        return standing;
    }
    let p = &mut standing.permission;
    p.publish &= claims.can_publish.unwrap_or(true);
    if p.publish && !claims.can_publish_sources.is_empty() {
        let both: std::collections::BTreeSet<TrackSource> = if p.sources.is_empty() {
            claims.can_publish_sources.clone()
        } else {
            p.sources.intersection(&claims.can_publish_sources).copied().collect()
        };
        // An empty list would mean "all": nothing in common means nothing at all.
        p.publish = !both.is_empty();
        p.sources = both;
    }
    p.subscribe &= claims.can_subscribe.unwrap_or(true);
    p.data &= claims.can_publish_data.or(claims.can_publish).unwrap_or(true);
    standing
}

/// Standing in a channel without a record (talk.md 1.5, column "adhoc"): the token's identity type,
/// or the token's own grants when it carries none.
fn adhoc_standing(user: &UserId, claims: &Claims) -> Standing {
    let ours = claims.attributes.get(ATTR_IDENTITY).map(String::as_str);
    let default = if claims.can_publish == Some(false) { "3" } else { "1" };
    let kind = ours.filter(|k| matches!(*k, "1" | "2" | "3" | "4" | "5" | "6")).unwrap_or(default);
    let speaks = matches!(kind, "1" | "4" | "5" | "6");
    let mut permission = Permission { publish: speaks, ..Permission::listener() };
    if ours.is_some() && speaks {
        permission.sources.extend([TrackSource::Microphone, TrackSource::Camera, TrackSource::ScreenShare]);
        if matches!(kind, "4" | "5") {
            permission.sources.insert(TrackSource::ScreenShareAudio);
        }
    }
    if ours.is_none() {
        permission.update_metadata = claims.can_update_own_metadata;
    }
    let attributes = BTreeMap::from([
        (ATTR_USER.to_owned(), user.to_string()),
        (ATTR_IDENTITY.to_owned(), kind.to_owned()),
        ("stoa.mic".to_owned(), if speaks { "1" } else { "0" }.to_owned()),
        ("stoa.muted".to_owned(), String::new()),
    ]);
    narrow(Standing { permission, muted: Muted::default(), attributes, revision: 0 }, claims)
}

#[async_trait]
impl MediaHooks for Door {
    async fn admit(&self, ask: Admission<'_>) -> std::result::Result<Admitted, Refused> {
        let user = user_of(&ask)?;
        // Room before sanction: a kick that commits in between raises the room's version and shows in the sanction.
        let room = self.room(ask.channel).await.map_err(|_| Refused::Unavailable)?;
        let sanction = self.world.store.sanction(ask.channel, &user).await.map_err(|_| Refused::Unavailable)?;
        if let Some(s) = sanction {
            if s.bans(ask.now) {
                return Err(Refused::Banned(s.until));
            }
            if s.revokes(ask.claims.nbf_secs) {
                return Err(Refused::Revoked);
            }
        }
        let standing = match room {
            Some(room) if room.live() => narrow(room.standing(&user), ask.claims),
            Some(_) => return Err(Refused::NoSuchChannel),
            None => adhoc_standing(&user, ask.claims),
        };
        Ok(Admitted { user, standing })
    }

    async fn kick_asked(&self, channel: &ChannelKey, user: &UserId) -> Result<()> {
        let k = Kick { channel, user, source: Source::Console, by: "roomservice", ban: Duration::ZERO };
        kick(&self.world, k, self.world.clock.now()).await
    }

    async fn delete_asked(&self, channel: &ChannelKey) -> Result<bool> {
        let Some(room) = self.room(channel).await? else { return Ok(false) };
        let now = self.world.clock.now();
        let admin = Caller { admin: true, ..Caller::user(room.anchor.clone()) };
        let applied =
            self.world.store.apply(channel.app, room.id, Command::Dismiss { caller: admin }, now.wall).await?;
        if let Some(a) = applied.filter(|a| matches!(a.outcome, Outcome::Dismissed(_))) {
            self.director.command(now, Input::Dismissed { room: a.room }).await;
        }
        Ok(true)
    }

    async fn may_open(&self, channel: &ChannelKey) -> Result<bool> {
        match self.room(channel).await {
            Ok(room) => Ok(room.is_none_or(|r| r.live())),
            Err(e) if *e.kind() == Kind::NotFound => Ok(true),
            Err(e) => Err(e),
        }
    }

    fn event(&self, event: MediaEvent) {
        self.sink.push(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AppId, RoomId};
    use crate::time::UnixMs;
    use crate::voice::NewRoom;

    fn user(s: &str) -> UserId {
        UserId::new(s).unwrap()
    }

    fn room() -> Room {
        NewRoom {
            id: RoomId([7; 16]),
            app: AppId(1),
            created: UnixMs(1),
            title: "t".into(),
            notice: String::new(),
            extends: String::new(),
            anchor: user("owner"),
            anchor_nick: String::new(),
        }
        .into_room(10_000_000)
    }

    fn foreign(can_publish: Option<bool>, sources: &[TrackSource]) -> Claims {
        Claims { can_publish, can_publish_sources: sources.iter().copied().collect(), ..Claims::default() }
    }

    #[test]
    fn a_foreign_token_narrows_and_never_widens() {
        let r = room();
        assert!(!narrow(r.standing(&user("eve")), &foreign(Some(true), &[])).permission.publish);
        assert!(!narrow(r.standing(&user("owner")), &foreign(Some(false), &[])).permission.publish);
        let mic = narrow(r.standing(&user("owner")), &foreign(None, &[TrackSource::Microphone])).permission;
        assert!(mic.allows(TrackSource::Microphone) && !mic.allows(TrackSource::Camera));
        let mut seated = r.standing(&user("owner"));
        seated.permission.sources.remove(&TrackSource::ScreenShareAudio);
        assert!(!narrow(seated, &foreign(None, &[TrackSource::ScreenShareAudio])).permission.publish);
    }

    #[test]
    fn a_token_of_ours_is_no_upper_bound() {
        let mut ours = foreign(Some(false), &[]);
        ours.attributes.insert(ATTR_IDENTITY.into(), "2".into());
        assert!(narrow(room().standing(&user("owner")), &ours).permission.publish);
    }

    #[test]
    fn adhoc_identities_follow_the_table_of_talk_1_5() {
        let of = |kind: &str| {
            let mut c = Claims::default();
            c.attributes.insert(ATTR_IDENTITY.into(), kind.into());
            adhoc_standing(&user("u"), &c).permission
        };
        assert!(of("1").allows(TrackSource::Microphone) && !of("1").allows(TrackSource::ScreenShareAudio));
        assert!(!of("2").publish && !of("3").publish);
        assert!(of("5").allows(TrackSource::ScreenShareAudio));
        let foreign_default = adhoc_standing(&user("u"), &Claims::default());
        assert_eq!(foreign_default.attributes[ATTR_IDENTITY], "1");
        assert!(foreign_default.permission.allows(TrackSource::ScreenShareAudio));
        let listener = adhoc_standing(&user("u"), &foreign(Some(false), &[]));
        assert_eq!(listener.attributes[ATTR_IDENTITY], "3");
        assert!(!listener.permission.publish && !listener.permission.data);
    }
}
