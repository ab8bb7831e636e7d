//! `stoa-load check`: well and badly behaved clients against a running server. Each case makes a voice room of its own
//! through the API and always has a control, so that silence means "cut" and not "nothing worked".

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use livekit_protocol::DisconnectReason;

use crate::bot::{Bot, Config, Publish, View};
use crate::clock;
use crate::link::Transport;
use crate::signal::JoinError;
use crate::stats::SubStats;
use crate::voice::Voice;

/// Connecting and hearing must work within this.
const UP: Duration = Duration::from_secs(10);
/// Whoever lost the right to speak must be silent after this.
const CUT: Duration = Duration::from_secs(1);
/// How long silence is watched. At 50 packets per second that is 100 chances to fail.
const WATCH: Duration = Duration::from_secs(2);
/// A vanished client must be gone for the others within this: resume window plus detection.
const GHOST: Duration = Duration::from_secs(30);

/// Tags of the senders.
const OWNER: u64 = 1;
const OTHER: u64 = 2;

/// Names of all cases.
pub const CASES: [&str; 8] = [
    "voices",
    "patched-listener",
    "seat-lost",
    "seat-lost-then-resume",
    "dismissed",
    "resume",
    "udp-blocked",
    "vanished",
];

/// Runs one case.
///
/// # Errors
/// The case failed; the text says at what.
pub async fn run(case: &str, addr: SocketAddr) -> Result<String> {
    let stage = Stage::new(addr, case).await.context("making the room")?;
    match case {
        "voices" => voices(stage).await,
        "patched-listener" => patched_listener(stage).await,
        "seat-lost" => seat_lost(stage, false).await,
        "seat-lost-then-resume" => seat_lost(stage, true).await,
        "dismissed" => dismissed(stage).await,
        "resume" => resume(stage).await,
        "udp-blocked" => udp_blocked(stage).await,
        "vanished" => vanished(stage).await,
        other => bail!("no case {other}; there are {}", CASES.join(", ")),
    }
}

/// A room whose owner is connected and speaks.
struct Stage {
    api: Voice,
    addr: SocketAddr,
    case: String,
    room: String,
    owner_name: String,
    owner_bearer: String,
    owner: Bot,
}

struct Guest {
    bot: Bot,
    name: String,
    bearer: String,
}

impl Stage {
    async fn new(addr: SocketAddr, case: &str) -> Result<Self> {
        let mut api = Voice::connect(addr).await?;
        let owner_name = format!("{case}-owner");
        let owner_bearer = api.login(&owner_name).await?;
        let room = api.create(&owner_bearer, &owner_name).await?;
        let owner = enter(&mut api, addr, &room, &owner_name, &owner_bearer, Transport::Udp).await?;
        owner.publish(Publish::microphone(OWNER)).await.context("the owner's microphone")?;
        Ok(Self { api, addr, case: case.into(), room, owner_name, owner_bearer, owner })
    }

    /// Somebody who has logged in and entered; seated if asked for.
    async fn guest(&mut self, name: &str, seated: bool, transport: Transport) -> Result<(Guest, u8)> {
        let name = format!("{}-{name}", self.case);
        let bearer = self.api.login(&name).await?;
        let bot = enter(&mut self.api, self.addr, &self.room, &name, &bearer, transport).await?;
        let seat = if seated { self.api.join_mic(&bearer, &self.room, &name).await? } else { 0 };
        Ok((Guest { bot, name, bearer }, seat))
    }
}

async fn enter(api: &mut Voice, addr: SocketAddr, room: &str, user: &str, bearer: &str, t: Transport) -> Result<Bot> {
    let token = api.rtc_token(bearer, room, user).await?;
    let bot = Bot::join(Config { transport: t, ..Config::new(&format!("ws://{addr}"), &token.token) }).await?;
    bot.wait("the subscriber connection", UP, |v| v.subscriber_up.is_some()).await?;
    Ok(bot)
}

fn heard(view: &View, tag: u64) -> u64 {
    view.media.subs.values().filter(|s| s.tag == Some(tag)).map(|s| s.packets).sum()
}

