//! The classroom dialect: published requests in, published answers out. It decides nothing: it reads a request, calls
//! one use-case, writes the answer that existing clients can read.

mod board;
mod class_body;
pub mod config;
pub mod endpoints;
pub mod links;
mod read;
mod refuse;
pub mod reply;
mod routes;
mod state;
mod vod;

pub use class_body::{CdnPullInfo, ClassBody, LinkInfo, MemberBody, Metrics, UserStatus};
pub use config::{BoardKeys, BoardProvider, ClassApiConfig, FileLinks, ImProvider, MediaProvider};
pub use links::LinkKey;
pub use routes::{document, router};
pub use state::ClassState;
pub use vod::VodInfo;
