//! WHIP publishers and WHEP viewers among each other and with clients of the LiveKit protocol.

use std::sync::Arc;
use std::time::Duration;

use livekit_protocol as proto;
use stoa_core::Result;
use stoa_core::error::Kind;
use stoa_core::id::Identity;
use stoa_core::media::{
    Claims, LeftReason, MediaFact, Muted, Permission, Removal, RemoveCause, Standing, To, TrackSource,
};
use stoa_core::stream::{Stream, StreamAsk};
use stoa_core::time::UnixMs;
use str0m::media::Direction;
use tokio::sync::mpsc;

use crate::client::{Command, PATIENCE, Seen};
use crate::stream_client::{Heard, Offer, PLAY, PUSH, StreamClient, StreamCommand, StreamLog};
use crate::{Bench, Guest, is_packet, key, user};

/// A stream that runs.
struct Running {
    id: String,
    answer: String,
    log: Arc<StreamLog>,
    commands: mpsc::Sender<StreamCommand>,
}

fn standing(revision: u64, permission: Permission) -> Standing {
    Standing { permission, muted: Muted::default(), attributes: std::collections::BTreeMap::new(), revision }
}

fn publisher() -> Permission {
    Permission { publish: true, ..Permission::listener() }
}

fn play(of: &str) -> Stream {
    Stream::Play { of: Identity::new(of).unwrap() }
}

impl Bench {
    fn ask(identity: &str, what: Stream, offer: String) -> StreamAsk {
        StreamAsk {
            channel: key(),
            identity: Identity::new(identity).unwrap(),
            user: user(identity),
            rights: Arc::new(standing(1, publisher())),
            claims: Claims::default(),
            what,
            offer,
        }
    }

    async fn stream_as(
        &self,
        identity: &str,
        what: Stream,
        offer: Offer,
        change: impl FnOnce(&mut StreamAsk),
    ) -> Result<Running> {
        let log = Arc::new(StreamLog::default());
        let (commands, receiver) = mpsc::channel(8);
        let (client, sdp) = StreamClient::new(offer, log.clone(), receiver).await;
        let mut ask = Self::ask(identity, what, sdp);
        change(&mut ask);
        let made = self.engine.streams().start(ask).await?;
        self.tasks.spawn(client.run(made.answer.clone()));
        Ok(Running { id: made.id, answer: made.answer, log, commands })
    }

    async fn stream(&self, identity: &str, what: Stream, offer: Offer) -> Running {
        self.stream_as(identity, what, offer, |_| ()).await.unwrap()
    }

    async fn push(&self, identity: &str, tag: u8) -> Running {
        self.stream(identity, Stream::Push, Offer { tag, ..PUSH }).await
    }

