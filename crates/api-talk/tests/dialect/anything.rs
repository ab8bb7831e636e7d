//! B21: whatever is sent, the answer is an envelope. The doubles check each.

use axum::body::Body;
use axum::http::Request;
use proptest::prelude::*;
use stoa_testkit::{channel, ours};

use crate::server::{EXTENSIONS, NOW, READS, Server, WRITES};

fn command() -> impl Strategy<Value = String> {
    let known: Vec<&'static str> = READS.into_iter().chain(WRITES).chain(EXTENSIONS).collect();
    prop_oneof![
        8 => prop::sample::select(known).prop_map(str::to_owned),
        1 => "[a-zA-Z_%+0-9]{1,20}",
    ]
}

/// Names and values that commands know, and some they do not, in any combination.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec![
        "ChannelID",
        "channel_id",
        " meeting_id",
        "UserID",
        "kick_user_id",
        "AppID",
        "IdentityType",
        "RequstId",
        "requestId",
        "content",
        "receiver_id",
        "kick_time",
        "op_user",
        "QueryDate",
        "StartSeq",
        "Limit",
        "IncludeOpen",
        "TTL",
        "DeviceID",
        "Name",
        "Metadata",
        "MustExist",
        "Audio",
        "Video",
        "Duration",
        "Granted",
        "UserList",
        "other",
    ]);
    let value = prop_oneof![
        Just("\"raid-7\"".to_owned()),
        Just("\"ann\"".to_owned()),
        Just("[\"ann\",{\"user_id\":\"bob\"}]".to_owned()),
        Just("null".to_owned()),
        Just("1000".to_owned()),
        (-2i64..8).prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just("20231115".to_owned()),
        "\\PC{0,12}".prop_map(|s| serde_json::Value::from(s).to_string()),
        "[0-9.eE+-]{1,6}",
        Just("[[{}]]".to_owned()),
        Just("true".to_owned()),
    ];
    let object = prop::collection::vec((name, value), 0..9).prop_map(|all| {
        let all: Vec<String> = all.into_iter().map(|(n, v)| format!("\"{n}\":{v}")).collect();
        format!("{{{}}}", all.join(",")).into_bytes()
    });
    prop_oneof![9 => object, 1 => prop::collection::vec(any::<u8>(), 0..40)]
}

fn query(good: String) -> impl Strategy<Value = String> {
    prop_oneof![8 => Just(good), 1 => "[a-z=&%0-9+.]{0,60}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn b21_whatever_is_sent_gets_an_envelope(
        requests in prop::collection::vec((command(), body(), any::<bool>(), any::<prop::sample::Index>()), 1..6),
        odd in query(String::new()),
        lenient in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let s = Server::with(|o| o.config.lenient_json = lenient).await;
            s.b.enter(&channel("raid-7"), "ann", &ours("1", NOW)).await.unwrap();
            for (command, body, talk, pick) in requests {
                let query = if pick.index(5) == 0 { odd.clone() } else { s.query() };
                let service = if talk { "talk" } else { "im" };
                let Ok(request) = Request::post(format!("/v1/{service}/{command}?{query}")).body(Body::from(body)) else {
                    continue;
                };
                s.send(request).await;
            }
        });
    }
}
