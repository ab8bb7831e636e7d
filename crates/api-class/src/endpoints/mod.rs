//! One endpoint (or one family of endpoints), one file: what it reads, what it answers, how its description reads.

pub mod add_docs;
pub mod check_in;
pub mod create;
pub mod delete;
pub mod delete_docs;
pub mod get;
pub mod get_rtc_auth_token;
pub mod join_class;
pub mod jump;
pub mod kick;
pub mod leave_class;
pub mod like;
pub mod list;
pub mod list_members;
pub mod login;
pub mod meeting;
pub mod mute;
pub mod permit;
pub mod push_callback;
pub mod query_doc;
pub mod status;
pub mod streams;
pub mod token;
pub mod update;
pub mod whiteboard;
pub mod whiteboard_auth;
