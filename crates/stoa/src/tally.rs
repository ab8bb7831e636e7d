//! Totals of a few metrics that the console shows, beside those that `/metrics` renders: a recorder in front of the
//! other one that counts along.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// The totals, over all labels.
#[derive(Debug, Default)]
pub struct Tally {
    /// Media packets from publishers that were not dropped.
    pub packets_in: AtomicU64,
    /// Media packets to subscribers.
    pub packets_out: AtomicU64,
    /// Their payload.
    pub bytes_in: AtomicU64,
    /// Their payload.
    pub bytes_out: AtomicU64,
    /// Publications of the hub.
    pub published: AtomicU64,
    /// What connections of the hub got of them.
    pub delivered: AtomicU64,
    /// HTTP requests.
    pub requests: AtomicU64,
    /// Those answered with a status of 500 or more.
    pub errors: AtomicU64,
    /// Participants of the media engine.
    pub participants: AtomicI64,
    /// Tracks published there.
    pub tracks: AtomicI64,
    /// Connections to the hub.
    pub connections: AtomicI64,
}

type OfCounter = fn(&Tally) -> &AtomicU64;
type OfGauge = fn(&Tally) -> &AtomicI64;

fn counter(key: &Key) -> Option<OfCounter> {
    Some(match key.name() {
        "stoa_media_packets_in_total" => |t| &t.packets_in,
        "stoa_media_packets_out_total" => |t| &t.packets_out,
        "stoa_media_payload_bytes_in_total" => |t| &t.bytes_in,
        "stoa_media_payload_bytes_out_total" => |t| &t.bytes_out,
        "stoa_hub_publications_total" => |t| &t.published,
        "stoa_hub_deliveries_total" => |t| &t.delivered,
        "stoa_http_requests_total" if key.labels().any(|l| l.value() == "5xx") => |t| &t.errors,
        "stoa_http_requests_total" => |t| &t.requests,
        _ => return None,
    })
}

fn gauge(key: &Key) -> Option<OfGauge> {
    Some(match key.name() {
        "stoa_media_participants" => |t| &t.participants,
        "stoa_media_tracks" => |t| &t.tracks,
        "stoa_hub_connections" => |t| &t.connections,
        _ => return None,
    })
}

/// A metric that counts in both places.
struct Both<M, F> {
    inner: M,
    tally: Arc<Tally>,
    of: F,
}

impl CounterFn for Both<Counter, OfCounter> {
    fn increment(&self, value: u64) {
        self.inner.increment(value);
        (self.of)(&self.tally).fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.inner.absolute(value);
        (self.of)(&self.tally).fetch_max(value, Ordering::Relaxed);
    }
}

/// Gauges here count things.
#[expect(clippy::cast_possible_truncation, reason = "whole numbers far below 2^53")]
fn whole(value: f64) -> i64 {
    value as i64
}

impl GaugeFn for Both<Gauge, OfGauge> {
    fn increment(&self, value: f64) {
        self.inner.increment(value);
        (self.of)(&self.tally).fetch_add(whole(value), Ordering::Relaxed);
    }

    fn decrement(&self, value: f64) {
        self.inner.decrement(value);
        (self.of)(&self.tally).fetch_sub(whole(value), Ordering::Relaxed);
    }

    fn set(&self, value: f64) {
        self.inner.set(value);
        (self.of)(&self.tally).store(whole(value), Ordering::Relaxed);
    }
}

/// The recorder in front.
pub struct Counting<R> {
    inner: R,
    tally: Arc<Tally>,
}

impl<R: Recorder> Counting<R> {
    /// In front of `inner`.
    pub fn new(inner: R) -> (Self, Arc<Tally>) {
        let tally = Arc::<Tally>::default();
        (Self { inner, tally: Arc::clone(&tally) }, tally)
    }
}

impl<R: Recorder> Recorder for Counting<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.inner.describe_counter(key, unit, text);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.inner.describe_gauge(key, unit, text);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.inner.describe_histogram(key, unit, text);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        let inner = self.inner.register_counter(key, metadata);
        match counter(key) {
            Some(of) => Counter::from_arc(Arc::new(Both { inner, tally: Arc::clone(&self.tally), of })),
            None => inner,
        }
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        let inner = self.inner.register_gauge(key, metadata);
        match gauge(key) {
            Some(of) => Gauge::from_arc(Arc::new(Both { inner, tally: Arc::clone(&self.tally), of })),
            None => inner,
        }
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.inner.register_histogram(key, metadata)
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn what_is_counted_is_rendered_too_and_labels_add_up() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let rendered = recorder.handle();
        let (recorder, tally) = Counting::new(recorder);
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("stoa_http_requests_total", "status" => "2xx").increment(2);
            metrics::counter!("stoa_http_requests_total", "status" => "4xx").increment(1);
            metrics::counter!("stoa_http_requests_total", "status" => "5xx").increment(1);
            metrics::counter!("stoa_other_total").increment(7);
            metrics::gauge!("stoa_hub_connections", "format" => "json").increment(3.0);
            metrics::gauge!("stoa_hub_connections", "format" => "protobuf").increment(1.0);
            metrics::gauge!("stoa_hub_connections", "format" => "json").decrement(1.0);
            metrics::gauge!("stoa_media_tracks").set(5.0);
        });
        let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
        assert_eq!((of(&tally.requests), of(&tally.errors)), (3, 1));
        assert_eq!(tally.connections.load(Ordering::Relaxed), 3);
        assert_eq!(tally.tracks.load(Ordering::Relaxed), 5);
        let text = rendered.render();
        for line in ["stoa_http_requests_total{status=\"2xx\"} 2", "stoa_other_total 7", "stoa_media_tracks 5"] {
            assert!(text.contains(line), "{text}");
        }
    }
}
