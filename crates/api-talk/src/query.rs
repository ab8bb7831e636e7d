//! The query string: `%XX` only, a `+` stays a `+` (talk.md 2.2).

use std::borrow::Cow;

use crate::refuse::{Code, Refusal};

/// The text behind percent-encoding; `None` = a broken escape, or no UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(text.into());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            out.push(*first);
            rest = tail;
            continue;
        }
        let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|n| u8::try_from(n).ok());
        let [high, low, tail @ ..] = tail else { return None };
        out.push(digit(high)? << 4 | digit(low)?);
        rest = tail;
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

/// What authenticates a request, as sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AuthParams<'a> {
    pub(crate) appkey: Cow<'a, str>,
    pub(crate) identifier: Cow<'a, str>,
    pub(crate) curtime: Cow<'a, str>,
    pub(crate) checksum: Cow<'a, str>,
    /// Signature of the whole request (talk.md 7.9), if sent.
    pub(crate) sign: Option<Cow<'a, str>>,
}

/// The required ones, in the order in which they are asked for.
const REQUIRED: [&str; 4] = ["appkey", "identifier", "curtime", "checksum"];
const SIGN: &str = "sign";

/// Longest identifier in bytes: it is stored where user ids are.
const IDENTIFIER_BYTES: usize = 255;

impl<'a> AuthParams<'a> {
    /// All present and not empty, then none repeated or unreadable.
    pub(crate) fn read(query: &'a str) -> Result<Self, Refusal> {
        let mut pairs: Vec<(Cow<'a, str>, &'a str)> = Vec::with_capacity(REQUIRED.len() + 1);
        pairs.extend(query.split('&').filter_map(|p| {
            let (name, value) = p.split_once('=').unwrap_or((p, ""));
            Some((percent_decode(name)?, value))
        }));
        let all = |name: &'static str| pairs.iter().filter(move |(n, _)| n == name).map(|(_, v)| *v);
        for name in REQUIRED {
            if all(name).next().is_none_or(str::is_empty) {
                return Err(Refusal::new(Code::MISSING_AUTH, format!("{name}: required in the query string")));
            }
        }
        for name in REQUIRED.into_iter().chain([SIGN]) {
            if all(name).count() > 1 {
                return Err(Refusal::new(Code::BAD_AUTH_PARAM, format!("{name}: given more than once")));
            }
        }
        let read = |name: &'static str| {
            let raw = all(name).next().unwrap_or_default();
            let broken = || Refusal::new(Code::BAD_AUTH_PARAM, format!("{name}: broken percent-encoding"));
            percent_decode(raw).ok_or_else(broken)
        };
        let identifier = read("identifier")?;
        if identifier.len() > IDENTIFIER_BYTES || identifier.chars().any(stoa_core::id::is_control) {
            let why = format!("identifier: must be at most {IDENTIFIER_BYTES} bytes without control characters");
            return Err(Refusal::new(Code::BAD_AUTH_PARAM, why));
        }
        let sign = all(SIGN).next().map(|_| read(SIGN)).transpose()?;
        Ok(Self { appkey: read("appkey")?, identifier, curtime: read("curtime")?, checksum: read("checksum")?, sign })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "appkey=k&identifier=admin&curtime=1&checksum=c";

    fn code(query: &str) -> u32 {
        AuthParams::read(query).unwrap_err().code().number()
    }

    #[test]
    fn c03_what_is_absent_or_empty_is_named() {
        for name in REQUIRED {
            let without: Vec<&str> = GOOD.split('&').filter(|p| !p.starts_with(name)).collect();
            let without = without.join("&");
            for query in [without.clone(), format!("{without}&{name}="), format!("{without}&{name}")] {
                let refusal = AuthParams::read(&query).unwrap_err();
                assert_eq!(refusal.code(), Code::MISSING_AUTH, "{query}");
                assert!(refusal.info().starts_with(name));
            }
        }
        assert_eq!(code(""), 60004);
        assert_eq!(code("Appkey=k&identifier=admin&curtime=1&checksum=c"), 60004, "names are case-sensitive");
    }

    #[test]
    fn c16_c19_values_are_decoded_and_a_plus_stays_a_plus() {
        fn read(q: &str) -> AuthParams<'_> {
            AuthParams::read(q).unwrap()
        }
        assert_eq!(read("appkey=a+b%2B&identifier=x@y.z%231&curtime=1&checksum=c").appkey, "a+b+");
        assert_eq!(read("appkey=a&identifier=x@y.z%231&curtime=1&checksum=c").identifier, "x@y.z#1");
        assert_eq!(read("appkey=a=/:&identifier=x%40y&curtime=1&checksum=c&other=%zz").appkey, "a=/:");
        assert_eq!(read(&format!("{GOOD}&%73ign=ab")).sign.as_deref(), Some("ab"));
    }

    #[test]
    fn c18_repeated_and_unreadable_ones_are_refused() {
        for more in ["appkey=k", "checksum=d", "identifier=", "sign=a&sign=a"] {
            assert_eq!(code(&format!("{GOOD}&{more}")), 60005, "{more}");
        }
        for query in [
            "appkey=%&identifier=admin&curtime=1&checksum=c",
            "appkey=%ff&identifier=admin&curtime=1&checksum=c",
            "appkey=k&identifier=a%00b&curtime=1&checksum=c",
            "appkey=k&identifier=a%C2%85b&curtime=1&checksum=c",
        ] {
            assert_eq!(code(query), 60005, "{query}");
        }
    }
}
