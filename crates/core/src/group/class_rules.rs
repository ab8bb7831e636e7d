//! Who may send what in a class, and what it does (classroom.md 7.5).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::message::{Incoming, Refusal};
use crate::class::{AssistantRight as Right, Class, ClassStatus, Role, StageOp};
use crate::id::UserId;
use crate::time::UnixMs;

/// An invitation or application is of no use any more after this: the official client repeats it for 55 s and then
/// takes it back, and a late answer may come within the double.
const SESSION: Duration = Duration::from_secs(120);
/// Entries of the list in 30032 (hub.md 5.6).
const MAX_LISTED: usize = 32;
/// Of a longer `sessionId` nothing is remembered, bytes. The official client's have 19.
const MAX_SESSION_ID: usize = 64;
/// Largest `data` of an application's own message, bytes.
const MAX_OWN: usize = 4 << 10;

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassSender {
    /// The user.
    pub user: UserId,
    /// What it is in the class; a member or one who teaches.
    pub role: Role,
    /// May not comment: alone, or with all others.
    pub muted: bool,
}

/// What is to be done with a message besides handing it on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassEffect {
    /// It is a comment, or removes some: the comments' lane, stored.
    pub comment: bool,
    /// The stage changes first.
    pub stage: Option<StageOp>,
    /// Stored messages with these `sid`s are deleted.
    pub remove: Vec<String>,
}

/// What is under way between the teacher and a student. Volatile, as the stage's provisional places are.
#[derive(Debug, Clone, Default)]
pub struct Talks(BTreeMap<UserId, Session>);

/// Invitation and application of one student.
///
/// The official client repeats both until it hears of the answer, so one may come after it. By its `sessionId` that is the
/// old one, and changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// Invited at, last.
    invited: Option<UnixMs>,
    invited_id: Option<SessionId>,
    /// The invitation is neither answered nor taken back.
    asked: bool,
    /// Applied at, last.
    applied: Option<UnixMs>,
    applied_id: Option<SessionId>,
    /// The application is neither answered nor taken back.
    waiting: bool,
    /// It was accepted.
    accepted: bool,
}

/// What a client calls an exchange: text of at most [`MAX_SESSION_ID`] bytes.
type SessionId = Box<str>;

impl Talks {
    fn of(&self, user: &UserId) -> Session {
        self.0.get(user).cloned().unwrap_or_default()
    }

    fn set(&mut self, user: &UserId, session: Session, now: UnixMs) {
        let fresh = |at: Option<UnixMs>| at.is_some_and(|at| now < at.plus(SESSION));
        self.0.retain(|_, s| fresh(s.invited) || fresh(s.applied));
        self.0.insert(user.clone(), session);
    }

    /// Forgets somebody who left.
    pub fn forget(&mut self, user: &UserId) {
        self.0.remove(user);
    }
}

fn fresh(at: Option<UnixMs>, now: UnixMs) -> bool {
    at.is_some_and(|at| now < at.plus(SESSION))
}

/// Everything a message is judged by.
pub struct Scene<'a> {
    /// The record.
    pub class: &'a Class,
    /// What is under way.
    pub talks: &'a mut Talks,
    /// A roll call runs.
    pub check_in: bool,
    /// When.
    pub now: UnixMs,
}

/// Judges a message to the group. What is under way moves only with a message that is allowed.
///
/// # Errors
/// `NOT_ALLOWED`, `MUTED`, `BAD`.
pub fn judge_class(scene: &mut Scene<'_>, sender: &ClassSender, m: &Incoming) -> Result<ClassEffect, Refusal> {
    let teaches = sender.role.teaches();
    let holds = |right| sender.role.holds(right);
    let assists = matches!(sender.role, Role::Assistant(_));
    let may = |may: bool| if may { Ok(ClassEffect::default()) } else { Err(Refusal::NOT_ALLOWED) };
    match m.kind {
        10001 => {
            m.comment()?;
            if sender.muted { Err(Refusal::MUTED) } else { Ok(comment(Vec::new())) }
        }
        10003 => may(teaches && scene.class.status == ClassStatus::Running),
        10004 if teaches && scene.class.status != ClassStatus::Idle => Ok(stage(StageOp::Clear)),
        10005 | 10006 => may(holds(Right::Announcement)),
        10007 if teaches => Ok(stage(StageOp::Clear)),
        11004 => may(holds(Right::CheckIn) && scene.check_in),
        11111 if holds(Right::RemoveMessages) => {
            Ok(comment(m.text_of("removeSids").split(';').filter(|s| !s.is_empty()).map(str::to_owned).collect()))
        }
        20007 => may(teaches || about_self(sender, m)),
        20008 | 20010 | 20012 | 30020 => may(about_self(sender, m)),
        20009 | 20011 if teaches => switch(m),
        21000 | 21001 | 30040 | 30042 | 40002 | 400002 | 400004 => may(teaches),
        21002 => may(teaches || assists),
        30001..=30004 | 30010..=30014 | 30022 | 30023 => interaction(scene, sender, m),
        30024 if teaches => Ok(stage(StageOp::Clear)),
        30032 if teaches => match m.data.get("data") {
            Some(Value::Array(list)) if list.len() > MAX_LISTED => Err(Refusal::BAD),
            _ => Ok(ClassEffect::default()),
        },
        30041 if teaches => Ok(stage(StageOp::MicsOff(m.flag("muted").ok_or(Refusal::BAD)?))),
        40001 => may(assists && m.text_of("assistantId") == sender.user.as_str()),
        40003 => may(holds(Right::Courseware)),
        40004 => may(holds(Right::RemoveMessages)),
        400_001 => may(assists && holds(Right::MuteUser)),
        400_003 => may(assists && holds(Right::MuteGroup)),
        50000..=59999 if m.text.len() > MAX_OWN => Err(Refusal::BAD),
        50000..=59999 => may(true),
        _ => Err(Refusal::NOT_ALLOWED),
    }
}

