//! Acceptance list 9.5: seats.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::server::{Reply, Server, user};

async fn join(s: &Server, room: &str, name: &str, index: Value) -> Reply {
    s.post(name, "joinMic", json!({"id":room,"user_id":name,"index":index})).await
}

async fn leave(s: &Server, who: &str, room: &str, name: &str, index: i64) -> Reply {
    s.post(who, "leaveMic", json!({"id":room,"user_id":name,"index":index})).await
}

fn holders(r: &Reply) -> Vec<(u64, String)> {
    let taken = r.body["members"].as_array().unwrap().iter().filter(|m| m["joined"] == true);
    taken.map(|m| (m["index"].as_u64().unwrap(), m["user_id"].as_str().unwrap().to_owned())).collect()
}

fn held(list: &[(u64, &str)]) -> Vec<(u64, String)> {
    list.iter().map(|(i, n)| (*i, (*n).to_owned())).collect()
}

#[tokio::test]
async fn j1_no_wish_gets_the_lowest_free_seat() {
    for wish in [json!(null), json!(0), json!(-1), json!("")] {
        let s = Server::new();
        let room = s.room("alice").await;
        let r = join(&s, &room, "bob", wish).await;
        r.expect(200, 200);
        let first = json!({"extends":"","index":1,"join_time":s.now() * 1000,"joined":true,"user_id":"bob"});
        assert_eq!(r.body["members"][0], first);
        assert_eq!(r.body["members"].as_array().unwrap().len(), 8);
        assert!(r.body.get("reason").is_none());
    }
}

#[tokio::test]
async fn j2_j3_a_wish_is_met_if_free_and_nine_is_refused() {
    let s = Server::new();
    let room = s.room("alice").await;
    assert_eq!(holders(&join(&s, &room, "a", json!(5)).await), held(&[(5, "a")]));
    assert_eq!(holders(&join(&s, &room, "b", json!(5)).await), held(&[(1, "b"), (5, "a")]));
    assert_eq!(holders(&join(&s, &room, "c", json!("8")).await), held(&[(1, "b"), (5, "a"), (8, "c")]));
    let r = join(&s, &room, "d", json!(9)).await;
    assert_eq!(r.expect(200, 400).body["message"], "index: must be at most 8");
    assert!(r.body.get("members").is_none());
}

#[tokio::test]
async fn j4_j5_full_and_seated_already_are_business_outcomes_without_members() {
    let s = Server::new();
    let room = s.room("alice").await;
    for i in 1..=8 {
        join(&s, &room, &format!("u{i}"), json!(null)).await.expect(200, 200);
    }
    let before = s.seats(&room).await;
    let r = join(&s, &room, "ninth", json!(3)).await;
    let text = "all seats are taken";
    assert_eq!(r.body, json!({"code":200,"reason":1,"desc":text,"message":text}));
    for wish in [json!(3), json!(4), json!(null)] {
        let r = join(&s, &room, "u3", wish).await;
        let text = "user already holds a seat";
        assert_eq!(r.body, json!({"code":200,"reason":2,"desc":text,"message":text,"index":3}));
    }
    assert_eq!(s.seats(&room).await, before);
}

#[tokio::test]
async fn j6_m2_extends_of_a_seat_comes_and_goes() {
    let s = Server::new();
    let room = s.room("alice").await;
    let text = "{\"user_nick\":\"Bob\",\"user_avatar\":\"\"}";
    let r = s.post("bob", "joinMic", json!({"id":room,"user_id":"bob","extends":text})).await;
    assert_eq!(r.body["members"][0]["extends"], text);
    assert!(r.body["members"][1].get("extends").is_none());
    let info = s.post("x", "getMeetingInfo", json!({"id":room,"user_id":{}})).await;
    assert_eq!((&info.expect(200, 200).body["members"], &info.body["success"]), (&r.body["members"], &json!(true)));
    let got = s.post("x", "get", json!({"id":room})).await;
    let inside: Value = serde_json::from_str(got.body["meetingInfo"].as_str().unwrap()).unwrap();
    assert_eq!(inside["members"], r.body["members"]);
    let r = leave(&s, "bob", &room, "bob", 1).await;
    assert_eq!(r.body["members"][0], json!({"extends":"","index":1,"joined":false,"user_id":""}));
    assert_eq!(r.body["members"][1], json!({"index":2,"joined":false,"user_id":""}));
}

