//! Tenants. One (key, secret) pair signs Talk checksums and media access tokens of an app.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::id::AppId;

/// One tenant.
#[derive(Debug, Clone)]
pub struct App {
    /// Its number.
    pub id: AppId,
    /// A name for people.
    pub name: String,
    /// Public half of the pair; the `iss` of media tokens.
    pub key: String,
    /// Secret half: signs.
    pub secret: SecretString,
    /// Older secrets that still verify while a rotation is under way.
    pub previous_secrets: Vec<SecretString>,
    /// A disabled app's tokens are refused at every door.
    pub enabled: bool,
    /// Accounts that may run Talk's mutating commands; `*` = everybody who knows the secret.
    pub admin_identifiers: Vec<String>,
}

impl App {
    /// Whether this account may change things through Talk (talk.md 2.2). Compared byte by byte.
    #[must_use]
    pub fn is_admin(&self, identifier: &str) -> bool {
        self.admin_identifiers.iter().any(|a| a == "*" || a == identifier)
    }

    /// Every secret that verifies, the signing one first.
    pub fn verifying_secrets(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.secret).chain(&self.previous_secrets).map(ExposeSecret::expose_secret)
    }
}

/// All tenants of a server, by key and by number. Cheap to clone, never changes: a reload makes a new one.
#[derive(Debug, Clone, Default)]
pub struct Apps {
    by_key: Arc<BTreeMap<String, Arc<App>>>,
}

impl Apps {
    /// The registry of these apps. Keys and numbers must be distinct; the configuration checks that.
    #[must_use]
    pub fn new(apps: impl IntoIterator<Item = App>) -> Self {
        Self { by_key: Arc::new(apps.into_iter().map(|a| (a.key.clone(), Arc::new(a))).collect()) }
    }

    /// The app whose key this is.
    #[must_use]
    pub fn by_key(&self, key: &str) -> Option<&Arc<App>> {
        self.by_key.get(key)
    }

    /// The app of this number.
    #[must_use]
    pub fn by_id(&self, id: AppId) -> Option<&Arc<App>> {
        self.by_key.values().find(|a| a.id == id)
    }

    /// All of them, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<App>> {
        self.by_key.values()
    }
}
