//! Which calls are made again, and how often.

use std::time::Duration;

use serde_json::{Value, json};
use stoa_vendor::aliyun::Aliyun;
use stoa_vendor::retry::Policy;
use stoa_vendor::{Error, Limits, Why};

use crate::aliyun::{client, settings};
use crate::mock::{Mock, Reply, limits, nobody, transport};

fn group() -> Value {
    json!({"Result": {"GroupId": "AE35"}})
}

fn throttled(status: u16) -> Reply {
    Reply::Json(status, json!({"Code": "Throttling.User", "Message": "Request was denied due to user flow control."}))
}

#[tokio::test]
async fn what_only_asks_is_made_again_signed_anew() {
    let good = Reply::Json(200, json!({"Result": {"Pv": 1}}));
    let mock = Mock::start([Reply::Json(503, json!({"Code": "ServiceUnavailable"})), good]).await;
    let aliyun = client(&mock);
    assert_eq!(aliyun.group_statistics("g").await.unwrap().pv, 1);
    let nonces: Vec<String> =
        mock.seen().iter().map(|s| s.check_openapi(crate::aliyun::SECRET)["SignatureNonce"].clone()).collect();
    assert_eq!(nonces.len(), 2);
    assert_ne!(nonces[0], nonces[1]);
    let counts = aliyun.health()[0].counts;
    assert_eq!((counts.calls, counts.ok, counts.retries), (1, 1, 1));
}

#[tokio::test]
async fn tries_end() {
    let mock = Mock::json(500, json!({})).await;
    let retry = Policy { tries: 4, first: Duration::from_millis(1), longest: Duration::from_millis(1) };
    let aliyun = Aliyun::new(settings(&mock.base), &transport(Limits { retry, ..limits() }).0).unwrap();
    assert_eq!(aliyun.group_statistics("g").await, Err(Error::Unavailable(Why::Status(500))));
    assert_eq!(mock.seen().len(), 4);
}

#[tokio::test]
async fn what_would_happen_twice_is_not_made_again_once_it_may_have_arrived() {
    let mock = Mock::start([Reply::Json(500, json!({})), Reply::Json(200, group())]).await;
    let unavailable = Error::Unavailable(Why::Status(500));
    assert_eq!(client(&mock).create_message_group("u").await, Err(unavailable.clone()));
    assert_eq!(mock.seen().len(), 1);
    for n in 0..2 {
        let mock = Mock::json(500, json!({})).await;
        let aliyun = client(&mock);
        let result = match n {
            0 => aliyun.send_to_group("g", 1, "{}").await,
            _ => aliyun.send_to_live_group("g", 1, "u", "{}").await,
        };
        assert_eq!((result, mock.seen().len()), (Err(unavailable.clone()), 1));
    }
}

#[tokio::test]
async fn what_was_not_sent_is_made_again() {
    let aliyun = Aliyun::new(settings(&nobody().await), &transport(limits()).0).unwrap();
    assert_eq!(aliyun.create_message_group("u").await, Err(Error::Unavailable(Why::Connect)));
    assert_eq!(aliyun.health()[0].counts.retries, 1);
}

#[tokio::test]
async fn what_the_vendor_put_off_is_made_again() {
    for status in [400, 429, 503] {
        let mock = Mock::start([throttled(status), Reply::Json(200, group())]).await;
        assert_eq!(client(&mock).create_message_group("u").await.unwrap(), "AE35", "{status}");
        assert_eq!(mock.seen().len(), 2);
    }
    let mock = Mock::start([throttled(400)]).await;
    let error = client(&mock).create_message_group("u").await.unwrap_err();
    assert!(matches!(error, Error::Refused { code, .. } if code == "Throttling.User"));
    assert_eq!(mock.seen().len(), 2);
}
