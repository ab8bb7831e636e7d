//! `/healthz`, `/readyz`, `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Request, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::{Map, Value, json};
use stoa_api::ApiState;
use stoa_core::ports::Store;
use stoa_vendor::breaker::State;
use stoa_vendor::health::Health;

use crate::clouds::Clouds;
use crate::edge;
use crate::spawner::Spawner;
use crate::tally::{Counting, Tally};

/// Longest wait for the store when asked whether all is ready.
const PING: Duration = Duration::from_secs(2);
/// How often the exporter tidies its histograms.
const UPKEEP: Duration = Duration::from_secs(5);
/// Upper bounds of request times in seconds.
const BUCKETS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// What the three paths look at.
#[derive(Clone)]
pub struct Ops {
    /// System of record.
    pub store: Arc<dyn Store>,
    /// For the token of an administrator.
    pub api: ApiState,
    /// The process is on its way out.
    pub draining: Arc<AtomicBool>,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Vendor clouds in use.
    pub clouds: Clouds,
}

/// Installs the recorder; call once, before anything counts.
///
/// # Errors
/// When another recorder is there.
pub fn start_metrics(spawner: &Spawner) -> anyhow::Result<(PrometheusHandle, Arc<Tally>)> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
        .build_recorder();
    let handle = recorder.handle();
    let (recorder, tally) = Counting::new(recorder);
    metrics::set_global_recorder(recorder).map_err(|_| anyhow::anyhow!("metrics are recorded already"))?;
    metrics::describe_counter!("stoa_http_requests_total", "Requests by class of status");
    metrics::describe_histogram!("stoa_http_request_seconds", "From the end of the head to the start of the answer");
    metrics::describe_counter!("stoa_connections_refused_total", "Connections closed because too many were open");
    metrics::describe_counter!("stoa_cloud_calls_total", "Calls of vendor clouds by part and outcome");
    metrics::describe_counter!("stoa_cloud_retries_total", "Tries of such calls beyond the first");
    metrics::describe_gauge!("stoa_cloud_breaker_open", "1 while calls of that part fail at once");
    metrics::describe_gauge!("stoa_cloud_calls_in_flight", "Calls under way at that part");
    metrics::describe_counter!("stoa_panics_total", "Panics of any task; each is a bug");
    let (tidy, soft) = (handle.clone(), spawner.soft.clone());
    spawner.spawn("metrics upkeep", async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(UPKEEP) => tidy.run_upkeep(),
                () = soft.cancelled() => return,
            }
        }
    });
    Ok((handle, tally))
}

/// The three routes.
pub fn router(ops: Ops) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(ops)
}

async fn readyz(Shared(ops): Shared<Ops>) -> Response {
    let draining = ops.draining.load(Ordering::Acquire);
    let store = matches!(tokio::time::timeout(PING, ops.store.ping()).await, Ok(Ok(())));
    let ready = store && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = json!({
        "status": if ready { "ready" } else { "not ready" },
        "store": if store { "ok" } else { "unreachable" },
        "draining": draining,
    });
    // Told, but no reason to send people elsewhere: what is ours goes on.
    let clouds: Map<_, _> = ops.clouds.health().iter().map(|h| (h.part.word().to_owned(), cloud(h))).collect();
    if !clouds.is_empty() {
        body["clouds"] = Value::Object(clouds);
    }
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn cloud(h: &Health) -> Value {
    let mut shown = json!({ "breaker": h.state.word(), "since": h.since.secs(), "in_flight": h.in_flight });
    if let Some(last) = h.last_error {
        shown["last_error"] = json!({ "kind": last.kind.word(), "at": last.at.secs() });
    }
    shown
}

/// The clouds' counters live with their clients; they are copied when somebody looks.
fn count_clouds(clouds: &Clouds) {
    for h in clouds.health() {
        let part = h.part.word();
        let open = if h.state == State::Closed { 0.0 } else { 1.0 };
        metrics::gauge!("stoa_cloud_breaker_open", "part" => part).set(open);
        // Some dozens at most.
        let in_flight = u32::try_from(h.in_flight).unwrap_or(u32::MAX);
        metrics::gauge!("stoa_cloud_calls_in_flight", "part" => part).set(f64::from(in_flight));
        let c = h.counts;
        for (outcome, n) in [
            ("ok", c.ok),
            ("refused", c.refused),
            ("unavailable", c.unavailable),
            ("malformed", c.malformed),
            ("turned_away", c.turned_away),
            ("abandoned", c.abandoned),
        ] {
            metrics::counter!("stoa_cloud_calls_total", "part" => part, "outcome" => outcome).absolute(n);
        }
        metrics::counter!("stoa_cloud_retries_total", "part" => part).absolute(c.retries);
    }
}

/// Open to this machine; anybody else needs an administrator's token.
async fn metrics(Shared(ops): Shared<Ops>, request: Request) -> Response {
    if !edge::is_local(&request) {
        let headers = request.headers().clone();
        match stoa_api::call::caller(&ops.api, &headers).await {
            Ok((caller, _)) if caller.admin => {}
            Ok(_) => return (StatusCode::FORBIDDEN, "administrators only\n").into_response(),
            Err(_) => {
                return (
                    StatusCode::UNAUTHORIZED,
                    [(header::WWW_AUTHENTICATE, "Bearer")],
                    "an administrator's token is needed\n",
                )
                    .into_response();
            }
        }
    }
    count_clouds(&ops.clouds);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], ops.metrics.render()).into_response()
}
