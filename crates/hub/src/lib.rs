//! The embedded message hub: connections, channels with history and recovery, presence. It speaks the Centrifuge client
//! protocol v2, so that the official SDKs connect unmodified.
//!
//! It knows nothing of rooms beyond names: rules of the product stand behind [`stoa_core::hub::HubHooks`], commands of
//! the product come through [`stoa_core::hub::Hub`].

pub mod engine;
mod net;
pub mod proto;
pub mod token;
pub mod wire;

pub use engine::{Config, Limits, Namespace, Rate, Timing};
pub use net::{Hub, OriginRule, PeerRule, Settings, SocketRule, Taken};
pub use token::Verifier;
