//! Media of a class: what tokens and addresses are made of, and who may use them (classroom.md 4.27, 5.6, 6.2, 6.6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Classes, acting, forbidden, not_found};
use crate::board::{BoardImage, BoardRights, BoardSession, Boards};
use crate::caller::Caller;
use crate::channel::{ATTR_IDENTITY, ATTR_USER, IdentityType};
use crate::class::member::Role;
use crate::class::record::{Class, ClassStatus};
use crate::class::view::{ClassView, Meeting};
use crate::error::{Error, Kind, Result};
use crate::id::{ClassId, Identity, MeetingId, UserId};
use crate::media::{Claims, Judge as _, MediaGrant};
use crate::stream::{Stream, StreamAsk};
use crate::voice::banned;
use crate::world::Found;

/// Ending of the second publisher that a teacher's client opens in big classes.
const SHADOW: &str = "_shadow";

/// Which of a user's two publishers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shadow {
    /// The user.
    No,
    /// The second one, `<user>_shadow`.
    Yes,
}

impl Shadow {
    /// The publisher's name.
    #[must_use]
    pub fn of(self, user: &UserId) -> String {
        match self {
            Self::No => user.to_string(),
            Self::Yes => format!("{user}{SHADOW}"),
        }
    }

    /// The user behind a publisher's name, and which of its publishers that is.
    #[must_use]
    pub fn split(name: &str) -> (Self, &str) {
        name.strip_suffix(SHADOW).map_or((Self::No, name), |user| (Self::Yes, user))
    }
}

/// A stream over plain HTTP, as an address asks for it; its signature was good.
#[derive(Debug, Clone)]
pub struct StreamWish {
    /// Where.
    pub meeting: MeetingId,
    /// Who pushes, or who plays: a user, or a user's shadow.
    pub who: String,
    /// Whom to play; `None` = push.
    pub play: Option<String>,
    /// SDP offer.
    pub offer: String,
    /// Tells this playback from the same user's others.
    pub tag: String,
}