#[tokio::test]
async fn j7_j8_gone_rooms_and_foreign_names_get_no_members() {
    let s = Server::new();
    let (room, ended) = (s.room("alice").await, s.dismissed_room("alice").await);
    for id in [ended.as_str(), "0123456789abcdef0123456789abcdef", "x"] {
        let r = join(&s, id, "bob", json!(null)).await;
        assert!(r.expect(200, 404).body.get("members").is_none());
    }
    for who in ["carol", "alice"] {
        let r = s.post(who, "joinMic", json!({"id":room,"user_id":"bob"})).await;
        assert!(r.expect(200, 403).body.get("members").is_none());
    }
    s.post("carol", "joinMic", json!({"id":"x","user_id":"bob"})).await.expect(200, 403);
    let r = s.post("root", "joinMic", json!({"id":room,"user_id":"bob"})).await;
    assert_eq!(holders(&r), held(&[(1, "bob")]));
}

#[tokio::test]
async fn j9_the_owner_sits_and_leaves_and_may_publish_throughout() {
    let s = Server::new();
    let room = s.room("alice").await;
    join(&s, &room, "alice", json!(null)).await.expect(200, 200);
    assert_eq!(s.media.publishes(&user("alice")), Some(true));
    leave(&s, "alice", &room, "alice", 1).await.expect(200, 200);
    assert_eq!(s.media.publishes(&user("alice")), Some(true));
}

#[tokio::test]
async fn j11_bad_extends_takes_no_seat() {
    let s = Server::new();
    let room = s.room("alice").await;
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(2049 - 8));
    for bad in [json!("[]"), json!("{\"user_nick\":7}"), json!({"user_avatar":null}), json!(long)] {
        s.post("bob", "joinMic", json!({"id":room,"user_id":"bob","extends":bad})).await.expect(200, 400);
    }
    assert!(s.seats(&room).await.is_empty());
    let fits = format!("{{\"a\":\"{}\"}}", "x".repeat(2048 - 8));
    s.post("bob", "joinMic", json!({"id":room,"user_id":"bob","extends":fits})).await.expect(200, 200);
}

#[tokio::test]
async fn v1_v2_ones_own_seat_is_freed_whatever_the_index_says() {
    for index in [3, 5, 0, -1] {
        let s = Server::new();
        let room = s.room("alice").await;
        join(&s, &room, "bob", json!(3)).await.expect(200, 200);
        let r = leave(&s, "bob", &room, "bob", index).await;
        assert_eq!((&r.expect(200, 200).body["success"], holders(&r)), (&json!(true), vec![]));
        assert_eq!(s.media.publishes(&user("bob")), Some(false), "told before the answer");
        let again = leave(&s, "bob", &room, "bob", index).await;
        assert_eq!(again.body, r.body);
    }
}

