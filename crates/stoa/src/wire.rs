//! Puts the parts together: store, use-cases, media engine, REST, pages.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use stoa_api::hub_token::HubMint;
use stoa_api::{ApiConfig, ApiState, Cors, LoginKeys};
use stoa_api_class::{ClassApiConfig, ClassState};
use stoa_api_console::{About, ConsoleState, StoreKind};
use stoa_api_hub::{Doors, HubApiConfig, HubState};
use stoa_api_talk::TalkState;
use stoa_api_voice::{VoiceApiConfig, VoiceState};
use stoa_board::Whiteboards;
use stoa_core::app::Apps;
use stoa_core::channel::Policy;
use stoa_core::class::Classes;
use stoa_core::console::{Accounts, Console};
use stoa_core::director::{Director, DirectorConfig};
use stoa_core::door::Door;
use stoa_core::group::{Groups, SessionConfig, Sessions};
use stoa_core::login::{AuthMode as CoreMode, Login, LoginConfig, LoginHook};
use stoa_core::media::MediaHooks;
use stoa_core::ports::{Clock, Entropy, Store};
use stoa_core::talk::{Talk, TalkConfig};
use stoa_core::time::UnixMs;
use stoa_core::voice::{Voice, VoiceConfig};
use stoa_core::world::World;
use stoa_hub::Hub;
use stoa_sfu::Engine;

use crate::clouds::Clouds;
use crate::config::types::{AuthMode, Rate, Tls};
use crate::config::{Settings, checks};
use crate::dialects::{keys, talk_config, voice_config, zone};
use crate::entropy::OsEntropy;
use crate::hook::HttpLoginHook;
use crate::machine::Gauges;
use crate::ops::{self, Ops};
use crate::passwords::Argon2Passwords;
use crate::probe::{self, Probe};
use crate::requests::Requests;
use crate::spawner::Spawner;
use crate::tally::Tally;
use crate::webhooks::Webhooks;
use crate::{dialects, edge, events, groups, net, pages, stores};

/// REST requests under way at once. Each holds a body of up to `http.body_limit` and waits for the
/// store at most 5 s; beyond this, answering 503 at once is kinder than queueing.
const MAX_IN_FLIGHT: usize = 4096;

/// Everything that runs.
pub struct Parts {
    /// Timers of seats and dismissals.
    pub director: Arc<Director>,
    /// The media engine.
    pub engine: Engine,
    /// The whiteboards.
    pub boards: Whiteboards,
    /// The message hub.
    pub hub: Hub,
    /// Its groups.
    pub groups: Arc<Groups>,
    /// What the REST dialects share.
    pub api: ApiState,
    /// Where facts of the engine are taken in.
    pub world: World,
    /// The process is on its way out.
    pub draining: Arc<AtomicBool>,
    /// The routes as of the last reload.
    pub routes: Routes,
    build: RouteBuilder,
    webhooks: Arc<Webhooks>,
}

/// The current router; a reload puts a new one in.
#[derive(Clone)]
pub struct Routes(Arc<RwLock<Router>>);

