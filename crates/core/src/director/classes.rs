//! What follows from a change of a class: the engine and the whiteboard are told, channels end.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use super::{Director, Effect, Input, lock};
use crate::board::BoardRights;
use crate::caller::Caller;
use crate::class::{
    AssistantRight, Class, ClassApplied, ClassCommand, ClassOutcome, ClassStatus, PROVISIONAL, StageOp,
};
use crate::error::Result;
use crate::group::{ClassChange, Happening};
use crate::id::{AppId, ClassId, UserId};
use crate::media::{Removal, RemoveCause};
use crate::time::UnixMs;

/// Connections of somebody who lost the assistant's slot that are noticed so soon after are those of before: the engine
/// cuts them off meanwhile. Longer, and who comes back at once without joining stays out; shorter, and a busy server
/// takes an arrival that it notices late for a return.
const OF_BEFORE: Duration = Duration::from_secs(3);

/// Assistants' slots that are being given or taken, and who lost one lately.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// How many commands on its slot are under way, by class.
    changing: BTreeMap<ClassId, u32>,
    /// When, on the monotonic clock.
    lost: BTreeMap<(ClassId, UserId), Duration>,
}

/// A command on the slot of a class under way.
struct Changing<'a> {
    slots: &'a Mutex<Slots>,
    class: ClassId,
}

impl<'a> Changing<'a> {
    fn begin(slots: &'a Mutex<Slots>, class: ClassId) -> Self {
        *lock(slots).changing.entry(class).or_default() += 1;
        Self { slots, class }
    }

    /// The command took it from somebody.
    fn lost(&self, user: &UserId, now: Duration) {
        let mut slots = lock(self.slots);
        slots.lost.retain(|_, at| *at + OF_BEFORE > now);
        slots.lost.insert((self.class, user.clone()), now);
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let mut slots = lock(self.slots);
        if let Entry::Occupied(mut n) = slots.changing.entry(self.class) {
            *n.get_mut() -= 1;
            if *n.get() == 0 {
                n.remove();
            }
        }
    }
}

impl Director {
    /// Carries a command out, with all that follows from it. `None` = no such class.
    ///
    /// # Errors
    /// Store faults. What the engine could not confirm is done again by itself.
    pub async fn class_command(&self, app: AppId, id: ClassId, command: ClassCommand) -> Result<Option<ClassApplied>> {
        let now = self.world.clock.now();
        let status = match &command {
            ClassCommand::SetStatus { to, .. } => Some(*to),
            ClassCommand::Streamed { on } => Some(streamed(*on)),
            _ => None,
        };
        let (change, by) = (change_of(&command), command.caller().map(|c| c.user.clone()));
        let provisional = match &command {
            ClassCommand::Stage { op: StageOp::Enter(_), stage_max } => Some(*stage_max),
            _ => None,
        };
        let slot = matches!(command, ClassCommand::SetPermit { .. } | ClassCommand::DropPermit { .. });
        let changing = slot.then(|| Changing::begin(&self.slots, id));
        let Some(applied) = self.world.store.apply_class(app, id, command, now.wall).await? else { return Ok(None) };
        if let (Some(changing), ClassOutcome::Unseated(user)) = (&changing, &applied.outcome) {
            changing.lost(user, self.world.clock.now().mono);
        }
        drop(changing);
        match &applied.outcome {
            ClassOutcome::Done => match status {
                Some(ClassStatus::Ended) => self.end_media(&applied.class.channel()).await,
                Some(ClassStatus::Idle) => self.paused(&applied.class),
                Some(ClassStatus::Running) | None => {}
            },
            ClassOutcome::Deleted => {
                self.end_media(&applied.class.channel()).await;
                if let Some(boards) = self.world.boards() {
                    boards.close(id).await;
                }
            }
            ClassOutcome::Unseated(user) => self.unseated(&applied.class, user).await,
            ClassOutcome::Unchanged
            | ClassOutcome::NotAllowed
            | ClassOutcome::StageFull
            | ClassOutcome::Refused(_)
            | ClassOutcome::Pending(_) => {}
        }
        if let Some(stage_max) = provisional {
            let input = Input::StageEnds { app, class: id, stage_max, after: PROVISIONAL + Duration::from_millis(1) };
            let _nothing_at_once = lock(&self.agenda).handle(now, input);
        }
        self.tell_class(&applied, change, by).await?;
        Ok(Some(applied))
    }

    /// Rights first, then everybody in class is told.
    pub(crate) async fn tell_class(
        &self,
        applied: &ClassApplied,
        change: ClassChange,
        by: Option<UserId>,
    ) -> Result<()> {
        self.tell_rights(applied).await?;
        let silent = matches!(
            applied.outcome,
            ClassOutcome::NotAllowed | ClassOutcome::StageFull | ClassOutcome::Refused(_) | ClassOutcome::Pending(_)
        );
        let nothing = applied.outcome == ClassOutcome::Unchanged && applied.news.is_empty();
        if !silent && !nothing {
            self.world.tell(Happening::Class { applied: applied.clone(), change, by }).await;
        }
        Ok(())
    }

