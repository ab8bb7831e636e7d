//! The product's port to the hub: each command is one input of the engine, and is carried out when it is answered.

use async_trait::async_trait;
use stoa_core::hub::{HubPresence, HubPublication, Position, PublishOptions};
use stoa_core::time::Now;
use stoa_core::{Error, Kind, Result};

use super::Hub;
use crate::engine::{ApiError, Engine};

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::UnknownNamespace => Self::new(Kind::NotFound, "no such namespace"),
            ApiError::BadName => Self::bad_input("channel", "not a channel name"),
            ApiError::BadData => Self::bad_input("data", "not JSON"),
            ApiError::BadKey => Self::bad_input("idempotency_key", "too long"),
            ApiError::OtherEpoch => Self::new(Kind::Gone, "the position is lost"),
            ApiError::Stopping => Self::new(Kind::Unavailable, "the hub is stopping"),
        }
    }
}

fn stopped() -> Error {
    Error::new(Kind::Unavailable, "the hub is stopped")
}

impl Hub {
    /// Carried out at once, and what it causes is on its way when it is done.
    pub(super) fn with_engine<T>(&self, command: impl FnOnce(&mut Engine, Now) -> T) -> Result<T> {
        self.shared.driver.with(command).ok_or_else(stopped)
    }
}

#[async_trait]
impl stoa_core::hub::Hub for Hub {
    async fn publish(&self, channel: &str, data: &str, options: PublishOptions) -> Result<Position> {
        Ok(self.with_engine(|e, now| e.publish(now, channel, data, &options))??)
    }

    async fn subscribe(&self, user: &str, channel: &str) -> Result<()> {
        Ok(self.with_engine(|e, now| e.subscribe_user(now, user, channel))??)
    }

    async fn unsubscribe(&self, user: &str, channel: &str, client: Option<&str>) -> Result<()> {
        Ok(self.with_engine(|e, now| e.unsubscribe_user(now, user, channel, client))??)
    }

    async fn bar(&self, user: &str, channel: &str) -> Result<()> {
        self.with_engine(|e, now| e.bar_user(now, user, channel))
    }

    async fn disconnect(&self, user: &str, client: Option<&str>, code: u32, reason: &str) -> Result<()> {
        if !(3000..5000).contains(&code) {
            return Err(Error::bad_input("code", "not a close code of the protocol"));
        }
        self.with_engine(|e, now| e.disconnect_user(now, user, client, code, reason))
    }

    async fn presence(&self, channel: &str) -> Result<Vec<HubPresence>> {
        Ok(self.with_engine(|e, _| e.presence(channel))??)
    }

    async fn presence_stats(&self, channel: &str) -> Result<(u32, u32)> {
        Ok(self.with_engine(|e, _| e.presence_stats(channel))??)
    }

    async fn history(
        &self,
        channel: &str,
        since: Option<Position>,
        limit: u32,
    ) -> Result<(Vec<HubPublication>, Position)> {
        Ok(self.with_engine(|e, _| e.history(channel, since.as_ref(), limit))??)
    }

    async fn history_remove(&self, channel: &str) -> Result<()> {
        Ok(self.with_engine(|e, now| e.history_remove(now, channel))??)
    }

    async fn history_replace(&self, channel: &str, offset: u64, data: &str) -> Result<bool> {
        Ok(self.with_engine(|e, _| e.history_replace(channel, offset, data))??)
    }
}