    async fn fact<T>(&self, what: &str, mut found: impl FnMut(&MediaFact) -> Option<T>) -> T {
        let search = async {
            loop {
                let more = self.hooks.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if let Some(t) = self.hooks.facts.lock().unwrap().iter().find_map(&mut found) {
                    return t;
                }
                more.await;
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
    }

    async fn left_for(&self, reason: LeftReason) {
        let is =
            |f: &MediaFact| matches!(f, MediaFact::ParticipantLeft { reason: r, .. } if *r == reason).then_some(());
        self.fact("a departure", is).await;
    }

    async fn set_standing(&self, of: &str, standing: Standing) {
        self.engine.media().set_standing(&key(), &user(of), Arc::new(standing)).await.unwrap();
    }

    /// What is published now.
    async fn sources(&self, of: &str) -> Vec<(TrackSource, bool)> {
        let views = self.engine.media().participants_of(&key(), &user(of)).await.unwrap();
        let mut tracks: Vec<_> = views.iter().flat_map(|v| &v.tracks).map(|t| (t.source, t.muted)).collect();
        tracks.sort();
        tracks
    }
}

/// Packets of a line go on without a hole, and time neither stands nor jumps.
fn assert_continuous(packets: &[Heard], clock: f64) {
    for pair in packets.windows(2) {
        let [a, b] = pair else { continue };
        assert_eq!((b.seq, b.ssrc), (a.seq + 1, a.ssrc), "{a:?} {b:?}");
        let ticks = b.time.wrapping_sub(a.time);
        assert!(ticks > 0 && ticks < 1 << 31, "{a:?} {b:?}");
        let (stream, real) = (f64::from(ticks) / clock, (b.at - a.at).as_secs_f64());
        assert!((stream - real).abs() < 1.0, "{stream} s of {real} s: {a:?} {b:?}");
    }
}

fn of_line(log: &StreamLog, line: usize) -> Vec<Heard> {
    log.all().into_iter().filter(|h| h.line == line).collect()
}

async fn lines_of(answer: &str) -> Vec<&str> {
    answer.lines().filter(|l| l.starts_with("m=")).collect()
}

fn told_of(guest: &Guest, identity: &str) -> Vec<proto::ParticipantInfo> {
    let all = guest.log.all().into_iter();
    all.filter_map(|s| if let Seen::Update(info) = s.1 { Some(*info) } else { None })
        .filter(|info| info.identity == identity)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_is_seen_and_heard_by_everybody() {
    let b = Bench::new(Duration::from_secs(1)).await;
    let ben = b.join("ben").await;
    ben.up().await;
    let ann = b.push("ann\u{1f}whip", 1).await;
    assert!(ann.id.len() >= 22);
    assert!(ann.answer.contains("a=ice-lite") && ann.answer.contains("a=candidate:"));
    assert_eq!(ann.answer.matches("a=recvonly").count(), 2, "{}", ann.answer);
    let viewer = b.stream("cid\u{1f}whep", play("ann"), PLAY).await;
    assert_eq!(viewer.answer.matches("a=sendonly").count(), 2, "{}", viewer.answer);

    ben.log.count("sound and picture", 100, is_packet).await;
    ben.log.count("a key frame", 1, |s| matches!(s, Seen::KeyFrame)).await;
    let audio = viewer.log.hears(0, 1, 50).await;
    let video = viewer.log.hears(1, 1, 50).await;
    assert_continuous(&audio, 48_000.0);
    assert_continuous(&video, 90_000.0);
    assert!(video[0].key, "it begins with a key frame");
    let infos = told_of(&ben, "ann\u{1f}whip");
    let last = infos.last().unwrap();
    assert_eq!((last.kind(), last.tracks.len()), (proto::participant_info::Kind::Ingress, 2));
    let sources: Vec<_> = last.tracks.iter().map(|t| (t.source(), t.mime_type.as_str())).collect();
    assert_eq!(sources, [(proto::TrackSource::Microphone, "audio/opus"), (proto::TrackSource::Camera, "video/VP8")]);

    // A viewer's decoder lost the picture.
    let asked = ann.log.asked().len();
    viewer.commands.send(StreamCommand::AskKeyFrame(1)).await.unwrap();
    ann.log.until("a key frame asked for", |log| (log.asked().len() > asked).then_some(())).await;
    viewer.log.until("another key frame", |log| (log.all().iter().filter(|h| h.key).count() >= 2).then_some(())).await;

    // Longer than a client without WebSocket may be away.
    let n = viewer.log.all().len();
    viewer.log.until("more, later", |log| (log.all().len() > n + 150).then_some(())).await;
    assert!(b.left().is_none());
    // Nothing but media reaches them, in either direction.
    assert_eq!(b.send(To::User(user("ann")), "hello").await, 0);
    assert_eq!(b.send(To::All, "hello").await, 1);

    assert!(b.engine.streams().end(&key(), &ann.id).await.unwrap());
    assert!(!b.engine.streams().end(&key(), &ann.id).await.unwrap());
    assert!(matches!(
        b.left(),
        Some(MediaFact::ParticipantLeft { reason: LeftReason::ClientInitiated, lost: None, .. })
    ));
    ann.log.over().await;
    let gone = |s: &Seen| matches!(s, Seen::Update(i) if i.state() == proto::participant_info::State::Disconnected);
    ben.log.count("its departure", 1, gone).await;
    assert!(!viewer.log.is_over(), "the viewer waits for the next");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_come_in_their_order() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let ann = b.push("ann", 1).await;
    ann.log.up().await;
    b.fact("two tracks", |f| matches!(f, MediaFact::TrackPublished { source: TrackSource::Camera, .. }).then_some(()))
        .await;
    b.engine.streams().end(&key(), &ann.id).await.unwrap();
    let names = |f: &MediaFact| match f {
        MediaFact::ChannelStarted => "started",
        MediaFact::ParticipantJoined(_) => "joined",
        MediaFact::TrackPublished { .. } => "published",
        MediaFact::TrackUnpublished { .. } => "unpublished",
        MediaFact::ParticipantLeft { .. } => "left",
        _ => "other",
    };
    let facts: Vec<_> = b.hooks.facts.lock().unwrap().iter().map(names).collect();
    assert_eq!(facts, ["started", "joined", "published", "published", "unpublished", "unpublished", "left"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_waits_for_its_publisher_and_goes_on_with_the_next() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let early = b.stream_as("cid", play("ann"), PLAY, |_| ()).await;
    assert_eq!(early.err().map(|e| e.kind().clone()), Some(Kind::NotFound), "nobody there");
    let ann = b.join("ann").await;
    ann.up().await;
    let viewer = b.stream("cid\u{1f}whep", play("ann"), PLAY).await;
    viewer.log.up().await;
    assert!(viewer.log.all().is_empty());
    ann.command(Command::Publish).await;
    // Tag 7: what clients of the LiveKit protocol send.
    viewer.log.hears(0, 7, 20).await;

    // Another device brings the picture, and stays silent as long as the microphone is there.
    let first = b.push("ann\u{1f}whip", 1).await;
    viewer.log.hears(1, 1, 20).await;
    assert!(viewer.log.all().iter().all(|h| h.line == 1 || h.tag == 7));
    // It publishes anew, under the same identity: the first one is replaced.
    let second = b.push("ann\u{1f}whip", 2).await;
    b.left_for(LeftReason::DuplicateIdentity).await;
    first.log.over().await;
    viewer.log.hears(1, 2, 20).await;
    // And from a third device, after the second is gone.
    let third = b.push("ann\u{1f}obs", 3).await;
    third.log.up().await;
    assert!(b.engine.streams().end(&key(), &second.id).await.unwrap());
    viewer.log.hears(1, 3, 20).await;
    // The microphone goes: the third device's sound takes its place.
    let without_a_track = b.join("ann").await;
    without_a_track.up().await;
    viewer.log.hears(0, 3, 20).await;
    let (audio, video) = (of_line(&viewer.log, 0), of_line(&viewer.log, 1));
    assert_continuous(&audio, 48_000.0);
    assert_continuous(&video, 90_000.0);
    for pair in video.windows(2).filter(|pair| pair[0].tag != pair[1].tag) {
        assert!(pair[1].key, "a new picture begins with a key frame: {pair:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_viewer_shows_what_is_meant_for_it() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let ann = b.stream("ann", Stream::Push, Offer { video: 2, ..PUSH }).await;
    ann.log.up().await;
    b.fact("the screen", |f| {
        matches!(f, MediaFact::TrackPublished { source: TrackSource::ScreenShare, .. }).then_some(())
    })
    .await;
    // Offered both ways, answered one way.
    let both = Offer { direction: Direction::SendRecv, video: 2, tag: 9, ..PLAY };
    let viewer = b.stream("ben\u{1f}whep", play("ann"), both).await;
    assert!(!viewer.answer.contains("a=sendrecv"));
    viewer.log.hears(1, 1, 10).await;
    viewer.log.hears(2, 1, 10).await;
    let single = b.stream("cid", play("ann"), Offer { audio: 0, ..PLAY }).await;
    single.log.hears(0, 1, 10).await;
    assert!(b.sources("ben").await.is_empty());

    // Only the screen is left: it takes the only line, and not the camera's where the two have their own.
    let screen = Permission { sources: [TrackSource::ScreenShare].into(), ..publisher() };
    b.set_standing("ann", standing(2, screen)).await;
    assert_eq!(b.sources("ann").await, [(TrackSource::ScreenShare, false)]);
    let (n, m) = (of_line(&single.log, 0).len(), of_line(&viewer.log, 2).len());
    single.log.until("the screen", |log| (of_line(log, 0).len() > n + 30).then_some(())).await;
    viewer.log.until("the screen", |log| (of_line(log, 2).len() > m + 30).then_some(())).await;
    assert_continuous(&of_line(&single.log, 0), 90_000.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kick_cuts_publisher_and_viewer() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let (ann, cid) = (b.push("ann\u{1f}whip", 1).await, b.push("cid", 3).await);
    let viewer = b.stream("ben\u{1f}whep", play("ann"), PLAY).await;
    let other = b.stream("ben\u{1f}whep2", play("cid"), PLAY).await;
    viewer.log.hears(0, 1, 20).await;
    other.log.hears(0, 3, 20).await;
    let removal = || Removal { cause: RemoveCause::Kick, not_before_secs: 5, until: UnixMs(0), farewell: None };
    b.engine.media().remove(&key(), &user("ann"), removal()).await.unwrap();
    assert!(b.engine.media().participants_of(&key(), &user("ann")).await.unwrap().is_empty());
    ann.log.over().await;
    let heard = viewer.log.all().len();
    other.log.hears(0, 3, 60).await;
    assert!(viewer.log.all().len() <= heard + 2, "what was on its way");
    let again = b.stream_as("ann\u{1f}whip", Stream::Push, PUSH, |_| ()).await;
    assert_eq!(again.err().map(|e| e.kind().clone()), Some(Kind::Forbidden), "decided before the kick");
    b.stream_as("ann\u{1f}whip", Stream::Push, PUSH, |ask| ask.claims.nbf_secs = 5).await.unwrap();

    b.engine.media().remove(&key(), &user("ben"), removal()).await.unwrap();
    other.log.over().await;
    viewer.log.over().await;
    assert!(!cid.log.is_over());
    b.engine.media().end_channel(&key()).await.unwrap();
    cid.log.over().await;
    assert!(b.engine.media().participants(&key()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn mutes_and_permissions_work_without_a_new_post() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let ann = b.push("ann\u{1f}whip", 1).await;
    let viewer = b.stream("ben", play("ann"), PLAY).await;
    viewer.log.hears(0, 1, 20).await;
    viewer.log.hears(1, 1, 20).await;
    // By this one it is seen that time has passed.
    let cid = b.push("cid", 3).await;
    let clock = b.stream("dan", play("cid"), PLAY).await;
    cid.log.up().await;
    let silent = async |what: &str, line: usize| {
        let (n, ticks) = (of_line(&viewer.log, line).len(), clock.log.all().len());
        clock.log.until("the clock", |log| (log.all().len() >= ticks + 40).then_some(())).await;
        assert!(of_line(&viewer.log, line).len() <= n + 1, "{what}");
    };
    let flows = async |line: usize| {
        let n = of_line(&viewer.log, line).len();
        viewer.log.until("the flow", |log| (of_line(log, line).len() >= n + 20).then_some(())).await;
    };
    let muted = Standing { muted: Muted { audio: true, video: false }, ..standing(2, publisher()) };
    b.set_standing("ann", muted).await;
    assert_eq!(b.sources("ann").await, [(TrackSource::Camera, false), (TrackSource::Microphone, true)]);
    silent("muted", 0).await;
    flows(1).await;
    b.set_standing("ann", standing(3, Permission::listener())).await;
    assert!(b.sources("ann").await.is_empty());
    silent("not permitted", 1).await;
    let keys = viewer.log.all().iter().filter(|h| h.key).count();
    b.set_standing("ann", standing(4, publisher())).await;
    assert_eq!(b.sources("ann").await, [(TrackSource::Camera, false), (TrackSource::Microphone, false)]);
    flows(0).await;
    flows(1).await;
    assert!(viewer.log.all().iter().filter(|h| h.key).count() > keys);
    // The viewer's own right.
    b.set_standing("ben", standing(2, Permission { subscribe: false, ..Permission::listener() })).await;
    silent("may not receive", 0).await;
    silent("may not receive", 1).await;
    b.set_standing("ben", standing(3, Permission::listener())).await;
    flows(0).await;
    flows(1).await;
    assert_continuous(&of_line(&viewer.log, 0), 48_000.0);
    assert_continuous(&of_line(&viewer.log, 1), 90_000.0);
    assert!(!ann.log.is_over());
}

#[tokio::test(flavor = "multi_thread")]
async fn simulcast_layers_are_known_by_their_names_and_the_best_is_shown() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let rids = &["hi", "mid", "lo"];
    let ann = b.stream("ann", Stream::Push, Offer { rids, ..PUSH }).await;
    let viewer = b.stream("ben", play("ann"), PLAY).await;
    // The first of names that say nothing is the best; it may begin with a lower one. By the end of this nothing that was
    // asked for at the beginning holds back another question.
    viewer.log.hears(1, 1, 80).await;
    let changes = of_line(&viewer.log, 1).windows(2).filter(|p| p[0].tag != p[1].tag).count();
    assert!(changes <= 2, "layers do not mix");
    viewer.commands.send(StreamCommand::AskKeyFrame(1)).await.unwrap();
    let best = (1, Some("hi".to_owned()));
    ann.log.until("a key frame of the best asked for", |log| log.asked().contains(&best).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_or_may_not_be_is_refused_and_leaves_nothing() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let kind = |r: Result<Running>| r.err().map(|e| e.kind().clone());
    let bad = Kind::BadInput { field: "offer" };
    let start = async |what: Stream, offer: String| {
        let made = b.engine.streams().start(Bench::ask("ann", what, offer)).await;
        made.err().map(|e| e.kind().clone())
    };
    assert_eq!(start(Stream::Push, "nonsense".to_owned()).await, Some(bad.clone()));
    assert_eq!(start(Stream::Push, "m=audio 9 x 1\r\na=mid:0\r\n".repeat(20_000)).await, Some(bad.clone()));
    assert_eq!(
        start(Stream::Push, "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n".to_owned()).await,
        Some(bad.clone())
    );
    let listener = |ask: &mut StreamAsk| ask.rights = Arc::new(standing(1, Permission::listener()));
    assert_eq!(kind(b.stream_as("ann", Stream::Push, PUSH, listener).await), Some(Kind::Forbidden));
    assert_eq!(kind(b.stream_as("ann", Stream::Push, PLAY, |_| ()).await), Some(bad.clone()), "nothing to receive");
    assert_eq!(b.engine.media().channels(key().app).await.unwrap(), [], "no channel was made");
    assert!(b.hooks.facts.lock().unwrap().is_empty());

    let ann = b.push("ann", 1).await;
    ann.log.up().await;
    // A refused one replaces nobody.
    assert_eq!(kind(b.stream_as("ann", Stream::Push, PLAY, |_| ()).await), Some(bad));
    assert_eq!(kind(b.stream_as("ann", Stream::Push, PUSH, |ask| ask.user = user("ben")).await), Some(Kind::Forbidden));
    let blind = Permission { subscribe: false, ..Permission::listener() };
    let blind = |ask: &mut StreamAsk| ask.rights = Arc::new(standing(1, blind));
    assert_eq!(kind(b.stream_as("ben", play("ann"), PLAY, blind).await), Some(Kind::Forbidden));
    assert!(b.left().is_none() && !ann.log.is_over());
    assert!(!b.engine.streams().end(&key(), "").await.unwrap());
    assert!(!b.engine.streams().end(&key(), &ann.id[1..]).await.unwrap());
    // More lines than there are sources for.
    let many = b.stream("ben", Stream::Push, Offer { audio: 3, video: 3, ..PUSH }).await;
    let rejected: Vec<_> = lines_of(&many.answer).await.iter().map(|l| l.split(' ').nth(1) == Some("0")).collect();
    assert_eq!(rejected, [false, false, true, false, false, true]);
    many.log.up().await;
    b.fact("four tracks", |f| {
        matches!(f, MediaFact::TrackPublished { who, source: TrackSource::ScreenShare, .. }
        if who.user == user("ben"))
        .then_some(())
    })
    .await;
    assert_eq!(b.sources("ben").await.len(), 4);
    // A client of the LiveKit protocol takes the identity over.
    let again = b.join("ann").await;
    again.up().await;
    b.left_for(LeftReason::DuplicateIdentity).await;
    ann.log.over().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_without_media_do_not_pile_up() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let offer = async |identity: &str| {
        let (_commands, receiver) = mpsc::channel(8);
        let (_client, sdp) = StreamClient::new(PUSH, Arc::default(), receiver).await;
        b.engine.streams().start(Bench::ask(identity, Stream::Push, sdp)).await.map_err(|e| e.kind().clone())
    };
    let mut made = Vec::new();
    for n in 0..8 {
        made.push(offer(&format!("ann\u{1f}{n}")).await.unwrap().id);
    }
    assert_eq!(offer("ann\u{1f}more").await, Err(Kind::LimitReached));
    offer("ben").await.unwrap();
    assert!(b.engine.streams().end(&key(), &made[0]).await.unwrap());
    offer("ann\u{1f}more").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_ends_a_stream() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let ann = b.push("ann", 1).await;
    let viewer = b.stream("ben", play("ann"), PLAY).await;
    viewer.log.hears(0, 1, 20).await;
    ann.commands.send(StreamCommand::Offline).await.unwrap();
    let lost = b.fact("its departure", |f| match f {
        MediaFact::ParticipantLeft { who, reason, lost: Some(at), .. } if who.user == user("ann") => {
            Some((*reason, *at))
        }
        _ => None,
    });
    let (reason, at) = lost.await;
    assert_eq!(reason, LeftReason::ConnectionTimeout);
    assert!(crate::wall().0 - at.0 >= 10_000, "the moment of its last packet");
    assert!(!viewer.log.is_over());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_nobody_waits_for_is_ended() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let streams = b.engine.streams();
    loop {
        let (_commands, receiver) = mpsc::channel(8);
        let (_client, sdp) = StreamClient::new(PUSH, Arc::default(), receiver).await;
        let mut start = streams.start(Bench::ask("ann", Stream::Push, sdp));
        // The question is out; whoever asked hangs up before the answer. On a busy machine that may be there already.
        match std::future::poll_fn(|cx| std::task::Poll::Ready(start.as_mut().poll(cx))).await {
            std::task::Poll::Pending => break,
            std::task::Poll::Ready(made) => assert!(streams.end(&key(), &made.unwrap().id).await.unwrap()),
        }
    }
    let aborted = |f: &MediaFact| matches!(f, MediaFact::ParticipantAborted { .. }).then_some(());
    b.fact("its end", aborted).await;
    let nobody = async { while !b.engine.media().participants(&key()).await.unwrap().is_empty() {} };
    tokio::time::timeout(PATIENCE, nobody).await.expect("nobody stays");
}