impl Classes {
    /// What a media token for the user of this view says, until `exp_secs`.
    ///
    /// # Errors
    /// Never for names that the dialect admits.
    pub fn grant(&self, view: &ClassView, user: &UserId, shadow: Shadow, exp_secs: i64) -> Result<MediaGrant> {
        let class = &view.class;
        let teacher = class.teacher == *user;
        let now = self.now().secs();
        // A token minted in the very second of a kick must work again at once (talk.md 5.1).
        let mark = view.sanction.as_ref().map_or(0, |s| s.not_before_secs);
        Ok(MediaGrant {
            channel: class.meeting.channel(),
            identity: Identity::new(shadow.of(user))?,
            user: user.clone(),
            identity_type: if teacher { IdentityType::Host } else { IdentityType::OnDemand },
            name: view.row.as_ref().map(|r| r.name.clone()).unwrap_or_default(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            can_publish: class.open() && (teacher || class.stage.holds(user, self.now())),
            sources: BTreeSet::new(),
            can_publish_data: true,
            iat_secs: now,
            nbf_secs: now.max(mark),
            exp_secs,
        })
    }

    /// `getRtcAuthToken` (classroom.md 4.27): `name` is a user or a user's shadow.
    ///
    /// # Errors
    /// `NotYou`, `NotFound` (no class has that channel), `Forbidden` (no member, or banned), store faults.
    pub async fn rtc_grant(&self, caller: &Caller, room: &str, name: &str, ttl_secs: i64) -> Result<MediaGrant> {
        let (shadow, user) = Shadow::split(name);
        let user = UserId::for_dialect("user_id", user)?;
        caller.act_as(&user, "user_id")?;
        let meeting = MeetingId::parse(room).filter(|m| m.to_string() == room).ok_or_else(not_found)?;
        let class = self.of_meeting(meeting).await?;
        let (view, role) = self.enter(&acting(caller, &user), Some(class.id)).await?;
        let mine = match caller.user == user {
            true => view,
            false => self.look(class.id, &user).await?,
        };
        if !role.inside() || mine.banned(self.now()) {
            return Err(forbidden());
        }
        self.grant(&mine, &user, shadow, self.now().secs().saturating_add(ttl_secs))
    }

    async fn of_meeting(&self, meeting: MeetingId) -> Result<Arc<Class>> {
        match self.world.store.meeting(self.config.app, meeting).await? {
            Meeting::Class(class) => Ok(class),
            Meeting::Deleted | Meeting::Unknown => Err(not_found()),
        }
    }

    /// Judges the use of a push or play address (classroom.md 6.2): what to ask of the engine.
    ///
    /// # Errors
    /// `NotFound`, `Gone` (the class is ended), `Banned`, `Forbidden`, store faults.
    pub async fn stream(&self, wish: StreamWish) -> Result<StreamAsk> {
        let (shadow, user) = Shadow::split(&wish.who);
        let user = UserId::for_dialect("userId", user)?;
        // Before anything is read: a kick that comes after this reading is newer than what the stream is let in with.
        let now = self.now();
        let class = self.of_meeting(wish.meeting).await?;
        if !class.open() {
            return Err(Error::new(Kind::Gone, "the class is over"));
        }
        let view = self.look(class.id, &user).await?;
        if let Some(s) = view.sanction.as_ref().filter(|s| s.bans(now)) {
            return Err(banned(s.until));
        }
        if !view.role(&Caller::user(user.clone()), now).inside() {
            return Err(forbidden());
        }
        let channel = view.class.channel();
        let found = self.world.find(&channel).await?;
        if matches!(&found, Found::Class(class, None) if class.status == ClassStatus::Idle) {
            self.director.open(&channel, None).await?;
        }
        let rights = self.world.rights_in(&found, &channel, &user).await?;
        let attributes = [(ATTR_USER, user.as_str()), (ATTR_IDENTITY, "2")];
        let claims = Claims {
            nbf_secs: now.secs().max(view.sanction.as_ref().map_or(0, |s| s.not_before_secs)),
            attributes: attributes.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ..Claims::default()
        };
        let what = match &wish.play {
            None if !rights.standing(&claims).permission.publish => return Err(forbidden()),
            None => Stream::Push,
            Some(of) => Stream::Play { of: Identity::new(of.as_str())? },
        };
        // A device of its own: it does not push out the same user's other connections.
        let device = if wish.play.is_some() { format!("play-{}", wish.tag) } else { "push".to_owned() };
        let identity = Identity::new(format!("{}\u{1f}{device}", shadow.of(&user)))?;
        Ok(StreamAsk { channel, identity, user, rights: Arc::new(rights), claims, what, offer: wish.offer })
    }

    /// What the caller may do to a class's whiteboard (classroom.md 6.6).
    ///
    /// # Errors
    /// `NotFound`, `Forbidden` (no present member, or banned), store faults.
    pub async fn board(&self, caller: &Caller, id: Option<ClassId>) -> Result<(ClassId, BoardRights)> {
        let view = self.allowed(caller, id, Role::inside).await?;
        if caller.admin {
            return Ok((view.class.id, BoardRights { draw: true, pages: true }));
        }
        let rights = self.director.board_rights(&view.class, &caller.user).await?.ok_or_else(forbidden)?;
        Ok((view.class.id, rights))
    }

    fn boards(&self) -> Result<&Arc<dyn Boards>> {
        self.world.boards().ok_or_else(|| Error::new(Kind::Unavailable, "there are no whiteboards here"))
    }

    /// Opens a session on a class's whiteboard with what the caller may do to it.
    ///
    /// # Errors
    /// As [`Classes::board`]; `LimitReached`, `Unavailable`.
    pub async fn open_board(&self, caller: &Caller, id: Option<ClassId>) -> Result<Box<dyn BoardSession>> {
        let (board, rights) = self.board(caller, id).await?;
        let boards = self.boards()?;
        let session = boards.open(board, &caller.user, rights).await?;
        // What changed before the session was there told nobody: a kick must not be outrun.
        let now = self.board(caller, id).await?.1;
        if now != rights {
            boards.set_rights(board, &caller.user, Some(now)).await;
        }
        Ok(session)
    }

    /// Draws a page of a class's whiteboard, from 0.
    ///
    /// # Errors
    /// As [`Classes::board`]; `NotFound` (no such page), `Unavailable`.
    pub async fn draw_board(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        page: usize,
        image: BoardImage,
    ) -> Result<Vec<u8>> {
        let (board, _) = self.board(caller, id).await?;
        self.boards()?.draw(board, page, image).await
    }
}
