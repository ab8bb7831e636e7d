//! G21: the store switched off during each endpoint.

use serde_json::{Value, json};

use crate::server::{PROTECTED, Reply, Server};

/// A body that reaches the store.
fn good(endpoint: &str, room: &str) -> Value {
    match endpoint {
        "create" => json!({"title":"t","anchor":"alice"}),
        "list" => json!({}),
        "getRtcAuthToken" => json!({"room_id":room,"user_id":"alice"}),
        _ => json!({"id":room,"user_id":"alice","index":1,"title":"x"}),
    }
}

fn no_internals(r: &Reply) {
    for word in ["secret", "path", "queue", "disk", "I/O"] {
        assert!(!r.text.contains(word), "{}", r.text);
    }
}

#[tokio::test]
async fn g21_a_broken_store_is_row_26_and_an_absent_one_row_28() {
    let s = Server::new();
    let room = s.room("alice").await;
    for e in PROTECTED {
        let seats = ["leaveMic", "getMeetingInfo"].contains(&e);
        s.store.broken();
        let r = s.post("alice", e, good(e, &room)).await;
        r.expect(if e == "getRtcAuthToken" { 500 } else { 200 }, 500);
        assert_eq!(r.body["message"], "internal error");
        assert_eq!(r.body.get("members"), seats.then_some(&json!([])), "{e}");
        no_internals(&r);

        s.store.away();
        let r = s.post("alice", e, good(e, &room)).await;
        r.expect(503, 503);
        assert_eq!(r.body.get("members"), seats.then_some(&json!([])), "{e}");
        no_internals(&r);
        s.store.on();
    }
    s.store.broken();
    let r = s.login(json!({"username":"alice","password":"alice"})).await;
    r.expect(200, 500);
    no_internals(&r);
    s.store.away();
    no_internals(s.login(json!({"username":"alice","password":"alice"})).await.expect(503, 503));
    s.store.on();

    // Nothing was changed meanwhile, and all serves again.
    assert!(s.seats(&room).await.is_empty());
    for e in PROTECTED.iter().filter(|e| **e != "dismiss") {
        s.post("alice", e, good(e, &room)).await.expect(200, 200);
    }
}
