//! Aliyun: messages old and new, real-time media, its CDN and recordings.

pub(crate) mod answers;
pub mod callback;
mod client;
pub mod rpc;
mod settings;
mod token;
pub mod url;

pub use answers::{GroupUser, MessageToken, MuteSource, Statistics};
pub use client::Aliyun;
pub use settings::{Hosts, ImSettings, LiveSettings, RtcSettings, Settings, Use};
pub use token::{Im, Rtc};
