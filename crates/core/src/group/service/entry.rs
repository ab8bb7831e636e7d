//! What there is under a group's name, and who may come in.

use std::sync::Arc;

use super::{Answer, Group, Groups, Stop};
use crate::caller::Caller;
use crate::channel::ChannelRecord;
use crate::class::{AssistantRight, Class, ClassView, MemberStatus, Role};
use crate::error::Result;
use crate::group::Refusal;
use crate::group::names::{GroupKey, NamedGroup, Place, enc};
use crate::id::{AppId, ChannelKey, ClassId, RoomId, UserId};
use crate::voice::Room;
use crate::world::Found;

/// What there is.
#[derive(Debug, Clone)]
pub(super) enum Record {
    /// A live voice room.
    Room(Arc<Room>),
    /// A class.
    Class(Arc<Class>),
    /// An adhoc channel.
    Talk(ChannelRecord),
}

/// What a user is in a group.
#[derive(Debug)]
pub(super) struct Standing {
    pub caller: Caller,
    pub record: Record,
    /// Of a class only.
    pub view: Option<ClassView>,
    pub role: Option<Role>,
}

impl Standing {
    /// The teacher, or the owner, or whoever may act as one.
    pub fn rules(&self) -> bool {
        match &self.record {
            Record::Room(room) => self.caller.admin || room.anchor == self.caller.user,
            Record::Class(_) => self.role.as_ref().is_some_and(Role::teaches),
            Record::Talk(_) => false,
        }
    }

    /// As [`Standing::rules`], or the assistant with this right.
    pub fn holds(&self, right: AssistantRight) -> bool {
        self.rules() || self.role.as_ref().is_some_and(|r| r.holds(right))
    }

    /// The word clients see.
    pub fn role_name(&self) -> &'static str {
        match (&self.record, &self.role) {
            (Record::Room(room), _) if room.anchor == self.caller.user => "owner",
            (Record::Room(_), _) if self.caller.admin => "admin",
            (Record::Class(_), Some(Role::Teacher)) => "teacher",
            (Record::Class(_), Some(Role::Admin)) => "admin",
            (Record::Class(_), Some(Role::Assistant(_))) => "assistant",
            (Record::Class(_), _) => "student",
            _ => "member",
        }
    }

    /// Whose place it is; nobody's in an adhoc channel.
    pub fn creator(&self) -> Option<&UserId> {
        match &self.record {
            Record::Room(room) => Some(&room.anchor),
            Record::Class(class) => Some(&class.teacher),
            Record::Talk(_) => None,
        }
    }
}

impl Groups {
    /// What there is under a name. `None` = nothing, or it is over. `user` finds adhoc channels with long names.
    pub(super) async fn find(
        &self,
        app: AppId,
        named: &NamedGroup,
        user: &UserId,
    ) -> Result<Option<(GroupKey, ChannelKey, Record)>> {
        let name = match named {
            NamedGroup::Id(id) => {
                if let Some(room) = self.world.store.room(app, RoomId(*id)).await? {
                    let key = GroupKey::room(app, room.id);
                    return Ok(room.live().then(|| (key, room.channel(), Record::Room(room))));
                }
                let class = self.world.store.class(app, ClassId(*id)).await?;
                return Ok(class.map(|c| (GroupKey::class(app, c.id), c.channel(), Record::Class(c))));
            }
            NamedGroup::Talk(name) => name.clone(),
            NamedGroup::Hashed(hash) => {
                let there = self.world.live.channels_of(app, user);
                match there.into_iter().find(|n| enc(n.as_str()) == *hash) {
                    Some(name) => name,
                    None => return Ok(None),
                }
            }
        };
        let channel = ChannelKey { app, name: name.clone() };
        Ok(match self.world.find(&channel).await? {
            Found::Adhoc(record) => Some((GroupKey::talk(app, name), channel, Record::Talk(record))),
            _ => None,
        })
    }

    /// What the user is in this place; whether it may be in the group is [`Groups::admit`]'s.
    pub(super) async fn standing(&self, record: Record, user: &UserId) -> Result<Standing> {
        if let Record::Class(class) = &record
            && let Some(view) = self.world.store.class_view(class.app, class.id, user).await?
        {
            // The view's record is at least as new.
            return self.in_class(view, user).await;
        }
        Ok(Standing { caller: self.caller(user).await?, record, view: None, role: None })
    }

