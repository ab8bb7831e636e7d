use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use livekit_protocol as proto;
use secrecy::SecretString;
use serde_json::{Value, json};
use stoa_core::app::App;
use stoa_core::id::{AppId, ChannelKey, Identity, UserId};
use stoa_core::media::{Admission, Admitted, MediaEvent, Refused};
use stoa_core::time::{Now, UnixMs};
use stoa_core::{Error, Kind, Result};
use tower::ServiceExt as _;

use super::*;
use crate::token::{AdminGrant, mint_admin};

mod fuzz;

const NOW_SECS: i64 = 1_767_225_600;

/// Engine and product in one: writes down what it was asked to do.
#[derive(Default)]
struct Fake {
    calls: Mutex<Vec<String>>,
    fail_next: Mutex<Option<Error>>,
    linger: Mutex<Option<Duration>>,
}

impl Fake {
    fn did(&self, what: String) {
        self.calls.lock().unwrap().push(what);
    }

    fn done(&self, what: String) -> Result<()> {
        self.did(what);
        self.fail_next.lock().unwrap().take().map_or(Ok(()), Err)
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

fn room(name: &str) -> proto::Room {
    proto::Room { sid: "RM_1".into(), name: name.into(), creation_time: 5, num_participants: 2, ..Default::default() }
}

fn info(identity: &str) -> proto::ParticipantInfo {
    proto::ParticipantInfo { sid: "PA_1".into(), identity: identity.into(), state: 2, ..Default::default() }
}

#[async_trait]
impl RoomControl for Fake {
    async fn create_room(&self, channel: &ChannelKey, r: &proto::CreateRoomRequest) -> Result<proto::Room> {
        self.done(format!("create {} {} {}", channel.app, channel.name, r.empty_timeout))?;
        Ok(room(channel.name.as_str()))
    }

    async fn end_room(&self, channel: &ChannelKey) -> Result<()> {
        self.done(format!("end {}", channel.name))
    }

    async fn list_rooms(&self, app: AppId, names: &[String]) -> Result<Vec<proto::Room>> {
        self.done(format!("list {app} {names:?}"))?;
        Ok(vec![room("r")])
    }

    async fn participants(&self, channel: &ChannelKey) -> Result<Vec<proto::ParticipantInfo>> {
        self.done(format!("participants {}", channel.name))?;
        Ok(vec![info("alice")])
    }

    async fn participant(&self, _: &ChannelKey, identity: &Identity) -> Result<proto::ParticipantInfo> {
        self.done(format!("participant {identity}"))?;
        Ok(info(identity.as_str()))
    }

    async fn user_of(&self, _: &ChannelKey, identity: &Identity) -> Result<Option<UserId>> {
        Ok((identity.as_str() == "alice\u{1f}phone").then(|| UserId::new("alice").unwrap()))
    }

    async fn mute_track(&self, _: &ChannelKey, who: &Identity, track: &str, muted: bool) -> Result<proto::TrackInfo> {
        self.done(format!("mute {who} {track} {muted}"))?;
        Ok(proto::TrackInfo { sid: track.into(), muted, ..Default::default() })
    }

    async fn update_participant(
        &self,
        _: &ChannelKey,
        who: &Identity,
        change: ParticipantChange,
    ) -> Result<proto::ParticipantInfo> {
        self.done(format!("update {who} {} {} {:?}", change.name, change.metadata, change.attributes))?;
        Ok(info(who.as_str()))
    }

    async fn update_subscriptions(
        &self,
        _: &ChannelKey,
        who: &Identity,
        tracks: &[String],
        subscribe: bool,
    ) -> Result<()> {
        self.done(format!("subscriptions {who} {tracks:?} {subscribe}"))
    }

    async fn send_data(&self, _: &ChannelKey, data: ServerData) -> Result<()> {
        self.done(format!("data {:?} {} {:?} {:?}", data.payload, data.reliable, data.topic, data.to_identities))
    }

    async fn update_room_metadata(&self, channel: &ChannelKey, metadata: &str) -> Result<proto::Room> {
        self.done(format!("metadata {metadata}"))?;
        Ok(room(channel.name.as_str()))
    }
}

#[async_trait]
impl MediaHooks for Fake {
    async fn admit(&self, _: Admission<'_>) -> std::result::Result<Admitted, Refused> {
        Err(Refused::Unavailable)
    }

    async fn kick_asked(&self, channel: &ChannelKey, user: &UserId) -> Result<()> {
        self.done(format!("kick {} {user}", channel.name))
    }

    async fn delete_asked(&self, channel: &ChannelKey) -> Result<bool> {
        self.done(format!("delete {}", channel.name))?;
        Ok(channel.name.as_str() == "voiceroom")
    }

    async fn may_open(&self, channel: &ChannelKey, linger: Option<Duration>) -> Result<bool> {
        *self.linger.lock().unwrap() = linger;
        Ok(channel.name.as_str() != "dismissed")
    }

    fn event(&self, _: MediaEvent) {}
}

impl Clock for Fake {
    fn now(&self) -> Now {
        Now { wall: UnixMs::from_secs(NOW_SECS), mono: Duration::from_secs(1) }
    }
}

fn app(enabled: bool) -> App {
    let secret = SecretString::from("a-secret-for-the-room-service-42");
    App {
        id: AppId(7),
        name: "a".into(),
        key: "key".into(),
        secret,
        previous_secrets: vec![],
        enabled,
        admin_identifiers: vec![],
    }
}

struct Bench {
    fake: Arc<Fake>,
    router: Router,
}

struct Reply {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn error(&self) -> (u16, String) {
        assert_eq!(self.content_type, "application/json");
        let body = self.json();
        assert!(body["msg"].is_string() && body["meta"].is_object(), "{body}");
        (self.status, body["code"].as_str().unwrap().to_owned())
    }
}

fn all(room: &str) -> AdminGrant {
    AdminGrant { room_create: true, room_list: true, room_admin: Some(room.to_owned()) }
}

fn token(grant: &AdminGrant) -> String {
    format!("Bearer {}", mint_admin(&app(true), grant, NOW_SECS, NOW_SECS + 60))
}

impl Bench {
    fn new() -> Self {
        Self::of(app(true))
    }

    fn of(app: App) -> Self {
        let fake = Arc::new(Fake::default());
        let router = router(fake.clone(), fake.clone(), Apps::new([app]), fake.clone());
        Self { fake, router }
    }

    async fn send(&self, request: Request) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let header = response.headers().get(CONTENT_TYPE).map(|v| v.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec();
        Reply { status, content_type: header.unwrap_or_default(), body }
    }

    async fn json(&self, method: &str, grant: &AdminGrant, body: Value) -> Reply {
        self.raw(method, &token(grant), "application/json", body.to_string().into_bytes()).await
    }

    async fn raw(&self, method: &str, auth: &str, content_type: &str, body: Vec<u8>) -> Reply {
        let request = Request::post(format!("/twirp/livekit.RoomService/{method}"))
            .header(AUTHORIZATION, auth)
            .header(CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }
}

#[tokio::test]
async fn protobuf_and_both_spellings_of_json_say_the_same() {
    let b = Bench::new();
    let request = proto::CreateRoomRequest { name: "r".into(), empty_timeout: 30, ..Default::default() };
    let reply = b.raw("CreateRoom", &token(&all("")), "application/protobuf", request.encode_to_vec()).await;
    assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/protobuf"));
    assert_eq!(proto::Room::decode(reply.body.as_slice()).unwrap(), room("r"));

    for body in [json!({"name": "r", "emptyTimeout": 30}), json!({"name": "r", "empty_timeout": 30, "newer": [{}]})] {
        let reply = b.json("CreateRoom", &all(""), body).await;
        assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"));
        assert_eq!(reply.json()["numParticipants"], 2);
        assert_eq!(reply.json()["creationTime"], "5", "64-bit numbers are text in protojson");
    }
    assert_eq!(b.fake.taken(), ["create 7 r 30"; 3]);
    assert_eq!(*b.fake.linger.lock().unwrap(), Some(Duration::from_secs(30)));
    b.json("CreateRoom", &all(""), json!({"name": "r"})).await;
    assert_eq!(*b.fake.linger.lock().unwrap(), None, "not given");
    b.fake.taken();

    let reply = b.raw("ListRooms", &token(&all("")), "application/json; charset=utf-8", b"{}".to_vec()).await;
    assert_eq!(reply.json()["rooms"][0]["name"], "r");
    assert_eq!(b.fake.taken(), ["list 7 []"]);
}

#[tokio::test]
async fn every_method_reaches_the_engine() {
    let b = Bench::new();
    let who = |extra: Value| {
        let mut body = json!({"room": "r", "identity": "alice\u{1f}phone"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let cases = [
        ("DeleteRoom", json!({"room": "r"}), "delete r, end r"),
        ("DeleteRoom", json!({"room": "voiceroom"}), "delete voiceroom"),
        ("ListRooms", json!({"names": ["a", "b"]}), r#"list 7 ["a", "b"]"#),
        ("ListParticipants", json!({"room": "r"}), "participants r"),
        ("GetParticipant", who(json!({})), "participant alice\u{1f}phone"),
        ("RemoveParticipant", who(json!({})), "kick r alice"),
        ("MutePublishedTrack", who(json!({"trackSid": "TR_1", "muted": true})), "mute alice\u{1f}phone TR_1 true"),
        (
            "UpdateParticipant",
            who(json!({"name": "Al", "metadata": "m", "attributes": {"k": "v", "gone": ""}})),
            "update alice\u{1f}phone Al m {\"gone\": \"\", \"k\": \"v\"}",
        ),
        (
            "UpdateSubscriptions",
            who(json!({"trackSids": ["TR_1"], "subscribe": true,
                "participantTracks": [{"participantSid": "PA_2", "trackSids": ["TR_2"]}]})),
            "subscriptions alice\u{1f}phone [\"TR_1\", \"TR_2\"] true",
        ),
        (
            "SendData",
            json!({"room": "r", "data": "aGk=", "kind": "RELIABLE", "topic": "t", "destinationIdentities": ["bob"]}),
            "data [104, 105] true Some(\"t\") [\"bob\"]",
        ),
        ("SendData", json!({"room": "r", "kind": "LOSSY"}), "data [] false None []"),
        ("UpdateRoomMetadata", json!({"room": "r", "metadata": "x"}), "metadata x"),
    ];
    for (method, body, calls) in cases {
        let reply = b.json(method, &all("r"), body).await;
        assert_eq!(reply.status, 200, "{method}: {}", String::from_utf8_lossy(&reply.body));
        assert_eq!(b.fake.taken().join(", "), calls, "{method}");
    }
}

#[tokio::test]
async fn each_method_needs_its_grant_and_its_room() {
    let b = Bench::new();
    let create = AdminGrant { room_create: true, ..AdminGrant::default() };
    let list = AdminGrant { room_list: true, ..AdminGrant::default() };
    let admin = |room: &str| AdminGrant { room_admin: Some(room.to_owned()), ..AdminGrant::default() };
    let table = [("CreateRoom", &create), ("DeleteRoom", &create), ("ListRooms", &list)];
    let of_a_room = [
        "ListParticipants",
        "GetParticipant",
        "RemoveParticipant",
        "MutePublishedTrack",
        "UpdateParticipant",
        "UpdateSubscriptions",
        "SendData",
        "UpdateRoomMetadata",
    ];
    let right = admin("r");
    let table = table.into_iter().chain(of_a_room.into_iter().map(|m| (m, &right)));
    let body = json!({"room": "r", "name": "r", "identity": "alice\u{1f}phone"});
    for (method, needed) in table {
        let body = if method == "CreateRoom" { json!({"name": "r"}) } else { body.clone() };
        assert_eq!(b.json(method, needed, body.clone()).await.status, 200, "{method}");
        assert!(!b.fake.taken().is_empty());
        for (what, grant) in [("nothing", AdminGrant::default()), ("another room", admin("R")), ("no room", admin(""))]
        {
            let reply = b.json(method, &grant, body.clone()).await;
            assert_eq!(reply.error(), (403, "permission_denied".into()), "{method} with {what}");
        }
        for other in [&create, &list, &right].into_iter().filter(|g| !std::ptr::eq(*g, needed)) {
            assert_eq!(b.json(method, other, body.clone()).await.status, 403, "{method} with {other:?}");
        }
        assert_eq!(b.fake.taken(), Vec::<String>::new(), "{method}: refused calls do nothing");
    }
    let nameless = AdminGrant { room_admin: Some(String::new()), ..AdminGrant::default() };
    assert_eq!(b.json("ListParticipants", &nameless, json!({})).await.error().0, 400, "an empty name is no room");
}

#[tokio::test]
async fn callers_without_a_good_token_are_turned_away_before_the_body_is_read() {
    let b = Bench::new();
    let good = token(&all("r"));
    let expired = format!("Bearer {}", mint_admin(&app(true), &all("r"), 0, NOW_SECS - 61));
    for auth in ["", "Bearer", "Bearer ", "Bearer x.y.z", "Basic a2V5OnNlY3JldA==", &expired, &good[7..]] {
        let reply = b.raw("ListRooms", auth, "application/json", b"not json".to_vec()).await;
        assert_eq!(reply.error(), (401, "unauthenticated".into()), "{auth}");
    }
    let missing = Request::post("/twirp/livekit.RoomService/ListRooms").body(Body::empty()).unwrap();
    assert_eq!(b.send(missing).await.error().0, 401);
    let off = Bench::of(app(false));
    assert_eq!(off.json("ListRooms", &all("r"), json!({})).await.error(), (403, "permission_denied".into()));
}

#[tokio::test]
async fn bad_calls_get_twirps_errors() {
    let b = Bench::new();
    let auth = token(&all("r"));
    let json = "application/json";
    let deep = format!("{{\"names\":{}", "[".repeat(100_000));
    for (method, content_type, body, expect) in [
        ("ListRooms", json, "", (400, "malformed")),
        ("ListRooms", json, "{", (400, "malformed")),
        ("ListRooms", json, "[]", (400, "malformed")),
        ("ListRooms", json, r#"{"names": 5}"#, (400, "malformed")),
        ("ListRooms", json, deep.as_str(), (400, "malformed")),
        ("CreateRoom", json, r#"{"name":"r","emptyTimeout":-1}"#, (400, "malformed")),
        ("ListRooms", "application/protobuf", "{}", (400, "malformed")),
        ("ListRooms", "text/plain", "{}", (404, "bad_route")),
        ("Nonsense", json, "{}", (404, "bad_route")),
        ("ForwardParticipant", json, "{}", (501, "unimplemented")),
        ("MoveParticipant", json, "{}", (501, "unimplemented")),
        ("CreateRoom", json, "{}", (400, "invalid_argument")),
        ("CreateRoom", json, r#"{"name":"a\u0000"}"#, (400, "invalid_argument")),
        ("GetParticipant", json, r#"{"room":"r"}"#, (400, "invalid_argument")),
    ] {
        let reply = b.raw(method, &auth, content_type, body.into()).await;
        assert_eq!(reply.error(), (expect.0, expect.1.to_owned()), "{method} {body:.40}");
        assert!(reply.body.len() < 300);
    }
    let long = vec![b' '; MAX_BODY + 1];
    assert_eq!(b.raw("ListRooms", &auth, json, long).await.error(), (400, "malformed".into()));
    let get = Request::get("/twirp/livekit.RoomService/ListRooms").body(Body::empty()).unwrap();
    assert_eq!(b.send(get).await.error(), (404, "bad_route".into()));
    let other = Request::post("/twirp/livekit.Egress/ListEgress").body(Body::empty()).unwrap();
    assert_eq!(b.send(other).await.error(), (404, "bad_route".into()));
    assert_eq!(b.fake.taken(), Vec::<String>::new());
}

#[tokio::test]
async fn sizes_and_reserved_names_are_limited() {
    let b = Bench::new();
    for (method, body) in [
        ("UpdateRoomMetadata", json!({"room": "r", "metadata": "x".repeat(512 * 1024 + 1)})),
        ("UpdateParticipant", json!({"room": "r", "identity": "a", "name": "x".repeat(257)})),
        ("UpdateParticipant", json!({"room": "r", "identity": "a", "attributes": {"k": "x".repeat(65_536)}})),
        ("UpdateParticipant", json!({"room": "r", "identity": "a", "attributes": {"stoa.identity": "5"}})),
        ("SendData", json!({"room": "r", "topic": "stoa.talk.notice"})),
        ("SendData", json!({"room": "r", "data": "AAAA".repeat(21_334)})),
    ] {
        assert_eq!(b.json(method, &all("r"), body).await.error(), (400, "invalid_argument".into()), "{method}");
    }
    assert_eq!(b.fake.taken(), Vec::<String>::new());
}

#[tokio::test]
async fn errors_of_the_engine_keep_their_meaning_and_their_secrets() {
    let b = Bench::new();
    for (kind, expect) in [
        (Kind::NotFound, (404, "not_found")),
        (Kind::NotPresent, (404, "not_found")),
        (Kind::Gone, (404, "not_found")),
        (Kind::Forbidden, (403, "permission_denied")),
        (Kind::LimitReached, (412, "failed_precondition")),
        (Kind::Throttled { retry_after_secs: 1 }, (429, "resource_exhausted")),
        (Kind::Unavailable, (503, "unavailable")),
        (Kind::Vendor { code: None }, (503, "unavailable")),
        (Kind::Internal, (500, "internal")),
    ] {
        let error = Error::new(kind, "public text").with_internal("the disk is on fire");
        *b.fake.fail_next.lock().unwrap() = Some(error);
        let reply = b.json("ListRooms", &all(""), json!({})).await;
        assert_eq!(reply.error(), (expect.0, expect.1.to_owned()));
        assert_eq!(reply.json()["msg"], "public text");
    }
}

#[tokio::test]
async fn a_dismissed_room_cannot_be_made_again() {
    let b = Bench::new();
    let reply = b.json("CreateRoom", &all(""), json!({"name": "dismissed"})).await;
    assert_eq!(reply.error(), (404, "not_found".into()));
    assert!(reply.json()["msg"].as_str().unwrap().contains("requested room does not exist"));
    assert_eq!(b.fake.taken(), Vec::<String>::new());
}

#[tokio::test]
async fn removing_somebody_absent_revokes_its_tokens_and_says_not_found() {
    let b = Bench::new();
    let reply = b.json("RemoveParticipant", &all("r"), json!({"room": "r", "identity": "bob\u{1f}tv"})).await;
    assert_eq!(reply.error(), (404, "not_found".into()));
    assert_eq!(b.fake.taken(), ["kick r bob"]);
}

#[tokio::test]
async fn the_same_data_is_sent_once_but_a_failed_call_may_be_repeated() {
    let b = Bench::new();
    let body = json!({"room": "r", "data": "aGk=", "nonce": "AAECAwQFBgcICQoLDA0ODw=="});
    *b.fake.fail_next.lock().unwrap() = Some(Error::new(Kind::Unavailable, "later"));
    assert_eq!(b.json("SendData", &all("r"), body.clone()).await.status, 503);
    for _ in 0..3 {
        assert_eq!(b.json("SendData", &all("r"), body.clone()).await.status, 200);
    }
    assert_eq!(b.fake.taken().len(), 2, "the failed one and one more");
}

#[tokio::test]
async fn an_app_that_calls_too_often_is_told_to_wait() {
    let bench = Bench::new();
    let grant = all("r");
    let auth = token(&grant);
    for _ in 0..CALLS.1 {
        let reply = bench.raw("ListRooms", &auth, "application/json", b"{}".to_vec()).await;
        assert_eq!(reply.status, 200);
    }
    let refused = bench.raw("ListRooms", &auth, "application/json", b"{}".to_vec()).await;
    assert_eq!(refused.error(), (429, "resource_exhausted".to_owned()));
}
