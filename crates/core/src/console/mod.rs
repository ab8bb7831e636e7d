//! What an administrator sees of the whole server and may do to it, over all apps and all kinds of channels.

mod accounts;
mod channels;
mod series;
mod store;

pub use accounts::{AccountChange, AccountPatch, AccountShown, Accounts, Farewell, Hashes, NewAccount};
pub use channels::{ChannelFilter, ChannelKind, ChannelSeen, ChannelsSeen, Console, Inside, Lifted, State};
pub use series::{Ring, Row, Sample, Series};
pub use store::{AuditFilter, CallDay, CallSearch, CallSeen, CallSpan, Census, ConsoleStore, SEGMENTS};
