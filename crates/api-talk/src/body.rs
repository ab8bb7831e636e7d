//! From bytes to named raw values (talk.md 2.3 steps 11 and 12).

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use serde_json::value::RawValue;
use stoa_api::entries::{Entries, Key};
use stoa_api::json;

use crate::lenient;
use crate::params::Params;
use crate::refuse::{Code, Refusal};

/// How long a body may take to arrive. Shorter cuts off slow links, longer lets stalled ones hold places.
const ARRIVAL: Duration = Duration::from_secs(10);

/// The bytes of the body, which are UTF-8.
pub(crate) async fn read(request: Request<Body>, limit: usize) -> Result<Bytes, Refusal> {
    let refuse = |why: &'static str| Refusal::new(Code::HTTP_PARSE, why);
    let encoded =
        request.headers().get_all(CONTENT_ENCODING).iter().any(|v| !v.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(refuse("body: Content-Encoding is not taken"));
    }
    let bytes = match tokio::time::timeout(ARRIVAL, stoa_api::call::body(request, limit)).await {
        Err(_) => return Err(refuse("body: did not arrive in time")),
        Ok(Err(stoa_api::Refusal::TooLarge)) => {
            return Err(Refusal::new(Code::HTTP_PARSE, format!("body: must be at most {limit} bytes")));
        }
        Ok(Err(stoa_api::Refusal::Malformed(_) | stoa_api::Refusal::Domain(_))) => {
            return Err(refuse("body: was cut off"));
        }
        Ok(Ok(bytes)) => bytes,
    };
    match std::str::from_utf8(&bytes) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(refuse("body: must be UTF-8")),
    }
}

/// One JSON object, its duplicates and exact numbers kept.
pub(crate) fn parse(bytes: &Bytes, lenient_json: bool) -> Result<Params, Refusal> {
    let refuse = |why: &'static str| Refusal::new(Code::JSON_PARSE, why);
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::new(Code::HTTP_PARSE, "body: must be UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mended;
    let text = if lenient_json {
        mended = lenient::mend(text);
        mended.as_str()
    } else {
        text
    };
    if text.trim().is_empty() {
        return Err(refuse("body: is empty; send a JSON object, at least {}"));
    }
    json::scan(text, json::MAX_DEPTH).map_err(|e| match e {
        json::Bad::Deep => refuse("body: is nested too deep"),
        json::Bad::Surrogate => refuse("body: has a lone surrogate"),
    })?;
    let top: Entries<'_> = serde_json::from_str(text)
        .map_err(|e| refuse(if e.is_data() { "body: must be a JSON object" } else { "body: is not JSON" }))?;
    Ok(Params::of(top.0.iter().map(|(Key(name), raw): &(Key<'_>, &RawValue)| (name.as_ref(), raw.get()))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::params::fields::{CHANNEL_ID, CONTENT, REQUST_ID};

    fn code(body: &str, lenient: bool) -> Option<u32> {
        parse(&Bytes::copy_from_slice(body.as_bytes()), lenient).err().map(|r| r.code().number())
    }

    #[test]
    fn b01_b03_b05_one_object_and_nothing_else() {
        for bad in ["", " \n", "[]", "\"x\"", "{", "{}x", "{}{}", "null", "1", "{\"a\":nul}", "{\"a\":01}", "\u{feff}"]
        {
            assert_eq!(code(bad, false), Some(60003), "{bad}");
            assert_eq!(code(bad, true), Some(60003), "lenient {bad}");
        }
        for good in ["{}", " {} \n", "\u{feff}{}", "{\"a\":1e400}"] {
            assert_eq!(code(good, false), None, "{good}");
        }
        let nested = |n: usize| format!("{{\"x\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert_eq!(code(&nested(31), false), None);
        assert_eq!(code(&nested(33), false), Some(60003));
        assert_eq!(code(&nested(100_000), true), Some(60003));
    }

    #[test]
    fn b19_slips_are_taken_only_on_request() {
        for slip in ["{\"a\":1,}", "{“ChannelID”:“a”}"] {
            assert_eq!((code(slip, false), code(slip, true)), (Some(60003), None), "{slip}");
        }
    }

    #[test]
    fn m10_half_a_surrogate_pair_is_not_json() {
        assert_eq!(code(r#"{"content":"\ud83d"}"#, false), Some(60003));
        assert_eq!(code(r#"{"content":"\ud83d\ude00"}"#, false), None);
    }

    proptest! {
        #[test]
        fn nothing_panics_and_every_refusal_has_a_text(
            body in prop_oneof!["\\PC*", "([{}\\[\\],:\"“”\\\\ 0-9a-eE.+-]|null|ChannelID|\\\\u[dD][8-9a-f]00){0,60}"],
            lenient in any::<bool>(),
        ) {
            match parse(&Bytes::from(body.into_bytes()), lenient) {
                Err(r) => prop_assert!([60002, 60003].contains(&r.code().number()) && !r.info().is_empty()),
                Ok(p) => {
                    let refused = [
                        p.id(&CHANNEL_ID).err(), p.text(&CONTENT).err(), p.integer(&REQUST_ID).err(), p.flag(&REQUST_ID).err(),
                    ];
                    for r in refused.into_iter().flatten() {
                        prop_assert_eq!(r.code().number(), 100_002);
                    }
                }
            }
        }

        #[test]
        fn bytes_of_any_kind_do_not_panic(body in prop::collection::vec(any::<u8>(), 0..80), lenient in any::<bool>()) {
            let _ = parse(&Bytes::from(body), lenient).map_err(|r| r.code());
        }

        #[test]
        fn integers_and_texts_come_through_exactly(n in any::<i64>(), text in "\\PC+") {
            let body = serde_json::json!({"requst_id": n, "content": text, "Channel_ID": n}).to_string();
            let p = parse(&Bytes::from(body.into_bytes()), false).unwrap();
            prop_assert_eq!(p.integer(&REQUST_ID).unwrap(), Some(n));
            prop_assert_eq!(p.text(&CONTENT).unwrap(), Some(text));
            prop_assert_eq!(p.id(&CHANNEL_ID).unwrap(), Some(n.to_string()));
        }
    }
}
