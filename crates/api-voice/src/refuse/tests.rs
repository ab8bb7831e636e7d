use super::*;
use stoa_core::time::UnixMs;

/// Every kind there is; a new one fails to compile here until it is listed.
fn kinds() -> Vec<(&'static str, Kind)> {
    fn name(kind: &Kind) -> &'static str {
        match kind {
            Kind::Unauthenticated => "unauthenticated",
            Kind::BadCredentials => "bad credentials",
            Kind::LoginThrottled { .. } => "login throttled",
            Kind::BadInput { .. } => "bad input",
            Kind::NotYou => "not you",
            Kind::Forbidden => "forbidden",
            Kind::Banned { .. } => "banned",
            Kind::NotFound => "not found",
            Kind::NotPresent => "not present",
            Kind::Gone => "gone",
            Kind::LimitReached => "limit",
            Kind::Throttled { .. } => "throttled",
            Kind::Unavailable => "unavailable",
            Kind::Vendor { .. } => "vendor",
            Kind::Internal => "internal",
        }
    }
    [
        Kind::Unauthenticated,
        Kind::BadCredentials,
        Kind::LoginThrottled { retry_after_secs: 9 },
        Kind::BadInput { field: "id" },
        Kind::NotYou,
        Kind::Forbidden,
        Kind::Banned { until: UnixMs(1) },
        Kind::NotFound,
        Kind::NotPresent,
        Kind::Gone,
        Kind::LimitReached,
        Kind::Throttled { retry_after_secs: 9 },
        Kind::Unavailable,
        Kind::Vendor { code: None },
        Kind::Internal,
    ]
    .into_iter()
    .map(|k| (name(&k), k))
    .collect()
}

/// `status/code`, the reason, and `+` for a Retry-After.
fn shown(endpoint: Endpoint, kind: &Kind) -> String {
    let v = Verdict::of_kind(endpoint, kind);
    let plus = if v.retry_secs.is_some() { "+" } else { "" };
    format!("{}/{}{plus}{}", v.status, v.code, v.reason.map(|r| format!(" {r}")).unwrap_or_default())
}

#[test]
fn every_kind_on_every_endpoint_is_answered_as_the_table_says() {
    // Four ways of saying no: most endpoints, getRtcAuthToken, dismiss, the two seat endpoints.
    let table = [
        ("unauthenticated", ["401/401", "401/401", "401/401", "401/401"]),
        ("bad credentials", ["200/401", "401/401", "200/401", "200/401"]),
        ("login throttled", ["429/429+", "429/429+", "429/429+", "429/429+"]),
        ("bad input", ["200/400", "400/400", "200/400", "200/400"]),
        ("not you", ["200/403", "403/403", "200/403 NoPermit", "200/403"]),
        ("forbidden", ["200/403", "403/403", "200/200 NoPermit", "200/403"]),
        ("banned", ["200/403", "403/403", "200/403", "200/403"]),
        ("not found", ["200/404", "404/404", "200/200 Unknown", "200/404"]),
        ("not present", ["200/404", "404/404", "200/404", "200/404"]),
        ("gone", ["200/404", "404/404", "200/404", "200/404"]),
        ("limit", ["200/403", "403/403", "200/403", "200/403"]),
        ("throttled", ["429/429+", "429/429+", "429/429+", "200/429+"]),
        ("unavailable", ["503/503+", "503/503+", "503/503+", "503/503+"]),
        ("vendor", ["200/500", "500/500", "200/500", "200/500"]),
        ("internal", ["200/500", "500/500", "200/500", "200/500"]),
    ];
    let kinds = kinds();
    assert_eq!(kinds.len(), table.len());
    for ((name, kind), (row, cells)) in kinds.iter().zip(table) {
        assert_eq!(*name, row);
        for (endpoint, _) in Endpoint::ALL {
            let column = match endpoint {
                Endpoint::RtcToken => 1,
                Endpoint::Dismiss => 2,
                Endpoint::LeaveMic | Endpoint::MeetingInfo => 3,
                _ => 0,
            };
            assert_eq!(shown(endpoint, kind), cells[column], "{name} on {endpoint:?}");
        }
    }
}

#[test]
fn transport_refusals_have_their_own_status_everywhere() {
    for (endpoint, _) in Endpoint::ALL {
        assert_eq!(Verdict::of(endpoint, &Refusal::TooLarge), Verdict::transport(413));
        assert_eq!(Verdict::of(endpoint, &Refusal::Malformed("x")), Verdict::transport(400));
    }
}
