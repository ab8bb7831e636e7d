//! What the REST dialects share.
pub mod fields;
pub mod json;
pub mod jwt;
pub mod login_token;
pub mod refusal;
