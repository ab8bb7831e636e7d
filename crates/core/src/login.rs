//! Who may log in, and who the bearer of a token is (voice-room.md 3).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::account::token_counts;
use crate::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::id::UserId;
use crate::ports::{Clock, Store};

/// Who decides about names and passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Accounts made by the operator.
    Accounts,
    /// The password equals the user name, unless the name has an account or is an administrator's.
    Demo,
    /// The operator's own login service.
    Hook,
}

/// Verifies a password against an Argon2id hash, off the async threads, a bounded number at a time.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// With `None` the same work is done on a dummy hash and the answer is false.
    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool>;
}

/// The operator's login service.
#[async_trait]
pub trait LoginHook: Send + Sync {
    /// Whether the service lets this pair in. Errors are our fault, not bad credentials.
    async fn allow(&self, user: &UserId, password: &str) -> Result<bool>;
}

/// Settings of `auth.*`.
#[derive(Debug, Clone)]
pub struct LoginConfig {
    /// Who decides.
    pub mode: AuthMode,
    /// Administrators besides accounts with the flag.
    pub admins: BTreeSet<UserId>,
    /// Failures per address and name within the window.
    pub failures: u32,
    /// Failures per address within the window.
    pub failures_address: u32,
    /// The window.
    pub window: Duration,
    /// False = names in bodies are believed (migration tests only).
    pub bind_subject: bool,
}

/// Most addresses and names whose failures are remembered. Beyond it the oldest windows are
/// forgotten first: a flood of names costs the flooder memory of ours, not the server its life.
const MAX_WINDOWS: usize = 100_000;

/// Failed logins per key in fixed windows that begin with the first failure.
#[derive(Debug, Default)]
struct Failures {
    windows: BTreeMap<(String, Option<UserId>), (Duration, u32)>,
}

impl Failures {
    /// Time until the key may try again; `None` = now.
    fn wait(&self, key: &(String, Option<UserId>), now: Duration, window: Duration, max: u32) -> Option<Duration> {
        let (began, n) = self.windows.get(key)?;
        let ends = *began + window;
        (*n >= max && max > 0 && now < ends).then(|| ends - now)
    }

    fn fail(&mut self, key: (String, Option<UserId>), now: Duration, window: Duration) {
        if self.windows.len() >= MAX_WINDOWS && !self.windows.contains_key(&key) {
            self.windows.retain(|_, (began, _)| now < *began + window);
            if self.windows.len() >= MAX_WINDOWS {
                let oldest = self.windows.iter().min_by_key(|(_, (began, _))| *began).map(|(k, _)| k.clone());
                if let Some(oldest) = oldest {
                    self.windows.remove(&oldest);
                }
            }
        }
        let entry = self.windows.entry(key).or_insert((now, 0));
        if now >= entry.0 + window {
            *entry = (now, 0);
        }
        entry.1 += 1;
    }
}

/// Logging in and being recognised.
pub struct Login {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    passwords: Arc<dyn Passwords>,
    hook: Option<Arc<dyn LoginHook>>,
    config: LoginConfig,
    demo_admins: bool,
    failures: Mutex<Failures>,
}