impl Routes {
    /// The router for one request.
    pub fn current(&self) -> Router {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a router is built of; only the tenants change while the process runs.
struct RouteBuilder {
    api: ApiState,
    voice: Voice,
    voice_config: VoiceApiConfig,
    classes: Classes,
    class_config: ClassApiConfig,
    talk: TalkState,
    console: ConsoleParts,
    sessions: Sessions,
    mint: HubMint,
    hub_config: HubApiConfig,
    engine: Engine,
    hub: Hub,
    hooks: Arc<dyn MediaHooks>,
    clock: Arc<dyn Clock>,
    ops: Ops,
    requests: Requests,
    proxied: bool,
    pages: Option<std::path::PathBuf>,
}

/// What the console stands on besides the tenants.
struct ConsoleParts {
    talk: Talk,
    director: Arc<Director>,
    accounts: Accounts,
    gauges: Arc<Gauges>,
    about: About,
}

/// What the caller has made before.
pub struct Given {
    /// Open store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Renders metrics.
    pub metrics: PrometheusHandle,
    /// Totals of some of them.
    pub tally: Arc<Tally>,
    /// Where HTTP is bound.
    pub http: SocketAddr,
    /// `stoa dev`.
    pub dev: bool,
    /// Where the pages are, if not in the binary.
    pub pages: Option<std::path::PathBuf>,
    /// Administrators by configuration log in with their names as passwords.
    pub demo_admins: bool,
}

/// Builds and starts everything but the listener.
///
/// # Errors
/// What the operator has to change.
pub async fn build(s: &Settings, given: Given, spawner: &Spawner) -> anyhow::Result<Parts> {
    let Given { store, clock, metrics, tally, http, dev, demo_admins, pages } = given;
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let apps = checks::registry(&s.apps);
    let policy =
        Policy { listener_can_send_data: s.talk.listener_can_send_data, open_stage: s.class.stage_policy == "open" };
    let world = World::new(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&entropy), policy);
    let director = Arc::new(Director::new(
        world.clone(),
        DirectorConfig {
            seat_grace: s.voice.seat_grace.0,
            seat_restart_grace: s.voice.seat_restart_grace.0,
            dismiss_announce: s.voice.dismiss_announce.0,
            dismiss_media: s.voice.dismiss_media.0,
            linger: s.talk.linger_secs.0,
            call_grace: s.talk.call_grace_secs.0,
            member_grace: s.hub.member_grace.0,
            leave_grace: s.class.leave_grace.0,
            class_restart_grace: s.class.restart_grace.0,
        },
    ));
    let engine = Engine::new(engine_config(s, http, dev)?, apps.clone(), Arc::clone(&clock), Arc::clone(&entropy))
        .map_err(|e| anyhow::Error::from(e).context(format!("media.udp_port = {}", s.media.udp_port)))?;
    world.set_media(engine.media());
    let boards = Whiteboards::new(store.clone(), Arc::clone(&clock), spawner.tracker.clone());
    world.set_boards(Arc::new(boards.clone()));
    let hub = groups::hub(s, &store, &clock, &entropy).await?;
    let mint = dialects::hub_mint(s, &store).await?;
    let clouds = Clouds::new(s, &clock, &entropy)?;
    let (room_cloud, class_cloud) =
        (clouds.rooms(s, &clock, &spawner.tracker), clouds.classes(s, &clock, &spawner.tracker));
    let groups = groups::start(s, &world, &director, &hub, &mint, class_cloud.as_ref(), spawner)?;
    let (sink, source) = events::channel();
    world.set_facts(sink);
    // Before anybody can come in: what an earlier run left open.
    let boot = director.begin().await.map_err(|e| anyhow!("cannot read the channels: {}", stores::explain(&e)))?;
    let hooks: Arc<dyn MediaHooks> = Arc::new(Door::new(world.clone(), Arc::clone(&director)));
    engine.start(Arc::clone(&hooks), &spawner.last, spawner.hard.clone());
    let webhooks = Webhooks::start(store.clone(), Arc::clone(&clock), Arc::clone(&entropy), apps.clone(), spawner)?;
    let urls = s.media.webhooks.0.clone();
    let listeners = if urls.is_empty() { Vec::new() } else { vec![webhooks.listener(urls)] };
    events::start(spawner, source, Arc::clone(&director), Arc::clone(&clock), listeners);
    let days = |n: u32| Duration::from_secs(u64::from(n) * 86_400);
    let upkeep = events::Upkeep {
        boot,
        heartbeat: s.talk.call_heartbeat_secs.0,
        calls: days(s.talk.call_retention_days),
        audit: days(s.talk.audit_retention_days),
    };
    events::start_upkeep(spawner, Arc::clone(&clock), Arc::clone(&store), upkeep);

    let passwords = Argon2Passwords::new().map_err(|e| anyhow!("argon2: {e}"))?;
    let api = api_state(s, &store, &clock, &entropy, (passwords.clone(), demo_admins)).await?;
    let app = checks::voice_app(s).ok_or_else(|| anyhow!("no enabled app"))?;
    let talk = Talk::new(
        world.clone(),
        Arc::clone(&director),
        TalkConfig { token_ttl: s.talk.token_ttl_secs.0, include_open_calls: s.talk.include_open_calls },
    );
    let mut voice = Voice::new(
        world.clone(),
        Arc::clone(&director),
        VoiceConfig {
            app,
            rtc_token_ttl: s.voice.rtc_token_ttl.0,
            max_live_rooms_per_owner: s.voice.max_live_rooms_per_owner,
        },
    );
    if let Some(cloud) = room_cloud {
        voice = voice.with_cloud(cloud);
    }
    let mut classes =
        Classes::new(world.clone(), Arc::clone(&director), dialects::classes(s)?).with_files(dialects::file_limits(s));
    if let Some(cloud) = class_cloud {
        classes = classes.with_cloud(cloud);
    }
    events::sweep_files(spawner, classes.clone());
    let requests = Requests::default();
    let farewell = groups::Farewells(Arc::clone(&groups));
    let console = ConsoleParts {
        talk: talk.clone(),
        director: Arc::clone(&director),
        accounts: Accounts::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::new(passwords),
            Arc::new(farewell),
            dialects::admins(s)?,
        ),
        gauges: Gauges::start(tally, requests.clone(), clouds.clone(), Arc::clone(&clock), spawner),
        about: about(s, clock.now().wall, http, engine.udp_addr().port())?,
    };
    let draining = Arc::new(AtomicBool::new(false));
    let build = RouteBuilder {
        api: api.clone(),
        voice,
        voice_config: voice_config(s, &mint),
        classes,
        class_config: dialects::class_config(s, &store, &mint, &clouds).await?,
        console,
        talk: TalkState::new(api.clone(), talk, apps.clone(), Arc::new(stoa_sfu::token::Minter), talk_config(s)?),
        sessions: Sessions::new(world.clone(), mint.names(), SessionConfig::default()),
        hub_config: dialects::hub_config(s)?,
        mint,
        engine: engine.clone(),
        hub: hub.clone(),
        hooks,
        clock,
        ops: Ops { store, api: api.clone(), draining: Arc::clone(&draining), metrics, clouds },
        requests,
        proxied: s.http.tls == Tls::Proxy,
        pages,
    };
    let routes = Routes(Arc::new(RwLock::new(build.router(&apps)?)));
    Ok(Parts { director, engine, boards, hub, groups, api, world, draining, routes, build, webhooks })
}

