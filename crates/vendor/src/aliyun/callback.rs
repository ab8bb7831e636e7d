//! What Aliyun's live service calls when a publisher comes or goes (classroom.md 6.9).

use md5::{Digest as _, Md5};
use serde_json::Value;
use stoa_core::time::UnixMs;
use subtle::ConstantTimeEq as _;

use crate::text::percent_decode;

/// How far the sender's clock may be off. Longer gives a recorded call more time to be played again.
pub const FRESH_SECS: i64 = 300;
/// Longest value that is taken, bytes. The vendor's are far shorter.
const MOST_VALUE: usize = 1024;
/// Most pairs of a query or form that are looked at. The vendor sends eight.
const MOST_PAIRS: usize = 64;

/// Why a call is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The timestamp is no number of seconds.
    #[error("malformed")]
    Malformed,
    /// More than [`FRESH_SECS`] away from now.
    #[error("stale")]
    Stale,
    /// Signed with another key, for another domain, or not at all.
    #[error("bad signature")]
    BadSignature,
}

/// What `ALI-LIVE-SIGNATURE` must be.
#[must_use]
pub fn signature(push_domain: &str, timestamp: &str, key: &str) -> String {
    hex::encode(Md5::digest(format!("{push_domain}|{timestamp}|{key}")))
}

/// Checks the two headers: signature in constant time, then age.
///
/// # Errors
/// Why the call is not believed. An empty key believes nothing.
pub fn verify(push_domain: &str, key: &str, timestamp: &str, signed: &str, now: UnixMs) -> Result<(), Refusal> {
    let sent = if timestamp.bytes().all(|b| b.is_ascii_digit()) { timestamp.parse::<i64>().ok() } else { None };
    let sent = sent.ok_or(Refusal::Malformed)?;
    let want = signature(push_domain, timestamp, key);
    let equal = bool::from(want.as_bytes().ct_eq(signed.to_ascii_lowercase().as_bytes()));
    if key.is_empty() || !equal {
        return Err(Refusal::BadSignature);
    }
    if now.secs().abs_diff(sent) > FRESH_SECS.unsigned_abs() { Err(Refusal::Stale) } else { Ok(()) }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A publisher came.
    Publish,
    /// A publisher went.
    PublishDone,
    /// Anything else the vendor may send; nothing follows from it.
    Other(String),
}

/// Which class a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// The class whose `meeting_id` equals this.
    Meeting(&'a str),
    /// The class with this id.
    Class(&'a str),
}

/// A call. Fields the vendor left out are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub action: Action,
    /// The domain that is pushed to.
    pub app: String,
    /// The application name.
    pub appname: String,
    /// The stream.
    pub id: String,
    /// The publisher's address.
    pub ip: String,
    /// When, Unix seconds as text.
    pub time: String,
    /// Of the picture, as text.
    pub width: String,
    /// Of the picture, as text.
    pub height: String,
}

