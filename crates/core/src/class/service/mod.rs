//! The use-cases of classes. Order of checks is always: whose name, does the class exist, may this role, business
//! rules (classroom.md 2.2).

mod course;
mod files;
mod jump;
mod media;
mod people;
mod speech;

use std::sync::Arc;
use std::time::Duration;

pub use course::Rollcall;
pub use files::{FileLimits, Uploaded};
pub use media::{Shadow, StreamWish};
pub use people::{JoinWish, Joined, Leaving};

use super::command::{ClassCommand, ClassOutcome, ClassPatch};
use super::member::Role;
use super::record::{Class, ClassMode, ClassStatus, NewClass};
use super::view::{ClassView, Meeting};
use crate::caller::Caller;
use crate::cloud::{ClassCloud, GroupService, Outside};
use crate::director::Director;
use crate::error::{Error, Kind, Result};
use crate::id::{AppId, ClassId, MeetingId, UserId};
use crate::time::UnixMs;
use crate::world::World;

/// Who may create classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creators {
    /// Everybody with an account.
    Any,
    /// Administrators.
    Admin,
    /// These, and administrators.
    Only(Vec<UserId>),
}

/// What the operator chose for this dialect.
#[derive(Debug, Clone)]
pub struct ClassConfig {
    /// Tenant of the dialect.
    pub app: AppId,
    /// Who may create classes.
    pub creators: Creators,
    /// Ban of a kick that names none.
    pub kick_ban: Duration,
    /// A join this young may be a reloaded page.
    pub leave_grace: Duration,
    /// Users on stage at most, the teacher not counted.
    pub stage_max: usize,
}

/// Fields of a new class, checked by the dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateClass {
    /// The owner.
    pub teacher: UserId,
    /// See [`Class`].
    pub title: String,
    /// See [`Class`].
    pub notice: String,
    /// See [`Class`].
    pub extends: String,
    /// See [`Class`].
    pub teacher_nick: String,
    /// See [`Class`].
    pub mode: ClassMode,
    /// Where its clients want groups; empty = wherever the operator has them.
    pub groups: Vec<GroupService>,
}

/// The classes of one app. Cheap to clone.
#[derive(Clone)]
pub struct Classes {
    world: World,
    director: Arc<Director>,
    config: ClassConfig,
    cloud: Option<Arc<dyn ClassCloud>>,
    files: FileLimits,
}

fn not_found() -> Error {
    Error::new(Kind::NotFound, "class not found")
}

fn forbidden() -> Error {
    Error::new(Kind::Forbidden, "the caller's role does not allow this")
}

/// Under whose rights a request runs: without the subject check the body's user stands for the caller.
fn acting(caller: &Caller, user: &UserId) -> Caller {
    match caller.unbound {
        true => Caller { user: user.clone(), ..caller.clone() },
        false => caller.clone(),
    }
}

impl Classes {
    /// The classes of `config.app`, in this world.
    #[must_use]
    pub fn new(world: World, director: Arc<Director>, config: ClassConfig) -> Self {
        Self { world, director, config, cloud: None, files: FileLimits::default() }
    }

    /// With parts of every class outside.
    #[must_use]
    pub fn with_cloud(self, cloud: Arc<dyn ClassCloud>) -> Self {
        Self { cloud: Some(cloud), ..self }
    }

    /// With other limits of uploads.
    #[must_use]
    pub fn with_files(self, files: FileLimits) -> Self {
        Self { files, ..self }
    }

    /// The tenant.
    #[must_use]
    pub fn app(&self) -> AppId {
        self.config.app
    }

