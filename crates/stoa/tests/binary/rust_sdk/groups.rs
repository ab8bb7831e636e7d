//! Groups: subscriptions, messages, functions, kicks (hub.md 9, C, D, E and F).

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_centrifuge::client::{RequestError, State};
use tokio_centrifuge::subscription::State as SubState;

use super::sdk::id;
use super::{COMMENT, Format, Hall, SIGNAL, both};

/// C1: the channels of the answer, with what the server says about the member.
async fn joins_and_hears_both_channels(format: Format) {
    let hall = Hall::start(format, &[]).await;
    let room = hall.room("alice");
    let alice = hall.connect("alice").await;
    let group = alice.join(&room).await;
    let channels = [format!("room:{room}"), format!("chat:{room}")];
    assert_eq!((&group["channels"], &group["role"]), (&json!(channels), &json!("owner")));
    assert_eq!(alice.told().subscribed.len(), 2);
    for (channel, data) in &alice.told().subscribed {
        assert!(channels.contains(channel), "{channel}");
        assert_eq!((&data["role"], &data["muteAll"], &data["muted"]), (&json!("owner"), &json!(false), &json!(false)));
    }
    let bob = hall.member("bob", &room).await;
    alice
        .until("bob came", |t| {
            let joined = |d: &Value| d["joined"].as_array().is_some_and(|j| j.iter().any(|u| u["userId"] == "bob"));
            t.publications.iter().any(|p| p.data["kind"] == "members" && joined(&p.data))
        })
        .await;
    let comment = bob.send(&room, COMMENT, &json!({ "content": "hi" })).await.unwrap();
    let signal = bob.send(&room, SIGNAL, &json!({ "n": 1 })).await.unwrap();
    alice.until("both", |t| !t.ids(COMMENT).is_empty() && !t.ids(SIGNAL).is_empty()).await;
    let told = alice.told();
    for (kind, sent, channel) in [(COMMENT, comment, &channels[1]), (SIGNAL, signal, &channels[0])] {
        assert_eq!(told.ids(kind), [id(&sent)]);
        assert_eq!(told.messages(kind)[0]["sender"]["userId"], "bob");
        let came = told.publications.iter().find(|p| p.data["type"] == kind).unwrap();
        assert_eq!((&came.channel, came.offset > 0), (channel, true));
    }
}

/// C2, E13.
async fn refused_subscriptions_end(format: Format) {
    let hall = Hall::start(format, &[]).await;
    let room = hall.room("alice");
    let bob = hall.connect("bob").await;
    let no_group = ["room", "chat"].map(|lane| format!("{lane}:{}", "0".repeat(32)));
    for (channel, code) in [(&*no_group[0], 103), (&no_group[1], 103), ("none:x", 102), ("user:#alice", 103)] {
        let sub = bob.subscription(channel);
        assert!(sub.subscribe().await.is_err(), "{channel}");
        assert_eq!((bob.told().ended(channel), sub.state()), (Some(code), SubState::Unsubscribed), "{channel}");
    }
    assert_eq!((bob.client.state(), bob.told().subscribed.len()), (State::Connected, 0));
    // The connection is as good as before; and what was left on purpose can be taken again.
    bob.join(&room).await;
    let sub = bob.client.get_subscription(&format!("room:{room}")).unwrap();
    sub.unsubscribe().await;
    assert_eq!((bob.told().ended(&format!("room:{room}")), sub.state()), (Some(0), SubState::Unsubscribed));
    sub.subscribe().await.unwrap();
    bob.send(&room, SIGNAL, &json!({})).await.unwrap();
    bob.until("its own message", |t| t.messages(SIGNAL).len() == 1).await;
}

