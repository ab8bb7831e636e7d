//! Interactive classrooms (classroom.md): a teacher's durable record, its members, and who may do what when.
//!
//! A class lives in the media channel named by its meeting id. The record, the members, the permit, the stage and what
//! the clients share are decided in [`decide_class`]; the store makes each decision durable as a whole.

mod command;
mod decide;
mod file;
mod meeting;
mod member;
mod permit;
mod record;
mod service;
mod stage;
mod store;
mod view;

pub use command::{
    ClassApplied, ClassCommand, ClassDecision, ClassFacts, ClassOutcome, ClassPatch, ClassRefusal, Known, MemberNews,
    News,
};
pub use decide::decide_class;
pub use file::{ClassFile, FileKind, FileSpace, FileStore, PART_BYTES, plain_name};
pub use meeting::{MeetingInfo, MeetingMember, MeetingPatch};
pub use member::{ClassIdentity, ClassMember, MemberStatus, Role};
pub use permit::{AssistantRight, Permit};
pub use record::{Class, ClassMode, ClassStatus, NOTICE_BYTES, NewClass};
pub use service::{
    ClassConfig, Classes, CreateClass, Creators, FileLimits, JoinWish, Joined, Leaving, Rollcall, Shadow, StreamWish,
    Uploaded,
};
pub use stage::{OnStage, PROVISIONAL, Stage, StageOp};
pub use store::ClassStore;
pub use view::{ChatMute, CheckIn, CheckInRecord, ClassView, Doc, GroupFacts, Meeting, MemberFilter};