impl Login {
    /// `hook` must be there in mode [`AuthMode::Hook`].
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        passwords: Arc<dyn Passwords>,
        hook: Option<Arc<dyn LoginHook>>,
        config: LoginConfig,
    ) -> Self {
        Self { store, clock, passwords, hook, config, demo_admins: false, failures: Mutex::default() }
    }

    /// In mode [`AuthMode::Demo`] administrators by configuration log in with their names too. For a server that nobody
    /// but its own machine reaches.
    #[must_use]
    pub fn with_demo_admins(mut self) -> Self {
        self.demo_admins = true;
        self
    }

    /// Checks a name and a password. `address` is the client's address as text, only for counting failures.
    ///
    /// Answers the first second a new token of this user may carry as `iat`.
    ///
    /// # Errors
    /// `BadCredentials`, `LoginThrottled` (also for a right password), store and hook faults.
    pub async fn log_in(&self, user: &UserId, password: &str, address: &str) -> Result<i64> {
        self.check_throttle(user, address)?;
        let account = self.store.account(user).await?;
        let good = match (&account, self.config.mode) {
            (Some(a), _) if a.disabled => {
                self.passwords.verify(password, Some(&a.password_hash)).await?;
                false
            }
            (Some(a), AuthMode::Accounts | AuthMode::Demo) => {
                self.passwords.verify(password, Some(&a.password_hash)).await?
            }
            (None, AuthMode::Accounts) => self.passwords.verify(password, None).await?,
            (None, AuthMode::Demo) => {
                let guarded = self.config.admins.contains(user) && !self.demo_admins;
                let good = user.as_str() == password && !guarded;
                // A refusal costs as much as for a name that has an account, or the time would tell them apart.
                good || self.passwords.verify(password, None).await?
            }
            (_, AuthMode::Hook) => match &self.hook {
                Some(hook) => hook.allow(user, password).await?,
                None => return Err(Error::internal_error("auth.mode is hook but no hook is wired")),
            },
        };
        // Guesses sent side by side all passed the first look; those that end after the door has closed
        // learn nothing, the right one included.
        self.check_throttle(user, address)?;
        let now = self.clock.now();
        if good {
            let mark = account.map_or(0, |a| a.revoked_at_secs);
            let first = if mark == 0 { 0 } else { mark + 1 };
            return Ok(now.wall.secs().max(first));
        }
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.fail((address.to_owned(), Some(user.clone())), now.mono, self.config.window);
        failures.fail((address.to_owned(), None), now.mono, self.config.window);
        Err(Error::new(Kind::BadCredentials, "incorrect username or password"))
    }

    fn check_throttle(&self, user: &UserId, address: &str) -> Result<()> {
        let now = self.clock.now().mono;
        let c = &self.config;
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let by_name = failures.wait(&(address.to_owned(), Some(user.clone())), now, c.window, c.failures);
        let by_address = failures.wait(&(address.to_owned(), None), now, c.window, c.failures_address);
        match by_name.max(by_address) {
            None => Ok(()),
            Some(wait) => {
                let retry_after_secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Err(Error::new(Kind::LoginThrottled { retry_after_secs }, "too many failed logins, try again later"))
            }
        }
    }

    /// The caller behind a verified login token with this subject and `iat` (0 = absent).
    ///
    /// # Errors
    /// `Unauthenticated` when the account is disabled or the token revoked; store faults.
    pub async fn caller(&self, subject: UserId, iat_secs: i64) -> Result<Caller> {
        let account = self.store.account(&subject).await?;
        if !token_counts(account.as_deref(), iat_secs) {
            return Err(Error::new(Kind::Unauthenticated, "token revoked"));
        }
        let admin = account.is_some_and(|a| a.admin) || self.config.admins.contains(&subject);
        Ok(Caller { user: subject, admin, unbound: !self.config.bind_subject })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(300);

    fn key(user: Option<&str>) -> (String, Option<UserId>) {
        ("addr".into(), user.map(|u| UserId::new(u).unwrap()))
    }

    #[test]
    fn ten_failures_close_the_door_until_the_window_ends() {
        let mut f = Failures::default();
        for i in 0..10 {
            assert_eq!(f.wait(&key(Some("a")), Duration::from_secs(i), WINDOW, 10), None);
            f.fail(key(Some("a")), Duration::from_secs(i), WINDOW);
        }
        assert_eq!(f.wait(&key(Some("a")), Duration::from_secs(100), WINDOW, 10), Some(Duration::from_secs(200)));
        assert_eq!(f.wait(&key(Some("b")), Duration::from_secs(100), WINDOW, 10), None);
        assert_eq!(f.wait(&key(Some("a")), Duration::from_secs(300), WINDOW, 10), None);
    }

    #[test]
    fn a_flood_of_names_does_not_grow_memory_without_end() {
        let mut f = Failures::default();
        for i in 0..(MAX_WINDOWS + 50) {
            f.windows.insert((format!("{i}"), None), (Duration::ZERO, 1));
            if f.windows.len() > MAX_WINDOWS {
                break;
            }
        }
        f.fail(key(Some("a")), WINDOW * 2, WINDOW);
        assert_eq!(f.windows.len(), 1);
    }
}
