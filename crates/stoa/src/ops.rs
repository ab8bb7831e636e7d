//! `/healthz`, `/readyz`, `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use stoa_api::ApiState;
use stoa_core::ports::Store;

use crate::edge;
use crate::spawner::Spawner;

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
}

/// Installs the recorder; call once, before anything counts.
///
/// # Errors
/// When another recorder is there.
pub fn start_metrics(spawner: &Spawner) -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
        .install_recorder()?;
    metrics::describe_counter!("stoa_http_requests_total", "Requests by class of status");
    metrics::describe_histogram!("stoa_http_request_seconds", "From the end of the head to the start of the answer");
    metrics::describe_counter!("stoa_connections_refused_total", "Connections closed because too many were open");
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
    Ok(handle)
}

/// The three routes.
pub fn router(ops: Ops) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(ops)
}

async fn readyz(State(ops): State<Ops>) -> Response {
    let draining = ops.draining.load(Ordering::Acquire);
    let store = matches!(tokio::time::timeout(PING, ops.store.ping()).await, Ok(Ok(())));
    let ready = store && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if ready { "ready" } else { "not ready" },
        "store": if store { "ok" } else { "unreachable" },
        "draining": draining,
    });
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Open to this machine; anybody else needs an administrator's token.
async fn metrics(State(ops): State<Ops>, request: Request) -> Response {
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
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], ops.metrics.render()).into_response()
}
