//! The message hub and its groups: settings in, one task that carries out what is due.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use async_trait::async_trait;
use serde::Deserialize;
use stoa_api::hub_token::{HubMint, uuid};
use stoa_api::{ClientAddr, Cors};
use stoa_core::cloud::{ClassCloud, Relay};
use stoa_core::console::Farewell;
use stoa_core::director::Director;
use stoa_core::group::{GroupRates, Groups, GroupsConfig, Refusal, SessionConfig, Sessions};
use stoa_core::hub::{HubAdmitted, HubClient, HubHooks, HubLeft, HubRefusal, HubSubscribed};
use stoa_core::id::{AppId, UserId};
use stoa_core::ports::{Clock, Entropy, Store};
use stoa_core::time::UnixMs;
use stoa_core::world::World;
use stoa_core::{Error, Kind};
use stoa_hub::{Config, Hub, Limits, Rate, Settings as HubSettings, Verifier};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::config::Settings;
use crate::config::types::Rate as Configured;
use crate::dialects;
use crate::held::Held;
use crate::spawner::Spawner;

/// Longest sleep without looking at what is due: a wall clock that jumps must not keep it asleep.
const LOOK: Duration = Duration::from_secs(1);

fn rate(r: Configured) -> Rate {
    Rate { per_sec: r.per_sec, burst: r.burst }
}

