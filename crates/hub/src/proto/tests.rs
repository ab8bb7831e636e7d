use super::*;
use bytes::Bytes;

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|b| u8::from_str_radix(b, 16).unwrap()).collect()
}

fn all(format: Format, frame: &[u8]) -> Vec<Result<Command, BadFrame>> {
    Commands::new(format, Bytes::copy_from_slice(frame)).collect()
}

fn one(format: Format, frame: &[u8]) -> Command {
    let mut got = all(format, frame);
    assert_eq!(got.len(), 1);
    got.remove(0).unwrap()
}

fn encoded(format: Format, reply: &Reply) -> Vec<u8> {
    let mut out = Vec::new();
    format.append(&mut out, reply).unwrap();
    out
}

#[test]
fn vectors_of_commands() {
    let connect = one(Format::Protobuf, &hex("0b 08 01 22 07 0a 01 54 22 02 6a 73"));
    assert_eq!((connect.id, connect.bodies()), (1, 1));
    let connect = connect.connect.unwrap();
    assert_eq!((connect.token.as_str(), connect.name.as_str()), ("T", "js"));
    let fresh = one(Format::Protobuf, &hex("0f 08 02 2a 0b 0a 07 72 6f 6f 6d 3a 72 31 50 01"));
    let s = fresh.subscribe.unwrap();
    assert_eq!((fresh.id, s.channel.as_str(), s.recoverable, s.recover), (2, "room:r1", true, false));
    let bytes = hex("1e 08 09 2a 1a 0a 07 72 6f 6f 6d 3a 72 31 18 01 32 08 61 62 63 64 45 46 47 48 38 ac 02 50 01");
    let again = one(Format::Protobuf, &bytes);
    let s = again.subscribe.unwrap();
    assert_eq!((again.id, s.recover, s.epoch.as_str(), s.offset, s.recoverable), (9, true, "abcdEFGH", 300, true));
    let body = hex("15 08 02 6a 11 0a 02 7b 7d 12 0b 67 72 6f 75 70 2e 73 74 61 74 73");
    let rpc = one(Format::Protobuf, &body).rpc.unwrap();
    assert_eq!((rpc.method.as_str(), &rpc.data[..]), ("group.stats", &b"{}"[..]));
    assert_eq!(one(Format::Protobuf, &[0]), Command::default());
    assert_eq!(one(Format::Json, b"{}"), Command::default());
}