    /// The engine and the whiteboard judge those anew whose rights may have changed.
    pub(crate) async fn tell_rights(&self, applied: &ClassApplied) -> Result<()> {
        let class = &applied.class;
        let channel = class.channel();
        let people: BTreeSet<&UserId> = applied.news.iter().map(|n| &n.member.user).collect();
        let all: BTreeSet<&UserId> = applied.rights.iter().chain(people).collect();
        for user in all {
            // Who only came or went may publish no more and no less, unless presence is all it takes.
            let judged = self.world.policy.open_stage || applied.rights.contains(user);
            if judged && class.open() && self.world.tell_standing(&channel, user).await.is_err() {
                self.again(Effect::Standing(channel.clone(), user.clone()));
            }
            if let Some(boards) = self.world.boards()
                && boards.is_open(class.id)
            {
                boards.set_rights(class.id, user, self.board_rights(class, user).await?).await;
            }
        }
        Ok(())
    }

    /// What a user may do to a class's whiteboard now; `None` = not even look (classroom.md 6.6).
    ///
    /// # Errors
    /// Store faults.
    pub async fn board_rights(&self, class: &Class, user: &UserId) -> Result<Option<BoardRights>> {
        let now = self.world.clock.now().wall;
        let Some(view) = self.world.store.class_view(class.app, class.id, user).await? else { return Ok(None) };
        let role = view.role(&Caller::user(user.clone()), now);
        if view.banned(now) || !role.inside() {
            return Ok(None);
        }
        let (draw, pages) = (role.holds(AssistantRight::Whiteboard), role.holds(AssistantRight::Courseware));
        Ok(Some(BoardRights { draw, pages }))
    }

    /// A paused class's channel lasts as an adhoc one does.
    fn paused(&self, class: &Class) {
        let channel = class.channel();
        if self.world.live.online(&channel) == 0 {
            let _nothing_at_once =
                lock(&self.agenda).handle(self.world.clock.now(), Input::Opened { channel, linger: None });
        }
    }

    /// What the engine did not confirm is done again in a moment.
    fn again(&self, effect: Effect) {
        lock(&self.agenda).again(self.world.clock.now(), effect);
    }

    /// An assistant without a permit is out of the media channel, and may come in again as what it is then.
    async fn unseated(&self, class: &Class, user: &UserId) {
        let (channel, user) = (class.channel(), user.clone());
        let removal = Removal { cause: RemoveCause::Kick, not_before_secs: 0, until: UnixMs(0), farewell: None };
        if self.world.media().remove(&channel, &user, removal.clone()).await.is_err() {
            self.again(Effect::Remove(channel, user, removal));
        }
    }

    /// A live connection of a member: its absence will be noticed, and who had left is back.
    pub(super) async fn class_connected(&self, class: &Class, user: &UserId) -> Result<()> {
        let Some(row) = self.world.store.class_member(class.id, user).await? else { return Ok(()) };
        let returns = !row.present();
        if returns {
            // The row is read first: if it is of a command that is under way, the command shows here.
            let (now, slots) = (self.world.clock.now().mono, lock(&self.slots));
            if slots.changing.contains_key(&class.id) {
                drop(slots);
                self.again(Effect::Attend(class.channel(), user.clone()));
                return Ok(());
            }
            if slots.lost.get(&(class.id, user.clone())).is_some_and(|at| *at + OF_BEFORE > now) {
                return Ok(());
            }
        }
        if returns || !row.connected {
            let command = ClassCommand::Connect { user: user.clone(), returns };
            self.class_command(class.app, class.id, command).await?;
        }
        Ok(())
    }

    /// The grace of an absent member ended.
    pub(super) async fn class_deserted(&self, class: &Class, user: &UserId) -> Result<()> {
        if self.world.is_here(&class.channel(), user) {
            return Ok(());
        }
        self.class_command(class.app, class.id, ClassCommand::Depart { user: user.clone() }).await.map(drop)
    }
}

/// What a class becomes when a stream of it comes or goes, if it changes at all.
fn streamed(on: bool) -> ClassStatus {
    if on { ClassStatus::Running } else { ClassStatus::Idle }
}

fn change_of(command: &ClassCommand) -> ClassChange {
    match command {
        ClassCommand::SetStatus { to, .. } => ClassChange::Status(*to),
        ClassCommand::Streamed { on } => ClassChange::Status(streamed(*on)),
        ClassCommand::Update { .. } => ClassChange::Fields,
        ClassCommand::Delete { .. } => ClassChange::Deleted,
        ClassCommand::SetPermit { .. } | ClassCommand::DropPermit { .. } => ClassChange::Permit,
        ClassCommand::Meeting { patch, .. } => ClassChange::Meeting {
            members: patch.members.is_some(),
            all_mute: patch.all_mute.is_some(),
            interaction: patch.interaction_allowed.is_some(),
        },
        ClassCommand::Join { .. }
        | ClassCommand::Leave { .. }
        | ClassCommand::Depart { .. }
        | ClassCommand::Connect { .. }
        | ClassCommand::Kick { .. }
        | ClassCommand::Lift { .. }
        | ClassCommand::Stage { .. } => ClassChange::People,
    }
}
