//! Channels: the live places, by name, whatever made them (talk.md 1), and what lasts of a user in one.
//!
//! A voice room's channel exists as long as the room is live. Any other name is an *adhoc* channel: it begins with
//! the first admitted join and ends a while after the last present user left.

mod calls;
mod identity;
mod member;
mod record;
mod rights;

pub use calls::{Boot, Call, CallBook, CallConfig, CallInput, CallOp, CallRow, CloseReason};
pub use identity::IdentityType;
pub use member::{Member, MemberApplied, MemberCommand, MemberDecision, MemberOutcome, Subject, decide_member};
pub use record::ChannelRecord;
pub use rights::{Place, Policy, Rights, muted_at};

/// Attribute that names the user behind an identity.
pub const ATTR_USER: &str = "stoa.user";
/// Attribute that carries the identity type and marks a token as ours.
pub const ATTR_IDENTITY: &str = "stoa.identity";
/// Attribute that says whether the participant may speak, `1` or `0`.
pub const ATTR_MIC: &str = "stoa.mic";
/// Attribute that says what the server silences: empty, `a`, `v` or `av`.
pub const ATTR_MUTED: &str = "stoa.muted";
/// Attribute with the number of the voice-room seat, 0 = none.
pub const ATTR_SEAT: &str = "stoa.seat";
/// Attribute with the name of the user's device.
pub const ATTR_DEVICE: &str = "stoa.device";
/// Attribute of a token that opens no new channel, `1`.
pub const ATTR_MUST_EXIST: &str = "stoa.must_exist";
