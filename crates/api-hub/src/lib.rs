//! `POST /hub/v1/token` (hub.md 3.6): whoever holds a login token, a refresh token or a media token gets a connection
//! token of the message hub for it.

mod refuse;
mod routes;
mod state;
mod token;

pub use refuse::RefusalBody;
pub use routes::{document, router};
pub use state::{Doors, HubApiConfig, HubState};
pub use token::{TokenBody, TokenRequest};
