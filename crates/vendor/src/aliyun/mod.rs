//! Aliyun: messages old and new, real-time media, its CDN and recordings.

pub mod callback;
pub mod rpc;
mod token;
pub mod url;

pub use token::{Im, Rtc};