impl Parts {
    /// Other tenants from now on.
    ///
    /// # Errors
    /// When the dialect's app is gone; nothing changes then.
    pub fn set_apps(&self, apps: Apps) -> anyhow::Result<()> {
        let router = self.build.router(&apps)?;
        self.engine.set_apps(apps.clone());
        self.webhooks.set_apps(apps);
        *self.routes.0.write().unwrap_or_else(PoisonError::into_inner) = router;
        Ok(())
    }
}

impl RouteBuilder {
    fn router(&self, apps: &Apps) -> anyhow::Result<Router> {
        let app = apps.by_id(self.voice.app()).ok_or_else(|| anyhow!("the app of voice rooms is gone"))?;
        let probe = Probe::new(
            self.api.clone(),
            self.console.talk.clone(),
            Arc::clone(app),
            Arc::new(stoa_sfu::token::Minter),
            self.voice_config.public_url.clone(),
            &self.clock,
        );
        let voice = VoiceState::new(
            self.api.clone(),
            self.voice.clone(),
            Arc::clone(app),
            Arc::new(stoa_sfu::token::Minter),
            Arc::new(OsEntropy),
            self.voice_config.clone(),
        );
        let app = apps.by_id(self.classes.app()).ok_or_else(|| anyhow!("the app of classes is gone"))?;
        let class = ClassState::new(
            self.api.clone(),
            self.classes.clone(),
            Arc::clone(app),
            Arc::new(stoa_sfu::token::Minter),
            Arc::new(OsEntropy),
            Some(self.engine.streams()),
            self.class_config.clone(),
        );
        let room_service = stoa_sfu::twirp::router(
            Arc::new(self.engine.clone()),
            Arc::clone(&self.hooks),
            apps.clone(),
            Arc::clone(&self.clock),
        );
        let documents = [
            stoa_api_voice::document(),
            stoa_api_talk::document(),
            stoa_api_class::document(),
            stoa_api_hub::document(),
            stoa_api_console::document(),
        ];
        let routes = Router::new()
            .merge(stoa_api_voice::router(voice))
            .merge(stoa_api_class::router(class))
            .merge(stoa_api_hub::router(self.hub(apps)))
            .merge(probe::router(probe))
            .merge(stoa_api_console::router(self.console(apps)))
            .merge(self.engine.router())
            .merge(self.hub.router())
            .merge(room_service)
            .merge(ops::router(self.ops.clone()))
            .merge(stoa_api::docs::router(&documents))
            .merge(self.pages.clone().map_or_else(pages::router, pages::folder))
            .fallback_service(stoa_api::fallback(&self.api));
        let mounted = stoa_api_talk::mount(self.talk.with_apps(apps.clone()), stoa_api::normalized(routes));
        Ok(edge::around(mounted, Arc::clone(&self.clock), &OsEntropy, self.proxied, self.requests.clone()))
    }

    fn console(&self, apps: &Apps) -> ConsoleState {
        let c = &self.console;
        let console = Console::new(c.talk.clone(), Arc::clone(&c.director), apps.clone());
        ConsoleState::new(self.api.clone(), console, c.accounts.clone(), Arc::clone(&c.gauges) as _, c.about.clone())
    }

    fn hub(&self, apps: &Apps) -> HubState {
        let doors = Doors { tokens: Arc::new(stoa_sfu::token::Reader(apps.clone())), hooks: Arc::clone(&self.hooks) };
        HubState::new(
            self.api.clone(),
            self.sessions.clone(),
            self.mint.clone(),
            doors,
            &self.clock,
            Arc::new(OsEntropy),
            self.hub_config.clone(),
        )
    }
}

