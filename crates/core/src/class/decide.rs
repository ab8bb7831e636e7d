//! Every change of a class is decided here and made durable by the store under the class's write lock. No IO, no
//! clock: the same inputs give the same decision.

use std::time::Duration;

use super::command::{
    ClassCommand, ClassDecision, ClassFacts, ClassOutcome as Outcome, ClassPatch, ClassRefusal as Refusal, MemberNews,
    News,
};
use super::meeting::MeetingPatch;
use super::member::{ClassIdentity, ClassMember, MemberStatus, Role};
use super::permit::{AssistantRight, Permit};
use super::record::{Class, ClassStatus};
use super::stage::StageOp;
use crate::id::UserId;
use crate::sanction::{Sanction, Source};
use crate::time::UnixMs;

/// Decides a command.
#[must_use]
pub fn decide_class(class: &Class, facts: ClassFacts<'_>, command: &ClassCommand, now: UnixMs) -> ClassDecision {
    let role = command.caller().map(|c| Role::of(class, c, facts.caller.row, facts.caller.sanction, now));
    let teaches = role.as_ref().is_some_and(Role::teaches);
    let holds = |right| role.as_ref().is_some_and(|r| r.holds(right));
    match command {
        ClassCommand::Join { user, name, avatar, wish } => {
            let ask = Join { user, name, avatar: avatar.as_ref(), wish: *wish };
            join(class, facts, &ask, now)
        }
        ClassCommand::Leave { online, grace, .. } => leave(class, facts, (*online, *grace), now),
        ClassCommand::Depart { .. } => match facts.subject.row {
            Some(row) if row.present() => depart(class, row),
            _ => nothing(Outcome::Unchanged),
        },
        ClassCommand::Connect { user, returns } => connect(class, facts, user, *returns, now),
        ClassCommand::SetStatus { to, .. } if teaches => set_status(class, *to, now),
        // An ended class is opened by its teacher only.
        ClassCommand::Streamed { on } => match (class.status, on) {
            (ClassStatus::Idle, true) => set_status(class, ClassStatus::Running, now),
            (ClassStatus::Running, false) => set_status(class, ClassStatus::Idle, now),
            _ => nothing(Outcome::Unchanged),
        },
        ClassCommand::Update { patch, .. } => update(class, role.as_ref(), patch, now),
        ClassCommand::Delete { .. } if teaches => nothing(Outcome::Deleted),
        ClassCommand::Kick { caller, user, source, by, until } => {
            let me = caller.as_ref().is_some_and(|c| c.user == *user);
            let assistant = facts.subject.row.is_some_and(|r| r.identity == ClassIdentity::Assistant && r.present());
            let protected = me || assistant || *user == class.teacher;
            if caller.is_some() && (protected || !holds(AssistantRight::Members)) {
                return nothing(Outcome::NotAllowed);
            }
            kick(class, facts, user, (*source, by, *until), now)
        }
        ClassCommand::Lift { .. } if holds(AssistantRight::Members) => lift(facts, now),
        ClassCommand::SetPermit { text, only, .. } if teaches => set_permit(class, facts, text, only.as_ref(), now),
        ClassCommand::DropPermit { .. } if teaches => drop_permit(class, facts, now),
        ClassCommand::Meeting { patch, stage_max, .. } if teaches => meeting(class, facts, patch, *stage_max, now),
        ClassCommand::Stage { op, stage_max } => stage(class, facts, op, *stage_max, now),
        ClassCommand::SetStatus { .. }
        | ClassCommand::Delete { .. }
        | ClassCommand::Lift { .. }
        | ClassCommand::SetPermit { .. }
        | ClassCommand::DropPermit { .. }
        | ClassCommand::Meeting { .. } => nothing(Outcome::NotAllowed),
    }
}

fn nothing(outcome: Outcome) -> ClassDecision {
    ClassDecision { class: None, rows: Vec::new(), sanction: None, rights: Vec::new(), news: Vec::new(), outcome }
}

/// The record changed, but nothing that it shows.
fn moved(class: &Class, mut next: Class) -> Class {
    next.version = class.version + 1;
    next
}

/// Something that the record shows changed.
fn changed(class: &Class, mut next: Class, now: UnixMs) -> Class {
    next.updated = now;
    moved(class, next)
}

