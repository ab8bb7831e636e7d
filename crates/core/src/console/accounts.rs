//! Accounts, as an administrator changes them over the network: nobody locks the last administrator out, or themselves.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::lock::Mutex;

use crate::account::Account;
use crate::error::Result;
use crate::id::UserId;
use crate::ports::{Clock, Store};

/// Makes Argon2id hashes, off the async threads, a bounded number at a time.
#[async_trait]
pub trait Hashes: Send + Sync {
    /// The hash of a password in PHC text form, with a fresh salt.
    async fn hash(&self, password: &str) -> Result<String>;
}

/// Hears of sessions that ended, to end what hangs on them.
#[async_trait]
pub trait Farewell: Send + Sync {
    /// The user's login sessions ended. `banned` = the account may not come back.
    async fn signed_out(&self, user: &UserId, banned: bool);
}

/// An account as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountShown {
    /// Its name.
    pub user: UserId,
    /// Has administrator rights.
    pub admin: bool,
    /// May not log in.
    pub disabled: bool,
    /// Administrator by configuration.
    pub from_config: bool,
}

/// A new account.
pub struct NewAccount {
    /// Its name.
    pub user: UserId,
    /// Its password.
    pub password: String,
    /// Has administrator rights.
    pub admin: bool,
}

/// Changes of an account; what is absent stays.
#[derive(Default)]
pub struct AccountPatch {
    /// A new password.
    pub password: Option<String>,
    /// Administrator rights.
    pub admin: Option<bool>,
    /// May not log in.
    pub disabled: Option<bool>,
}

/// What a change came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountChange {
    /// Done.
    Done,
    /// There is an account of that name already.
    Exists,
    /// There is no account of that name.
    Unknown,
    /// It would leave no administrator.
    LastAdmin,
    /// It would shut the caller out.
    Oneself,
}

/// What an account may still do after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct After {
    /// It is there.
    exists: bool,
    /// It has administrator rights and may log in.
    admin: bool,
    /// It may log in.
    enabled: bool,
}

/// Whether a change by `caller` of the account `of` may be made. `admin` = it is an administrator's, by itself or by
/// configuration; `others` = somebody else is an administrator then.
fn allowed(caller: &UserId, of: &Account, admin: bool, after: After, others: bool) -> AccountChange {
    let was_admin = admin && !of.disabled;
    let loses = was_admin && !after.admin;
    if of.user == *caller && (loses || !after.exists || !after.enabled) {
        return AccountChange::Oneself;
    }
    if loses && !others { AccountChange::LastAdmin } else { AccountChange::Done }
}

/// The use-cases. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    hashes: Arc<dyn Hashes>,
    farewell: Arc<dyn Farewell>,
    admins: Arc<[UserId]>,
    /// Two changes at once, each of which leaves an administrator, must not leave none together.
    one: Arc<Mutex<()>>,
}