#[test]
fn vectors_of_replies() {
    let reply = Reply {
        id: 2,
        subscribe: Some(SubscribeResult {
            recoverable: true,
            epoch: "abcdEFGH".to_owned(),
            offset: 300,
            positioned: true,
            ..Default::default()
        }),
        ..Default::default()
    };
    let bytes = hex("15 08 02 32 11 18 01 32 08 61 62 63 64 45 46 47 48 48 ac 02 50 01");
    assert_eq!(encoded(Format::Protobuf, &reply), bytes);
    let json = r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"abcdEFGH","offset":300,"positioned":true}}"#;
    assert_eq!(encoded(Format::Json, &reply), json.as_bytes());

    let publication = Publication { data: Bytes::from(r#"{"kind":"stats"}"#), offset: 301 };
    let push = Push { channel: "room:r1".to_owned(), publication: Some(publication), ..Default::default() };
    let reply = Reply { push: Some(push), ..Default::default() };
    let bytes =
        hex("22 22 20 12 07 72 6f 6f 6d 3a 72 31 22 15 22 10 7b 22 6b 69 6e 64 22 3a 22 73 74 61 74 73 22 7d 30 ad 02");
    assert_eq!(encoded(Format::Protobuf, &reply), bytes);
    let json = r#"{"push":{"channel":"room:r1","pub":{"data":{"kind":"stats"},"offset":301}}}"#;
    assert_eq!(encoded(Format::Json, &reply), json.as_bytes());

    let (code, reason) = code::UNSUBSCRIBED_INSUFFICIENT;
    let unsubscribe = Some(UnsubscribePush { code, reason: reason.to_owned() });
    let push = Push { channel: "room:r1".to_owned(), unsubscribe, ..Default::default() };
    let bytes = hex(
        "24 22 22 12 07 72 6f 6f 6d 3a 72 31 3a 17 10 c4 13 1a 12 69 6e 73 75 66 66 69 63 69 65 6e 74 20 73 74 61 74 65",
    );
    assert_eq!(encoded(Format::Protobuf, &Reply { push: Some(push), ..Default::default() }), bytes);

    let error = Reply { id: 2, error: Some(code::Error::TOO_MANY_REQUESTS.reply()), ..Default::default() };
    let bytes = hex("1b 08 02 12 17 08 6f 12 11 74 6f 6f 20 6d 61 6e 79 20 72 65 71 75 65 73 74 73 18 01");
    assert_eq!(encoded(Format::Protobuf, &error), bytes);
    assert_eq!(Format::Protobuf.ping(), [0]);
    assert_eq!(Format::Json.ping(), b"{}");
}

#[test]
fn what_is_empty_is_omitted_but_for_what_is_always_written() {
    let unsubscribe = Reply { id: 9, unsubscribe: Some(Empty {}), ..Default::default() };
    assert_eq!(encoded(Format::Json, &unsubscribe), br#"{"id":9,"unsubscribe":{}}"#);
    let history = Reply { id: 7, history: Some(HistoryResult::default()), ..Default::default() };
    assert_eq!(encoded(Format::Json, &history), br#"{"id":7,"history":{"publications":[],"epoch":"","offset":0}}"#);
    let presence = Reply { id: 5, presence: Some(PresenceResult::default()), ..Default::default() };
    assert_eq!(encoded(Format::Json, &presence), br#"{"id":5,"presence":{"presence":{}}}"#);
    let stats = Reply { id: 6, presence_stats: Some(PresenceStatsResult::default()), ..Default::default() };
    assert_eq!(encoded(Format::Json, &stats), br#"{"id":6,"presence_stats":{"num_clients":0,"num_users":0}}"#);
    let info = ClientInfo { user: "a".to_owned(), ..Default::default() };
    assert_eq!(serde_json::to_string(&info).unwrap(), r#"{"user":"a","client":""}"#);
}

#[test]
fn a3_a4_frames_of_several_commands_newlines_and_carriage_returns() {
    let two = b"{\"id\":1,\"unsubscribe\":{\"channel\":\"a\"}}\r\n{\"id\":2,\"ping\":{}}\n";
    let got: Vec<u32> = all(Format::Json, two).into_iter().map(|c| c.unwrap().id).collect();
    assert_eq!(got, [1, 2]);
    let mut frame = hex("0f 08 02 2a 0b 0a 07 72 6f 6f 6d 3a 72 31 50 01");
    frame.push(0);
    assert_eq!(all(Format::Protobuf, &frame).len(), 2);
}

#[test]
fn a5_a6_a11_bad_frames() {
    let bad: &[(Format, &[u8])] = &[
        (Format::Json, b""),
        (Format::Json, b"\n"),
        (Format::Json, b"{}\n\n{}"),
        (Format::Json, b"{}\n\n"),
        (Format::Json, b"{\"id\":1"),
        (Format::Json, b"{\"id\":-1,\"ping\":{}}"),
        (Format::Json, b"[]x"),
        (Format::Json, b"\xff"),
        (Format::Protobuf, b""),
        (Format::Protobuf, &[0x0f, 0x08]),
        (Format::Protobuf, &[0x80]),
        (Format::Protobuf, &[0x80, 0x80, 0x80, 0x80, 0x08]),
        (Format::Protobuf, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        (Format::Protobuf, &[0x02, 0x0a, 0x7f]),
    ];
    for (format, frame) in bad {
        assert!(all(*format, frame).iter().any(Result::is_err), "{format:?} {frame:?}");
    }
    let two = one(Format::Json, br#"{"id":3,"ping":{},"rpc":{"method":"x"}}"#);
    assert_eq!(two.bodies(), 2);
}

#[test]
fn a13_unknown_fields_are_skipped() {
    let line = br#"{"id":2,"subscribe":{"channel":"room:r1","offset":3,"new":[{}],"flag":1,"limit":4},"also":null}"#;
    let s = one(Format::Json, line).subscribe.unwrap();
    assert_eq!((s.channel.as_str(), s.offset), ("room:r1", 3));
    // Field 99 as text before the known one.
    let frame = hex("0c 08 02 9a 06 02 68 69 6a 03 12 01 61");
    assert_eq!(one(Format::Protobuf, &frame).rpc.unwrap().method, "a");
}

#[test]
fn e14_payloads_stay_as_they_are_and_cannot_split_a_line() {
    let text = "{ \"a\":\n[1,\r\n\t\"\\u2028 \u{2028} 😀 \\n\"] }";
    let clean = normalise(text).unwrap();
    assert!(!clean.contains(&b'\n') && !clean.contains(&b'\r'));
    let before: serde_json::Value = serde_json::from_str(text).unwrap();
    let after: serde_json::Value = serde_json::from_slice(&clean).unwrap();
    assert_eq!(before, after);
    for bad in ["", "{", "{}{}", "nul", "\"\n\"", "{}\n{}"] {
        assert_eq!(normalise(bad), None, "{bad:?}");
    }
}

#[test]
fn not_json_does_not_reach_a_json_client_and_leaves_the_frame_alone() {
    let reply = Reply { id: 1, rpc: Some(RpcResult { data: Bytes::from_static(b"\x01") }), ..Default::default() };
    let mut frame = b"{}".to_vec();
    assert_eq!(Format::Json.append(&mut frame, &reply), Err(NotJson));
    assert_eq!(frame, b"{}");
}

#[test]
fn a17_both_formats_carry_the_same() {
    use prost::Message as _;
    let publication = Publication { data: Bytes::from(r#"{"a":[1,2]}"#), offset: 4 };
    let sub = SubscribeResult {
        recoverable: true,
        epoch: "abcdEFGH".to_owned(),
        publications: vec![publication.clone(), publication],
        recovered: true,
        offset: 2,
        positioned: true,
        data: Bytes::from(r#"{"role":"member"}"#),
        was_recovering: true,
    };
    let reply = Reply {
        id: 7,
        connect: Some(ConnectResult {
            client: "c".to_owned(),
            subs: [("user:#a".to_owned(), sub)].into(),
            ping: 25,
            pong: true,
            time: 1_893_456_000_123,
            ..Default::default()
        }),
        ..Default::default()
    };
    let json: Reply = serde_json::from_slice(&encoded(Format::Json, &reply)).unwrap();
    let protobuf = Reply::decode_length_delimited(&encoded(Format::Protobuf, &reply)[..]).unwrap();
    assert_eq!(json, reply);
    assert_eq!(protobuf, reply);
}

proptest::proptest! {
    /// A16, short: whatever comes in, decoders answer and do not hold more than they were given.
    #[test]
    fn a16_decoders_take_any_bytes(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..2000)) {
        for format in Format::ALL {
            let n = all(format, &bytes).len();
            proptest::prop_assert!(n <= bytes.len() + 1);
        }
    }

    #[test]
    fn a16_decoders_take_damaged_commands(at in 0usize..40, with in proptest::num::u8::ANY) {
        let mut json = br#"{"id":2,"subscribe":{"channel":"room:r1","recover":true,"offset":3}}"#.to_vec();
        let mut protobuf = hex("1e 08 09 2a 1a 0a 07 72 6f 6f 6d 3a 72 31 18 01 32 08 61 62 63 64 45 46 47 48 38 ac 02 50 01");
        json[at] = with;
        let at = at % protobuf.len();
        protobuf[at] = with;
        let _ = all(Format::Json, &json);
        let _ = all(Format::Protobuf, &protobuf);
    }
}

#[test]
fn publications_are_written_as_the_codec_writes_them() {
    for (channel, data, offset) in
        [("room:r", "{\"a\":1}", 7), ("chat:\"\\x", "\"\u{4f60}\"", u64::MAX), ("user:#u", "[]", 0)]
    {
        let data = Bytes::copy_from_slice(data.as_bytes());
        let publication = Some(Publication { data: data.clone(), offset });
        let push = Push { channel: channel.to_owned(), publication, ..Default::default() };
        let reply = Reply { push: Some(push), ..Default::default() };
        for format in Format::ALL {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            for _ in 0..2 {
                format.append(&mut one, &reply).unwrap();
                format.append_publication(&mut other, channel, &data, offset);
            }
            assert_eq!(String::from_utf8_lossy(&one), String::from_utf8_lossy(&other));
        }
    }
}
