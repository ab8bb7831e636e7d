//! Counters of the hot path, looked up once.

use metrics::Counter;

/// Handles that cost an atomic addition, not a look-up.
pub(crate) struct Meters {
    pub packets_in: Counter,
    pub packets_out: Counter,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
}

impl Meters {
    pub(crate) fn new() -> Self {
        Self {
            packets_in: metrics::counter!("stoa_media_packets_in_total"),
            packets_out: metrics::counter!("stoa_media_packets_out_total"),
            bytes_in: metrics::counter!("stoa_media_payload_bytes_in_total"),
            bytes_out: metrics::counter!("stoa_media_payload_bytes_out_total"),
        }
    }

    /// A media packet that was not published, and why.
    #[expect(clippy::unused_self, reason = "drops are rare; a caller need not know that these are looked up")]
    pub(crate) fn dropped(&self, reason: &'static str) {
        metrics::counter!("stoa_media_packets_dropped_total", "reason" => reason).increment(1);
    }
}