/// The rows' new state, the last of them is told; whether a user is in class can decide whether it may publish, so the
/// version rises.
fn rows(class: &Class, rows: Vec<ClassMember>, what: MemberNews) -> ClassDecision {
    let mut next = class.clone();
    let leaves = |user: &UserId| rows.iter().any(|r| r.user == *user && !r.present());
    let rights = class.stage.on.iter().filter(|s| leaves(&s.user)).map(|s| s.user.clone()).collect();
    next.stage.on.retain(|s| !leaves(&s.user));
    let next = moved(class, next);
    let news = rows.last().map(|r| News { what, member: r.clone() }).into_iter().collect();
    ClassDecision { class: Some(next), rows, rights, news, ..nothing(Outcome::Done) }
}

struct Join<'a> {
    user: &'a UserId,
    name: &'a str,
    avatar: Option<&'a String>,
    wish: Option<ClassIdentity>,
}

/// The identity a joining user gets (classroom.md 5.2 and 5.3).
fn judge(class: &Class, facts: ClassFacts<'_>, ask: &Join<'_>) -> Result<ClassIdentity, Refusal> {
    if *ask.user == class.teacher {
        return Ok(ClassIdentity::Teacher);
    }
    let inside = facts.subject.row.filter(|r| r.present());
    match (ask.wish, inside) {
        (Some(ClassIdentity::Assistant), _) => {
            if !class.permit.as_ref().is_some_and(|p| p.admits(ask.user)) {
                return Err(Refusal::NoPermit);
            }
            if facts.assistant.is_some_and(|a| a.user != *ask.user && a.present()) {
                return Err(Refusal::SlotTaken);
            }
            Ok(ClassIdentity::Assistant)
        }
        (None, Some(row)) => Ok(row.identity),
        _ => Ok(ClassIdentity::Student),
    }
}

fn join(class: &Class, facts: ClassFacts<'_>, ask: &Join<'_>, now: UnixMs) -> ClassDecision {
    if facts.subject.sanction.is_some_and(|s| s.bans(now)) {
        return nothing(Outcome::Refused(Refusal::Banned));
    }
    let identity = match judge(class, facts, ask) {
        Ok(identity) => identity,
        Err(refusal) => return nothing(Outcome::Refused(refusal)),
    };
    let before = facts.subject.row;
    let row = ClassMember {
        class: class.id,
        user: ask.user.clone(),
        name: ask.name.to_owned(),
        avatar: ask.avatar.or(before.and_then(|r| r.avatar.as_ref())).cloned(),
        identity,
        status: MemberStatus::Present,
        joined: before.filter(|r| r.present()).map_or(now, |r| r.joined),
        asked: now,
        connected: before.is_some_and(|r| r.connected),
    };
    let same = before.is_some_and(|r| ClassMember { asked: now, ..r.clone() } == row);
    let mut out = vec![row];
    // The slot is free, but a row may still carry it: one row at most has it.
    if identity == ClassIdentity::Assistant
        && let Some(old) = facts.assistant.filter(|a| a.user != *ask.user)
    {
        out.insert(0, ClassMember { identity: ClassIdentity::Student, ..old.clone() });
    }
    if before.is_some_and(ClassMember::present) {
        // Still in class: no right to publish comes or goes.
        if same {
            return ClassDecision { rows: out, ..nothing(Outcome::Unchanged) };
        }
        let news = out.last().map(|r| News { what: MemberNews::Joined, member: r.clone() }).into_iter().collect();
        return ClassDecision { rows: out, news, ..nothing(Outcome::Done) };
    }
    rows(class, out, MemberNews::Joined)
}

fn leave(class: &Class, facts: ClassFacts<'_>, (online, grace): (bool, Duration), now: UnixMs) -> ClassDecision {
    let Some(row) = facts.subject.row.filter(|r| r.present()) else {
        return nothing(Outcome::Refused(Refusal::NotInClass));
    };
    let settled = !online && row.asked.plus(grace) <= now;
    // A connection that just opened is known a moment before the row says so.
    if (row.connected || online) && !settled {
        return nothing(Outcome::Pending(row.asked));
    }
    depart(class, row)
}

fn depart(class: &Class, row: &ClassMember) -> ClassDecision {
    rows(class, vec![ClassMember { status: MemberStatus::Left, ..row.clone() }], MemberNews::Left)
}

