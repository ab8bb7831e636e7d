//! Connections that are lost and servers that restart (hub.md 9, C, D and H).
//!
//! The SDK subscribes again and recovers nothing, and it does not say so. What an application has: the offset of each
//! publication shows a gap, `pos` in the answer of another `group.join` tells whether the stream is the same one, and
//! `group.list` has the comments since the last one it saw.

use serde_json::{Value, json};

use super::sdk::{Sdk, id};
use super::{COMMENT, Format, Hall, SIGNAL, both};

async fn comment(who: &Sdk, room: &str, text: &str) -> String {
    id(&who.send(room, COMMENT, &json!({ "content": text })).await.unwrap())
}

/// The comments after this one, as the store has them.
async fn since(who: &Sdk, room: &str, seqnum: &Value) -> Vec<String> {
    let page = who.call("group.list", json!({ "groupId": room, "after": seqnum })).await.unwrap();
    page["messageList"].as_array().unwrap().iter().map(id).collect()
}

/// Number of the newest comment that came.
fn last_seen(who: &Sdk) -> Value {
    who.told().messages(COMMENT).last().unwrap()["seqnum"].clone()
}

/// C4, D5: nothing twice, in order, the gap is seen and filled, and nobody saw the member go.
async fn a_cut_is_survived(format: Format) {
    let hall = Hall::start(format, &["hub.member_grace=60s"]).await;
    let room = hall.room("alice");
    let (room_channel, chat) = (format!("room:{room}"), format!("chat:{room}"));
    let alice = hall.member("alice", &room).await;
    // On a way of its own, which stays.
    let around = super::proxy::Proxy::to(super::address(&hall.server)).await;
    let bob = Sdk::new(around.addr, format, hall.hub_token("bob")["token"].as_str().unwrap());
    bob.connect().await;
    bob.join(&room).await;
    let mut sent = vec![comment(&bob, &room, "before").await];
    let seen = [bob.send(&room, SIGNAL, &json!({})).await.unwrap()].map(|s| id(&s));
    alice.until("both", |t| t.ids(COMMENT) == sent && t.ids(SIGNAL) == seen).await;
    let (top, last) = (*alice.told().offsets(&chat).last().unwrap(), last_seen(&alice));
    hall.proxy.cut();
    for n in 0..10 {
        sent.push(comment(&bob, &room, &format!("missed {n}")).await);
    }
    hall.proxy.open();
    alice.until("it is back in both channels", |t| t.subscribed.len() == 4).await;
    assert_eq!((alice.told().connected.len(), alice.told().disconnected.len()), (2, 0));
    // In without a join, and able to speak at once.
    sent.push(comment(&alice, &room, "after").await);
    alice.until("its own message", |t| t.ids(COMMENT).last() == sent.last()).await;
    assert_eq!(alice.told().ids(COMMENT), [sent[0].clone(), sent[11].clone()], "the SDK recovers nothing");
    assert_eq!(*alice.told().offsets(&chat).last().unwrap(), top + 11, "and the offset says so");
    assert_eq!(since(&alice, &room, &last).await, sent[1..]);
    // Live again, in order, once.
    for n in 0..5 {
        sent.push(comment(&bob, &room, &format!("later {n}")).await);
    }
    alice.until("the rest", |t| t.ids(COMMENT).last() == sent.last()).await;
    assert_eq!(alice.told().ids(COMMENT)[1..], sent[11..]);
    let offsets = alice.told().offsets(&chat);
    assert!(offsets[1..].windows(2).all(|w| w[1] == w[0] + 1), "{offsets:?}");
    bob.until("all of them", |t| t.ids(COMMENT) == sent).await;
    let left =
        |t: &super::sdk::Told| t.publications.iter().any(|p| p.data["left"].as_array().is_some_and(|l| !l.is_empty()));
    assert!(!left(&bob.told()), "{:?}", bob.told().offsets(&room_channel));
}

