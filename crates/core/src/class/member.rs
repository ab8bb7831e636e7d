//! Members of a class, and what a caller is in it (classroom.md 2.9, 5.2).

use std::collections::BTreeSet;

use super::permit::AssistantRight;
use super::record::Class;
use crate::caller::Caller;
use crate::id::{ClassId, UserId};
use crate::sanction::Sanction;
use crate::time::UnixMs;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClassIdentity {
    /// Everybody else.
    Student = 1,
    /// Holds the class's slot.
    Assistant = 2,
    /// Owns the class.
    Teacher = 3,
}

impl ClassIdentity {
    /// From the wire's number.
    #[must_use]
    pub fn from_number(n: i64) -> Option<Self> {
        [Self::Student, Self::Assistant, Self::Teacher].into_iter().find(|i| i64::from(i.number()) == n)
    }

    /// The wire's number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// Whether a member is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberStatus {
    /// In class.
    Present = 1,
    /// Left.
    Left = 2,
    /// Kicked.
    Kicked = 3,
}

impl MemberStatus {
    /// From the wire's number.
    #[must_use]
    pub fn from_number(n: i64) -> Option<Self> {
        [Self::Present, Self::Left, Self::Kicked].into_iter().find(|s| i64::from(s.number()) == n)
    }

    /// The wire's number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// A member's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassMember {
    /// Where.
    pub class: ClassId,
    /// Who.
    pub user: UserId,
    /// 1–256 scalar values.
    pub name: String,
    /// Address of a picture.
    pub avatar: Option<String>,
    /// What it is.
    pub identity: ClassIdentity,
    /// Whether it is there.
    pub status: MemberStatus,
    /// When the status last became present by joining.
    pub joined: UnixMs,
    /// When it last asked to join, also while it was in.
    pub asked: UnixMs,
    /// Had a live connection in this class, ever: its absence is noticed.
    pub connected: bool,
}

impl ClassMember {
    /// In class now.
    #[must_use]
    pub fn present(&self) -> bool {
        self.status == MemberStatus::Present
    }
}

/// What a caller is in a class: a column of the table in classroom.md 2.9.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// No member.
    Other,
    /// Was one.
    Left,
    /// Has a running ban.
    Banned,
    /// Member in class.
    Student,
    /// Holds the slot, in class, with these rights.
    Assistant(BTreeSet<AssistantRight>),
    /// Owns the class, joined or not.
    Teacher,
    /// Administrator.
    Admin,
}

impl Role {
    /// What a caller with this row and sanction is at `now`.
    #[must_use]
    pub fn of(class: &Class, caller: &Caller, row: Option<&ClassMember>, ban: Option<&Sanction>, now: UnixMs) -> Self {
        if caller.admin {
            return Self::Admin;
        }
        if class.teacher == caller.user {
            return Self::Teacher;
        }
        if ban.is_some_and(|s| s.bans(now)) {
            return Self::Banned;
        }
        match row {
            None => Self::Other,
            Some(m) if !m.present() => Self::Left,
            Some(m) if m.identity == ClassIdentity::Assistant => {
                Self::Assistant(class.permit.as_ref().map(super::Permit::rights).unwrap_or_default())
            }
            Some(_) => Self::Student,
        }
    }

    /// The teacher, or whoever may act as one.
    #[must_use]
    pub fn teaches(&self) -> bool {
        matches!(self, Self::Teacher | Self::Admin)
    }

    /// As [`Role::teaches`], or an assistant with this right.
    #[must_use]
    pub fn holds(&self, right: AssistantRight) -> bool {
        match self {
            Self::Assistant(rights) => rights.contains(&right),
            other => other.teaches(),
        }
    }

    /// In class, or whoever may act as the teacher.
    #[must_use]
    pub fn inside(&self) -> bool {
        matches!(self, Self::Student | Self::Assistant(_)) || self.teaches()
    }
}
