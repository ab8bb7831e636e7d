//! Who asks: checksum, age, signature. Pure functions; time comes in (talk.md 2.2, 7.9).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use stoa_core::app::App;
use subtle::{Choice, ConstantTimeEq as _};

use crate::command::Command;
use crate::query::AuthParams;
use crate::refuse::{Code, Refusal};

/// Above this a number of seconds is most likely one of milliseconds.
const LOOKS_LIKE_MILLIS: i64 = 100_000_000_000;

/// Whole seconds of a `curtime` text: `[0-9]{1,18}`, then perhaps `.[0-9]{1,9}`.
pub(crate) fn curtime_secs(text: &str) -> Option<i64> {
    let digits = |t: &str, max: usize| (1..=max).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let fine = digits(whole, 18) && fraction.is_none_or(|f| digits(f, 9));
    fine.then(|| whole.parse().ok()).flatten()
}

/// The bytes of a checksum text: 40 hex digits of either case.
pub(crate) fn checksum_bytes(text: &str) -> Option<[u8; 20]> {
    let mut out = [0u8; 20];
    hex::decode_to_slice(text, &mut out).ok().map(|()| out)
}

/// Whether the checksum is that of `secret ‖ curtime` for any secret. Looks at all of them, each in constant time.
pub(crate) fn checksum_matches<'a>(secrets: impl Iterator<Item = &'a str>, curtime: &str, checksum: &[u8; 20]) -> bool {
    let one = |secret: &str| {
        let right = Sha1::new().chain_update(secret).chain_update(curtime).finalize();
        right.as_slice().ct_eq(checksum)
    };
    secrets.map(one).fold(Choice::from(0), |all, this| all | this).into()
}

/// The refusal of a checksum that is too old, or from the future.
pub(crate) fn check_age(now_secs: i64, curtime_secs: i64, skew_secs: u64) -> Result<(), Refusal> {
    if now_secs.abs_diff(curtime_secs) <= skew_secs {
        return Ok(());
    }
    let hint = if curtime_secs > LOOKS_LIKE_MILLIS { "; curtime looks like milliseconds, send seconds" } else { "" };
    Err(Refusal::new(
        Code::CHECKSUM_EXPIRED,
        format!("curtime is more than {skew_secs} s away from the server's time, which is {now_secs}{hint}"),
    ))
}

/// Steps 4 to 8 of talk.md 2.3, and the app.
pub(crate) fn authenticate<'a, A: AsRef<App>>(
    params: &AuthParams<'_>,
    app: Option<&'a A>,
    now_secs: i64,
    skew_secs: u64,
    uniform: bool,
) -> Result<&'a A, Refusal> {
    let mismatch = || Refusal::new(Code::CHECKSUM_MISMATCH, "checksum: does not match");
    let unknown = || if uniform { mismatch() } else { Refusal::new(Code::UNKNOWN_APP, "appkey: unknown") };
    if app.is_none() && !uniform {
        return Err(unknown());
    }
    let malformed = |what: &'static str| Refusal::new(Code::BAD_AUTH_PARAM, what);
    let secs = curtime_secs(&params.curtime)
        .ok_or_else(|| malformed("curtime: must be seconds since 1970 as decimal digits"))?;
    let checksum =
        checksum_bytes(&params.checksum).ok_or_else(|| malformed("checksum: must be 40 hexadecimal digits"))?;
    let Some(app) = app else {
        // Costs what a known key would: the answer's time must not tell either.
        checksum_matches(std::iter::once(&*params.appkey), &params.curtime, &checksum);
        return Err(unknown());
    };
    if !checksum_matches(app.as_ref().verifying_secrets(), &params.curtime, &checksum) {
        return Err(mismatch());
    }
    check_age(now_secs, secs, skew_secs)?;
    if !app.as_ref().enabled {
        return Err(if uniform { mismatch() } else { Refusal::new(Code::APP_MISMATCH, "the app is disabled") });
    }
    Ok(app)
}

