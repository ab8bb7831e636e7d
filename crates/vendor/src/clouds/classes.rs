//! Classes (classroom.md 4.1, 4.3, 4.25, 5.10 to 5.12, 6).

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use stoa_core::class::{Class, NewClass};
use stoa_core::cloud::{
    ClassCloud, GroupService, Outside, OutsideBoard, OutsideCounts, OutsideLook, OutsideMute, Recording, TokenPair,
};
use stoa_core::id::{ClassId, UserId};
use stoa_core::ports::Clock;
use stoa_core::{Error, Kind, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::cache::Cache;
use super::lanes::Lanes;
use super::{ASKING, fault};
use crate::aliyun::url::{Picture, stream_name};
use crate::aliyun::{Aliyun, MuteSource, Use};
use crate::netease::NetEase;
use crate::rongcloud::RongCloud;

/// Between two questions about one class.
const FRESH: Duration = Duration::from_secs(10);
/// The same about its recording, which changes after the class only.
const RECORDING_FRESH: Duration = Duration::from_secs(60);
/// Longest wait of an answer for all that it shows of vendors (classroom.md 6.8).
const LOOK_WITHIN: Duration = Duration::from_secs(2);
/// The sender of messages that no person sends.
const SYSTEM: &str = "system";

/// Who carries the messages of classes.
#[derive(Debug, Clone)]
pub enum Messages {
    /// Our hub.
    Embedded,
    /// Aliyun.
    Aliyun(Arc<Aliyun>),
    /// RongCloud.
    RongCloud(Arc<RongCloud>),
}

/// What classes use of vendors.
pub struct ClassClouds {
    messages: Messages,
    media: Option<Arc<Aliyun>>,
    board: Option<Arc<NetEase>>,
    clock: Arc<dyn Clock>,
    tracker: TaskTracker,
    asking: Arc<Semaphore>,
    lanes: Lanes,
    counts: Arc<Cache<ClassId, OutsideCounts>>,
    mutes: Arc<Cache<(ClassId, UserId), OutsideMute>>,
    recordings: Arc<Cache<ClassId, Option<Recording>>>,
}

impl ClassClouds {
    /// The parts that are outside. A stop waits for what `tracker` knows of.
    #[must_use]
    pub fn new(
        messages: Messages,
        media: Option<Arc<Aliyun>>,
        board: Option<Arc<NetEase>>,
        clock: Arc<dyn Clock>,
        tracker: TaskTracker,
    ) -> Self {
        Self {
            messages,
            media,
            board,
            clock,
            asking: Arc::new(Semaphore::new(ASKING)),
            lanes: Lanes::new(tracker.clone()),
            tracker,
            counts: Arc::new(Cache::new(FRESH)),
            mutes: Arc::new(Cache::new(FRESH)),
            recordings: Arc::new(Cache::new(RECORDING_FRESH)),
        }
    }

    async fn groups(&self, class: &NewClass, wanted: &[GroupService]) -> Result<Outside> {
        let (id, teacher) = (class.id.to_string(), class.teacher.as_str());
        let none =
            |vendor: &str, e: &crate::Error| fault(format!("{vendor} createMessageGroup error. teacher: {teacher}"), e);
        let mut made = Outside::default();
        match &self.messages {
            Messages::Embedded => {}
            Messages::Aliyun(aliyun) => {
                let (old, new) = services(wanted, aliyun);
                if new {
                    aliyun.create_live_message_group(&id, teacher).await.map_err(|e| none("aliyun", &e))?;
                    made.live_group = true;
                }
                if old {
                    made.group = Some(aliyun.create_message_group(teacher).await.map_err(|e| none("aliyun", &e))?);
                }
            }
            Messages::RongCloud(rong) => {
                rong.create_chatroom(&id, &class.title).await.map_err(|e| none("rongCloud", &e))?;
                made.rong_cloud = true;
            }
        }
        Ok(made)
    }

    /// Who has the class's chat room. A class from before the service was chosen has none.
    fn chatroom(&self, class: &Class) -> Option<&RongCloud> {
        match &self.messages {
            Messages::RongCloud(rong) if class.outside.rong_cloud => Some(rong),
            _ => None,
        }
    }

    async fn board(&self, class: ClassId) -> Result<Option<OutsideBoard>> {
        let Some(netease) = &self.board else { return Ok(None) };
        match netease.create_room(&class.to_string()).await {
            Ok(room) => Ok(Some(OutsideBoard { app_key: netease.app_key().to_owned(), cid: room.cid })),
            Err(e) => Err(refused_board(&e)),
        }
    }

    fn remove_board(&self, class: ClassId, board: Option<&OutsideBoard>) {
        let (Some(netease), Some(board)) = (self.board.clone(), board) else { return };
        let cid = board.cid.clone();
        self.later(class, async move {
            if let Err(e) = netease.delete_room(&cid).await {
                tracing::warn!(%class, "the whiteboard of a class stays at the vendor: {e}");
            }
        });
    }

    fn later(&self, class: ClassId, work: impl Future<Output = ()> + Send + 'static) {
        if !self.lanes.push(class.0[15], work) {
            tracing::warn!(%class, "a vendor is too slow, something was not told to it");
        }
    }

    /// Asks in the background, if it is time; the answer is remembered.
    fn ask<K, V, F>(&self, tasks: &mut Vec<JoinHandle<()>>, cache: &Arc<Cache<K, V>>, key: K, question: F)
    where
        K: Hash + Eq + Clone + Send + 'static,
        V: Clone + Send + 'static,
        F: Future<Output = Result<V, crate::Error>> + Send + 'static,
    {
        if !cache.look(&key, self.clock.now().mono).ask {
            return;
        }
        let (cache, asking) = (Arc::clone(cache), Arc::clone(&self.asking));
        tasks.push(self.tracker.spawn(async move {
            // Never closed.
            let _turn = asking.acquire().await;
            match question.await {
                Ok(value) => cache.put(&key, value),
                Err(e) => tracing::debug!("a part of an answer is missing: {e}"),
            }
        }));
    }

    fn ask_about(&self, class: &Class, user: &UserId, tasks: &mut Vec<JoinHandle<()>>) {
        if let (Messages::Aliyun(aliyun), Some(group)) = (&self.messages, &class.outside.group) {
            let (a, g) = (Arc::clone(aliyun), group.clone());
            self.ask(tasks, &self.counts, class.id, async move {
                let s = a.group_statistics(&g).await?;
                Ok(OutsideCounts { pv: s.pv, uv: s.uv, likes: s.like_count, online: s.online_count })
            });
            let (a, g, u) = (Arc::clone(aliyun), group.clone(), user.clone());
            self.ask(tasks, &self.mutes, (class.id, user.clone()), async move {
                let found = a.group_user(&g, u.as_str()).await?;
                let by = |source| found.as_ref().is_some_and(|f| f.mute && f.sources.contains(&source));
                Ok(OutsideMute { user: by(MuteSource::User), group: by(MuteSource::Group) })
            });
        }
        if let Some(aliyun) = self.media.as_ref().filter(|a| a.settings().missing(&[Use::Api]).is_empty()) {
            let a = Arc::clone(aliyun);
            let app = &aliyun.settings().rtc.app_id;
            let title = stream_name(app, &class.meeting.to_string(), class.teacher.as_str(), Picture::Camera);
            self.ask(tasks, &self.recordings, class.id, async move {
                let Some(id) = a.search_media(&title).await? else { return Ok(None) };
                let files = a.play_info(&id).await?;
                Ok((!files.is_empty()).then_some(Recording { id, files }))
            });
        }
    }

    fn known(&self, class: &Class, user: &UserId) -> OutsideLook {
        let outside = !matches!(self.messages, Messages::Embedded);
        let told = class.outside.group.is_some();
        OutsideLook {
            counts: outside.then(|| self.counts.get(&class.id).unwrap_or_default()),
            mute: told.then(|| self.mutes.get(&(class.id, user.clone()))).flatten(),
            recording: self.recordings.get(&class.id).flatten(),
        }
    }
}

/// Which of Aliyun's services get a group: old, new. The newer one where nothing that the operator has was asked for.
fn services(wanted: &[GroupService], aliyun: &Aliyun) -> (bool, bool) {
    let has = |service| aliyun.settings().missing(&[service]).is_empty();
    let old = wanted.contains(&GroupService::AliyunOld) && has(Use::OldIm);
    let new = wanted.contains(&GroupService::AliyunNew) && has(Use::NewIm);
    if old || new { (old, new) } else { (!has(Use::NewIm), has(Use::NewIm)) }
}

/// The vendor's own number and words (classroom.md 4.3).
fn refused_board(e: &crate::Error) -> Error {
    let (code, words) = match e {
        crate::Error::Refused { code, message } => (code.parse().ok(), message.clone()),
        _ => (None, "the whiteboard service made no room".to_owned()),
    };
    Error::new(Kind::Vendor { code }, words).with_internal(e)
}

#[async_trait]
impl ClassCloud for ClassClouds {
    async fn open(&self, class: &NewClass, wanted: &[GroupService]) -> Result<Outside> {
        // First what can be taken back.
        let board = self.board(class.id).await?;
        match self.groups(class, wanted).await {
            Ok(groups) => Ok(Outside { board, ..groups }),
            Err(e) => {
                self.remove_board(class.id, board.as_ref());
                Err(e)
            }
        }
    }

    fn close(&self, class: &Class) {
        self.remove_board(class.id, class.outside.board.as_ref());
    }

    async fn look(&self, classes: &[&Class], user: &UserId) -> Vec<OutsideLook> {
        let mut tasks = Vec::new();
        for class in classes {
            self.ask_about(class, user, &mut tasks);
        }
        let all = async {
            for task in tasks {
                let _ended = task.await;
            }
        };
        // Those that are late go on: the next look has their answers.
        let _in_time = tokio::time::timeout(LOOK_WITHIN, all).await;
        classes.iter().map(|class| self.known(class, user)).collect()
    }

    fn announce(&self, class: &Class, number: u32, data: String) {
        let Messages::Aliyun(aliyun) = &self.messages else { return };
        let (id, old, new) = (class.id, class.outside.group.clone(), class.outside.live_group);
        if old.is_none() && !new {
            return;
        }
        let aliyun = Arc::clone(aliyun);
        self.later(id, async move {
            let group = id.to_string();
            let failed = |e: crate::Error| {
                tracing::warn!(class = group, number, "a message was not sent to the vendor's group: {e}");
            };
            // With clients of both services each has to hear of it.
            if let Some(old) = &old {
                aliyun.send_to_group(old, number, &data).await.unwrap_or_else(failed);
            }
            if new {
                aliyun.send_to_live_group(&group, number, SYSTEM, &data).await.unwrap_or_else(failed);
            }
        });
    }

    async fn old_token(&self, user: &UserId, device: &str, device_type: &str) -> Result<TokenPair> {
        let none = || Error::new(Kind::Vendor { code: None }, "aliyun token is null");
        let Messages::Aliyun(aliyun) = &self.messages else { return Err(none()) };
        let token =
            aliyun.message_token(user.as_str(), device, device_type).await.map_err(|e| none().with_internal(e))?;
        Ok(TokenPair {
            access: token.access.expose_secret().to_owned(),
            refresh: token.refresh.expose_secret().to_owned(),
        })
    }

    async fn rong_cloud_token(&self, user: &UserId) -> Result<String> {
        let none = || Error::new(Kind::Vendor { code: None }, "rongCloud token is null");
        let Messages::RongCloud(rong) = &self.messages else { return Err(none()) };
        let token = rong.user_token(user.as_str()).await.map_err(|e| none().with_internal(e))?;
        Ok(token.expose_secret().to_owned())
    }

    async fn mute_user(&self, class: &Class, user: &UserId, minutes: Option<u64>) -> Result<()> {
        let Some(rong) = self.chatroom(class) else { return Ok(()) };
        let room = class.id.to_string();
        let done = match minutes {
            Some(minutes) => rong.mute_user(&room, user.as_str(), u32::try_from(minutes).unwrap_or(u32::MAX)).await,
            None => rong.unmute_user(&room, user.as_str()).await,
        };
        done.map_err(|e| fault("rongCloud did not take the mute".to_owned(), &e))
    }

    async fn mute_all(&self, class: &Class, on: bool) -> Result<()> {
        let Some(rong) = self.chatroom(class) else { return Ok(()) };
        let room = class.id.to_string();
        let done = if on { rong.mute_chatroom(&room).await } else { rong.unmute_chatroom(&room).await };
        done.map_err(|e| fault("rongCloud did not take the mute".to_owned(), &e))
    }

    async fn all_muted(&self, class: &Class) -> Result<Option<bool>> {
        let Some(rong) = self.chatroom(class) else { return Ok(None) };
        let muted = rong.is_chatroom_muted(&class.id.to_string()).await;
        muted.map(Some).map_err(|e| fault("rongCloud did not tell about the mute".to_owned(), &e))
    }
}