async fn hears(bot: &Bot, tag: u64, what: &str) -> Result<()> {
    let before = bot.view(|v| heard(v, tag));
    bot.wait(what, UP, |v| heard(v, tag) >= before + 25).await
}

/// When the newest packet of a sender came.
fn newest(view: &View, tag: u64) -> Option<std::time::Instant> {
    view.media.subs.values().filter(|s| s.tag == Some(tag)).filter_map(|s: &SubStats| s.last).max()
}

/// Owner, two seated users and a listener: everybody hears each speaker but himself.
async fn voices(mut s: Stage) -> Result<String> {
    let (a, _) = s.guest("a", true, Transport::Udp).await?;
    let (b, _) = s.guest("b", true, Transport::Udp).await?;
    let (listener, _) = s.guest("listener", false, Transport::Udp).await?;
    a.bot.publish(Publish::microphone(OTHER)).await.context("a's microphone")?;
    b.bot.publish(Publish::microphone(OTHER + 1)).await.context("b's microphone")?;
    for tag in [OWNER, OTHER, OTHER + 1] {
        for (bot, own, name) in
            [(&s.owner, OWNER, "owner"), (&a.bot, OTHER, "a"), (&b.bot, OTHER + 1, "b"), (&listener.bot, 0, "listener")]
        {
            if own != tag {
                hears(bot, tag, &format!("{name} hears speaker {tag}")).await?;
            }
            ensure!(bot.view(|v| heard(v, own)) == 0, "{name} hears itself");
        }
    }
    Ok("4 in the room, 3 speak, 9 of 9 paths carry sound".into())
}

/// A listener's client that ignores every refusal is heard by nobody, announced or not.
async fn patched_listener(mut s: Stage) -> Result<String> {
    let (listener, _) = s.guest("listener", false, Transport::Udp).await?;
    hears(&listener.bot, OWNER, "the listener hears the owner").await?;
    let announced = Publish { stubborn: true, ..Publish::microphone(OTHER) };
    // The server may refuse the announcement, the offer, or only the packets.
    let first = listener.bot.publish(announced).await;
    let silent = Publish { cid: "unannounced".into(), announce: false, ..Publish::microphone(OTHER + 1) };
    let second = listener.bot.publish(silent).await;
    let up = listener.bot.wait("the publisher connection", WATCH, |v| v.publisher_up.is_some()).await.is_ok();
    tokio::time::sleep(WATCH).await;
    hears(&listener.bot, OWNER, "the listener still hears the owner").await?;
    let leaked = s.owner.view(|v| heard(v, OTHER) + heard(v, OTHER + 1));
    ensure!(leaked == 0, "{leaked} packets of a listener reached the owner");
    let refused = listener.bot.view(|v| v.answers.len());
    let shown = |r: Result<String>| if r.is_ok() { "answered" } else { "not answered" };
    Ok(format!(
        "{refused} announcement(s) refused, lines {} and {}, media connected: {up}; 0 packets forwarded",
        shown(first),
        shown(second)
    ))
}

/// Whoever loses the seat and keeps sending falls silent, and stays silent after a resume with the token of better days.
async fn seat_lost(mut s: Stage, then_resume: bool) -> Result<String> {
    let (guest, seat) = s.guest("guest", true, Transport::Udp).await?;
    let old_token = s.api.rtc_token(&guest.bearer, &s.room, &guest.name).await?.token;
    guest.bot.publish(Publish { stubborn: true, ..Publish::microphone(OTHER) }).await.context("publishing")?;
    hears(&s.owner, OTHER, "the owner hears the guest").await?;
    s.api.leave_mic(&s.owner_bearer, &s.room, &guest.name, seat).await?;
    let answered = clock::now();
    if then_resume {
        guest.bot.cut_signal().await?;
        guest.bot.resume_with(&old_token).await.context("resume as a listener")?;
    }
    tokio::time::sleep(WATCH).await;
    hears(&guest.bot, OWNER, "the guest still hears the owner").await?;
    let last = s.owner.view(|v| newest(v, OTHER)).context("nothing heard")?;
    let after = last.saturating_duration_since(answered);
    ensure!(after <= CUT, "the last packet came {after:?} after the answer");
    Ok(format!("last packet {after:?} after the answer"))
}

