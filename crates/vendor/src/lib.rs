//! Vendor clouds: what they sign, as pure functions of their inputs, and clients of their HTTP interfaces.
//!
//! [`aliyun::Aliyun`], [`rongcloud::RongCloud`] and [`netease::NetEase`] are made from plain settings and one
//! [`Transport`]. Every call ends within its time limit, with an answer or one [`Error`].

pub mod aliyun;
pub mod breaker;
pub mod clouds;
mod error;
#[cfg(test)]
mod fuzz;
pub mod health;
mod json;
pub mod netease;
pub mod retry;
pub mod rongcloud;
pub mod text;
mod transport;

pub use error::{Error, Kind, SettingsError, Why};
pub use transport::{Limits, Transport, address};