#[tokio::test]
async fn v3_v4_nobody_frees_another_seat_but_owner_and_administrators() {
    let s = Server::new();
    let room = s.room("alice").await;
    join(&s, &room, "carol", json!(4)).await.expect(200, 200);
    let r = leave(&s, "bob", &room, "carol", 4).await;
    r.expect(200, 403);
    assert_eq!((&r.body["members"], &r.body["success"]), (&json!([]), &json!(false)));
    assert_eq!(holders(&leave(&s, "bob", &room, "bob", 4).await), held(&[(4, "carol")]));
    assert_eq!(holders(&leave(&s, "alice", &room, "carol", 1).await), held(&[]));
    join(&s, &room, "carol", json!(4)).await.expect(200, 200);
    assert_eq!(holders(&leave(&s, "alice", &room, "alice", 4).await), held(&[]));
    join(&s, &room, "alice", json!(2)).await.expect(200, 200);
    join(&s, &room, "carol", json!(5)).await.expect(200, 200);
    assert_eq!(holders(&leave(&s, "alice", &room, "alice", 5).await), held(&[(5, "carol")]));
    assert_eq!(holders(&leave(&s, "root", &room, "carol", 1).await), held(&[]));
    for unknown in ["0123456789abcdef0123456789abcdef", "x"] {
        leave(&s, "bob", unknown, "carol", 1).await.expect(200, 403);
    }
}

#[tokio::test]
async fn v5_v6_refusals_of_leaving_carry_members() {
    let s = Server::new();
    let (room, ended) = (s.room("alice").await, s.dismissed_room("alice").await);
    for bad in [json!({"id":room,"user_id":"bob"}), json!({"id":room,"user_id":"bob","index":9})] {
        let r = s.post("bob", "leaveMic", bad).await;
        assert_eq!((&r.expect(200, 400).body["members"], &r.body["success"]), (&json!([]), &json!(false)));
    }
    let r = leave(&s, "bob", "0123456789abcdef0123456789abcdef", "bob", 1).await;
    assert_eq!((&r.expect(200, 404).body["members"], &r.body["success"]), (&json!([]), &json!(false)));
    let r = leave(&s, "bob", &ended, "bob", 1).await;
    assert_eq!((&r.expect(200, 200).body["success"], r.body["members"].as_array().unwrap().len()), (&json!(true), 8));
}

#[tokio::test]
async fn m1_the_seat_list_of_a_gone_room_is_empty() {
    let s = Server::new();
    let ended = s.dismissed_room("alice").await;
    for id in [ended.as_str(), "0123456789abcdef0123456789abcdef", "x"] {
        let r = s.post("bob", "getMeetingInfo", json!({"id":id})).await;
        assert_eq!((&r.expect(200, 404).body["members"], &r.body["success"]), (&json!([]), &json!(false)));
    }
}

#[tokio::test]
async fn x1_x2_sixty_four_at_once_fill_eight_seats_once() {
    let s = Arc::new(Server::new());
    for round in 0..10 {
        let room = s.room("alice").await;
        let all = (0..64).map(|i| {
            let (s, room) = (s.clone(), room.clone());
            async move {
                let name = if round % 2 == 0 { format!("u{i}") } else { "same".to_owned() };
                let r = s.sit(&room, &name).await;
                if r.body.get("members").is_some() {
                    assert!(holders(&r).iter().any(|(_, n)| *n == name));
                    return 0;
                }
                r.body["reason"].as_u64().unwrap()
            }
        });
        let outcomes = futures_util::future::join_all(all).await;
        let count = |k: u64| outcomes.iter().filter(|o| **o == k).count();
        let want = if round % 2 == 0 { (8, 56, 0) } else { (1, 0, 63) };
        assert_eq!((count(0), count(1), count(2)), want);
    }
}

#[tokio::test]
async fn what_has_begun_is_carried_out_although_the_client_hangs_up() {
    let s = Server::new();
    let room = s.room("alice").await;
    let body = json!({"id":room,"user_id":"bob"}).to_string();
    let token = s.token("bob");
    {
        let mut ask = Box::pin(s.post_text("/api/chatroom/joinMic", Some(&token), body));
        // Polled until the change has reached the store, then dropped, as a server does when the client goes.
        while s.store.applies() == 0 {
            std::future::poll_fn(|cx| {
                assert!(ask.as_mut().poll(cx).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
            tokio::task::yield_now().await;
        }
    }
    while s.api.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(s.seats(&room).await, vec![(1, "bob".to_owned())]);
    assert_eq!(s.media.publishes(&user("bob")), Some(true));
}
