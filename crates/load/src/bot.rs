//! A bot: one participant of one channel, driven by commands, watched through its [`View`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use livekit_protocol::{ParticipantInfo, ParticipantPermission, RequestResponse, TrackInfo, signal_request};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::clock;
use crate::link::Transport;
use crate::session;
use crate::signal::JoinError;
use crate::stats::{MediaStats, Meter};

/// Commands a bot may have queued. They come from a test or a load plan, a handful at a time.
const COMMANDS: usize = 64;

/// Who joins where, and how.
#[derive(Debug, Clone)]
pub struct Config {
    /// `ws://host:port` of the server.
    pub url: String,
    /// Media access token.
    pub token: String,
    /// UDP or TCP.
    pub transport: Transport,
    /// Ask for every track.
    pub auto_subscribe: bool,
    /// Shared by all bots of a run.
    pub meter: Arc<Meter>,
}

impl Config {
    /// UDP, subscribing to everything, with a meter of its own.
    #[must_use]
    pub fn new(url: &str, token: &str) -> Self {
        Self {
            url: url.into(),
            token: token.into(),
            transport: Transport::Udp,
            auto_subscribe: true,
            meter: Arc::default(),
        }
    }
}

/// How an audio track is published.
#[derive(Debug, Clone)]
pub struct Publish {
    /// Client id of the track; unique per bot.
    pub cid: String,
    /// Announce it with AddTrack. Without, a patched client is played: the media line comes unannounced.
    pub announce: bool,
    /// Play a patched client: go on although the server refused the announcement, muted the track, took it back or
    /// removed the participant.
    pub stubborn: bool,
    /// Written into every packet, see [`crate::stats::Stamp`].
    pub tag: u64,
    /// Packets per second.
    pub rate: u32,
}

impl Publish {
    /// An announced microphone at Opus' usual 50 packets per second.
    #[must_use]
    pub fn microphone(tag: u64) -> Self {
        Self { cid: format!("mic-{tag}"), announce: true, stubborn: false, tag, rate: 50 }
    }
}

/// What a bot knows.
#[derive(Debug, Default)]
pub struct View {
    /// `RM_…` sid of the channel.
    pub room_sid: String,
    /// Our `PA_…` sid.
    pub sid: String,
    /// Our identity.
    pub identity: String,
    /// Our permission, as last told.
    pub permission: Option<ParticipantPermission>,
    /// Everybody else, by identity.
    pub others: BTreeMap<String, ParticipantInfo>,
    /// Our tracks by cid, as `track_published` confirmed them.
    pub published: BTreeMap<String, TrackInfo>,
    /// Track sids the server unpublished.
    pub unpublished: Vec<String>,
    /// Answers to requests, refusals among them.
    pub answers: Vec<RequestResponse>,
    /// The newest token the server sent.
    pub refreshed_token: Option<String>,
    /// When the subscriber connection came up first.
    pub subscriber_up: Option<Instant>,
    /// When the publisher connection came up first.
    pub publisher_up: Option<Instant>,
    /// Times `reconnect` was received: successful resumes.
    pub resumed: u32,
    /// The server's mute of our tracks, by sid.
    pub muted_by_server: BTreeMap<String, bool>,
    /// Newest list of speakers: participant sid and level.
    pub speakers: BTreeMap<String, f32>,
    /// `leave`: reason and action.
    pub left: Option<(i32, i32)>,
    /// The signalling socket is closed.
    pub signal_lost: bool,
    /// The bot's task ended.
    pub ended: bool,
    /// A fault of the bot or of the server's protocol that ended it.
    pub fault: Option<String>,
    /// Received media.
    pub media: MediaStats,
}

pub(crate) enum Command {
    Publish(Publish, oneshot::Sender<Result<String>>),
    Unpublish(String, oneshot::Sender<Result<()>>),
    Pause(String, bool),
    Send(Box<signal_request::Message>),
    CutSignal,
    Resume { url: String, token: String, reply: oneshot::Sender<Result<(), JoinError>> },
    Leave,
}

/// What the bot's task and its handle share.
pub(crate) struct Shared {
    pub view: Mutex<View>,
    pub changed: watch::Sender<()>,
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the view and wakes whoever waits.
    pub fn update(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.lock());
        self.changed.send_replace(());
    }
}

