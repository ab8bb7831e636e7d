//! The one place where this dialect says no (talk.md 2.5, 2.7).

use stoa_core::time::UnixMs;
use stoa_core::{Error, Kind};

/// Longest `ErrorInfo` in bytes.
pub(crate) const INFO_BYTES: usize = 256;

/// `ErrorCode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(u32);

impl Code {
    pub(crate) const HTTP_PARSE: Self = Self(60002);
    pub(crate) const JSON_PARSE: Self = Self(60003);
    pub(crate) const MISSING_AUTH: Self = Self(60004);
    pub(crate) const BAD_AUTH_PARAM: Self = Self(60005);
    pub(crate) const APP_MISMATCH: Self = Self(60006);
    pub(crate) const UNKNOWN_COMMAND: Self = Self(60009);
    pub(crate) const NOT_ADMIN: Self = Self(60010);
    pub(crate) const RATE_LIMITED: Self = Self(60018);
    pub(crate) const CHECKSUM_EXPIRED: Self = Self(70001);
    pub(crate) const CHECKSUM_MISMATCH: Self = Self(70009);
    pub(crate) const UNKNOWN_APP: Self = Self(70020);
    pub(crate) const INTERNAL: Self = Self(100_001);
    pub(crate) const BAD_PARAM: Self = Self(100_002);
    pub(crate) const NO_CHANNEL: Self = Self(100_004);
    pub(crate) const NO_USER: Self = Self(100_005);
    pub(crate) const NOT_PERMITTED: Self = Self(100_006);
    /// The four that only `change_user_Identity` has.
    pub(crate) const IDENTITY_NO_CHANNEL: Self = Self(401);
    pub(crate) const IDENTITY_NO_USER: Self = Self(402);
    pub(crate) const IDENTITY_STALE: Self = Self(403);
    pub(crate) const IDENTITY_FAULT: Self = Self(500);

    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// What a use-case's error is called here.
    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::BadInput { .. } => Self::BAD_PARAM,
            Kind::Throttled { .. } | Kind::LoginThrottled { .. } => Self::RATE_LIMITED,
            Kind::Unauthenticated
            | Kind::BadCredentials
            | Kind::NotYou
            | Kind::Forbidden
            | Kind::Banned { .. }
            | Kind::LimitReached => Self::NOT_PERMITTED,
            Kind::NotFound | Kind::Gone => Self::NO_CHANNEL,
            Kind::NotPresent => Self::NO_USER,
            Kind::Unavailable | Kind::Vendor { .. } | Kind::Internal => Self::INTERNAL,
        }
    }

    /// The same in `change_user_Identity` (talk.md 3.10).
    fn in_identity(self) -> Self {
        match self {
            Self::NO_CHANNEL => Self::IDENTITY_NO_CHANNEL,
            Self::NO_USER => Self::IDENTITY_NO_USER,
            Self::INTERNAL => Self::IDENTITY_FAULT,
            other => other,
        }
    }
}

/// A refusal on its way to the caller.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: Code,
    info: String,
}

impl Refusal {
    /// `info`: English, names the field at fault, never shows what was sent.
    pub(crate) fn new(code: Code, info: impl Into<String>) -> Self {
        let mut info = info.into();
        if info.len() > INFO_BYTES {
            let cut = (0..=INFO_BYTES).rev().find(|i| info.is_char_boundary(*i)).unwrap_or(0);
            info.truncate(cut);
        }
        if info.is_empty() {
            "refused".clone_into(&mut info);
        }
        Self { code, info }
    }

    /// A parameter at fault.
    pub(crate) fn bad_param(field: &str, why: &str) -> Self {
        Self::new(Code::BAD_PARAM, format!("{field}: {why}"))
    }

    /// What a use-case refused. The log gets what the caller must not see.
    pub(crate) fn of(e: &Error, now: UnixMs) -> Self {
        let context = e.internal().unwrap_or_default();
        match e.kind() {
            Kind::Internal => tracing::error!(error.internal = context, "command failed"),
            Kind::Unavailable => tracing::warn!(error.internal = context, "command turned away"),
            kind => tracing::debug!(error.kind = ?kind, error.internal = context, "command refused"),
        }
        let info = match e.kind() {
            Kind::Banned { until } if *until == UnixMs::MAX => format!("{}, without end", e.public()),
            Kind::Banned { until } => format!("{} for another {} s", e.public(), remaining_secs(*until, now)),
            _ => e.public().to_owned(),
        };
        Self::new(Code::of(e.kind()), info)
    }

    /// An answer that does not serialise: our fault.
    pub(crate) fn broken(e: &serde_json::Error) -> Self {
        tracing::error!(error = %e, "an answer does not serialise");
        Self::new(Code::INTERNAL, "internal error")
    }

    /// As `change_user_Identity` calls it.
    pub(crate) fn in_identity(self) -> Self {
        Self { code: self.code.in_identity(), info: self.info }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn info(&self) -> &str {
        &self.info
    }
}

/// Whole seconds left, rounded up: a running ban never shows 0.
pub(crate) fn remaining_secs(until: UnixMs, now: UnixMs) -> i64 {
    let ms = until.0.saturating_sub(now.0).max(0);
    ms / 1000 + i64::from(ms % 1000 > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: Kind) -> (u32, u32) {
        let refusal = Refusal::of(&Error::new(kind, "no"), UnixMs(0));
        (refusal.code.number(), refusal.in_identity().code.number())
    }

    #[test]
    fn every_kind_has_its_code() {
        for (kind, want) in [
            (Kind::Unauthenticated, (100_006, 100_006)),
            (Kind::BadCredentials, (100_006, 100_006)),
            (Kind::LoginThrottled { retry_after_secs: 1 }, (60018, 60018)),
            (Kind::BadInput { field: "x" }, (100_002, 100_002)),
            (Kind::NotYou, (100_006, 100_006)),
            (Kind::Forbidden, (100_006, 100_006)),
            (Kind::Banned { until: UnixMs(1) }, (100_006, 100_006)),
            (Kind::NotFound, (100_004, 401)),
            (Kind::NotPresent, (100_005, 402)),
            (Kind::Gone, (100_004, 401)),
            (Kind::LimitReached, (100_006, 100_006)),
            (Kind::Throttled { retry_after_secs: 1 }, (60018, 60018)),
            (Kind::Unavailable, (100_001, 500)),
            (Kind::Vendor { code: None }, (100_001, 500)),
            (Kind::Internal, (100_001, 500)),
        ] {
            let shown = format!("{kind:?}");
            assert_eq!(refused(kind), want, "{shown}");
        }
    }

    #[test]
    fn k07_a_ban_tells_how_long() {
        let info = |until| Refusal::of(&Error::new(Kind::Banned { until }, "banned"), UnixMs(1_000)).info;
        assert_eq!(info(UnixMs(2_001)), "banned for another 2 s");
        assert_eq!(info(UnixMs::MAX), "banned, without end");
    }

    #[test]
    fn texts_are_cut_and_never_empty() {
        assert_eq!(Refusal::new(Code::INTERNAL, "ä".repeat(200)).info.len(), 256);
        assert_eq!(Refusal::new(Code::INTERNAL, format!("x{}", "ä".repeat(200))).info.len(), 255);
        assert!(!Refusal::new(Code::INTERNAL, "").info.is_empty());
    }
}