    /// What a member is in its group: messages ask this each time, so it reads the record once. `None` = it is over.
    async fn standing_in(&self, group: &Group, user: &UserId) -> Result<Option<Standing>> {
        let app = group.key.app;
        let record = match &group.key.place {
            Place::Room(id) => self.world.store.room(app, *id).await?.filter(|r| r.live()).map(Record::Room),
            Place::Class(id) => {
                let Some(view) = self.world.store.class_view(app, *id, user).await? else { return Ok(None) };
                return self.in_class(view, user).await.map(Some);
            }
            Place::Talk(_) => match self.world.find(&group.channel).await? {
                Found::Adhoc(record) => Some(Record::Talk(record)),
                _ => None,
            },
        };
        let Some(record) = record else { return Ok(None) };
        Ok(Some(Standing { caller: self.caller(user).await?, record, view: None, role: None }))
    }

    async fn in_class(&self, view: ClassView, user: &UserId) -> Result<Standing> {
        let caller = self.caller(user).await?;
        let role = Some(view.role(&caller, self.now().wall));
        Ok(Standing { caller, record: Record::Class(Arc::clone(&view.class)), view: Some(view), role })
    }

    /// The rules of joining and of every subscription (voice-room.md 7.4, classroom.md 7.2, talk.md 5.2).
    pub(super) async fn admit(&self, channel: &ChannelKey, standing: &Standing) -> Answer<()> {
        let user = &standing.caller.user;
        match &standing.record {
            Record::Class(_) => {
                let kicked = standing.view.as_ref().and_then(|v| v.row.as_ref());
                let kicked = kicked.is_some_and(|r| r.status == MemberStatus::Kicked);
                match standing.role.as_ref() {
                    // The class went away in between.
                    None => Err(Refusal::NO_GROUP.into()),
                    Some(Role::Banned) => Err(Refusal::BANNED.into()),
                    Some(Role::Teacher | Role::Admin) => Ok(()),
                    Some(Role::Other) => Err(Refusal::JOIN_REFUSED.into()),
                    Some(_) if kicked => Err(Refusal::JOIN_REFUSED.into()),
                    Some(Role::Left | Role::Student | Role::Assistant(_)) => Ok(()),
                }
            }
            Record::Room(_) => self.not_banned(channel, user).await,
            Record::Talk(_) => {
                self.not_banned(channel, user).await?;
                let present = self.world.live.is_online(channel, user);
                if present { Ok(()) } else { Err(Refusal::JOIN_REFUSED.into()) }
            }
        }
    }

    async fn not_banned(&self, channel: &ChannelKey, user: &UserId) -> Answer<()> {
        let sanction = self.world.store.sanction(channel, user).await?;
        let banned = sanction.is_some_and(|s| s.bans(self.now().wall));
        if banned { Err(Refusal::BANNED.into()) } else { Ok(()) }
    }

    /// The group of a call by one of its members, and what the member is there.
    pub(super) async fn member(&self, app: AppId, id: &str, user: &UserId) -> Answer<(Arc<Group>, Standing)> {
        let named = NamedGroup::parse(id).ok_or(Refusal::NO_GROUP)?;
        let Some(group) = self.in_use(app, &named).filter(|g| g.heart().has(user)) else {
            let Some((_, channel, _)) = self.find(app, &named, user).await? else {
                return Err(self.over(app, &named).into());
            };
            self.not_banned(&channel, user).await?;
            return Err(Refusal::NOT_MEMBER.into());
        };
        if group.heart().closing.is_some() {
            return Err(Refusal::CLOSING.into());
        }
        let standing = self.standing_in(&group, user).await?.ok_or_else(|| self.over(app, &named))?;
        if standing.role == Some(Role::Banned) {
            return Err(Refusal::BANNED.into());
        }
        Ok((group, standing))
    }

    /// Why nothing live is found: the group may be about to end. A room is over a moment before its group is told so.
    pub(super) fn over(&self, app: AppId, named: &NamedGroup) -> Refusal {
        match self.in_use(app, named) {
            Some(_) => Refusal::CLOSING,
            None => Refusal::NO_GROUP,
        }
    }

    /// The group of this name that is about to end.
    pub(super) fn ending(&self, app: AppId, named: &NamedGroup) -> Option<Arc<Group>> {
        self.in_use(app, named).filter(|g| g.heart().closing.is_some())
    }

    /// The group of this name that is in use, whether live or not.
    pub(super) fn in_use(&self, app: AppId, named: &NamedGroup) -> Option<Arc<Group>> {
        let keys = match named {
            NamedGroup::Id(id) => vec![GroupKey::room(app, RoomId(*id)), GroupKey::class(app, ClassId(*id))],
            NamedGroup::Talk(name) => vec![GroupKey::talk(app, name.clone())],
            NamedGroup::Hashed(_) => Vec::new(),
        };
        keys.iter().find_map(|k| self.known(k))
    }
}

impl Stop {
    /// Whether a client is told that it may not, as opposed to our fault.
    pub fn refused(&self) -> Option<Refusal> {
        match self {
            Self::Refused(r) => Some(*r),
            Self::Failed(_) => None,
        }
    }
}