/// E1, E7, E14, E24, C18: through the function only, once, verbatim, and in one order for everybody.
async fn own_messages_come_back_once(format: Format) {
    const EACH: i64 = 15;
    let hall = Hall::start(format, &[]).await;
    let room = hall.room("alice");
    let (alice, bob) = (hall.member("alice", &room).await, hall.member("bob", &room).await);
    for channel in ["room", "chat"].map(|lane| format!("{lane}:{room}")) {
        let refused = alice.client.publish(&channel, b"{}".to_vec()).await;
        assert!(matches!(&refused, Err(RequestError::ErrorResponse(e)) if e.code == 103), "{refused:?}");
        let sub = alice.client.get_subscription(&channel).unwrap();
        let refused = sub.publish(b"{}".to_vec()).await;
        assert!(matches!(&refused, Err(RequestError::ErrorResponse(e)) if e.code == 103), "{refused:?}");
    }
    let mut sent = BTreeSet::new();
    for kind in [COMMENT, SIGNAL] {
        let text = |who: &str, n| json!({ "content": format!("{who} {n} 你好 \u{2028} \n \" 😀") });
        let calls = (0..EACH).flat_map(|n| [(&alice, text("a", n)), (&bob, text("b", n))]);
        let calls: Vec<_> = calls.collect();
        let answers = join_all(calls.iter().map(|(who, data)| who.send(&room, kind, data))).await;
        sent.extend(answers.iter().zip(&calls).map(|(a, (_, data))| (id(a.as_ref().unwrap()), data.to_string())));
    }
    // What was sent last comes last, so whatever came twice would have come by then.
    for kind in [COMMENT, SIGNAL] {
        let last = json!({ "content": "last" });
        sent.insert((id(&alice.send(&room, kind, &last).await.unwrap()), last.to_string()));
    }
    for one in [&alice, &bob] {
        let text = json!({ "content": "last" }).to_string();
        let last = |m: Vec<&Value>| m.last().is_some_and(|m| m["data"] == text.as_str());
        one.until("the last", |t| last(t.messages(COMMENT)) && last(t.messages(SIGNAL))).await;
        let told = one.told();
        let all = [told.messages(COMMENT), told.messages(SIGNAL)].concat();
        assert_eq!(all.len(), sent.len());
        let got: BTreeSet<_> = all.iter().map(|m| (id(m), m["data"].as_str().unwrap().to_owned())).collect();
        assert_eq!(got, sent);
    }
    for kind in [COMMENT, SIGNAL] {
        assert_eq!(alice.told().ids(kind), bob.told().ids(kind));
        let numbers: Vec<_> = alice.told().messages(kind).iter().map(|m| m["seqnum"].as_u64().unwrap()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }
    for channel in [format!("room:{room}"), format!("chat:{room}")] {
        let offsets = bob.told().offsets(&channel);
        assert!(offsets.windows(2).all(|w| w[1] == w[0] + 1), "{channel}: {offsets:?}");
    }
}

/// Functions answer, and refuse with the codes of docs/messages.md.
async fn functions_answer_and_refuse(format: Format) {
    let hall = Hall::start(format, &[]).await;
    let room = hall.room("alice");
    let (alice, bob) = (hall.member("alice", &room).await, hall.connect("bob").await);
    let hello = alice.call("session.hello", json!({})).await.unwrap();
    assert!(hello.is_object(), "{hello}");
    let refusals = [
        (&alice, "group.nothing", json!({ "groupId": room }), (104, "method not found")),
        (&alice, "group.query", json!({}), (1400, "bad request")),
        (&alice, "group.query", json!([1]), (1400, "bad request")),
        (&alice, "group.query", json!({ "groupId": "0".repeat(32) }), (1404, "no such group")),
        (&alice, "group.delete", json!({ "groupId": room, "messageId": "x" }), (1404, "no such message")),
        (&bob, "group.query", json!({ "groupId": room }), (1403, "not a member")),
        (&bob, "group.send", json!({ "groupId": room, "type": SIGNAL, "data": "{}" }), (1403, "not a member")),
    ];
    for (who, method, args, (code, message)) in refusals {
        assert_eq!(who.call(method, args.clone()).await, Err((code, message.to_owned())), "{method} {args}");
    }
    bob.join(&room).await;
    assert_eq!(bob.send(&room, 21_001, &json!({})).await, Err((1403, "not allowed".to_owned())));
    // E15: a retry of the same request is the same message.
    let ask = json!({ "groupId": room, "type": COMMENT, "data": "{\"content\":\"x\"}", "rid": "r1" });
    let (first, again) = (bob.call("group.send", ask.clone()).await, bob.call("group.send", ask).await);
    assert_eq!(id(&first.unwrap()), id(&again.unwrap()));
    // E9, E10.
    alice.call("group.muteAll", json!({ "groupId": room, "mute": true })).await.unwrap();
    bob.until("muted", |t| t.publications.iter().any(|p| p.data["kind"] == "mute" && p.data["muteAll"] == true)).await;
    let said = json!({ "content": "x", "skipMuteCheck": true });
    assert_eq!(bob.send(&room, COMMENT, &said).await, Err((1403, "muted".to_owned())));
    alice.send(&room, COMMENT, &said).await.unwrap();
}

/// D1, E18: the SDK has neither presence nor history; the functions have more than both.
async fn who_is_there_and_what_was_said_are_functions(format: Format) {
    let hall = Hall::start(format, &[]).await;
    let room = hall.room("alice");
    let (alice, bob) = (hall.member("alice", &room).await, hall.member("bob", &room).await);
    let of_room = json!({ "groupId": room });
    let members = alice.call("group.members", of_room.clone()).await.unwrap();
    let mut names: Vec<_> =
        members["members"].as_array().unwrap_or_else(|| panic!("{members}")).iter().map(|m| &m["userId"]).collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, ["alice", "bob"]);
    let stats = bob.call("group.stats", of_room.clone()).await.unwrap();
    assert_eq!((&stats["onlineCount"], &stats["uv"]), (&json!(2), &json!(2)));
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(id(&alice.send(&room, COMMENT, &json!({ "content": n.to_string() })).await.unwrap()));
    }
    let ids = |page: &Value| page["messageList"].as_array().unwrap().iter().map(id).collect::<Vec<_>>();
    let recent = bob.call("group.recent", of_room.clone()).await.unwrap();
    assert_eq!(ids(&recent), sent);
    let third = &recent["messageList"][2]["seqnum"];
    let later = json!({ "groupId": room, "after": third });
    assert_eq!(ids(&bob.call("group.list", later).await.unwrap()), sent[3..]);
    // E17.
    alice.call("group.delete", json!({ "groupId": room, "messageId": sent[4] })).await.unwrap();
    bob.until("it is gone", |t| {
        t.publications.iter().any(|p| p.data["kind"] == "deleted" && p.data["messageIds"] == json!([sent[4]]))
    })
    .await;
    assert_eq!(ids(&bob.call("group.recent", of_room).await.unwrap()), sent[..4]);
}

