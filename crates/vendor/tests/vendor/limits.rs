//! Time, size and number have ends.

use std::time::Duration;

use serde_json::json;
use stoa_vendor::aliyun::Aliyun;
use stoa_vendor::{Error, Limits, Why};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::join;
use tokio::net::TcpListener;

use crate::aliyun::{client, settings};
use crate::mock::{Mock, Reply, limits, transport};

const SHORT: Duration = Duration::from_millis(300);

/// Far more than the limits of these tests and far less than the vendor takes.
async fn soon<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), call).await.unwrap()
}

fn with(base: &str, limits: Limits) -> Aliyun {
    Aliyun::new(settings(base), &transport(limits).0).unwrap()
}

#[tokio::test]
async fn an_answer_after_30_seconds_hits_the_limit_of_a_try() {
    let mock = Mock::start([Reply::After30s]).await;
    let aliyun = with(&mock.base, Limits { attempt: SHORT, ..limits() });
    assert_eq!(soon(aliyun.group_statistics("g")).await, Err(Error::Unavailable(Why::Timeout)));
    assert_eq!(mock.seen().len(), 2, "it only asks");
    assert_eq!(soon(aliyun.create_message_group("u")).await, Err(Error::Unavailable(Why::Timeout)));
    assert_eq!(mock.seen().len(), 3, "it may have made a group");
}

#[tokio::test]
async fn an_answer_after_30_seconds_hits_the_limit_of_the_call() {
    let mock = Mock::start([Reply::After30s]).await;
    let reads = with(&mock.base, Limits { read: SHORT, ..limits() });
    assert_eq!(soon(reads.group_statistics("g")).await, Err(Error::Unavailable(Why::Timeout)));
    let writes = with(&mock.base, Limits { write: SHORT, ..limits() });
    assert_eq!(soon(writes.create_message_group("u")).await, Err(Error::Unavailable(Why::Timeout)));
    assert_eq!(writes.health()[0].counts.unavailable, 1);
    assert_eq!(mock.seen().len(), 2);
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let body = format!("{{\"Result\":{{\"Pv\":1}},\"x\":\"{}\"}}", "x".repeat(5000));
    let room = Limits { body: body.len(), ..limits() };
    let mock = Mock::start([Reply::Raw(200, body.clone())]).await;
    assert_eq!(with(&mock.base, room.clone()).group_statistics("g").await.unwrap().pv, 1);
    let mock = Mock::start([Reply::Raw(200, format!("{body} "))]).await;
    assert_eq!(with(&mock.base, room.clone()).group_statistics("g").await, Err(Error::Malformed("too long")));
    let mock = Mock::start([Reply::Endless(1 << 30)]).await;
    assert_eq!(with(&mock.base, room).group_statistics("g").await, Err(Error::Malformed("too long")));
    assert_eq!(mock.seen().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Mock::json(200, json!({"Result": {"Pv": 1}})).await;
    let mock = Mock::start([Reply::Redirect(format!("{}/", other.base))]).await;
    assert_eq!(client(&mock).group_statistics("g").await, Err(Error::Malformed("status")));
    assert_eq!(other.seen().len(), 0);
}

/// Takes one connection, reads something, says something and hangs up.
async fn hang_up_after(listener: &TcpListener, words: &str) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut buffer = vec![0; 16 * 1024];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    stream.write_all(words.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_breaks_is_unavailable() {
    for words in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"Result\""] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let aliyun = with(&format!("http://{}", listener.local_addr().unwrap()), limits());
        let (result, ()) = join!(aliyun.create_message_group("u"), hang_up_after(&listener, words));
        assert_eq!(result, Err(Error::Unavailable(Why::Broken)), "{words}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let aliyun = with(&format!("http://{}", listener.local_addr().unwrap()), limits());
    let (result, ()) = join!(aliyun.create_message_group("u"), hang_up_after(&listener, "SSH-2.0-x\r\n\r\n"));
    assert_eq!(result, Err(Error::Unavailable(Why::Broken)));
}

#[tokio::test]
async fn calls_at_once_and_calls_that_wait_are_bounded() {
    let mock = Mock::start([Reply::Held(json!({"Result": {"Pv": 1}}))]).await;
    let bound = Limits { at_once: 2, waiting: 1, wait: Duration::from_secs(20), ..limits() };
    let aliyun = with(&mock.base, bound);
    let call = || aliyun.group_statistics("g");
    let (first, second, (third, fourth)) = join!(call(), call(), async {
        mock.arrived(2).await;
        assert_eq!(aliyun.health()[0].in_flight, 2);
        join!(call(), async {
            let turned_away = call().await;
            mock.release();
            turned_away
        })
    });
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(fourth, Err(Error::Unavailable(Why::Busy)));
    assert_eq!((mock.most_at_once(), mock.seen().len()), (2, 3));
    let health = aliyun.health()[0];
    assert_eq!((health.counts.calls, health.counts.ok, health.counts.turned_away, health.in_flight), (4, 3, 1, 0));
    assert_eq!(health.last_error, None, "it says nothing about the vendor");
}

#[tokio::test]
async fn a_call_waits_for_a_place_only_so_long() {
    let mock = Mock::start([Reply::Held(json!({"Result": {"Pv": 1}}))]).await;
    let aliyun = with(&mock.base, Limits { at_once: 1, wait: SHORT, ..limits() });
    let (first, second) = join!(aliyun.group_statistics("g"), async {
        mock.arrived(1).await;
        let second = aliyun.group_statistics("g").await;
        mock.release();
        second
    });
    assert!(first.is_ok());
    assert_eq!(second, Err(Error::Unavailable(Why::Busy)));
}

#[tokio::test]
async fn no_error_shows_an_address_or_a_parameter() {
    let mock = Mock::start([Reply::After30s]).await;
    let aliyun = with(&mock.base, Limits { attempt: SHORT, ..limits() });
    let gone = with(&crate::mock::nobody().await, limits());
    let nonsense = Mock::start([Reply::Raw(200, "alice".to_owned())]).await;
    for aliyun in [aliyun, gone, client(&nonsense)] {
        let error = aliyun.message_token("alice", "dev", "web").await.unwrap_err();
        let shown = format!("{error} {error:?}");
        for hidden in ["http", "127.0.0.1", "Signature", "alice", "AKID"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}

#[tokio::test]
async fn every_call_can_move_between_threads() {
    fn sends<T: Send + Sync>(_: &T, _: impl Send) {}
    let (aliyun, mock) = (client(&Mock::json(200, json!({})).await), Mock::json(200, json!({})).await);
    sends(&aliyun, aliyun.message_token("u", "d", "web"));
    sends(&aliyun, aliyun.create_live_message_group("g", "u"));
    sends(&aliyun, aliyun.group_user("g", "u"));
    sends(&aliyun, aliyun.search_media("t"));
    let rong = crate::rongcloud::client(&mock);
    sends(&rong, rong.create_chatroom("r", "n"));
    sends(&rong, rong.is_user_muted("r", "u"));
    let netease = crate::netease::client(&mock);
    sends(&netease, netease.create_room("c"));
    sends(&netease, netease.delete_room("1"));
}