/// A signature that was sent must be right, for any of the app's secrets.
pub(crate) fn check_sign(app: &App, params: &AuthParams<'_>, command: Command, body: &[u8]) -> Result<(), Refusal> {
    let Some(sign) = &params.sign else { return Ok(()) };
    let mismatch = || Refusal::new(Code::CHECKSUM_MISMATCH, "sign: does not match");
    let given = hex::decode(sign.as_bytes()).map_err(|_| mismatch())?;
    let hash = hex::encode(Sha256::digest(body));
    let text = format!("stoa1\n{}\n{}\n{}\n{hash}", command.name(), params.curtime, params.identifier);
    let fits = |secret: &str| {
        Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .is_ok_and(|mac| mac.chain_update(text.as_bytes()).verify_slice(&given).is_ok())
    };
    // Every secret is tried, as for checksums.
    if app.verifying_secrets().fold(false, |any, secret| any | fits(secret)) { Ok(()) } else { Err(mismatch()) }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use stoa_core::id::AppId;

    use super::*;

    const SECRET: &str = "aB+c/d0123456789ABCDEF==";

    fn app(secret: &str, previous: &[&str]) -> App {
        App {
            id: AppId(1000),
            name: String::new(),
            key: "k".into(),
            secret: SecretString::from(secret),
            previous_secrets: previous.iter().map(|s| SecretString::from(*s)).collect(),
            enabled: true,
            admin_identifiers: Vec::new(),
        }
    }

    fn matches(secrets: &[&str], curtime: &str, checksum: &str) -> bool {
        checksum_matches(secrets.iter().copied(), curtime, &checksum_bytes(checksum).unwrap())
    }

    #[test]
    fn c01_c02_the_vectors_of_the_contract() {
        for (curtime, checksum) in [
            ("1700000000", "8fd8f18331f9efa661d8abcfbff2e0c9f0f8d7be"),
            ("1700000000.123", "6cdb2f3007f37d9643dbf4fafb8fc6211f93c48f"),
            ("01700000000", "5c10efda73a1d3b23329b813d67b7cdf0298ae06"),
        ] {
            assert!(matches(&[SECRET], curtime, checksum), "{curtime}");
            assert!(matches(&["other", SECRET], curtime, checksum), "the second secret counts too");
            assert!(!matches(&["other"], curtime, checksum));
        }
        assert!(!matches(&[SECRET], "1700000000.123", "8fd8f18331f9efa661d8abcfbff2e0c9f0f8d7be"));
        assert!(!matches(&[], "1700000000", "8fd8f18331f9efa661d8abcfbff2e0c9f0f8d7be"));
    }

    #[test]
    fn c05_the_grammar_of_curtime() {
        for (text, want) in [
            ("0", Some(0)),
            ("1700000000", Some(1_700_000_000)),
            ("01700000000", Some(1_700_000_000)),
            ("1700000000.0", Some(1_700_000_000)),
            ("1.123456789", Some(1)),
            ("999999999999999999", Some(999_999_999_999_999_999)),
        ] {
            assert_eq!(curtime_secs(text), want, "{text}");
        }
        for bad in [
            "",
            "abc",
            "-5",
            "+5",
            "1e9",
            " 17",
            "17 ",
            "1.2.3",
            "1.",
            ".5",
            "1234567890123456789",
            "1.1234567890",
            "١",
        ] {
            assert_eq!(curtime_secs(bad), None, "{bad}");
        }
    }

    #[test]
    fn c06_c08_the_form_of_checksums() {
        let good = "8fd8f18331f9efa661d8abcfbff2e0c9f0f8d7be";
        assert_eq!(checksum_bytes(good), checksum_bytes(&good.to_uppercase()));
        for bad in [&good[1..], &format!("{good}0"), &good.replace('8', "g"), "", &"é".repeat(20)] {
            assert!(checksum_bytes(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn c09_c10_c12_age_counts_whole_seconds_both_ways() {
        for age in [-300, 0, 300] {
            assert!(check_age(1_700_000_000 + age, 1_700_000_000, 300).is_ok());
        }
        for age in [-301, 301, i64::MAX - 1_700_000_000] {
            let refusal = check_age(1_700_000_000 + age, 1_700_000_000, 300).unwrap_err();
            assert_eq!(refusal.code(), Code::CHECKSUM_EXPIRED);
            assert!(refusal.info().contains(&(1_700_000_000 + age).to_string()));
            assert!(!refusal.info().contains("milliseconds"));
        }
        let millis = check_age(1_700_000_000, 1_700_000_000_000, 300).unwrap_err();
        assert!(millis.info().contains("milliseconds"));
    }

    #[test]
    fn x14_the_signature_covers_command_time_account_and_body() {
        let params = |sign: &str, identifier: &str| AuthParams {
            appkey: "k".into(),
            identifier: identifier.to_owned().into(),
            curtime: "1700000000".into(),
            checksum: "".into(),
            sign: Some(sign.to_owned().into()),
        };
        let good = "33ab5b9842938c7094dc616282bab582efdd03701fe9f450327d811a0bd435e8";
        let body = br#"{"AppID":1000}"#;
        let check = |app: &App, sign: &str, who: &str, command, body: &[u8]| {
            check_sign(app, &params(sign, who), command, body).map_err(|r| r.code().number())
        };
        let current = app(SECRET, &[]);
        assert_eq!(check(&current, good, "admin", Command::ChannelList, body), Ok(()));
        assert_eq!(check(&app("new", &[SECRET]), good, "admin", Command::ChannelList, body), Ok(()));
        assert_eq!(check(&current, good, "admin", Command::ChannelList, b"{}"), Err(70009));
        assert_eq!(check(&current, good, "root", Command::ChannelList, body), Err(70009));
        assert_eq!(check(&current, good, "admin", Command::UserList, body), Err(70009));
        for bad in ["", "zz", &good[2..]] {
            assert_eq!(check(&current, bad, "admin", Command::ChannelList, body), Err(70009), "{bad}");
        }
    }
}
