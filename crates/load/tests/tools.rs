//! The measuring tools themselves: what they count is what happened.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use stoa_core::id::AppId;
use stoa_core::ports::{PageStart, Store};
use stoa_load::Transport;
use stoa_load::child::Baseline;
use stoa_load::http::{Client, closed_loop, post};
use stoa_load::measure::media::Plan;
use stoa_load::measure::{relay, seats};
use stoa_store_sqlite::{Config, SqliteStore};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

fn exe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_stoa-load"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_closed_loop_tells_good_answers_from_bad() {
    let bare = Baseline::start_from(exe(), &["bare-http"]).await.unwrap();
    let good = post("/meeting", Some("any"), &json!({"id": "0123"}));
    let bad = post("/meeting", None, &json!({"no_id": 1}));
    let (status, answer) = Client::connect(bare.addr).await.unwrap().json(&good).await.unwrap();
    assert_eq!((status, answer["members"].as_array().map(Vec::len)), (200, Some(8)));
    let plans = vec![vec![good, bad]; 3];
    let load = closed_loop(bare.addr, plans, Duration::from_millis(300), |status, _| status == 200).await.unwrap();
    assert!(load.good > 0);
    assert_eq!(load.good, load.bad, "one of each per round");
    assert_eq!(load.delay.len(), load.good + load.bad);
    assert!(load.example.unwrap().starts_with("HTTP 4"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bare_relay_copies_to_its_own_group_only() {
    let bare = Baseline::start_from(exe(), &["bare-relay"]).await.unwrap();
    let plan = Plan {
        url: String::new(),
        key: String::new(),
        secret: String::new(),
        rooms: 2,
        publishers: 2,
        subscribers: 5,
        warmup: Duration::from_millis(200),
        window: Duration::from_secs(1),
        transport: Transport::Udp,
        pid: None,
    };
    let out = relay::through(&bare, &plan).await.unwrap();
    // 2 rooms × 2 speakers × 5 listeners × 50/s; the edges of the window may each cut through a tick.
    assert!((900..=1_100).contains(&out.received), "{out:?}");
    assert!(out.received.abs_diff(out.expected) <= 40, "{out:?}");
}

#[tokio::test]
async fn seeded_rooms_are_listed_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stoa.db");
    seats::seed_rooms(&file, 300).await.unwrap();
    let store = SqliteStore::open(&Config::new(&file)).unwrap();
    let page = store.list_rooms(AppId(1000), PageStart::Offset(0), 500).await.unwrap();
    assert_eq!(page.len(), 300);
    assert!(page.windows(2).all(|w| w[0].created >= w[1].created));
}

#[tokio::test]
async fn driven_bots_answer_every_order_and_end_with_the_input() {
    let orders = [
        json!({"n": 1, "do": "view", "bot": "nobody"}),
        json!({"n": 2, "do": "join", "bot": "a", "token": "t", "url": "ws://127.0.0.1:9"}),
        json!({"n": 3, "do": "join", "bot": "b"}),
    ];
    let mut command = tokio::process::Command::new(exe());
    command.arg("drive").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answers = std::collections::BTreeMap::new();
    for order in &orders {
        stdin.write_all(format!("{order}\n").as_bytes()).await.unwrap();
    }
    while answers.len() < orders.len() {
        let line = lines.next_line().await.unwrap().unwrap();
        let answer: serde_json::Value = serde_json::from_str(&line).unwrap();
        answers.insert(answer["n"].as_u64().unwrap(), answer["error"].as_str().unwrap().to_owned());
    }
    assert_eq!(answers[&1], "no bot nobody");
    assert!(answers[&2].starts_with("signalling: "), "{}", answers[&2]);
    assert_eq!(answers[&3], "join needs a token");
    drop(stdin);
    assert!(child.wait().await.unwrap().success());
}
