//! A server whose message hub is open to load.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::child::Server;
use crate::hub::{KEY, KEY_BASE64};
use crate::voice::Voice;

/// A server with open rates and voice rooms on it.
pub struct Stage {
    /// The server.
    pub server: Server,
    /// Ids of its rooms.
    pub groups: Vec<String>,
    /// Number of its app.
    pub app: u64,
    _data: tempfile::TempDir,
}

/// Settings under which a load generator may do what it likes.
#[must_use]
pub fn open_rates() -> Vec<String> {
    let off = "{per_sec=0,burst=0}";
    let names = ["signals", "comments", "reads", "commands", "connects", "connects_user"];
    let mut settings: Vec<String> = names.iter().map(|n| format!("limits.hub_{n}={off}")).collect();
    settings.push(format!("hub.jwt_keys=[\"{}\"]", KEY_BASE64));
    settings
}

impl Stage {
    /// Starts a server and makes rooms through its API.
    ///
    /// # Errors
    /// It does not come up, or refuses.
    pub async fn with_rooms(binary: &Path, dir: &Path, rooms: usize) -> Result<Self> {
        Self::with(binary, dir, rooms, &[]).await
    }

    /// As [`Stage::with_rooms`], with settings besides.
    ///
    /// # Errors
    /// As [`Stage::with_rooms`].
    pub async fn with(binary: &Path, dir: &Path, rooms: usize, more: &[&str]) -> Result<Self> {
        let data = tempfile::tempdir_in(dir)?;
        let settings: Vec<String> = open_rates().into_iter().chain(more.iter().map(ToString::to_string)).collect();
        let server = Server::start_with(binary, data.path(), "127.0.0.1:0", &settings).await?;
        let mut api = Voice::connect(server.addr).await?;
        let bearer = api.login("load-owner").await?;
        let mut groups = Vec::new();
        for _ in 0..rooms {
            groups.push(api.create(&bearer, "load-owner").await?);
        }
        let app = app_of(&api.hub_token(&bearer, "load-owner").await?)?;
        Ok(Self { server, groups, app, _data: data })
    }
}

/// The app that hub tokens of this server are for.
///
/// # Errors
/// The token is not signed with the key of [`open_rates`].
pub fn app_of(token: &str) -> Result<u64> {
    let mut how = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    how.set_audience(&["hub"]);
    let key = jsonwebtoken::DecodingKey::from_secret(KEY);
    let claims = jsonwebtoken::decode::<serde_json::Value>(token, &key, &how)?.claims;
    claims["meta"]["app"].as_u64().context("a hub token without an app")
}