/// What the console says of the server.
fn about(s: &Settings, started: UnixMs, http: SocketAddr, udp: u16) -> anyhow::Result<About> {
    Ok(About {
        version: env!("CARGO_PKG_VERSION"),
        started,
        zone: zone(s)?,
        zone_name: s.server.time_zone.clone(),
        store: match stores::kind(s) {
            stores::Kind::Sqlite(_) => StoreKind::Sqlite,
            stores::Kind::Postgres => StoreKind::Postgres,
        },
        udp_ports: vec![udp],
        demo: s.auth.mode == AuthMode::Demo,
        bare: s.http.tls == Tls::Off && !http.ip().is_loopback(),
    })
}

/// Where media is bound and what clients are told. `stoa dev` stays on this machine unless
/// `media.public_ip` says otherwise; a server always advertises an address that others can reach.
fn engine_config(s: &Settings, http: SocketAddr, dev: bool) -> anyhow::Result<stoa_sfu::Config> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let configured: Option<IpAddr> = match s.media.public_ip.as_str() {
        "" => None,
        ip => Some(ip.parse().with_context(|| format!("media.public_ip = {ip:?}"))?),
    };
    let local_only = http.ip().is_loopback() && s.http.tls != Tls::Proxy;
    let mut advertised: Vec<IpAddr> = match configured {
        Some(ip) => vec![ip],
        None if dev && local_only => vec![loopback],
        None => net::primary_address().into_iter().collect(),
    };
    if (local_only || advertised.is_empty()) && !advertised.contains(&loopback) {
        advertised.push(loopback);
    }
    let everywhere = advertised.iter().any(|ip| !ip.is_loopback());
    let udp_bind = match (everywhere, configured) {
        (false, _) => loopback,
        (true, Some(IpAddr::V6(_))) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        (true, _) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    // Media over TCP shares the HTTP port, which only helps where clients reach that port themselves.
    let tcp_reaches = !http.ip().is_loopback() || local_only;
    let pair = |r: Rate| (r.per_sec, r.burst);
    Ok(stoa_sfu::Config {
        udp_bind,
        udp_port: s.media.udp_port,
        advertised,
        ice_tcp_port: tcp_reaches.then(|| http.port()),
        resume_window: s.media.resume_window.0,
        max_participants: s.media.max_participants,
        max_tracks: s.media.max_tracks,
        signals: pair(s.limits.media_signals),
        joins: pair(s.limits.media_joins),
        stats_window: u32::from(s.talk.stats_window_secs),
        simulate: dev,
        ..stoa_sfu::Config::default()
    })
}

async fn api_state(
    s: &Settings,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    (passwords, demo_admins): (Argon2Passwords, bool),
) -> anyhow::Result<ApiState> {
    let hook: Option<Arc<dyn LoginHook>> = match s.auth.mode {
        AuthMode::Hook => {
            let h = &s.auth.hook;
            Some(Arc::new(HttpLoginHook::new(h.url.clone(), h.secret.0.clone(), h.timeout.0)?))
        }
        AuthMode::Accounts | AuthMode::Demo => None,
    };
    let login = Login::new(
        Arc::clone(store),
        Arc::clone(clock),
        Arc::new(passwords),
        hook,
        LoginConfig {
            mode: match s.auth.mode {
                AuthMode::Accounts => CoreMode::Accounts,
                AuthMode::Demo => CoreMode::Demo,
                AuthMode::Hook => CoreMode::Hook,
            },
            admins: dialects::admins(s)?,
            failures: s.auth.login_failures,
            failures_address: s.auth.login_failures_address,
            window: s.auth.login_window.0,
            bind_subject: s.auth.bind_subject,
        },
    );
    let login = if demo_admins { login.with_demo_admins() } else { login };
    let keys = LoginKeys::new(keys("auth.jwt_keys", &s.auth.jwt_keys, store).await?)
        .ok_or_else(|| anyhow!("auth.jwt_keys: no key"))?;
    let config = ApiConfig {
        body_limit: s.http.body_limit.0,
        cors: Cors::from_origins(&s.http.cors.origins.0).map_err(|e| anyhow!("http.cors.origins: {e}"))?,
        token_ttl: s.auth.token_ttl.0,
        user_rate: stoa_api::Rate { per_sec: s.limits.user.per_sec, burst: s.limits.user.burst },
        zone: zone(s)?,
        max_in_flight: MAX_IN_FLIGHT,
    };
    Ok(ApiState::new(Arc::new(login), Arc::clone(clock), Arc::clone(entropy), keys, config))
}