impl Accounts {
    /// `admins` are those of the configuration.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        hashes: Arc<dyn Hashes>,
        farewell: Arc<dyn Farewell>,
        admins: impl IntoIterator<Item = UserId>,
    ) -> Self {
        Self { store, clock, hashes, farewell, admins: admins.into_iter().collect(), one: Arc::default() }
    }

    /// Whether the configuration makes this name an administrator.
    #[must_use]
    pub fn from_config(&self, user: &UserId) -> bool {
        self.admins.contains(user)
    }

    /// Every account, by name (bytes).
    ///
    /// # Errors
    /// Store faults.
    pub async fn list(&self) -> Result<Vec<AccountShown>> {
        let shown = |a: Account| AccountShown {
            from_config: self.from_config(&a.user),
            admin: a.admin || self.from_config(&a.user),
            disabled: a.disabled,
            user: a.user,
        };
        Ok(self.store.accounts().await?.into_iter().map(shown).collect())
    }

    /// Adds an account.
    ///
    /// # Errors
    /// Store faults.
    pub async fn add(&self, new: NewAccount) -> Result<AccountChange> {
        let _one = self.one.lock().await;
        if self.store.account(&new.user).await?.is_some() {
            return Ok(AccountChange::Exists);
        }
        let password_hash = self.hashes.hash(&new.password).await?;
        let account = Account { user: new.user, password_hash, admin: new.admin, disabled: false, revoked_at_secs: 0 };
        self.store.put_account(account).await?;
        Ok(AccountChange::Done)
    }

    /// Changes an account. A new password and a refusal end its sessions.
    ///
    /// # Errors
    /// Store faults.
    pub async fn change(&self, caller: &UserId, user: &UserId, patch: AccountPatch) -> Result<AccountChange> {
        let _one = self.one.lock().await;
        let Some(was) = self.store.account(user).await? else { return Ok(AccountChange::Unknown) };
        let mut next = Account::clone(&was);
        next.admin = patch.admin.unwrap_or(was.admin);
        next.disabled = patch.disabled.unwrap_or(was.disabled);
        let admin = (next.admin || self.from_config(user)) && !next.disabled;
        let after = After { exists: true, admin, enabled: !next.disabled };
        match self.judge(caller, &was, after).await? {
            AccountChange::Done => {}
            refused => return Ok(refused),
        }
        let ends = patch.password.is_some() || (next.disabled && !was.disabled);
        if let Some(password) = patch.password {
            next.password_hash = self.hashes.hash(&password).await?;
        }
        if ends {
            next.revoked_at_secs = self.mark(&was);
        }
        let banned = next.disabled;
        if next != *was {
            self.store.put_account(next).await?;
        }
        if ends {
            self.farewell.signed_out(user, banned).await;
        }
        Ok(AccountChange::Done)
    }

    /// Ends the account's sessions.
    ///
    /// # Errors
    /// Store faults.
    pub async fn sign_out(&self, user: &UserId) -> Result<AccountChange> {
        let _one = self.one.lock().await;
        let Some(was) = self.store.account(user).await? else { return Ok(AccountChange::Unknown) };
        let next = Account { revoked_at_secs: self.mark(&was), ..Account::clone(&was) };
        self.store.put_account(next).await?;
        self.farewell.signed_out(user, was.disabled).await;
        Ok(AccountChange::Done)
    }

    /// Forgets an account. Its connections end; tokens made before stay valid until they expire, as those of any user
    /// without an account: to shut somebody out, the account is disabled instead.
    ///
    /// # Errors
    /// Store faults.
    pub async fn remove(&self, caller: &UserId, user: &UserId) -> Result<AccountChange> {
        let _one = self.one.lock().await;
        let Some(was) = self.store.account(user).await? else { return Ok(AccountChange::Unknown) };
        let after = After { exists: false, admin: false, enabled: false };
        match self.judge(caller, &was, after).await? {
            AccountChange::Done => {}
            refused => return Ok(refused),
        }
        self.store.remove_account(user).await?;
        self.farewell.signed_out(user, false).await;
        Ok(AccountChange::Done)
    }

    /// Where tokens end that were made until now: after a mark they are made for the second behind it, also within the
    /// second of the mark.
    fn mark(&self, was: &Account) -> i64 {
        let newest = if was.revoked_at_secs == 0 { 0 } else { was.revoked_at_secs + 1 };
        self.clock.now().wall.secs().max(newest)
    }

    async fn judge(&self, caller: &UserId, was: &Account, after: After) -> Result<AccountChange> {
        let all = self.store.accounts().await?;
        // Whoever asks got in, so an administrator by configuration who asks is one who can.
        let asks = *caller != was.user && self.from_config(caller);
        let others = asks || all.iter().any(|a| a.user != was.user && a.admin && !a.disabled);
        let admin = was.admin || self.from_config(&was.user);
        Ok(allowed(caller, was, admin, after, others))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(user: &str, admin: bool, disabled: bool) -> Account {
        let user = UserId::new(user).unwrap();
        Account { user, password_hash: String::new(), admin, disabled, revoked_at_secs: 0 }
    }

    #[test]
    fn nobody_shuts_out_the_last_administrator_or_themselves() {
        use AccountChange::{Done, LastAdmin, Oneself};
        let gone = After { exists: false, admin: false, enabled: false };
        let demoted = After { exists: true, admin: false, enabled: true };
        let disabled = After { exists: true, admin: false, enabled: false };
        let kept = After { exists: true, admin: true, enabled: true };
        let (root, boss) = (account("root", true, false), account("boss", true, false));
        for after in [gone, demoted, disabled] {
            assert_eq!(allowed(&root.user, &root, true, after, true), Oneself, "{after:?}");
            assert_eq!(allowed(&root.user, &root, true, after, false), Oneself, "{after:?}");
            assert_eq!(allowed(&root.user, &boss, true, after, true), Done, "{after:?}");
            // Two who remove each other at once: the second one finds nobody else.
            assert_eq!(allowed(&root.user, &boss, true, after, false), LastAdmin, "{after:?}");
        }
        assert_eq!(allowed(&root.user, &root, true, kept, false), Done);
        let (ann, old) = (account("ann", false, false), account("old", true, true));
        assert_eq!(allowed(&root.user, &ann, false, gone, false), Done, "no administrator is lost");
        assert_eq!(allowed(&root.user, &old, true, gone, false), Done, "one who could not log in anyway");
        // By configuration, with an account without the mark: the mark changes nothing, the account does.
        let plain = account("root", false, false);
        assert_eq!(allowed(&plain.user, &plain, true, kept, false), Done);
        assert_eq!(allowed(&plain.user, &plain, true, disabled, true), Oneself);
        assert_eq!(allowed(&boss.user, &plain, true, disabled, false), LastAdmin);
    }
}
