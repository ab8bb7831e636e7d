//! `GET /overview`

use std::time::Duration;

use axum::extract::State;
use stoa_core::console::{Row, Sample};

use super::{Answer, shown};
use crate::ask::Ask;
use crate::body::logs::NoQuery;
use crate::body::overview::{
    Cloud, CloudState, Http, Media, Messages, Overview, Store, StoreName, Warning, WarningCode,
};
use crate::routes::Refusals;
use crate::state::{ConsoleState, StoreKind};

/// Longest wait for the store; beyond it counts as away.
const PING: Duration = Duration::from_secs(2);

/// What the server does now
#[utoipa::path(get, path = "/api/console/v1/overview", tag = "Server", security(("bearer" = [])),
    responses((status = 200, description = "all of it", body = Overview), Refusals))]
pub async fn overview(State(state): State<ConsoleState>, _ask: Ask<NoQuery>) -> Answer {
    let (about, machine, console) = (state.about(), state.machine(), state.console());
    let ping_ms = ping(&state).await;
    let census = console.census().await?;
    let sample = machine.newest();
    let rate = |row| sample.as_ref().and_then(|s: &Sample| s.get(row)).map(rounded);
    let now = state.now();
    let (open_files, max_files) = machine.files();
    let clouds = machine.clouds();
    let mut warnings = Vec::new();
    let mut warn = |code, text: &str| warnings.push(Warning { code, text: text.to_owned() });
    if ping_ms.is_none() {
        warn(WarningCode::StoreAway, "the database did not answer within two seconds");
    }
    if let (Some(open), Some(max)) = (open_files, max_files)
        && open.saturating_mul(10) >= max.saturating_mul(9)
    {
        warn(WarningCode::ManyFiles, "nine tenths of the files this process may open are open; raise its limit");
    }
    if clouds.iter().any(|c| c.state == CloudState::Down) {
        warn(WarningCode::CloudDown, "calls of a vendor cloud fail at once because many failed before");
    }
    if about.demo {
        warn(WarningCode::DemoLogins, "auth.mode is demo: the password of a user without an account is its name");
    }
    if about.bare {
        warn(WarningCode::NoTls, "http.tls is off and the server is reached over a network: passwords travel in clear");
    }
    shown(&Overview {
        version: about.version.to_owned(),
        started_at: about.started.0,
        now: now.0,
        uptime_s: u64::try_from((now.0 - about.started.0) / 1000).unwrap_or(0),
        rooms_live: census.rooms,
        classes_live: census.classes,
        talk_channels: census.adhoc,
        channels_live: console.everybody().len() as u64,
        participants: machine.participants(),
        publications: machine.publications(),
        hub_connections: machine.connections(),
        hub_groups: console.groups() as u64,
        bans: census.bans,
        accounts: census.accounts,
        memory_bytes: sample.as_ref().and_then(|s| s.get(Row::MemoryBytes)).map(whole),
        cpu_percent: rate(Row::CpuPercent),
        load_1m: machine.load(),
        open_files,
        max_files,
        store: Store {
            kind: match about.store {
                StoreKind::Sqlite => StoreName::Sqlite,
                StoreKind::Postgres => StoreName::Postgres,
            },
            ping_ms,
        },
        media: Media {
            udp_ports: about.udp_ports.clone(),
            packets_in_per_s: rate(Row::PacketsIn),
            packets_out_per_s: rate(Row::PacketsOut),
            bits_in_per_s: rate(Row::BitsIn),
            bits_out_per_s: rate(Row::BitsOut),
        },
        messages: Messages { published_per_s: rate(Row::Published), delivered_per_s: rate(Row::Delivered) },
        http: Http { requests_per_s: rate(Row::Requests), errors_per_s: rate(Row::Errors) },
        clouds: clouds
            .into_iter()
            .map(|c| Cloud { part: c.part.to_owned(), state: c.state, last_error: c.last_error.map(str::to_owned) })
            .collect(),
        warnings,
    })
}

/// Milliseconds that a trivial read takes.
async fn ping(state: &ConsoleState) -> Option<f64> {
    let clock = state.api().clock();
    let began = clock.now().mono;
    let answered = tokio::time::timeout(PING, state.console().world().store.ping()).await;
    let took = clock.now().mono.saturating_sub(began);
    matches!(answered, Ok(Ok(()))).then(|| rounded(took.as_secs_f64() * 1000.0))
}

/// Three digits behind the point: more are noise.
pub(super) fn rounded(value: f64) -> f64 {
    // A sum of nothing is a negative zero.
    (value * 1000.0).round() / 1000.0 + 0.0
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of bytes")]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}
