//! What the whole engine shares: configuration, tenants, clock, entropy.

use std::sync::{Arc, PoisonError, RwLock};

use stoa_core::app::Apps;
use stoa_core::ports::{Clock, Entropy};

use crate::Config;
use crate::meters::Meters;

/// Random characters after the prefix of an id. 62^12 is beyond guessing and what LiveKit uses.
const ID_CHARS: usize = 12;

/// Shared, read-mostly.
pub(crate) struct Env {
    pub cfg: Config,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub meters: Meters,
    apps: RwLock<Apps>,
}

impl Env {
    pub(crate) fn new(cfg: Config, apps: Apps, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { cfg, clock, entropy, meters: Meters::new(), apps: RwLock::new(apps) }
    }

    /// The tenants as of now.
    pub(crate) fn apps(&self) -> Apps {
        self.apps.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_apps(&self, apps: Apps) {
        *self.apps.write().unwrap_or_else(PoisonError::into_inner) = apps;
    }

    /// A fresh id: the prefix, then random letters and digits. Clients look at the prefix.
    pub(crate) fn id(&self, prefix: &str) -> String {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut out = String::with_capacity(prefix.len() + ID_CHARS);
        out.push_str(prefix);
        let mut left = ID_CHARS;
        while left > 0 {
            let mut bytes = [0u8; 16];
            self.entropy.fill(&mut bytes);
            // Bytes from 248 on are thrown away, so that every character is equally likely.
            for b in bytes.into_iter().filter(|b| *b < 248).take(left) {
                out.push(char::from(ALPHABET[usize::from(b % 62)]));
                left -= 1;
            }
        }
        out
    }

    /// A random number.
    pub(crate) fn random_u32(&self) -> u32 {
        let mut b = [0u8; 4];
        self.entropy.fill(&mut b);
        u32::from_le_bytes(b)
    }
}
