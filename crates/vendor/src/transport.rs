//! One way out for all vendor calls: HTTPS, time limits, a bound on the answer's size and on calls at once, careful
//! repetition, a breaker per part.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use stoa_core::ports::{Clock, Entropy};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::breaker::{Breaker, Outcome, Rule, State, Ticket};
use crate::error::{Error, Kind, SettingsError, Why};
use crate::health::{Counts, Health, LastError, Part};
use crate::retry::{self, Policy, Safety, Trouble};

/// Limits of calls to vendors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For a whole call that only asks: waiting, every try and the pauses between. It degrades one field of an answer.
    pub read: Duration,
    /// For a whole call that changes something or hands out a token; somebody cannot go on without.
    pub write: Duration,
    /// For one try, its answer included.
    pub attempt: Duration,
    /// For a place among the calls at once.
    pub wait: Duration,
    /// Largest answer, bytes.
    pub body: usize,
    /// Calls at one part at once.
    pub at_once: usize,
    /// Calls that may wait for a place; further ones fail at once.
    pub waiting: usize,
    /// When a failed try is made again.
    pub retry: Policy,
    /// When a part is left alone.
    pub breaker: Rule,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            read: Duration::from_secs(2),
            write: Duration::from_secs(5),
            attempt: Duration::from_secs(3),
            wait: Duration::from_millis(500),
            body: 512 * 1024,
            at_once: 8,
            waiting: 64,
            retry: Policy::default(),
            breaker: Rule::default(),
        }
    }
}

/// What all vendor clients share.
pub struct Transport {
    http: reqwest::Client,
    pub(crate) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limits: Limits,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Transport {
    /// A client that follows no redirect and no proxy of the environment: what we send is signed for one place. A process
    /// wide TLS provider must be installed before.
    ///
    /// # Errors
    /// When the TLS stack cannot be set up.
    pub fn new(limits: Limits, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Arc<Self>, SettingsError> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(limits.connect)
            .user_agent(concat!("stoa/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| SettingsError::Client)?;
        Ok(Arc::new(Self { http, clock, entropy, limits }))
    }

    /// 32 hex digits nobody can guess.
    pub(crate) fn nonce(&self) -> String {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        hex::encode(bytes)
    }

    /// The seconds that go into signatures.
    pub(crate) fn secs(&self) -> i64 {
        self.clock.now().wall.secs()
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// Checks an address of the configuration.
pub fn address(key: &'static str, text: &str) -> Result<Url, SettingsError> {
    let bad = SettingsError::Address(key);
    let url = Url::parse(text).map_err(|_| bad.clone())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && here);
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if scheme && plain && !host.is_empty() { Ok(url) } else { Err(bad) }
}

/// One try of a call, signed for this try.
pub(crate) struct Sending {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    /// Content type and body.
    pub body: Option<(&'static str, String)>,
}

/// How a call is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plan {
    /// Asks only.
    Read,
    /// Changes something; a second one changes nothing more.
    Repeatable,
    /// Changes something each time.
    Once,
}

impl Plan {
    fn safety(self) -> Safety {
        match self {
            Self::Read | Self::Repeatable => Safety::Repeatable,
            Self::Once => Safety::Once,
        }
    }
}

/// What a try came to.
pub(crate) enum Tried<T> {
    Done(T),
    /// No further try would help.
    Final(Error),
    Trouble(Trouble, Error),
}

/// The way to one part of one vendor.
pub(crate) struct Way {
    part: Part,
    pub transport: Arc<Transport>,
    breaker: Mutex<Breaker>,
    places: Semaphore,
    waiting: AtomicUsize,
    tally: Mutex<(Counts, Option<LastError>)>,
}

/// Tells the breaker and the counters how a call ended, also when its caller no longer waits.
struct Watch<'a> {
    way: &'a Way,
    ticket: Ticket,
    told: bool,
}

impl Watch<'_> {
    fn tell(&mut self, outcome: Outcome) {
        self.told = true;
        let now = self.way.transport.clock.now();
        let (before, after) = {
            let mut breaker = lock(&self.way.breaker);
            let before = breaker.state();
            breaker.end(self.ticket, outcome, now);
            (before, breaker.state())
        };
        let part = self.way.part.word();
        match after {
            State::Open if before != after => tracing::warn!(part, "a vendor fails, its calls are refused for a while"),
            State::Closed if before != after => tracing::info!(part, "a vendor answers again"),
            _ => {}
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.tell(Outcome::Unknown);
            lock(&self.way.tally).0.abandoned += 1;
        }
    }
}

/// A place in the queue, given back when the caller no longer waits.
struct Queued<'a>(&'a AtomicUsize);

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Way {
    pub fn new(part: Part, transport: &Arc<Transport>) -> Self {
        let breaker = Breaker::new(transport.limits.breaker, transport.clock.now());
        Self {
            part,
            transport: Arc::clone(transport),
            breaker: Mutex::new(breaker),
            places: Semaphore::new(transport.limits.at_once),
            waiting: AtomicUsize::new(0),
            tally: Mutex::default(),
        }
    }

    pub fn health(&self) -> Health {
        let (state, since) = {
            let breaker = lock(&self.breaker);
            (breaker.state(), breaker.since())
        };
        let (counts, last_error) = *lock(&self.tally);
        let in_flight = self.transport.limits.at_once.saturating_sub(self.places.available_permits());
        Health { part: self.part, state, since, last_error, counts, in_flight }
    }

    /// Makes a call. `make` signs a try, `read` takes its status and JSON (null for an empty body).
    pub async fn call<T>(
        &self,
        plan: Plan,
        make: impl Fn() -> Sending + Sync,
        read: impl Fn(StatusCode, &Value) -> Result<T, Error> + Sync,
    ) -> Result<T, Error> {
        lock(&self.tally).0.calls += 1;
        let admitted = lock(&self.breaker).admit(self.transport.clock.now());
        let Some(ticket) = admitted else { return self.turned_away(Why::Open) };
        let mut watch = Watch { way: self, ticket, told: false };
        let limit = match plan {
            Plan::Read => self.transport.limits.read,
            Plan::Repeatable | Plan::Once => self.transport.limits.write,
        };
        let result = match timeout(limit, self.queue_and_try(plan, ticket, &make, &read)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Unavailable(Why::Timeout)),
        };
        watch.tell(match &result {
            Err(Error::Unavailable(Why::Open | Why::Busy) | Error::NotConfigured(_)) => Outcome::Unknown,
            Err(Error::Unavailable(_) | Error::Malformed(_)) => Outcome::Failed,
            Ok(_) | Err(Error::Refused { .. }) => Outcome::Answered,
        });
        match result {
            Err(Error::Unavailable(why @ (Why::Open | Why::Busy))) => self.turned_away(why),
            other => {
                self.count(other.as_ref().err().map(Error::kind));
                other
            }
        }
    }

