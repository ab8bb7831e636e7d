//! Accounts and apps.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AccountsQuery {
    /// Part of the name, in any case.
    pub q: Option<String>,
    /// Rows to skip.
    #[serde(default)]
    #[param(default = 0)]
    pub offset: u64,
    /// Rows to show at most.
    #[serde(default = "super::logs::fifty")]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: u32,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    /// Its name.
    pub user: String,
    /// Has administrator rights.
    pub admin: bool,
    /// May not sign in.
    pub disabled: bool,
    /// Administrator by the configuration file, whatever the account says.
    pub from_config: bool,
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Its name.
    #[schema(min_length = 1, max_length = 255)]
    pub user: String,
    /// Its password.
    #[schema(min_length = 1, max_length = 1024)]
    pub password: String,
    /// Has administrator rights.
    pub admin: bool,
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount").field("user", &self.user).field("admin", &self.admin).finish_non_exhaustive()
    }
}

/// Changes of an account; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// A new password: ends its sessions.
    #[schema(min_length = 1, max_length = 1024)]
    pub password: Option<String>,
    /// Administrator rights.
    pub admin: Option<bool>,
    /// True refuses logins and tokens from now on.
    pub disabled: Option<bool>,
}

impl fmt::Debug for AccountPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (admin, disabled) = (&self.admin, &self.disabled);
        f.debug_struct("AccountPatch").field("admin", admin).field("disabled", disabled).finish_non_exhaustive()
    }
}

/// A tenant. Secrets are never shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct App {
    /// Its number.
    pub app_id: String,
    /// For people.
    pub name: String,
    /// Public half of its pair of keys.
    pub appkey: String,
    /// Its tokens count.
    pub enabled: bool,
    /// Accounts that may run Talk's commands; `*` = all.
    pub admin_identifiers: Vec<String>,
    /// Older secrets that still verify.
    pub previous_secrets: u64,
    /// Channels that exist.
    pub channels: u64,
    /// Distinct users in each channel, added up.
    pub participants: u64,
}