/// F1, F2, F5.
async fn a_kick_ends_the_subscriptions_and_not_the_connection(format: Format) {
    let hall = Hall::start(format, &["hub.kick_linger=200ms"]).await;
    let room = hall.room("alice");
    let (alice, bob) = (hall.member("alice", &room).await, hall.member("bob", &room).await);
    alice.call("group.kick", json!({ "groupId": room, "userId": "bob", "sec": 600 })).await.unwrap();
    let banned = Err((1403, "banned".to_owned()));
    assert_eq!(bob.send(&room, SIGNAL, &json!({})).await, banned);
    bob.until("both end", |t| t.unsubscribed.len() == 2).await;
    let ended: BTreeSet<_> = bob.told().unsubscribed.iter().cloned().collect();
    assert_eq!(ended, [(format!("chat:{room}"), 2000), (format!("room:{room}"), 2000)].into());
    assert_eq!((bob.client.state(), hall.proxy.accepted()), (State::Connected, 2));
    for channel in [format!("room:{room}"), format!("chat:{room}")] {
        let sub = bob.client.get_subscription(&channel).unwrap();
        assert_eq!(sub.state(), SubState::Unsubscribed);
        bob.client.remove_subscription(sub).unwrap();
        assert!(bob.subscription(&channel).subscribe().await.is_err());
        assert_eq!(bob.told().unsubscribed.last(), Some(&(channel, 103)));
    }
    assert_eq!(bob.call("group.join", json!({ "groupId": room })).await, banned);
    let before = bob.told().publications.len();
    alice.send(&room, COMMENT, &json!({ "content": "without bob" })).await.unwrap();
    alice.until("its own", |t| t.messages(COMMENT).len() == 1).await;
    // Answered after that comment went out: it did not come here.
    assert_eq!(bob.call("group.query", json!({ "groupId": room })).await, banned);
    assert_eq!(bob.told().publications.len(), before);
    assert!(bob.told().ids(COMMENT).is_empty());
    // A time of 0 lifts the ban. The SDK remembers a channel that ended as subscribed and never asks for it again; a new
    // subscription does.
    alice.call("group.kick", json!({ "groupId": room, "userId": "bob", "sec": 0 })).await.unwrap();
    for channel in [format!("room:{room}"), format!("chat:{room}")] {
        bob.client.remove_subscription(bob.client.get_subscription(&channel).unwrap()).unwrap();
    }
    bob.join(&room).await;
    alice.send(&room, COMMENT, &json!({ "content": "with bob" })).await.unwrap();
    bob.until("the comment", |t| t.ids(COMMENT).len() == 1).await;
}

/// C12's other half: subscriptions made by the server do not exist for this SDK, so direct messages do not arrive.
async fn the_personal_channel_is_not_heard(format: Format) {
    let hall = Hall::start(format, &[]).await;
    let room = hall.room("alice");
    let (alice, bob) = (hall.member("alice", &room).await, hall.member("bob", &room).await);
    // It is there already, so it cannot be asked for either.
    let sub = bob.subscription("user:#bob");
    assert!(sub.subscribe().await.is_err());
    assert_eq!(bob.told().ended("user:#bob"), Some(105));
    let data = json!({ "data": "{}", "groupId": room }).to_string();
    let direct = json!({ "groupId": room, "receiverId": "bob", "type": SIGNAL, "data": data });
    id(&alice.call("group.sendTo", direct).await.unwrap());
    let after = id(&alice.send(&room, SIGNAL, &json!({})).await.unwrap());
    bob.until("the signal after it", |t| t.ids(SIGNAL) == [after.clone()]).await;
}

both!(
    joins_and_hears_both_channels,
    refused_subscriptions_end,
    own_messages_come_back_once,
    functions_answer_and_refuse,
    who_is_there_and_what_was_said_are_functions,
    a_kick_ends_the_subscriptions_and_not_the_connection,
    the_personal_channel_is_not_heard,
);
