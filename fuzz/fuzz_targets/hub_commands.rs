//! Commands of the Centrifuge protocol in both formats: decoders answer, and find no more commands than there are bytes.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use stoa_hub::proto::{Commands, Format};

fuzz_target!(|bytes: &[u8]| {
    for format in Format::ALL {
        let found = Commands::new(format, Bytes::copy_from_slice(bytes)).count();
        assert!(found <= bytes.len() + 1);
    }
});
