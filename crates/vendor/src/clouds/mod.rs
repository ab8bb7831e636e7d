//! The ports of core (`stoa_core::cloud`) over the vendors' clients: what is asked when, what is remembered, what a
//! failure costs.

mod cache;
mod classes;
mod lanes;
mod rooms;

pub use classes::{ClassClouds, Messages};
pub use rooms::RoomClouds;

use stoa_core::{Error, Kind};

/// Questions at the vendors at once, on behalf of answers (classroom.md 6.8).
const ASKING: usize = 8;

/// A fault of a vendor as the product tells it: `public` for the caller, the rest for the log.
fn fault(public: String, e: &crate::error::Error) -> Error {
    Error::new(Kind::Vendor { code: None }, public).with_internal(e)
}
