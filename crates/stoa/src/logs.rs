//! Structured logs: for people on a terminal, JSON otherwise. The filter can be changed while running.

use std::io::IsTerminal as _;

use anyhow::{Context as _, anyhow};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// Changes the filter later.
#[derive(Clone)]
pub struct LogHandle(reload::Handle<EnvFilter, Registry>);

/// Libraries whose `info` is noise here, and whose lines hold addresses of peers; at `debug` the ICE agent (`is`) prints
/// passwords. A filter for everything (`debug`) does not raise them.
const QUIET: &str = "hyper=warn,rustls=warn,sqlx=warn,rusqlite_migration=warn,str0m=warn,sctp_proto=warn,is=warn";

fn filter(text: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(format!("{QUIET},{text}")).with_context(|| format!("server.log = {text:?}"))
}

/// Starts logging to standard error.
///
/// # Errors
/// When the filter is none.
pub fn start(text: &str) -> anyhow::Result<LogHandle> {
    let (filter, handle) = reload::Layer::new(filter(text)?);
    let registry = tracing_subscriber::registry().with(filter);
    if std::io::stderr().is_terminal() {
        registry
            .with(tracing_subscriber::fmt::layer().with_target(false).with_writer(std::io::stderr).compact())
            .try_init()
    } else {
        registry
            .with(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr))
            .try_init()
    }
    .map_err(|e| anyhow!("cannot start logging: {e}"))?;
    std::panic::set_hook(Box::new(|info| {
        metrics::counter!("stoa_panics_total").increment(1);
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        // The payload may quote user data, so it is for the debug level only.
        tracing::error!(panic.place = place, "a task panicked");
        tracing::debug!(panic.text = info.payload_as_str().unwrap_or_default(), "panic text");
    }));
    Ok(LogHandle(handle))
}

impl LogHandle {
    /// Changes the filter.
    ///
    /// # Errors
    /// When the text is no filter; the old one stays.
    pub fn set(&self, text: &str) -> anyhow::Result<()> {
        self.0.reload(filter(text)?).map_err(|e| anyhow!("cannot change the log filter: {e}"))
    }
}
