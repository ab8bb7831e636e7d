//! One client of the crate and all it was told.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_centrifuge::client::{Client, RequestError};
use tokio_centrifuge::config::{Config, ReconnectStrategy};
use tokio_centrifuge::subscription::Subscription;

use super::Format;

/// Longest wait for anything: far above what is promised, for machines under load.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(20);

/// What a client was told, in order.
#[derive(Debug, Default)]
pub struct Told {
    pub connecting: Vec<u32>,
    /// Client ids.
    pub connected: Vec<String>,
    /// Codes.
    pub disconnected: Vec<u32>,
    /// Channels and the data of the answer.
    pub subscribed: Vec<(String, Value)>,
    /// Channels and codes.
    pub unsubscribed: Vec<(String, u32)>,
    pub publications: Vec<Got>,
}

/// A publication.
#[derive(Debug)]
pub struct Got {
    pub channel: String,
    pub offset: u64,
    pub data: Value,
}

impl Told {
    /// Messages of groups of this type.
    pub fn messages(&self, kind: i64) -> Vec<&Value> {
        let one = |data: &Value| data["kind"] == "message" && data["type"] == kind;
        self.publications.iter().map(|p| &p.data).filter(|d| one(d)).collect()
    }

    pub fn ids(&self, kind: i64) -> Vec<String> {
        self.messages(kind).into_iter().map(id).collect()
    }

    /// Offsets of what came in this channel and has one.
    pub fn offsets(&self, channel: &str) -> Vec<u64> {
        let kept = self.publications.iter().filter(|p| p.channel == channel && p.offset > 0);
        kept.map(|p| p.offset).collect()
    }

    pub fn ended(&self, channel: &str) -> Option<u32> {
        self.unsubscribed.iter().find(|(c, _)| c == channel).map(|(_, code)| *code)
    }
}

/// Of a message.
pub fn id(message: &Value) -> String {
    message["messageId"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[derive(Debug)]
struct Soon;

impl ReconnectStrategy for Soon {
    fn time_before_next_attempt(&self, _attempt: u32) -> Duration {
        RETRY
    }
}

pub struct Sdk {
    pub client: Client,
    told: watch::Sender<Told>,
}

impl Sdk {
    pub fn new(server: SocketAddr, format: Format, token: &str) -> Self {
        let config = Config::new().with_token(token).with_read_timeout(PATIENCE).with_reconnect_strategy(Soon);
        match format {
            Format::Json => Self::with(&format!("ws://{server}/connection/websocket"), config.use_json()),
            // The crate offers no subprotocol: without this the server would answer in JSON.
            Format::Protobuf => {
                Self::with(&format!("ws://{server}/connection/websocket?format=protobuf"), config.use_protobuf())
            }
        }
    }

    pub fn with(url: &str, config: Config) -> Self {
        let client = Client::new(url, config);
        let told = watch::Sender::new(Told::default());
        let t = told.clone();
        client.on_connecting(move |e| t.send_modify(|t| t.connecting.push(e.code)));
        let t = told.clone();
        client.on_connected(move |e| t.send_modify(|t| t.connected.push(e.client_id.to_owned())));
        let t = told.clone();
        client.on_disconnected(move |e| t.send_modify(|t| t.disconnected.push(e.code)));
        Self { client, told }
    }

    /// Connects. The SDK's own future ends a moment before the client is connected.
    pub async fn connect(&self) {
        let before = self.told().connected.len();
        self.client.connect().await.unwrap();
        self.until("connected", |t| t.connected.len() > before).await;
    }

    /// Waits until it was told so.
    pub async fn until(&self, what: &str, mut so: impl FnMut(&Told) -> bool) {
        let mut told = self.told.subscribe();
        if tokio::time::timeout(PATIENCE, told.wait_for(|t| so(t))).await.is_err() {
            panic!("never: {what}; told {:#?}", *self.told.borrow());
        }
    }

    /// What it was told so far.
    pub fn told(&self) -> watch::Ref<'_, Told> {
        self.told.borrow()
    }

    /// A subscription whose events are kept; not yet asked for.
    pub fn subscription(&self, channel: &str) -> Subscription {
        let sub = self.client.new_subscription(channel);
        let t = self.told.clone();
        sub.on_subscribed(move |e| {
            let data = if e.data.is_empty() { Value::Null } else { serde_json::from_slice(&e.data).unwrap() };
            t.send_modify(|t| t.subscribed.push((e.channel.to_owned(), data)));
        });
        let t = self.told.clone();
        sub.on_unsubscribed(move |e| t.send_modify(|t| t.unsubscribed.push((e.channel.to_owned(), e.code))));
        let (t, channel) = (self.told.clone(), channel.to_owned());
        sub.on_publication(move |p| {
            let data = serde_json::from_slice(&p.data).unwrap();
            let got = Got { channel: channel.clone(), offset: p.offset, data };
            t.send_modify(|t| t.publications.push(got));
        });
        sub
    }

    /// A function's answer, or how it was refused.
    pub async fn call(&self, method: &str, args: Value) -> Result<Value, (u32, String)> {
        match self.client.rpc(method, args.to_string().into_bytes()).await {
            Ok(answer) => Ok(serde_json::from_slice(&answer).unwrap()),
            Err(RequestError::ErrorResponse(e)) => Err((e.code, e.message)),
            Err(other) => panic!("{method}: {other}"),
        }
    }

    /// Joins and subscribes to the channels that the answer names.
    pub async fn join(&self, room: &str) -> Value {
        let group = self.call("group.join", json!({ "groupId": room })).await.unwrap();
        for channel in group["channels"].as_array().unwrap() {
            self.subscription(channel.as_str().unwrap()).subscribe().await.unwrap();
        }
        group
    }

    /// Sends a message and answers what the server made of it.
    pub async fn send(&self, room: &str, kind: i64, data: &Value) -> Result<Value, (u32, String)> {
        self.call("group.send", json!({ "groupId": room, "type": kind, "data": data.to_string() })).await
    }
}
