//! The console's own API: what an administrator sees of the whole server, and may do to it. It decides nothing: it
//! reads a request, calls one use-case, writes the answer and an entry in the log of commands.

mod ask;
pub mod body;
pub mod endpoints;
mod order;
mod refuse;
mod routes;
mod state;

pub use routes::{document, router};
pub use state::{About, ConsoleState, Health, Machine, StoreKind};
