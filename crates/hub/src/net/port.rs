//! The product's port to the hub: each command is one input of the engine, and its answer comes after its effects.

use async_trait::async_trait;
use stoa_core::hub::{HubPresence, HubPublication, Position, PublishOptions};
use stoa_core::time::Now;
use stoa_core::{Error, Kind, Result};
use tokio::sync::oneshot;

use super::Hub;
use super::actor::Input;
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
    pub(super) async fn with_engine<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut Engine, Now) -> T + Send + 'static,
    ) -> Result<T> {
        let (done, answer) = oneshot::channel();
        let run = move |engine: &mut Engine, now: Now| -> super::actor::After {
            let result = command(engine, now);
            // Whoever asked may have gone; the command is carried out all the same.
            Box::new(move || drop(done.send(result)))
        };
        self.shared.inputs.send(Input::Run(Box::new(run))).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())
    }
}

#[async_trait]
impl stoa_core::hub::Hub for Hub {
    async fn publish(&self, channel: &str, data: &str, options: PublishOptions) -> Result<Position> {
        let (channel, data) = (channel.to_owned(), data.to_owned());
        Ok(self.with_engine(move |e, now| e.publish(now, &channel, &data, &options)).await??)
    }

    async fn subscribe(&self, user: &str, channel: &str) -> Result<()> {
        let (user, channel) = (user.to_owned(), channel.to_owned());
        Ok(self.with_engine(move |e, now| e.subscribe_user(now, &user, &channel)).await??)
    }

    async fn unsubscribe(&self, user: &str, channel: &str, client: Option<&str>) -> Result<()> {
        let (user, channel, client) = (user.to_owned(), channel.to_owned(), client.map(str::to_owned));
        Ok(self.with_engine(move |e, now| e.unsubscribe_user(now, &user, &channel, client.as_deref())).await??)
    }

    async fn bar(&self, user: &str, channel: &str) -> Result<()> {
        let (user, channel) = (user.to_owned(), channel.to_owned());
        self.with_engine(move |e, now| e.bar_user(now, &user, &channel)).await
    }

    async fn disconnect(&self, user: &str, client: Option<&str>, code: u32, reason: &str) -> Result<()> {
        if !(3000..5000).contains(&code) {
            return Err(Error::bad_input("code", "not a close code of the protocol"));
        }
        let (user, client, reason) = (user.to_owned(), client.map(str::to_owned), reason.to_owned());
        self.with_engine(move |e, now| e.disconnect_user(now, &user, client.as_deref(), code, &reason)).await
    }

    async fn presence(&self, channel: &str) -> Result<Vec<HubPresence>> {
        let channel = channel.to_owned();
        Ok(self.with_engine(move |e, _| e.presence(&channel)).await??)
    }

    async fn presence_stats(&self, channel: &str) -> Result<(u32, u32)> {
        let channel = channel.to_owned();
        Ok(self.with_engine(move |e, _| e.presence_stats(&channel)).await??)
    }

    async fn history(
        &self,
        channel: &str,
        since: Option<Position>,
        limit: u32,
    ) -> Result<(Vec<HubPublication>, Position)> {
        let channel = channel.to_owned();
        Ok(self.with_engine(move |e, _| e.history(&channel, since.as_ref(), limit)).await??)
    }

    async fn history_remove(&self, channel: &str) -> Result<()> {
        let channel = channel.to_owned();
        Ok(self.with_engine(move |e, now| e.history_remove(now, &channel)).await??)
    }

    async fn history_replace(&self, channel: &str, offset: u64, data: &str) -> Result<bool> {
        let (channel, data) = (channel.to_owned(), data.to_owned());
        Ok(self.with_engine(move |e, _| e.history_replace(&channel, offset, &data)).await??)
    }
}