    fn turned_away<T>(&self, why: Why) -> Result<T, Error> {
        lock(&self.tally).0.turned_away += 1;
        Err(Error::Unavailable(why))
    }

    fn count(&self, failed: Option<Kind>) {
        let at = self.transport.clock.now().wall;
        let mut tally = lock(&self.tally);
        let (counts, last) = &mut *tally;
        match failed {
            None => counts.ok += 1,
            Some(Kind::Refused) => counts.refused += 1,
            Some(Kind::Malformed) => counts.malformed += 1,
            Some(Kind::Unavailable(_) | Kind::NotConfigured) => counts.unavailable += 1,
        }
        if let Some(kind) = failed {
            *last = Some(LastError { kind, at });
        }
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, Error> {
        let busy = || Error::Unavailable(Why::Busy);
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let queued = Queued(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.transport.limits.waiting {
            return Err(busy());
        }
        let place = timeout(self.transport.limits.wait, self.places.acquire()).await;
        drop(queued);
        place.map_err(|_| busy())?.map_err(|_| busy())
    }

    async fn queue_and_try<T>(
        &self,
        plan: Plan,
        ticket: Ticket,
        make: &(impl Fn() -> Sending + Sync),
        read: &(impl Fn(StatusCode, &Value) -> Result<T, Error> + Sync),
    ) -> Result<T, Error> {
        let _place = self.place().await?;
        let holds = || lock(&self.breaker).holds(ticket);
        if !holds() {
            return Err(Error::Unavailable(Why::Open));
        }
        let mut tried = 0;
        loop {
            let (trouble, error) = match self.try_once(make(), read).await {
                Tried::Done(value) => return Ok(value),
                Tried::Final(error) => return Err(error),
                Tried::Trouble(trouble, error) => (trouble, error),
            };
            tried += 1;
            let random = self.transport.random();
            match retry::pause(self.transport.limits.retry, plan.safety(), trouble, tried, random) {
                // The one call that decides is made once, and nobody repeats what others found broken meanwhile.
                Some(pause) if !ticket.is_probe() && holds() => tokio::time::sleep(pause).await,
                _ => return Err(error),
            }
            lock(&self.tally).0.retries += 1;
        }
    }

    async fn try_once<T>(
        &self,
        sending: Sending,
        read: &(impl Fn(StatusCode, &Value) -> Result<T, Error> + Sync),
    ) -> Tried<T> {
        match timeout(self.transport.limits.attempt, self.exchange(sending)).await {
            Err(_) => Tried::Trouble(Trouble::Unclear, Error::Unavailable(Why::Timeout)),
            Ok(Err(tried)) => tried,
            Ok(Ok((status, body))) => judge(status, &body, read),
        }
    }

    async fn exchange<T>(&self, sending: Sending) -> Result<(StatusCode, Vec<u8>), Tried<T>> {
        let mut request = self.transport.http.request(sending.method, &sending.url);
        for (name, value) in &sending.headers {
            request = request.header(*name, value);
        }
        if let Some((content_type, body)) = sending.body {
            request = request.header("content-type", content_type).body(body);
        }
        let mut response = request.send().await.map_err(|e| broken(&e))?;
        let most = self.transport.limits.body;
        let too_long = || Tried::Final(Error::Malformed("too long"));
        if response.content_length().is_some_and(|n| n > most as u64) {
            return Err(too_long());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| broken(&e))? {
            if body.len() + chunk.len() > most {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), body))
    }
}

/// What an error of the HTTP client means. Its own text is never shown: it holds the address.
fn broken<T>(error: &reqwest::Error) -> Tried<T> {
    let unavailable = |trouble, why| Tried::Trouble(trouble, Error::Unavailable(why));
    if error.is_builder() {
        Tried::Final(Error::Malformed("request"))
    } else if error.is_connect() {
        unavailable(Trouble::NotConnected, Why::Connect)
    } else if error.is_timeout() {
        unavailable(Trouble::Unclear, Why::Timeout)
    } else {
        unavailable(Trouble::Unclear, Why::Broken)
    }
}

/// Codes that say a call was not done because of too many.
fn is_throttled(status: StatusCode, code: &str) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || code.starts_with("Throttling")
}

