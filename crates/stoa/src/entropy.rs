//! The only place that makes unpredictable bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stoa_core::ports::Entropy;

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) {
        // Without randomness every secret would be guessable: stopping is the only safe answer.
        if let Err(e) = getrandom::fill(out) {
            eprintln!("stoa: the operating system gives no random bytes: {e}");
            std::process::abort();
        }
    }
}

/// A fresh secret as text: 256 bits, base64url, 43 characters.
#[must_use]
pub fn secret_text() -> String {
    let mut bytes = [0u8; 32];
    OsEntropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A fresh public name: `prefix` and 64 random bits in hex.
#[must_use]
pub fn name_text(prefix: &str) -> String {
    let mut bytes = [0u8; 8];
    OsEntropy.fill(&mut bytes);
    bytes.iter().fold(prefix.to_owned(), |s, b| s + &format!("{b:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_hold_256_bits_and_differ() {
        let (a, b) = (secret_text(), secret_text());
        assert_eq!(URL_SAFE_NO_PAD.decode(&a).unwrap().len(), 32);
        assert_ne!(a, b);
        assert_ne!(name_text("k"), name_text("k"));
    }
}
