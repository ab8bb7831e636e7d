//! Publishing and playing over plain HTTP: the X rows of 9.11 that need no media.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;
use stoa_core::Kind;
use stoa_core::stream::Stream;

use crate::server::{Options, Reply, Server};

const OFFER: &str = "v=0 offer";

/// The path and query of an address.
fn path(url: &str) -> String {
    url.strip_prefix("https://class.example.com").unwrap().to_owned()
}

async fn post(s: &Server, url: &str, bearer: Option<&str>) -> Reply {
    let mut b = Request::post(url).header("content-type", "application/sdp");
    if let Some(name) = bearer {
        b = b.header("authorization", format!("Bearer {}", s.token(name)));
    }
    s.send(b.body(OFFER.into()).unwrap()).await
}

async fn push_url(s: &Server, class: &str, name: &str) -> String {
    path(s.get(name, class).await["link_info"]["rtc_push_url"].as_str().unwrap())
}

async fn pull_url(s: &Server, class: &str, name: &str) -> String {
    path(s.get(name, class).await["link_info"]["rtc_pull_url"].as_str().unwrap())
}

fn status(r: &Reply) -> u16 {
    r.status.as_u16()
}

#[tokio::test]
async fn x02_the_teacher_pushes_until_the_class_is_over() {
    let s = Server::new().await;
    let class = s.class().await;
    let url = push_url(&s, &class, "teacher1").await;
    for verb in [None, Some("start"), Some("pause")] {
        if let Some(verb) = verb {
            s.status(&class, verb).await;
        }
        let r = post(&s, &url, None).await;
        assert_eq!(status(&r), 201, "{}", r.text);
        assert_eq!((r.header("content-type"), r.text.as_str()), (Some("application/sdp"), "v=0 push v=0 offer"));
        assert!(r.header("access-control-expose-headers").unwrap().contains("location"));
    }
    {
        let asked = s.streams.asked.lock().unwrap();
        let ask = &asked[0];
        assert_eq!((ask.user.as_str(), ask.identity.user_part(), &ask.what), ("teacher1", "teacher1", &Stream::Push));
        assert!(ask.rights.standing(&ask.claims).permission.publish);
    }
    s.status(&class, "stop").await;
    assert_eq!(status(&post(&s, &url, None).await), 410);
    s.data("teacher1", "delete", json!({"id": class, "user_id": "teacher1"})).await;
    assert_eq!(status(&post(&s, &url, None).await), 404);
}

#[tokio::test]
async fn x03_a_student_pushes_from_the_stage_only() {
    let s = Server::new().await;
    let class = s.class().await;
    let url = push_url(&s, &class, "stu01").await;
    assert_eq!(status(&post(&s, &url, None).await), 403, "no member");
    s.join(&class, "stu01", None).await;
    assert_eq!(status(&post(&s, &url, None).await), 403, "not on stage");
    let members = async |names: &[&str]| {
        let list: Vec<_> = names.iter().map(|n| json!({"user_id": n})).collect();
        s.data("teacher1", "updateMeetingInfo", json!({"id": class, "members": list})).await;
    };
    members(&["stu01"]).await;
    assert_eq!(status(&post(&s, &url, None).await), 201);
    let shadow = path(s.get("stu01", &class).await["shadow_link_info"]["rtc_push_url"].as_str().unwrap());
    assert_eq!(status(&post(&s, &shadow, None).await), 201);
    assert_eq!(s.streams.asked.lock().unwrap()[1].identity.user_part(), "stu01_shadow");
    members(&[]).await;
    assert_eq!(status(&post(&s, &url, None).await), 403);
    members(&["stu01"]).await;
    s.kick(&class, "stu01").await;
    assert_eq!(status(&post(&s, &url, None).await), 403, "banned");
}

