//! Argon2id, off the async threads and a bounded number at a time.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use async_trait::async_trait;
use stoa_core::console::Hashes;
use stoa_core::error::{Error, Result};
use stoa_core::login::Passwords;
use stoa_core::ports::Entropy as _;
use tokio::sync::Semaphore;

use crate::entropy::OsEntropy;

/// Memory of one hash. OWASP's first choice is 19 MiB with two passes; more slows a guesser and every login alike.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
const PASSES: u32 = 2;

fn argon2() -> std::result::Result<Argon2<'static>, String> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|e| e.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash of a password in PHC text form, with a fresh salt.
///
/// # Errors
/// When the parameters are refused by the library, which would be a fault of this file.
pub fn hash(password: &str) -> std::result::Result<String, String> {
    let mut salt = [0u8; 16];
    OsEntropy.fill(&mut salt);
    let hash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt).map_err(|e| e.to_string())?;
    Ok(hash.to_string())
}

/// [`Passwords`] for real.
#[derive(Debug, Clone)]
pub struct Argon2Passwords {
    slots: Arc<Semaphore>,
    /// What an unknown user's password is compared with, so that it takes as long.
    dummy: Arc<str>,
}

impl Argon2Passwords {
    /// At most one hash per core at a time; the rest waits.
    ///
    /// # Errors
    /// As [`hash`].
    pub fn new() -> std::result::Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self { slots: Arc::new(Semaphore::new(cores)), dummy: hash("nobody has this password")?.into() })
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(Error::internal_error)?;
        let known = hash.is_some();
        let phc: Arc<str> = hash.map_or_else(|| Arc::clone(&self.dummy), Arc::from);
        let password = password.to_owned();
        let matches = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            let parsed = PasswordHash::new(&phc).map_err(|e| Error::internal_error(format!("stored hash: {e}")))?;
            let argon2 = argon2().map_err(Error::internal_error)?;
            Ok::<bool, Error>(argon2.verify_password(password.as_bytes(), &parsed).is_ok())
        })
        .await
        .map_err(Error::internal_error)??;
        Ok(known && matches)
    }
}

#[async_trait]
impl Hashes for Argon2Passwords {
    async fn hash(&self, password: &str) -> Result<String> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(Error::internal_error)?;
        let password = password.to_owned();
        tokio::task::spawn_blocking(move || {
            let _slot = slot;
            hash(&password).map_err(Error::internal_error)
        })
        .await
        .map_err(Error::internal_error)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let p = Argon2Passwords::new().unwrap();
        let (a, b) = (hash("sesam").unwrap(), hash("sesam").unwrap());
        assert!(a.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{a}");
        assert_ne!(a, b, "salts differ");
        assert!(p.verify("sesam", Some(&a)).await.unwrap());
        assert!(!p.verify("Sesam", Some(&a)).await.unwrap());
        assert!(!p.verify("nobody has this password", None).await.unwrap());
        assert!(p.verify("x", Some("not a hash")).await.is_err());
    }
}