impl Event {
    /// Reads a query string, or the body of a form: the same encoding. `None` when there is no `action` or `id`, or
    /// the text is no such encoding.
    #[must_use]
    pub fn from_form(text: &str) -> Option<Self> {
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|p| !p.is_empty()).take(MOST_PAIRS) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((percent_decode(name)?, percent_decode(value)?));
        }
        Self::from_fields(|name| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()))
    }

    /// Reads a JSON object; numbers count as their text.
    #[must_use]
    pub fn from_json(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let object = value.as_object()?;
        Self::from_fields(|name| match object.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    fn from_fields(field: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let field = |name: &str| field(name).filter(|v| v.len() <= MOST_VALUE);
        let text = |name: &str| field(name).unwrap_or_default();
        let action = match field("action")?.as_str() {
            "publish" => Action::Publish,
            "publish_done" => Action::PublishDone,
            "" => return None,
            other => Action::Other(other.to_owned()),
        };
        let id = field("id").filter(|id| !id.is_empty())?;
        Some(Self {
            action,
            app: text("app"),
            appname: text("appname"),
            id,
            ip: text("ip"),
            time: text("time"),
            width: text("width"),
            height: text("height"),
        })
    }

    /// Which class it is about: a stream ending in `_camera` or `_audio` names the meeting in its second part, any
    /// other id is a class's own.
    #[must_use]
    pub fn target(&self) -> Target<'_> {
        let of_a_meeting = self.id.ends_with("_camera") || self.id.ends_with("_audio");
        match self.id.split('_').nth(1) {
            Some(meeting) if of_a_meeting => Target::Meeting(meeting),
            _ => Target::Class(&self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &str = "push.example.com";
    const SIGNED: &str = "8185bcd7adc5e48d9ddb829b011a9af7";
    const AT: UnixMs = UnixMs(1_700_000_000_000);

    #[test]
    fn class_6_9_callback_signature_meets_the_vector() {
        assert_eq!(signature(DOMAIN, "1700000000", "cbkey01"), SIGNED);
        assert_eq!(verify(DOMAIN, "cbkey01", "1700000000", SIGNED, AT), Ok(()));
        assert_eq!(verify(DOMAIN, "cbkey01", "1700000000", &SIGNED.to_uppercase(), AT), Ok(()));
    }

    #[test]
    fn a_callback_is_refused_for_key_domain_signature_and_form() {
        let refused = |domain: &str, key: &str, time: &str, signed: &str| verify(domain, key, time, signed, AT);
        assert_eq!(refused(DOMAIN, "other", "1700000000", SIGNED), Err(Refusal::BadSignature));
        assert_eq!(refused("x.example.com", "cbkey01", "1700000000", SIGNED), Err(Refusal::BadSignature));
        assert_eq!(refused(DOMAIN, "cbkey01", "1700000000", ""), Err(Refusal::BadSignature));
        assert_eq!(refused(DOMAIN, "cbkey01", "1700000000", &SIGNED[..31]), Err(Refusal::BadSignature));
        assert_eq!(refused(DOMAIN, "cbkey01", "1700000001", SIGNED), Err(Refusal::BadSignature));
        for bad in ["", "soon", "-1700000000", "+1700000000", "1700000000.0", "99999999999999999999"] {
            assert_eq!(refused(DOMAIN, "cbkey01", bad, SIGNED), Err(Refusal::Malformed), "{bad}");
        }
        let empty = signature(DOMAIN, "1700000000", "");
        assert_eq!(refused(DOMAIN, "", "1700000000", &empty), Err(Refusal::BadSignature));
    }

    #[test]
    fn a_callback_is_good_for_five_minutes_either_way() {
        let at = |secs: i64| verify(DOMAIN, "cbkey01", "1700000000", SIGNED, UnixMs(AT.0 + secs * 1000));
        assert_eq!((at(300), at(-300)), (Ok(()), Ok(())));
        assert_eq!((at(301), at(-301)), (Err(Refusal::Stale), Err(Refusal::Stale)));
        assert_eq!(verify(DOMAIN, "cbkey01", "1700000000", SIGNED, UnixMs::MAX), Err(Refusal::Stale));
    }

    #[test]
    fn query_form_and_json_say_the_same() {
        let form = "action=publish&app=push.example.com&appname=live&id=mic_m1_t%26x_camera&ip=1.2.3.4&time=1700000000\
                    &width=640&height=480";
        let json =
            br#"{"action":"publish","app":"push.example.com","appname":"live","id":"mic_m1_t&x_camera","ip":"1.2.3.4",
                        "time":1700000000,"width":640,"height":"480","more":[1]}"#;
        let event = Event::from_form(form).unwrap();
        assert_eq!(Some(&event), Event::from_json(json).as_ref());
        assert_eq!((event.action.clone(), event.width.as_str()), (Action::Publish, "640"));
        assert_eq!(event.target(), Target::Meeting("m1"));
    }

    #[test]
    fn the_target_is_a_meeting_or_a_class() {
        let target = |id: &str| {
            let event = Event::from_form(&format!("action=publish_done&id={id}")).unwrap();
            assert_eq!(event.action, Action::PublishDone);
            match event.target() {
                Target::Meeting(m) => format!("meeting {m}"),
                Target::Class(c) => format!("class {c}"),
            }
        };
        assert_eq!(target("mic_e65c-1_teacher_1_camera"), "meeting e65c-1");
        assert_eq!(target("mic_e65c-1_teacher_audio"), "meeting e65c-1");
        assert_eq!(target("mic_e65c-1_teacher_shareScreen"), "class mic_e65c-1_teacher_shareScreen");
        assert_eq!(target("89bdb7ab7fa940618a73c7c18a9c0001"), "class 89bdb7ab7fa940618a73c7c18a9c0001");
    }

    #[test]
    fn what_is_no_event_is_none() {
        for bad in ["", "action=publish", "id=x", "action=&id=x", "action=publish&id=", "action=publish&id=%zz"] {
            assert_eq!(Event::from_form(bad), None, "{bad}");
        }
        let long = format!("action=publish&id={}", "x".repeat(MOST_VALUE + 1));
        assert_eq!(Event::from_form(&long), None);
        for bad in ["", "[]", "1", "{}", r#"{"action":1.5,"id":{}}"#, r#"{"action":"publish","id":null}"#] {
            assert_eq!(Event::from_json(bad.as_bytes()), None, "{bad}");
        }
        assert!(matches!(Event::from_form("action=pause&id=x").unwrap().action, Action::Other(a) if a == "pause"));
    }
}