#[tokio::test]
async fn x04_changed_and_ended_addresses_are_401() {
    let s = Server::new().await;
    let class = s.class().await;
    let url = push_url(&s, &class, "teacher1").await;
    let other = s.get("teacher1", &s.class().await).await["meeting_id"].as_str().unwrap().to_owned();
    let meeting = s.get("teacher1", &class).await["meeting_id"].as_str().unwrap().to_owned();
    let expires = s.now() + 86_400;
    for changed in [
        url.replace("userId=teacher1", "userId=teacher2"),
        url.replace(&meeting, &other),
        url.replace(&meeting, &meeting.to_uppercase()),
        url.replace(&expires.to_string(), &(expires + 1).to_string()),
        url.replace(&expires.to_string(), &format!("+{expires}")),
        url.replace("token=", "token=0"),
        url.replace("/whip/", "/whep/"),
        url.split('?').next().unwrap().to_owned(),
        format!("{url}&token=0"),
    ] {
        let r = post(&s, &changed, Some("teacher1")).await;
        assert_eq!((status(&r), r.header("www-authenticate")), (401, Some("Bearer")), "{changed}");
    }
    s.pass(86_399);
    assert_eq!(status(&post(&s, &url, None).await), 201);
    s.pass(1);
    assert_eq!(status(&post(&s, &url, None).await), 401);
    assert_eq!(s.streams.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn x05_x06_playing_needs_a_member_and_shows_whom_the_address_names() {
    let s = Server::new().await;
    let class = s.class().await;
    s.join(&class, "stu01", None).await;
    s.join(&class, "stu02", None).await;
    let url = pull_url(&s, &class, "stu01").await;
    assert_eq!(status(&post(&s, &url, None).await), 401);
    for (name, want) in [("teacher1", 201), ("stu02", 201), ("other1", 403)] {
        assert_eq!(status(&post(&s, &url, Some(name)).await), want, "{name}");
    }
    {
        let asked = s.streams.asked.lock().unwrap();
        assert_eq!((asked.len(), asked[0].user.as_str(), asked[1].user.as_str()), (2, "teacher1", "stu02"));
        assert!(matches!(&asked[0].what, Stream::Play { of } if of.as_str() == "stu01"));
        assert_ne!(asked[0].identity.as_str(), "teacher1", "a device of its own");
    }
    s.kick(&class, "stu02").await;
    assert_eq!(status(&post(&s, &url, Some("stu02")).await), 403);
    s.leave(&class, "stu01").await;
    assert_eq!(status(&post(&s, &url, Some("stu01")).await), 403);
}

#[tokio::test]
async fn offers_have_a_kind_and_a_size() {
    let s = Server::new().await;
    let class = s.class().await;
    let url = push_url(&s, &class, "teacher1").await;
    for (kind, want) in [
        (None, 415),
        (Some("text/plain"), 415),
        (Some("application/sdpx"), 415),
        (Some("Application/SDP; charset=utf-8"), 201),
    ] {
        let mut b = Request::post(&url);
        if let Some(kind) = kind {
            b = b.header("content-type", kind);
        }
        assert_eq!(status(&s.send(b.body(OFFER.into()).unwrap()).await), want, "{kind:?}");
    }
    let sized =
        |n: usize| Request::post(&url).header("content-type", "application/sdp").body(Body::from("x".repeat(n)));
    assert_eq!(status(&s.send(sized(64 * 1024).unwrap()).await), 201);
    assert_eq!(status(&s.send(sized(64 * 1024 + 1).unwrap()).await), 413);
}

#[tokio::test]
async fn a_session_is_ended_at_its_location_and_not_changed() {
    let s = Server::new().await;
    let class = s.class().await;
    let (push, pull) = (push_url(&s, &class, "teacher1").await, pull_url(&s, &class, "teacher1").await);
    let meeting = s.get("teacher1", &class).await["meeting_id"].as_str().unwrap().to_owned();
    for (url, bearer, door) in [(push, None, "whip"), (pull, Some("teacher1"), "whep")] {
        let r = post(&s, &url, bearer).await;
        let at = r.header("location").unwrap().to_owned();
        assert!(at.starts_with(&format!("/{door}/{meeting}/session")), "{at}");
        let patch = s.verb(Method::PATCH, &at).await;
        assert_eq!((status(&patch), patch.header("allow")), (501, Some("DELETE, OPTIONS")));
        let get = s.verb(Method::GET, &at).await;
        assert_eq!((status(&get), get.header("allow")), (405, Some("DELETE, OPTIONS")));
        let elsewhere = at.replace(&meeting, "e65c9abd-0def-49c3-b7db-29380dbc0001");
        for wrong in [elsewhere, format!("/{door}/{meeting}/other"), format!("/{door}/x/session0")] {
            assert_eq!(status(&s.verb(Method::DELETE, &wrong).await), 404, "{wrong}");
        }
        assert_eq!(status(&s.verb(Method::DELETE, &at).await), 200);
        assert_eq!(status(&s.verb(Method::DELETE, &at).await), 404);
        let bare = url.split('?').next().unwrap();
        let get = s.verb(Method::GET, bare).await;
        assert_eq!((status(&get), get.header("allow")), (405, Some("POST, OPTIONS")));
        let options = s.verb(Method::OPTIONS, bare).await;
        assert_eq!((status(&options), options.header("accept-post")), (204, Some("application/sdp")));
        assert!(options.header("access-control-allow-methods").unwrap().contains("DELETE"));
    }
}

#[tokio::test]
async fn what_the_engine_refuses_has_its_own_status() {
    let s = Server::new().await;
    let class = s.class().await;
    let url = push_url(&s, &class, "teacher1").await;
    for (kind, want) in [
        (Kind::BadInput { field: "offer" }, 400),
        (Kind::NotFound, 404),
        (Kind::Forbidden, 403),
        (Kind::LimitReached, 503),
        (Kind::Unavailable, 503),
        (Kind::Internal, 500),
    ] {
        *s.streams.refuse.lock().unwrap() = Some(kind);
        assert_eq!(status(&post(&s, &url, None).await), want);
    }
    let s = Server::with(Options { streams: false, ..Options::default() }).await;
    assert_eq!(status(&post(&s, &url, None).await), 404, "no engine, no door");
}