/// The hub, not started.
///
/// # Errors
/// A key that is no key, an origin that is none; store faults.
pub async fn hub(
    s: &Settings,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<Hub> {
    let keys = dialects::keys("hub.jwt_keys", &s.hub.jwt_keys, store).await?;
    let mut config = Config::new(Verifier::new(&keys, None));
    config.limits = Limits {
        commands: rate(s.limits.hub_commands),
        reads: rate(s.limits.hub_reads),
        connects_user: rate(s.limits.hub_connects_user),
        connections_per_user: usize::try_from(s.hub.connections_per_user).unwrap_or(usize::MAX),
        ..config.limits
    };
    config.timing.ping = s.hub.ping.0;
    let cors = Cors::from_origins(&s.http.cors.origins.0).map_err(|e| anyhow!("http.cors.origins: {e}"))?;
    let mut settings = HubSettings::new(config, Arc::new(Held::taken));
    settings.origin = Arc::new(move |origin| cors.allows(origin));
    let by_socket = Arc::clone(&settings.peer);
    settings.peer = Arc::new(move |e| e.get::<ClientAddr>().map(|a| a.0).or_else(|| by_socket(e)));
    settings.connects = rate(s.limits.hub_connects);
    settings.snapshot = Some(snapshot(s));
    Ok(Hub::new(settings, Arc::clone(clock), Arc::clone(entropy)))
}

/// Where positions of channels are kept over a planned stop.
fn snapshot(s: &Settings) -> PathBuf {
    s.server.data_dir.join("hub.snapshot")
}

/// The groups behind the hub, both running.
///
/// # Errors
/// What the operator has to change.
pub fn start(
    s: &Settings,
    world: &World,
    director: &Arc<Director>,
    hub: &Hub,
    mint: &HubMint,
    cloud: Option<&Arc<dyn ClassCloud>>,
    spawner: &Spawner,
) -> anyhow::Result<Arc<Groups>> {
    let wake = Arc::new(Notify::new());
    let rings = Arc::clone(&wake);
    let zone = dialects::zone(s)?;
    let class_time: Arc<dyn Fn(UnixMs) -> String + Send + Sync> = Arc::new(move |at| zone.slashed(at));
    let config = GroupsConfig {
        names: dialects::names(s)?,
        admins: dialects::admins(s)?,
        apps: s.apps.iter().map(|a| AppId(a.app_id)).collect(),
        member_grace: s.hub.member_grace.0,
        kick_linger: s.hub.kick_linger.0,
        dismiss_announce: s.voice.dismiss_announce.0,
        dismiss_linger: s.voice.dismiss_linger.0,
        voice_kick_ban: s.voice.kick_ban.0,
        class_kick_ban: s.class.kick_ban.0,
        stage_max: s.class.stage_max.into(),
        voice_single_login: s.voice.single_login,
        rates: GroupRates {
            signals: rate(s.limits.hub_signals),
            comments: rate(s.limits.hub_comments),
            reads: rate(s.limits.hub_reads),
        },
        class_time: Arc::clone(&class_time),
        report: Arc::new(report),
        wake: Arc::new(move || rings.notify_one()),
    };
    let port: Arc<dyn stoa_core::hub::Hub> = Arc::new(hub.clone());
    let groups = Arc::new(Groups::new(world.clone(), Arc::clone(director), port, config, hub.restored()));
    world.set_outlet(match cloud {
        Some(cloud) => Arc::new(Relay {
            groups: Arc::clone(&groups) as _,
            cloud: Arc::clone(cloud),
            clock: Arc::clone(&world.clock),
            entropy: Arc::clone(&world.entropy),
            class_time,
        }),
        None => Arc::clone(&groups) as _,
    });
    let renewals = Arc::new(Renewals {
        sessions: Sessions::new(world.clone(), mint.names(), SessionConfig::default()),
        mint: mint.clone(),
        clock: Arc::clone(&world.clock),
        entropy: Arc::clone(&world.entropy),
    });
    let hooks = Hooks { groups: Arc::clone(&groups), renewals, tasks: spawner.tracker.clone() };
    hub.start(Arc::new(hooks), &spawner.last, spawner.hard.clone());
    let (clock, hard) = (Arc::clone(&world.clock), spawner.hard.clone());
    let works = Arc::clone(&groups);
    spawner.spawn_last("groups", async move {
        loop {
            works.work().await;
            let due = works.next_deadline().map_or(LOOK, |at| at.saturating_sub(clock.now().mono));
            tokio::select! {
                () = hard.cancelled() => return,
                () = wake.notified() => {}
                () = tokio::time::sleep(due.min(LOOK)) => {}
            }
        }
    });
    Ok(groups)
}

fn report(e: &Error) {
    tracing::error!(error = e.internal().unwrap_or(e.public()), "a group was not told, or a call of it failed");
}

/// `session.refresh` (hub.md 4.6): not a group's business, and it needs what signs tokens.
struct Renewals {
    sessions: Sessions,
    mint: HubMint,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

#[derive(Deserialize)]
struct Renewal {
    refresh_token: String,
    device_id: String,
}

impl Renewals {
    async fn call(&self, data: &str) -> Result<String, HubRefusal> {
        let refused = |r: Refusal| HubRefusal::Error { code: r.code, message: r.message, temporary: false };
        let Ok(ask) = serde_json::from_str::<Renewal>(data) else { return Err(refused(Refusal::BAD)) };
        let renewed = self.sessions.exchange(&ask.refresh_token, &ask.device_id).await.map_err(|e| match e.kind() {
            Kind::Unauthenticated => refused(Refusal::NOT_ALLOWED),
            _ => {
                report(&e);
                HubRefusal::INTERNAL
            }
        })?;
        let mut id = [0u8; 16];
        self.entropy.fill(&mut id);
        let made = self.mint.renew(&renewed, &uuid(id), self.clock.now().wall.secs());
        let answer = serde_json::json!({
            "token": made.token, "expires_at": made.expires_at, "refresh_token": renewed.text,
        });
        Ok(answer.to_string())
    }
}

/// Ends what hangs on login sessions that an administrator ended.
pub struct Farewells(pub Arc<Groups>);

#[async_trait]
impl Farewell for Farewells {
    async fn signed_out(&self, user: &UserId, banned: bool) {
        self.0.signed_out(user, banned).await;
    }
}

/// What the hub asks. Calls count as work that a stop waits for.
struct Hooks {
    groups: Arc<Groups>,
    renewals: Arc<Renewals>,
    tasks: TaskTracker,
}

#[async_trait]
impl HubHooks for Hooks {
    async fn connect(&self, client: &HubClient) -> Result<HubAdmitted, HubRefusal> {
        self.groups.connect(client).await
    }

    async fn subscribe(&self, client: &HubClient, channel: &str) -> Result<HubSubscribed, HubRefusal> {
        self.groups.subscribe(client, channel).await
    }

    async fn rpc(&self, client: &HubClient, method: &str, data: &str) -> Result<String, HubRefusal> {
        // A stop waits for it.
        let _running = self.tasks.token();
        match method {
            "session.refresh" => self.renewals.call(data).await,
            _ => self.groups.rpc(client, method, data).await,
        }
    }

    fn presence(&self, channel: &str, client: &HubClient, came: bool, left: HubLeft) {
        self.groups.presence(channel, client, came, left);
    }

    fn closed(&self, client: &HubClient, code: u32) {
        self.groups.closed(client, code);
    }
}
