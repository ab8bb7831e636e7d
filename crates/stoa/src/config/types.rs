//! The kinds of values that configuration keys take.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// A duration: whole seconds, or text with a unit (`"500ms"`, `"30s"`, `"5m"`, `"24h"`, `"7d"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    /// Reads the text form.
    ///
    /// # Errors
    /// A sentence that says which forms there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let t = text.trim();
        let split = t.find(|c: char| !c.is_ascii_digit()).unwrap_or(t.len());
        let (digits, unit) = t.split_at(split);
        let help =
            || format!("{text:?} is no duration: give whole seconds or text like \"30s\", \"5m\", \"24h\", \"7d\"");
        let n: u64 = digits.parse().map_err(|_| help())?;
        let ms_per_unit: u64 = match unit.trim() {
            "ms" => 1,
            "" | "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(help()),
        };
        n.checked_mul(ms_per_unit).map(|ms| Self(Duration::from_millis(ms))).ok_or_else(help)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("whole seconds or text like \"30s\", \"5m\", \"24h\", \"7d\"")
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Span, E> {
                u64::try_from(v)
                    .map(|s| Span(Duration::from_secs(s)))
                    .map_err(|_| E::custom("a duration is not negative"))
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Span, E> {
                Ok(Span(Duration::from_secs(v)))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Span, E> {
                Span::parse(v).map_err(E::custom)
            }
        }
        d.deserialize_any(V)
    }
}

/// A rate limit: a bucket of `burst` that refills by `per_sec`. `per_sec = 0` switches the limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Refill per second; 0 = no limit.
    pub per_sec: u32,
    /// Size of the bucket.
    pub burst: u32,
}

/// A size in bytes: a number, or text with a unit (`"64KiB"`, `"2MiB"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub usize);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Size;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes, or text like \"64KiB\", \"2MiB\"")
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Size, E> {
                usize::try_from(v).map(Size).map_err(|_| E::custom("a size is not negative"))
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Size, E> {
                usize::try_from(v).map(Size).map_err(|_| E::custom("too large"))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Size, E> {
                let t = v.trim();
                let split = t.find(|c: char| !c.is_ascii_digit()).unwrap_or(t.len());
                let (digits, unit) = t.split_at(split);
                let per_unit = match unit.trim() {
                    "" | "B" => 1,
                    "KiB" => 1 << 10,
                    "MiB" => 1 << 20,
                    _ => return Err(E::custom(format!("{v:?} is no size: give bytes, \"64KiB\" or \"2MiB\""))),
                };
                let n: usize = digits.parse().map_err(|_| E::custom(format!("{v:?} is no size")))?;
                n.checked_mul(per_unit).map(Size).ok_or_else(|| E::custom("too large"))
            }
        }
        d.deserialize_any(V)
    }
}

/// A list of texts: an array, or one text with commas (handy in the environment).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List(pub Vec<String>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "an array of texts, or one text with commas")]
        enum Either {
            Text(String),
            Many(Vec<String>),
        }
        Ok(Self(match Either::deserialize(d)? {
            Either::Text(t) => t.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect(),
            Either::Many(v) => v,
        }))
    }
}

/// A text that must not appear in logs or error messages.
#[derive(Clone, Default)]
pub struct Secret(pub SecretString);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.expose().is_empty() { "\"\"" } else { "\"…\"" })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(d)?.into()))
    }
}

/// A list of secrets; same spellings as [`List`].
#[derive(Clone, Default, Debug)]
pub struct Secrets(pub Vec<Secret>);

impl<'de> Deserialize<'de> for Secrets {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self(List::deserialize(d)?.0.into_iter().map(|s| Secret(s.into())).collect()))
    }
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }
    };
}

word!(
    /// `auth.mode`.
    AuthMode {
        /// Accounts of the store.
        Accounts = "accounts",
        /// Password equals name.
        Demo = "demo",
        /// The operator's service decides.
        Hook = "hook",
    }
);
word!(
    /// `http.tls`.
    Tls {
        /// Own certificate off loopback, plain on loopback.
        Auto = "auto",
        /// A proxy in front ends TLS.
        Proxy = "proxy",
        /// Plain HTTP on purpose.
        Off = "off",
    }
);
word!(
    /// Who issues tokens.
    Provider {
        /// Our own engines.
        Embedded = "embedded",
        /// The vendor's cloud.
        Aliyun = "aliyun",
    }
);
word!(
    /// `class.provider.im`.
    ClassIm {
        /// Our hub.
        Embedded = "embedded",
        /// Aliyun, older and newer service.
        Aliyun = "aliyun",
        /// RongCloud.
        RongCloud = "rongcloud",
    }
);
word!(
    /// `class.provider.board`.
    ClassBoard {
        /// Ours.
        Embedded = "embedded",
        /// NetEase.
        NetEase = "netease",
    }
);
word!(
    /// `voice.aliyun_role`.
    AliyunRole {
        /// Echo of the request.
        AsRequested = "as_requested",
        /// Only for administrators.
        Strict = "strict",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_text_with_a_unit() {
        for (text, ms) in
            [("30s", 30_000), ("7d", 604_800_000), ("5m", 300_000), ("24h", 86_400_000), ("250ms", 250), ("12", 12_000)]
        {
            assert_eq!(Span::parse(text).unwrap().0.as_millis(), ms, "{text}");
        }
        for bad in ["", "s", "-1s", "1.5h", "7 weeks", "99999999999999999999s", "9999999999999999d"] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_may_be_one_text_with_commas() {
        #[derive(Deserialize)]
        struct T {
            v: List,
        }
        let one: T = toml::from_str("v = \"a, b\"").unwrap();
        let many: T = toml::from_str("v = [\"a\", \"b\"]").unwrap();
        assert_eq!(one.v, many.v);
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Secret("hunter2".to_owned().into())), "\"…\"");
    }
}