/// A live connection: from now on absence counts, and who had left is back (classroom.md 5.2 rule 3).
fn connect(class: &Class, facts: ClassFacts<'_>, user: &UserId, returns: bool, now: UnixMs) -> ClassDecision {
    let Some(row) = facts.subject.row else { return nothing(Outcome::Unchanged) };
    let banned = facts.subject.sanction.is_some_and(|s| s.bans(now));
    let returns = returns && row.status == MemberStatus::Left && !banned;
    let mut next = ClassMember { connected: true, ..row.clone() };
    if returns {
        next.status = MemberStatus::Present;
        let may = class.permit.as_ref().is_some_and(|p| p.admits(user));
        if row.identity == ClassIdentity::Assistant && !may {
            next.identity = ClassIdentity::Student;
        }
        return rows(class, vec![next], MemberNews::Joined);
    }
    if row.connected {
        return nothing(Outcome::Unchanged);
    }
    ClassDecision { rows: vec![next], ..nothing(Outcome::Done) }
}

fn set_status(class: &Class, to: ClassStatus, now: UnixMs) -> ClassDecision {
    if class.status == to {
        return nothing(Outcome::Unchanged);
    }
    let mut next = class.clone();
    next.status = to;
    let mut rights = Vec::new();
    match to {
        ClassStatus::Running => next.started = Some(now),
        ClassStatus::Idle => {}
        ClassStatus::Ended => {
            next.stopped = Some(now);
            rights = std::mem::take(&mut next.stage).on.into_iter().map(|s| s.user).collect();
        }
    }
    ClassDecision { class: Some(changed(class, next, now)), rights, ..nothing(Outcome::Done) }
}

fn update(class: &Class, role: Option<&Role>, patch: &ClassPatch, now: UnixMs) -> ClassDecision {
    let differs = |new: &Option<String>, old: &str| new.as_ref().is_some_and(|n| n != old);
    let more = differs(&patch.title, &class.title) || differs(&patch.extends, &class.extends);
    let may = role.is_some_and(|r| r.teaches() || (r.holds(AssistantRight::Announcement) && !more));
    if !may {
        return nothing(Outcome::NotAllowed);
    }
    let mut next = class.clone();
    for (field, new) in
        [(&mut next.title, &patch.title), (&mut next.notice, &patch.notice), (&mut next.extends, &patch.extends)]
    {
        if let Some(new) = new {
            field.clone_from(new);
        }
    }
    if next == *class {
        return nothing(Outcome::Unchanged);
    }
    ClassDecision { class: Some(changed(class, next, now)), ..nothing(Outcome::Done) }
}

fn kick(
    class: &Class,
    facts: ClassFacts<'_>,
    user: &UserId,
    (source, by, until): (Source, &str, UnixMs),
    now: UnixMs,
) -> ClassDecision {
    let row = facts.subject.row.map(|row| ClassMember {
        status: MemberStatus::Kicked,
        identity: match row.identity {
            ClassIdentity::Teacher => ClassIdentity::Teacher,
            ClassIdentity::Assistant | ClassIdentity::Student => ClassIdentity::Student,
        },
        ..row.clone()
    });
    // The version rises even without a row: it is the revision that beats an admission under way.
    let next = class.without(user).map_or_else(|| moved(class, class.clone()), |n| changed(class, n, now));
    let sanction = Sanction {
        channel: class.channel(),
        user: user.clone(),
        source,
        by: by.to_owned(),
        created: now,
        until,
        not_before_secs: now.secs() + 1,
    };
    let news = row.iter().map(|r| News { what: MemberNews::Kicked, member: r.clone() }).collect();
    ClassDecision {
        class: Some(next),
        rows: row.into_iter().collect(),
        sanction: Some(sanction),
        rights: vec![user.clone()],
        news,
        outcome: Outcome::Done,
    }
}

fn lift(facts: ClassFacts<'_>, now: UnixMs) -> ClassDecision {
    match facts.subject.sanction.filter(|s| s.bans(now)) {
        Some(s) => {
            ClassDecision { sanction: Some(Sanction { until: UnixMs(0), ..s.clone() }), ..nothing(Outcome::Done) }
        }
        None => nothing(Outcome::Unchanged),
    }
}

fn set_permit(class: &Class, facts: ClassFacts<'_>, text: &str, only: Option<&UserId>, now: UnixMs) -> ClassDecision {
    let created = class.permit.as_ref().map_or(now, |p| p.created);
    let permit = Permit { text: text.to_owned(), only: only.cloned(), created, updated: now };
    let (stays, other) = match facts.assistant {
        Some(a) if permit.admits(&a.user) => (Some(a.user.clone()), None),
        other => (None, other),
    };
    let mut next = class.clone();
    next.permit = Some(permit);
    let mut out = unseat(class, next, other, now);
    // Whoever stays may have got or lost the right to draw, which open whiteboards must learn.
    out.rights.extend(stays);
    out
}