/// C4: several times in a row, with somebody speaking all the while.
async fn many_cuts_bring_nothing_twice(format: Format) {
    const CUTS: usize = 8;
    let hall = Hall::start(format, &[]).await;
    let room = hall.room("alice");
    let chat = format!("chat:{room}");
    let alice = hall.member("alice", &room).await;
    let around = super::proxy::Proxy::to(super::address(&hall.server)).await;
    let bob = Sdk::new(around.addr, format, hall.hub_token("bob")["token"].as_str().unwrap());
    bob.connect().await;
    bob.join(&room).await;
    let first = comment(&bob, &room, "first").await;
    alice.until("the first", |t| t.ids(COMMENT) == [first.clone()]).await;
    let start = last_seen(&alice);
    let mut sent = vec![first];
    for cut in 0..CUTS {
        hall.proxy.cut();
        sent.push(comment(&bob, &room, &format!("missed {cut}")).await);
        hall.proxy.open();
        sent.push(comment(&bob, &room, &format!("perhaps missed {cut}")).await);
        alice.until("it is back", |t| t.subscribed.len() == 2 * (cut + 2)).await;
    }
    sent.push(comment(&bob, &room, "last").await);
    alice.until("the last", |t| t.ids(COMMENT).last() == sent.last()).await;
    let (told, offsets) = (alice.told().ids(COMMENT), alice.told().offsets(&chat));
    assert!(offsets.is_sorted_by(|a, b| a < b), "{offsets:?}");
    let mut rest = sent.iter();
    assert!(told.iter().all(|t| rest.any(|s| s == t)), "in another order or twice: {told:?} of {sent:?}");
    assert_eq!(since(&alice, &room, &start).await, sent[1..]);
    assert_eq!(alice.told().connected.len(), CUTS + 1);
}

/// What the second join of a restarted server says: `pos` of both channels.
struct Restarted {
    before: Value,
    after: Value,
    /// Comments before, and the one after.
    sent: Vec<String>,
    /// Comments in the store after the first.
    stored: Vec<String>,
    told: Vec<String>,
}

async fn restarted(format: Format, signal: &str) -> Restarted {
    let mut hall = Hall::start(format, &[]).await;
    let room = hall.room("alice");
    let alice = hall.connect("alice").await;
    let before = alice.join(&room).await["pos"].clone();
    let mut sent = vec![comment(&alice, &room, "one").await, comment(&alice, &room, "two").await];
    alice.until("both", |t| t.ids(COMMENT) == sent).await;
    let first = alice.told().messages(COMMENT)[0]["seqnum"].clone();
    hall.restart(signal);
    alice.until("it is back", |t| t.connected.len() == 2).await;
    let group = alice.call("group.join", json!({ "groupId": room })).await.unwrap();
    // Asked for by the SDK as soon as it was back, before the join: granted or refused, it was told.
    alice.until("how the subscriptions went", |t| t.subscribed.len() + t.unsubscribed.len() == 4).await;
    let refused: Vec<_> = alice.told().unsubscribed.iter().map(|(channel, _)| channel.clone()).collect();
    for channel in refused {
        alice.client.remove_subscription(alice.client.get_subscription(&channel).unwrap()).unwrap();
        alice.subscription(&channel).subscribe().await.unwrap();
    }
    sent.push(comment(&alice, &room, "three").await);
    alice.until("the third", |t| t.ids(COMMENT).last() == sent.last()).await;
    assert_eq!((alice.told().disconnected.len(), alice.told().connected.len()), (0, 2));
    let stored = since(&alice, &room, &first).await;
    let told = alice.told().ids(COMMENT);
    Restarted { before, after: group["pos"].clone(), sent, stored, told }
}

/// H1: the streams go on, and a planned restart is seen as one.
async fn a_planned_restart_goes_on(format: Format) {
    let r = restarted(format, "TERM").await;
    for (channel, before) in r.before.as_object().unwrap() {
        let after = &r.after[channel];
        assert_eq!(after["epoch"], before["epoch"], "{channel}");
        assert!(after["offset"].as_u64() >= before["offset"].as_u64(), "{channel}: {before} {after}");
    }
    assert_eq!((&r.told, &r.stored[..]), (&r.sent, &r.sent[1..]));
}

/// H2, H5: new epochs say that the streams are others; what was acknowledged is in the store.
async fn a_crash_is_told(format: Format) {
    let r = restarted(format, "KILL").await;
    for (channel, before) in r.before.as_object().unwrap() {
        assert_ne!(r.after[channel]["epoch"], before["epoch"], "{channel}");
    }
    assert_eq!((&r.told, &r.stored[..]), (&r.sent, &r.sent[1..]));
}

both!(a_cut_is_survived, many_cuts_bring_nothing_twice, a_planned_restart_goes_on, a_crash_is_told);