    /// Where they are.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    fn now(&self) -> UnixMs {
        self.world.clock.now().wall
    }

    /// 16 random bytes.
    fn random(&self) -> [u8; 16] {
        let mut out = [0u8; 16];
        self.world.entropy.fill(&mut out);
        out
    }

    /// Makes a class (classroom.md 4.3). The caller must be the teacher or an administrator.
    ///
    /// # Errors
    /// `NotYou`, `Forbidden`, `Vendor`, store faults. Nothing is stored then.
    pub async fn create(&self, caller: &Caller, new: CreateClass) -> Result<ClassView> {
        caller.act_as(&new.teacher, "teacher_id")?;
        let me = acting(caller, &new.teacher);
        let may = me.admin
            || match &self.config.creators {
                Creators::Any => true,
                Creators::Admin => false,
                Creators::Only(users) => users.contains(&me.user),
            };
        if !may {
            return Err(forbidden());
        }
        let teacher = new.teacher.clone();
        let mut class = NewClass {
            id: ClassId::random(self.random()),
            app: self.config.app,
            meeting: MeetingId::random(self.random()),
            created: self.now(),
            title: new.title,
            notice: new.notice,
            teacher: new.teacher,
            teacher_nick: new.teacher_nick,
            extends: new.extends,
            mode: new.mode,
            outside: Outside::default(),
        };
        if let Some(cloud) = &self.cloud {
            class.outside = cloud.open(&class, &new.groups).await?;
        }
        let made = match self.world.store.create_class(class.clone()).await {
            Ok(made) => made,
            Err(e) => {
                self.forget(&class.into_class());
                return Err(e);
            }
        };
        self.look(made.id, &teacher).await
    }

    /// All classes of the app, newest first, as this user sees them (classroom.md 4.4).
    ///
    /// # Errors
    /// `NotYou`, store faults.
    pub async fn list(&self, caller: &Caller, user: &UserId, offset: u64, limit: u32) -> Result<Vec<ClassView>> {
        caller.act_as(user, "user_id")?;
        self.world.store.list_classes(self.config.app, user, offset, limit).await
    }

    /// One class as this user sees it (classroom.md 4.5); `None` as id means the request named no possible class.
    ///
    /// # Errors
    /// `NotYou`, `NotFound`, store faults.
    pub async fn get(&self, caller: &Caller, id: Option<ClassId>, user: &UserId) -> Result<ClassView> {
        caller.act_as(user, "user_id")?;
        self.look(id.ok_or_else(not_found)?, user).await
    }

    async fn look(&self, id: ClassId, user: &UserId) -> Result<ClassView> {
        self.world.store.class_view(self.config.app, id, user).await?.ok_or_else(not_found)
    }

    /// The class as the caller sees it, and what the caller is in it.
    async fn enter(&self, caller: &Caller, id: Option<ClassId>) -> Result<(ClassView, Role)> {
        let view = self.look(id.ok_or_else(not_found)?, &caller.user).await?;
        let role = view.role(caller, self.now());
        Ok((view, role))
    }

    /// As [`Classes::enter`] for those whose role fits.
    async fn allowed(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        may: impl FnOnce(&Role) -> bool,
    ) -> Result<ClassView> {
        let (view, role) = self.enter(caller, id).await?;
        if may(&role) { Ok(view) } else { Err(forbidden()) }
    }

    /// Carries a command out; a role that does not fit is an error.
    async fn command(&self, id: Option<ClassId>, command: ClassCommand) -> Result<(Arc<Class>, ClassOutcome)> {
        let id = id.ok_or_else(not_found)?;
        let applied = self.director.class_command(self.config.app, id, command).await?.ok_or_else(not_found)?;
        match applied.outcome {
            ClassOutcome::NotAllowed => Err(forbidden()),
            outcome => Ok((applied.class, outcome)),
        }
    }

    /// `start`, `pause`, `stop` (classroom.md 5.1). Answers the class as `user` sees it then.
    ///
    /// # Errors
    /// `NotYou`, `NotFound`, `Forbidden`, store faults.
    pub async fn set_status(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        user: &UserId,
        to: ClassStatus,
    ) -> Result<ClassView> {
        caller.act_as(user, "user_id")?;
        let (class, _) = self.command(id, ClassCommand::SetStatus { caller: acting(caller, user), to }).await?;
        self.seen(class, user).await
    }

    /// The class whose media channel this is.
    ///
    /// # Errors
    /// Store faults.
    pub async fn at_meeting(&self, meeting: MeetingId) -> Result<Option<ClassId>> {
        Ok(match self.world.store.meeting(self.config.app, meeting).await? {
            Meeting::Class(class) => Some(class.id),
            Meeting::Deleted | Meeting::Unknown => None,
        })
    }

    /// A stream of the class came or went at a vendor (classroom.md 6.9); an unknown class is nobody's fault.
    ///
    /// # Errors
    /// Store faults.
    pub async fn streamed(&self, id: ClassId, on: bool) -> Result<()> {
        self.director.class_command(self.config.app, id, ClassCommand::Streamed { on }).await.map(drop)
    }

    /// `update` (classroom.md 4.11).
    ///
    /// # Errors
    /// As [`Classes::set_status`].
    pub async fn update(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        user: &UserId,
        patch: ClassPatch,
    ) -> Result<ClassView> {
        caller.act_as(user, "user_id")?;
        let (class, _) = self.command(id, ClassCommand::Update { caller: acting(caller, user), patch }).await?;
        self.seen(class, user).await
    }

    /// `delete` (classroom.md 4.12). Answers the class as it was.
    ///
    /// # Errors
    /// As [`Classes::set_status`].
    pub async fn delete(&self, caller: &Caller, id: Option<ClassId>, user: &UserId) -> Result<ClassView> {
        caller.act_as(user, "user_id")?;
        let view = self.look(id.ok_or_else(not_found)?, user).await?;
        let (class, _) = self.command(id, ClassCommand::Delete { caller: acting(caller, user) }).await?;
        self.forget(&class);
        Ok(ClassView { class, ..view })
    }

    /// Takes back what a class had outside.
    fn forget(&self, class: &Class) {
        if let Some(cloud) = self.cloud.as_ref().filter(|_| !class.outside.is_empty()) {
            cloud.close(class);
        }
    }

    /// The clouds, where there are any.
    #[must_use]
    pub fn cloud(&self) -> Option<&Arc<dyn ClassCloud>> {
        self.cloud.as_ref()
    }

    /// The view of a user with the record of the commit that just happened.
    async fn seen(&self, class: Arc<Class>, user: &UserId) -> Result<ClassView> {
        let view = self.look(class.id, user).await?;
        Ok(ClassView { class, ..view })
    }

    /// Distinct users with at least one live connection (classroom.md 5.10).
    #[must_use]
    pub fn online(&self, class: &Class) -> usize {
        self.world.online(&class.channel())
    }

    /// Whether the user owns a class that is not ended, or assists in one (classroom.md 4.1, `auth.role`).
    ///
    /// # Errors
    /// Store faults.
    pub async fn manages(&self, user: &UserId) -> Result<bool> {
        self.world.store.manages_class(self.config.app, user).await
    }
}
