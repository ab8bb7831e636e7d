//! Objects that several answers share (voice-room.md 4.0), and the shape of refusals.

use std::borrow::Cow;

use serde::Serialize;
use stoa_api::Zone;
use stoa_core::voice::{Room, Seat, SeatIndex};
use utoipa::ToSchema;

/// One of the eight seats. The names are in alphabetical order, as inside `meetingInfo`.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeatBody<'a> {
    /// Opaque text of the app; absent only for a seat never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extends: Option<&'a str>,
    /// 1 to 8.
    #[schema(minimum = 1, maximum = 8)]
    pub index: u8,
    /// When the seat was taken, Unix milliseconds; only while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_time: Option<i64>,
    /// Somebody sits here.
    pub joined: bool,
    /// Who, or empty.
    pub user_id: &'a str,
}

impl<'a> SeatBody<'a> {
    fn of(index: SeatIndex, seat: &'a Seat) -> Self {
        Self {
            extends: seat.extends.as_deref(),
            index: index.get(),
            join_time: seat.taken.as_ref().map(|t| t.since.0),
            joined: seat.taken.is_some(),
            user_id: seat.taken.as_ref().map_or("", |t| t.user.as_str()),
        }
    }
}

/// All eight seats of a room, by number.
#[must_use]
pub fn seats(room: &Room) -> Vec<SeatBody<'_>> {
    SeatIndex::all().map(|i| SeatBody::of(i, room.seat(i))).collect()
}

#[derive(Serialize)]
struct MeetingInfo<'a> {
    members: Vec<SeatBody<'a>>,
}

/// The seats as text inside a room object.
fn meeting_info(room: &Room) -> String {
    serde_json::to_string(&MeetingInfo { members: seats(room) }).unwrap_or_default()
}

/// Counters of a room.
#[derive(Debug, Serialize, ToSchema)]
pub struct Metrics {
    /// Distinct users with a live session in the room now.
    pub online_count: usize,
}

/// A room. Always the same shape; flat beside `code`, or an element of `rooms`.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomBody<'a> {
    /// 200; absent inside `rooms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// 32 lower-case hex digits.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    pub id: Cow<'a, str>,
    /// Equal to `id`: the message group.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    pub chat_id: Cow<'a, str>,
    /// Title.
    pub title: &'a str,
    /// Announcement, empty if none.
    pub notice: &'a str,
    /// Opaque text of the app, empty if none.
    pub extends: &'a str,
    /// Empty unless set by `update`.
    pub cover_url: &'a str,
    /// The owner.
    pub anchor_id: &'a str,
    /// The owner's nick, empty if none.
    pub anchor_nick: &'a str,
    /// 1 live, 2 dismissed.
    #[schema(minimum = 1, maximum = 2)]
    pub status: u8,
    /// Number for display, unique among all rooms ever made.
    #[schema(minimum = 10_000_000, maximum = 99_999_999)]
    pub show_code: u32,
    /// Counters.
    pub metrics: Metrics,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When `update` or `dismiss` last changed it.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Equal to `created_at`.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// When it was dismissed; only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub stopped_at: Option<String>,
    /// JSON text of `{"members":[…]}` with the eight seats.
    #[serde(rename = "meetingInfo")]
    pub meeting_info: String,
}

impl<'a> RoomBody<'a> {
    /// The room as one of a list.
    #[must_use]
    pub fn of(room: &'a Room, online_count: usize, zone: &Zone) -> Self {
        let id = room.id.to_string();
        let created_at = zone.rfc3339(room.created);
        let at = |t| if t == room.created { created_at.clone() } else { zone.rfc3339(t) };
        Self {
            code: None,
            chat_id: Cow::Owned(id.clone()),
            id: Cow::Owned(id),
            title: &room.title,
            notice: &room.notice,
            extends: &room.extends,
            cover_url: &room.cover_url,
            anchor_id: room.anchor.as_str(),
            anchor_nick: &room.anchor_nick,
            status: if room.live() { 1 } else { 2 },
            show_code: room.show_code,
            metrics: Metrics { online_count },
            updated_at: at(room.updated),
            started_at: at(room.started),
            stopped_at: room.stopped.map(at),
            created_at,
            meeting_info: meeting_info(room),
        }
    }