/// What an answer means. Pure.
pub(crate) fn judge<T>(
    status: StatusCode,
    body: &[u8],
    read: impl Fn(StatusCode, &Value) -> Result<T, Error>,
) -> Tried<T> {
    let value = if body.is_empty() { Some(Value::Null) } else { serde_json::from_slice(body).ok() };
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        let code = value.as_ref().and_then(|v| v["Code"].as_str()).unwrap_or_default();
        let trouble = if is_throttled(status, code) { Trouble::Throttled } else { Trouble::Unclear };
        return Tried::Trouble(trouble, Error::Unavailable(Why::Status(status.as_u16())));
    }
    if status.is_redirection() || status.is_informational() {
        return Tried::Final(Error::Malformed("status"));
    }
    let Some(value) = value else { return Tried::Final(Error::Malformed("not JSON")) };
    match read(status, &value) {
        Ok(value) => Tried::Done(value),
        Err(error) => match &error {
            Error::Refused { code, .. } if is_throttled(status, code) => Tried::Trouble(Trouble::Throttled, error),
            _ => Tried::Final(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_comes_before_what_the_body_says() {
        let fine = |_: StatusCode, _: &Value| Ok(());
        let judged = |code: u16, body: &str| match judge(StatusCode::from_u16(code).unwrap(), body.as_bytes(), fine) {
            Tried::Done(()) => None,
            Tried::Final(error) => Some((None, error)),
            Tried::Trouble(trouble, error) => Some((Some(trouble), error)),
        };
        let unavailable = |trouble, code| Some((Some(trouble), Error::Unavailable(Why::Status(code))));
        assert_eq!(judged(200, ""), None);
        assert_eq!(judged(404, "{}"), None, "what it means is the reader's matter");
        assert_eq!(judged(408, "{}"), unavailable(Trouble::Unclear, 408));
        assert_eq!(judged(502, "<html>"), unavailable(Trouble::Unclear, 502));
        assert_eq!(judged(503, r#"{"Code":"Throttling.Api"}"#), unavailable(Trouble::Throttled, 503));
        assert_eq!(judged(302, "{}"), Some((None, Error::Malformed("status"))));
        assert_eq!(judged(200, "<html>"), Some((None, Error::Malformed("not JSON"))));
    }

    #[test]
    fn addresses_are_https_or_on_this_machine() {
        for good in [
            "https://live.aliyuncs.com",
            "https://x.example.com/a/b/",
            "http://127.0.0.1:81/x",
            "http://[::1]:8",
            "http://localhost",
        ] {
            assert!(address("k", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "live.aliyuncs.com",
            "http://live.aliyuncs.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://u:p@x.example.com",
            "https://x.example.com/?a=1",
            "https://x.example.com/#a",
            "data:text/plain,x",
        ] {
            assert_eq!(address("k", bad), Err(SettingsError::Address("k")), "{bad}");
        }
    }
}
