//! Whatever a holder of a good token sends, the answer is never our fault.

use std::sync::LazyLock;

use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};
use serde_json::{Value, json};

use super::{Bench, all, token};

/// Words that fields of the messages have, and some they have not.
const WORDS: [&str; 16] = [
    "room",
    "name",
    "identity",
    "trackSid",
    "muted",
    "metadata",
    "permission",
    "attributes",
    "data",
    "kind",
    "nonce",
    "participantTracks",
    "track_sids",
    "topic",
    "egress",
    "nothing",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("r")),
        Just(json!("aGk=")),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(&WORDS[..]), inner), 0..8)
                .prop_map(|fields| fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

const METHODS: [&str; 11] = [
    "CreateRoom",
    "DeleteRoom",
    "ListRooms",
    "ListParticipants",
    "GetParticipant",
    "RemoveParticipant",
    "MutePublishedTrack",
    "UpdateParticipant",
    "UpdateSubscriptions",
    "SendData",
    "UpdateRoomMetadata",
];

/// Status of a call with an all-powerful token; the runtime is made once.
fn status_of(method: &str, content_type: &str, body: Vec<u8>) -> u16 {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> =
        LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().unwrap());
    RUNTIME.block_on(async { Bench::new().raw(method, &token(&all("r")), content_type, body).await.status })
}

proptest! {
    #[test]
    fn no_json_makes_a_method_fail_on_our_side(
        method in prop::sample::select(&METHODS[..]), body in any_json(), broken in prop::option::of(any::<u16>()),
    ) {
        let mut text = body.to_string().into_bytes();
        if let Some(at) = broken {
            let at = usize::from(at) % text.len();
            text[at] ^= 0x41;
        }
        prop_assert!(status_of(method, "application/json", text) < 500);
    }

    #[test]
    fn no_bytes_make_a_method_fail_on_our_side(
        method in prop::sample::select(&METHODS[..]), mut body in prop::collection::vec(any::<u8>(), 0..120),
        named in any::<bool>(),
    ) {
        if named {
            body.splice(0..0, [0x0a, 1, b'r']); // field 1 is the room in most messages
        }
        prop_assert!(status_of(method, "application/protobuf", body) < 500);
    }
}