fn comment(remove: Vec<String>) -> ClassEffect {
    ClassEffect { comment: true, stage: None, remove }
}

fn stage(op: StageOp) -> ClassEffect {
    ClassEffect { stage: Some(op), ..ClassEffect::default() }
}

/// Where the payload names a student, it is the sender.
fn about_self(sender: &ClassSender, m: &Incoming) -> bool {
    m.data.get("studentId").is_none_or(|s| s.as_str() == Some(sender.user.as_str()))
}

fn student(m: &Incoming) -> Result<UserId, Refusal> {
    UserId::new(m.text_of("studentId")).map_err(|_| Refusal::BAD)
}

fn session_id(m: &Incoming) -> Option<SessionId> {
    Some(m.text_of("sessionId")).filter(|id| !id.is_empty() && id.len() <= MAX_SESSION_ID).map(Into::into)
}

/// 20009 and 20011: a student's microphone or camera.
fn switch(m: &Incoming) -> Result<ClassEffect, Refusal> {
    let (user, on) = (student(m)?, m.flag("turnOn").ok_or(Refusal::BAD)?);
    Ok(stage(if m.kind == 20009 { StageOp::Mic(user, on) } else { StageOp::Camera(user, on) }))
}

/// 300xx: who asks whom onto the stage, and the answers.
fn interaction(scene: &mut Scene<'_>, sender: &ClassSender, m: &Incoming) -> Result<ClassEffect, Refusal> {
    let by_teacher = matches!(m.kind, 30001 | 30002 | 30012 | 30013 | 30022 | 30023);
    if by_teacher && !sender.role.teaches() || !by_teacher && !about_self(sender, m) {
        return Err(Refusal::NOT_ALLOWED);
    }
    let user = if by_teacher { student(m)? } else { sender.user.clone() };
    let now = scene.now;
    let was = scene.talks.of(&user);
    let invited = was.asked && fresh(was.invited, now);
    let id = session_id(m);
    let answered = match m.kind {
        30001 => !was.asked && was.invited_id == id,
        30010 => was.accepted && was.applied_id == id,
        _ => false,
    };
    if answered && id.is_some() {
        return Ok(ClassEffect::default());
    }
    let closed = Session { asked: false, ..was.clone() };
    let off = stage(StageOp::Leave(user.clone()));
    let (fits, next, effect) = match m.kind {
        30001 => (
            true,
            Session { invited: Some(now), invited_id: id, asked: true, ..was },
            stage(StageOp::Enter(user.clone())),
        ),
        30002 => (true, closed, off),
        30003 => (invited, closed, ClassEffect::default()),
        30004 => (invited, closed, off),
        30010 => {
            let allowed = scene.class.info.interaction_allowed != Some(false);
            let next = Session { applied: Some(now), applied_id: id, waiting: true, accepted: false, ..was };
            (allowed, next, ClassEffect::default())
        }
        30011 => (true, Session { waiting: false, ..was }, ClassEffect::default()),
        30012 => {
            let waits = was.waiting && fresh(was.applied, now);
            (waits, Session { waiting: false, accepted: true, ..was }, stage(StageOp::Enter(user.clone())))
        }
        30013 => (fresh(was.applied, now), Session { waiting: false, accepted: false, ..was }, off),
        30014 => (was.accepted, was.clone(), ClassEffect::default()),
        _ => (true, Session { accepted: false, ..was }, off),
    };
    if !fits {
        return Err(Refusal::NOT_ALLOWED);
    }
    scene.talks.set(&user, next, now);
    Ok(effect)
}

#[cfg(test)]
mod tests;