/// Dismissal: silence at once, everybody is told, nobody comes back.
async fn dismissed(mut s: Stage) -> Result<String> {
    let (guest, _) = s.guest("guest", true, Transport::Udp).await?;
    let token = s.api.rtc_token(&guest.bearer, &s.room, &guest.name).await?.token;
    guest.bot.publish(Publish { stubborn: true, ..Publish::microphone(OTHER) }).await.context("publishing")?;
    hears(&guest.bot, OWNER, "the guest hears the owner").await?;
    hears(&s.owner, OTHER, "the owner hears the guest").await?;
    s.api.dismiss(&s.owner_bearer, &s.room, &s.owner_name).await?;
    let answered = clock::now();
    for (bot, name) in [(&s.owner, "owner"), (&guest.bot, "guest")] {
        let told = |v: &View| v.left.is_some_and(|(reason, _)| reason == DisconnectReason::RoomDeleted as i32);
        bot.wait(&format!("ROOM_DELETED to the {name}"), Duration::from_secs(5), told).await?;
    }
    let told_after = clock::now() - answered;
    let last = s.owner.view(|v| newest(v, OTHER)).max(guest.bot.view(|v| newest(v, OWNER)));
    let after = last.context("nothing heard")?.saturating_duration_since(answered);
    ensure!(after <= CUT, "the last packet came {after:?} after the answer");
    match Bot::join(Config::new(&format!("ws://{}", s.addr), &token)).await {
        Err(JoinError::Refused { status: 404, .. }) => {}
        Err(e) => bail!("coming back: not a 404 but {e}"),
        Ok(_) => bail!("the guest came back into a dismissed room"),
    }
    Ok(format!("last packet {after:?} after the answer, all told after {told_after:?}"))
}

/// A lost signalling socket is resumed: same participant, sound in both directions goes on.
async fn resume(mut s: Stage) -> Result<String> {
    let (guest, _) = s.guest("guest", true, Transport::Udp).await?;
    guest.bot.publish(Publish::microphone(OTHER)).await.context("publishing")?;
    hears(&s.owner, OTHER, "the owner hears the guest").await?;
    let sid = guest.bot.view(|v| v.sid.clone());
    guest.bot.cut_signal().await?;
    hears(&guest.bot, OWNER, "the guest hears on without signalling").await?;
    guest.bot.resume().await.context("resume")?;
    hears(&guest.bot, OWNER, "the guest hears the owner after the resume").await?;
    hears(&s.owner, OTHER, "the owner hears the guest after the resume").await?;
    let known = s.owner.view(|v| {
        v.others.values().filter(|p| p.identity.contains("guest")).map(|p| p.sid.clone()).collect::<Vec<_>>()
    });
    ensure!(known == [sid.clone()], "the owner knows {known:?}, the guest was {sid}");
    let gaps: u64 = guest.bot.view(|v| v.media.subs.values().map(|x| x.gaps).sum());
    Ok(format!("same participant, {gaps} packets lost on the way"))
}

/// A client without UDP gets through over TCP, in both directions.
async fn udp_blocked(mut s: Stage) -> Result<String> {
    let (guest, _) = s.guest("guest", true, Transport::Tcp).await?;
    guest.bot.publish(Publish::microphone(OTHER)).await.context("publishing over TCP")?;
    hears(&guest.bot, OWNER, "hearing over TCP").await?;
    hears(&s.owner, OTHER, "being heard over TCP").await?;
    Ok("hears and is heard over TCP".into())
}

/// A client that dies without a word leaves no ghost.
async fn vanished(mut s: Stage) -> Result<String> {
    let (guest, _) = s.guest("guest", true, Transport::Udp).await?;
    guest.bot.publish(Publish::microphone(OTHER)).await.context("publishing")?;
    hears(&s.owner, OTHER, "the owner hears the guest").await?;
    let Guest { bot, name, .. } = guest;
    drop(bot);
    let from = clock::now();
    let present = |v: &View| v.others.values().any(|p| p.identity.contains(&name));
    ensure!(s.owner.view(present), "the guest was never listed");
    s.owner.wait("the ghost to go", GHOST, |v| !present(v)).await?;
    Ok(format!("gone after {:.1?}", clock::now() - from))
}