fn drop_permit(class: &Class, facts: ClassFacts<'_>, now: UnixMs) -> ClassDecision {
    if class.permit.is_none() {
        return nothing(Outcome::Unchanged);
    }
    let mut next = class.clone();
    next.permit = None;
    unseat(class, next, facts.assistant, now)
}

/// Whoever holds the slot is a student who left.
fn unseat(class: &Class, mut next: Class, holder: Option<&ClassMember>, now: UnixMs) -> ClassDecision {
    let mut out = nothing(Outcome::Done);
    if let Some(row) = holder {
        let status = if row.present() { MemberStatus::Left } else { row.status };
        next.stage.leave(&row.user);
        out.rows.push(ClassMember { identity: ClassIdentity::Student, status, ..row.clone() });
        out.rights.push(row.user.clone());
        if row.present() {
            out.news.extend(out.rows.last().map(|r| News { what: MemberNews::Left, member: r.clone() }));
            out.outcome = Outcome::Unseated(row.user.clone());
        }
    }
    out.class = Some(changed(class, next, now));
    out
}

/// Keys are replaced whole; who is named comes on stage, who is not any more leaves it (classroom.md 5.6).
fn meeting(class: &Class, facts: ClassFacts<'_>, patch: &MeetingPatch, stage_max: usize, now: UnixMs) -> ClassDecision {
    let mut next = class.clone();
    next.info.merge(patch);
    let mut rights = Vec::new();
    // The official client says with this that nobody is muted, when its teacher comes back to the class.
    if let Some(off) = patch.all_mute.filter(|off| *off != class.stage.mics_off) {
        next.stage.mute_all(off);
        rights = class.stage.users();
    }
    if patch.members.is_some() {
        let (before, after) = (class.info.users(), next.info.users());
        for user in before.iter().filter(|u| !after.contains(u)) {
            if next.stage.leave(user) && !rights.contains(user) {
                rights.push(user.clone());
            }
        }
        // The list is the teacher's word: whoever it names and is off the stage comes on it, also one who was named
        // before, left, and is back. One who came by invitation is on it firmly from now on.
        let may_come = |u: &&UserId| **u != class.teacher && !facts.listeners.contains(u);
        for user in after.iter().filter(may_come) {
            if next.stage.name(user, stage_max, now) && !rights.contains(user) {
                rights.push(user.clone());
            }
        }
    }
    if next == *class {
        return nothing(Outcome::Unchanged);
    }
    ClassDecision { class: Some(changed(class, next, now)), rights, ..nothing(Outcome::Done) }
}

/// A message changed the stage. What is shown of the class does not change with it.
fn stage(class: &Class, facts: ClassFacts<'_>, op: &StageOp, stage_max: usize, now: UnixMs) -> ClassDecision {
    let mut next = class.clone();
    let on = |c: &Class| c.stage.on.iter().map(|s| s.user.clone()).collect::<Vec<_>>();
    let rights = match op {
        StageOp::Enter(user) if !class.open() || facts.listeners.contains(user) => vec![user.clone()],
        StageOp::Enter(user) => {
            if !next.stage.enter(user, stage_max, now) {
                return nothing(Outcome::StageFull);
            }
            vec![user.clone()]
        }
        StageOp::Leave(user) => {
            next.stage.leave(user);
            vec![user.clone()]
        }
        StageOp::Clear => std::mem::take(&mut next.stage.on).into_iter().map(|s| s.user).collect(),
        StageOp::Mic(user, on) | StageOp::Camera(user, on) => {
            if let Some(place) = next.stage.on.iter_mut().find(|s| s.user == *user) {
                let off = if matches!(op, StageOp::Mic(..)) { &mut place.mic_off } else { &mut place.camera_off };
                *off = !on;
            }
            vec![user.clone()]
        }
        StageOp::MicsOff(off) => {
            next.stage.mute_all(*off);
            on(class)
        }
        StageOp::Sweep => next.stage.sweep(now),
    };
    if next == *class {
        return nothing(Outcome::Unchanged);
    }
    ClassDecision { class: Some(moved(class, next)), rights, ..nothing(Outcome::Done) }
}

impl Class {
    /// The class without this user on stage and in the meeting's list; `None` when it is in neither.
    #[must_use]
    pub fn without(&self, user: &UserId) -> Option<Self> {
        let mut next = self.clone();
        let listed = next.info.remove(user);
        (next.stage.leave(user) || listed).then_some(next)
    }
}