    /// The room as a whole answer.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.code = Some(200);
        self
    }
}

/// The eight seats as a whole answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeatsBody<'a> {
    /// 200.
    pub code: u16,
    /// True.
    pub success: bool,
    /// The eight seats, by number.
    #[schema(min_items = 8, max_items = 8)]
    pub members: Vec<SeatBody<'a>>,
}

impl<'a> SeatsBody<'a> {
    /// Of this room.
    #[must_use]
    pub fn of(room: &'a Room) -> Self {
        Self { code: 200, success: true, members: seats(room) }
    }
}

/// A refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalBody<'a> {
    /// What was refused, as a number.
    pub code: u16,
    /// What to do about it, for people.
    pub message: &'a str,
    /// The same again, when a field is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg: Option<&'a str>,
    /// False, on endpoints whose answers carry it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// `NoPermit` or `Unknown`, on `dismiss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Empty, on endpoints whose readers fail without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 0)]
    pub members: Option<[u8; 0]>,
}

/// Either answer of an endpoint that says no with HTTP 200.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Answer<T: ToSchema, E: ToSchema> {
    /// What was asked for.
    Done(T),
    /// Why not.
    Refused(E),
}

#[cfg(test)]
mod tests {
    use stoa_core::id::{AppId, RoomId, UserId};
    use stoa_core::time::UnixMs;
    use stoa_core::voice::{NewRoom, Taken};

    use super::*;

    fn room() -> Room {
        NewRoom {
            id: RoomId([0x5f; 16]),
            app: AppId(1000),
            created: UnixMs(1_710_420_179_000),
            title: "Friday jazz".into(),
            notice: String::new(),
            extends: String::new(),
            anchor: UserId::new("alice").unwrap(),
            anchor_nick: String::new(),
        }
        .into_room(65_611_075)
    }

    #[test]
    fn a_fresh_rooms_meeting_info_is_byte_exact() {
        let free = |i: u8| format!(r#"{{"index":{i},"joined":false,"user_id":""}}"#);
        let want = format!(r#"{{"members":[{}]}}"#, (1..=8).map(free).collect::<Vec<_>>().join(","));
        assert_eq!(meeting_info(&room()), want);
    }

    #[test]
    fn a_taken_seat_shows_its_names_in_alphabetical_order() {
        let mut r = room();
        r.seats[0] = Seat {
            extends: Some("{\"a\":1}".into()),
            taken: Some(Taken { user: UserId::new("bob").unwrap(), since: UnixMs(7), stay: 2, attended: false }),
        };
        let one = serde_json::to_string(&seats(&r)[0]).unwrap();
        assert_eq!(one, r#"{"extends":"{\"a\":1}","index":1,"join_time":7,"joined":true,"user_id":"bob"}"#);
        r.seats[0] = Seat { extends: Some(String::new()), taken: None };
        let one = serde_json::to_string(&seats(&r)[0]).unwrap();
        assert_eq!(one, r#"{"extends":"","index":1,"joined":false,"user_id":""}"#);
    }

    #[test]
    fn a_room_has_three_equal_instants_at_birth_and_a_fourth_when_ended() {
        let zone: Zone = "+08:00".parse().unwrap();
        let mut r = room();
        let v = serde_json::to_value(RoomBody::of(&r, 3, &zone).alone()).unwrap();
        for k in ["created_at", "updated_at", "started_at"] {
            assert_eq!(v[k], "2024-03-14T20:42:59+08:00");
        }
        assert_eq!((v["status"].as_i64(), v.get("stopped_at")), (Some(1), None));
        r.stopped = Some(UnixMs(1_710_424_870_000));
        let v = serde_json::to_value(RoomBody::of(&r, 0, &zone)).unwrap();
        assert_eq!((v["status"].as_i64(), v["stopped_at"].as_str()), (Some(2), Some("2024-03-14T22:01:10+08:00")));
        assert!(v.get("code").is_none());
    }
}
