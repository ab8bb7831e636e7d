//! The record of a voice room and the right to speak in it.

use crate::channel::Place;
use crate::error::{Error, Result};
use crate::id::{AppId, ChannelKey, RoomId, UserId};
use crate::media::Muted;
use crate::time::UnixMs;

/// A seat's number, 1 to 8. The owner's implicit place 0 exists in no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeatIndex(u8);

impl SeatIndex {
    /// Seats of a room: fixed by the published contract.
    pub const COUNT: usize = 8;

    /// A seat number from a request's integer.
    ///
    /// # Errors
    /// [`crate::Kind::BadInput`] above 8 and below 1.
    pub fn new(n: i64) -> Result<Self> {
        match u8::try_from(n) {
            Ok(n @ 1..=8) => Ok(Self(n)),
            _ => Err(Error::bad_input("index", "must be 1 to 8")),
        }
    }

    /// Reads the wish of a request: at or below 0 is no wish (iOS sends 0, Android can send −1).
    ///
    /// # Errors
    /// [`crate::Kind::BadInput`] above 8.
    pub fn wish(n: i64) -> Result<Option<Self>> {
        match n {
            ..=0 => Ok(None),
            1..=8 => Self::new(n).map(Some),
            _ => Err(Error::bad_input("index", "must be at most 8")),
        }
    }

    /// All eight, ascending.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (1..=8).map(Self)
    }

    /// 1 to 8.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// 0 to 7, for arrays.
    #[must_use]
    pub fn slot(self) -> usize {
        usize::from(self.0) - 1
    }
}

/// One stay of one user on one seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Who sits there.
    pub user: UserId,
    /// When it was taken; shown as `join_time`.
    pub since: UnixMs,
    /// Room version at which it was taken: tells this stay from every other one of the room.
    pub stay: u64,
    /// The holder had a live session during this stay, so its absence will be noticed.
    pub attended: bool,
}

/// One of the eight seats.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seat {
    /// Opaque text of the app; `None` only for a seat never used, `""` when free again.
    pub extends: Option<String>,
    /// The holder, if any.
    pub taken: Option<Taken>,
}

/// A voice room, live or dismissed, as of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// 32 hex digits, never reused; also the channel's and the group's name.
    pub id: RoomId,
    /// Tenant.
    pub app: AppId,
    /// Made at.
    pub created: UnixMs,
    /// Moves with `update` and `dismiss`, not with seats.
    pub updated: UnixMs,
    /// Equal to `created`.
    pub started: UnixMs,
    /// Dismissed at; `None` while live.
    pub stopped: Option<UnixMs>,
    /// 1–256 scalar values.
    pub title: String,
    /// 0–1024 scalar values.
    pub notice: String,
    /// Opaque text of the app.
    pub extends: String,
    /// `""` unless set by `update`.
    pub cover_url: String,
    /// The owner.
    pub anchor: UserId,
    /// The owner's nick, may be empty.
    pub anchor_nick: String,
    /// Display number, 10 000 000–99 999 999.
    pub show_code: u32,
    /// Rises with every committed change; the revision of standings and of `seats` events.
    pub version: u64,
    /// Nobody's microphone is forwarded but the owner's (21003, voice-room.md 7.3).
    pub mics_off: bool,
    /// Seat 1 is slot 0.
    pub seats: [Seat; SeatIndex::COUNT],
}

/// What a room is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoom {
    /// Random.
    pub id: RoomId,
    /// Tenant.
    pub app: AppId,
    /// Made at.
    pub created: UnixMs,
    /// See [`Room`].
    pub title: String,
    /// See [`Room`].
    pub notice: String,
    /// See [`Room`].
    pub extends: String,
    /// The owner.
    pub anchor: UserId,
    /// See [`Room`].
    pub anchor_nick: String,
}

/// Fields of `update`; `None` leaves a field alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomPatch {
    /// New title.
    pub title: Option<String>,
    /// New notice.
    pub notice: Option<String>,
    /// New extends.
    pub extends: Option<String>,
    /// New owner's nick.
    pub anchor_nick: Option<String>,
    /// New cover.
    pub cover_url: Option<String>,
}

impl NewRoom {
    /// The room as it is right after creation.
    #[must_use]
    pub fn into_room(self, show_code: u32) -> Room {
        Room {
            id: self.id,
            app: self.app,
            created: self.created,
            updated: self.created,
            started: self.created,
            stopped: None,
            title: self.title,
            notice: self.notice,
            extends: self.extends,
            cover_url: String::new(),
            anchor: self.anchor,
            anchor_nick: self.anchor_nick,
            show_code,
            version: 1,
            mics_off: false,
            seats: Default::default(),
        }
    }
}

impl Room {
    /// Not dismissed.
    #[must_use]
    pub fn live(&self) -> bool {
        self.stopped.is_none()
    }

    /// The room's media channel.
    #[must_use]
    pub fn channel(&self) -> ChannelKey {
        ChannelKey::of_room(self.app, self.id)
    }

    /// The seat of this number.
    #[must_use]
    pub fn seat(&self, index: SeatIndex) -> &Seat {
        &self.seats[index.slot()]
    }

    /// Where `user` sits.
    #[must_use]
    pub fn seat_of(&self, user: &UserId) -> Option<(SeatIndex, &Taken)> {
        SeatIndex::all().find_map(|i| self.seat(i).taken.as_ref().filter(|t| t.user == *user).map(|t| (i, t)))
    }

    /// Who sits, with the seat, ascending.
    pub fn holders(&self) -> impl Iterator<Item = (SeatIndex, &Taken)> {
        SeatIndex::all().filter_map(|i| self.seat(i).taken.as_ref().map(|t| (i, t)))
    }

    /// Whether the record alone lets `user` send audio and video, bans and administrators' words aside: the room is live
    /// and the user is the owner or sits (voice-room.md 5.5). Administrators get nothing extra.
    #[must_use]
    pub fn may_publish(&self, user: &UserId) -> bool {
        self.live() && (self.anchor == *user || self.seat_of(user).is_some())
    }

    /// What the user is in this room.
    #[must_use]
    pub fn place(&self, user: &UserId) -> Place {
        let seat = self.seat_of(user).map(|(i, _)| i);
        let owner = self.anchor == *user;
        Place::Room { live: self.live(), owner, seat, muted: Muted { audio: self.mics_off && !owner, video: false } }
    }
}