/// A handle to a running bot. Dropping it makes the bot vanish without goodbye, like a killed client.
pub struct Bot {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
    config: Config,
}

impl Bot {
    /// Joins; resolves when the server's `join` is in. Media comes up behind it.
    ///
    /// # Errors
    /// The server refused, or could not be reached.
    pub async fn join(config: Config) -> Result<Self, JoinError> {
        let shared = Arc::new(Shared { view: Mutex::default(), changed: watch::Sender::new(()) });
        let session = session::Session::join(&config, Arc::clone(&shared)).await?;
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let task = spawn(session.run(inbox));
        Ok(Self { shared, commands, task, config })
    }

    /// Publishes an audio track and keeps sending; resolves with its sid when the server has confirmed it and
    /// answered the offer. Unannounced tracks resolve with an empty sid at the answer.
    ///
    /// # Errors
    /// Refused (and not `stubborn`), or the session ended.
    pub async fn publish(&self, publish: Publish) -> Result<String> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Publish(publish, reply)).await?;
        answer.await.map_err(|_| anyhow!("session ended while publishing"))?
    }

    /// Takes a track back, as SDKs do: the line goes inactive.
    ///
    /// # Errors
    /// No such track, or the session ended.
    pub async fn unpublish(&self, cid: &str) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Unpublish(cid.into(), reply)).await?;
        answer.await.map_err(|_| anyhow!("session ended while unpublishing"))?
    }

    /// Stops or restarts sending on a track, without telling the server.
    ///
    /// # Errors
    /// The session ended.
    pub async fn pause(&self, cid: &str, paused: bool) -> Result<()> {
        self.command(Command::Pause(cid.into(), paused)).await
    }

    /// Sends any request, also a wrong one.
    ///
    /// # Errors
    /// The session ended.
    pub async fn request(&self, message: signal_request::Message) -> Result<()> {
        self.command(Command::Send(Box::new(message))).await
    }

    /// Closes the signalling socket under the session; media goes on.
    ///
    /// # Errors
    /// The session ended.
    pub async fn cut_signal(&self) -> Result<()> {
        self.command(Command::CutSignal).await
    }

    /// Resumes with the newest token of the server, or the one it came with.
    ///
    /// # Errors
    /// The server refused the resume.
    pub async fn resume(&self) -> Result<(), JoinError> {
        let token = self.view(|v| v.refreshed_token.clone()).unwrap_or_else(|| self.config.token.clone());
        self.resume_with(&token).await
    }

    /// Resumes with this token.
    ///
    /// # Errors
    /// The server refused the resume.
    pub async fn resume_with(&self, token: &str) -> Result<(), JoinError> {
        let (reply, answer) = oneshot::channel();
        let ended = || JoinError::Socket("session ended".into());
        self.command(Command::Resume { url: self.config.url.clone(), token: token.into(), reply })
            .await
            .map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Says goodbye and ends.
    pub async fn leave(mut self) {
        if self.command(Command::Leave).await.is_ok() {
            // The task ends by itself; a panic in it was reported where it happened.
            drop((&mut self.task).await);
        }
    }

    /// Reads the view.
    pub fn view<T>(&self, read: impl FnOnce(&View) -> T) -> T {
        read(&self.shared.lock())
    }

    /// Waits until the view satisfies `done`. Packet counters are looked at every 5 ms, the rest at once.
    ///
    /// # Errors
    /// Not within `limit`, or the session ended without it.
    pub async fn wait(&self, what: &str, limit: Duration, mut done: impl FnMut(&View) -> bool) -> Result<()> {
        let deadline = clock::now() + limit;
        let mut changed = self.shared.changed.subscribe();
        loop {
            let ended = {
                let view = self.shared.lock();
                if done(&view) {
                    return Ok(());
                }
                view.ended.then(|| format!("left: {:?}, fault: {:?}", view.left, view.fault))
            };
            if let Some(why) = ended {
                bail!("session ended before {what} ({why})");
            }
            if clock::now() >= deadline {
                bail!("{what}: not within {limit:?}");
            }
            // Counters change without a signal, so look again soon even if nothing is told.
            drop(tokio::time::timeout(Duration::from_millis(5), changed.changed()).await);
        }
    }

    async fn command(&self, command: Command) -> Result<()> {
        self.commands.send(command).await.map_err(|_| anyhow!("session ended"))
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "the spawner of this crate: a bot's task dies with its handle")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}
