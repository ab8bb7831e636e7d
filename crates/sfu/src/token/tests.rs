use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};
use stoa_core::app::{App, Apps};
use stoa_core::channel::IdentityType;
use stoa_core::id::{AppId, ChannelName, Identity, UserId};
use stoa_core::media::{MediaGrant, Permission, TrackSource};
use stoa_core::ports::{JoinTokens as _, MediaTokens as _};
use stoa_core::time::UnixMs;

use super::{AdminGrant, Kind, Minter, Reader, TokenError, mint_admin, refresh, verify};

const SECRET: &str = "voice-demo-secret-32-bytes-long!";
const ROOM: &str = "cfa4a59e90ab42cbaf708f218ad10000";
const NOW_SECS: i64 = 1_767_225_600;
const NOW: UnixMs = UnixMs(NOW_SECS * 1000);

fn app(id: u64, key: &str, secret: &str, previous: &[&str]) -> App {
    App {
        id: AppId(id),
        name: key.to_owned(),
        key: key.to_owned(),
        secret: SecretString::from(secret),
        previous_secrets: previous.iter().map(|s| SecretString::from(*s)).collect(),
        enabled: true,
        admin_identifiers: Vec::new(),
    }
}

fn demo() -> App {
    app(1, "voicedemokey", SECRET, &["an-older-secret-of-the-same-app!"])
}

fn apps() -> Apps {
    let off = App { enabled: false, ..app(3, "offkey", "the-secret-of-an-app-that-is-off", &[]) };
    Apps::new([demo(), app(2, "otherkey", "the-secret-of-some-other-app-321", &[]), off, app(4, "nosecret", "", &[""])])
}

fn grant() -> MediaGrant {
    MediaGrant {
        channel: ChannelName::new(ROOM).unwrap(),
        identity: Identity::new("alice").unwrap(),
        user: UserId::new("alice").unwrap(),
        identity_type: IdentityType::Host,
        name: String::new(),
        metadata: String::new(),
        attributes: BTreeMap::new(),
        can_publish: true,
        sources: BTreeSet::new(),
        can_publish_data: true,
        iat_secs: NOW_SECS,
        nbf_secs: NOW_SECS,
        exp_secs: 1_893_456_000,
    }
}

/// A token of any header and payload, signed rightly with `secret`.
fn forge(header: &str, payload: &str, secret: &str) -> String {
    let signed = format!("{}.{}", B64.encode(header), B64.encode(payload));
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
    format!("{signed}.{signature}")
}

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

fn payload() -> Value {
    json!({"iss": "voicedemokey", "sub": "alice", "nbf": NOW_SECS, "exp": NOW_SECS + 600,
        "video": {"roomJoin": true, "room": ROOM}})
}

fn with(change: impl FnOnce(&mut Value)) -> String {
    let mut p = payload();
    change(&mut p);
    forge(HEADER, &p.to_string(), SECRET)
}

fn error(token: &str) -> TokenError {
    verify(token, &apps(), NOW).expect_err("refused")
}

#[test]
fn the_minted_token_is_the_published_vector() {
    let token = Minter.mint(&demo(), &grant());
    assert_eq!(token.rsplit('.').next().unwrap(), "SbMcGO8ffto4B8Z8NqwXDJ0s2kZTJJVIgeA1rJpeWX4");
    let body = String::from_utf8(B64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(
        body,
        concat!(
            r#"{"iss":"voicedemokey","sub":"alice","iat":1767225600,"nbf":1767225600,"exp":1893456000,"#,
            r#""attributes":{"stoa.user":"alice","stoa.identity":"5"},"video":{"roomJoin":true,"#,
            r#""room":"cfa4a59e90ab42cbaf708f218ad10000","canPublish":true,"canSubscribe":true,"#,
            r#""canPublishData":true,"canUpdateOwnMetadata":false}}"#
        )
    );
}

#[test]
fn a_minted_token_verifies_and_says_what_was_granted() {
    let grant = MediaGrant {
        identity: Identity::new("alice\u{1f}phone").unwrap(),
        attributes: BTreeMap::from([
            ("team".to_owned(), "红队".to_owned()),
            ("stoa.user".to_owned(), "mallory".to_owned()),
        ]),
        name: "爱丽丝".to_owned(),
        metadata: "{}".to_owned(),
        can_publish: false,
        sources: BTreeSet::from([TrackSource::Microphone, TrackSource::ScreenShareAudio]),
        can_publish_data: false,
        ..grant()
    };
    let got = verify(&Minter.mint(&demo(), &grant), &apps(), NOW).unwrap();
    assert_eq!((got.app, got.key.as_str()), (AppId(1), "voicedemokey"));
    let (channel, identity) = got.joining().unwrap();
    assert_eq!((channel.app, channel.name.as_str(), identity.as_str()), (AppId(1), ROOM, "alice\u{1f}phone"));
    assert_eq!(got.claims.attributes["stoa.user"], "alice", "extra attributes cannot replace ours");
    assert_eq!(got.claims.attributes["team"], "红队");
    assert_eq!(got.claims.can_publish, Some(false));
    assert_eq!(got.claims.can_publish_data, Some(false));
    assert_eq!(got.claims.can_publish_sources, grant.sources);
    assert_eq!((got.claims.name.as_str(), got.claims.metadata.as_str()), ("爱丽丝", "{}"));
    assert!(got.is_ours());
    assert_eq!(got.kind, Kind::Standard);
    assert!(!(got.room_admin || got.room_create || got.room_list), "no admin grants, for nobody");
}

#[test]
fn another_implementation_reads_our_tokens_and_we_read_its() {
    let token = Minter.mint(&demo(), &grant());
    let key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    rules.validate_exp = false;
    let read = jsonwebtoken::decode::<Value>(&token, &key, &rules).unwrap();
    assert_eq!(read.claims["sub"], "alice");

    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let theirs = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &payload(), &key).unwrap();
    assert_eq!(verify(&theirs, &apps(), NOW).unwrap().room, ROOM);
}

#[test]
fn forged_and_broken_tokens_are_refused_each_for_its_reason() {
    use TokenError as E;
    let good = forge(HEADER, &payload().to_string(), SECRET);
    assert!(verify(&good, &apps(), NOW).is_ok());
    let parts: Vec<&str> = good.split('.').collect();
    let (h, p, s) = (parts[0], parts[1], parts[2]);
    let header = |text: &str| forge(text, &payload().to_string(), SECRET);
    let other_payload = B64.encode(payload().to_string().replace("alice", "admin"));
    let mut flipped = B64.decode(s).unwrap();
    flipped[0] ^= 1;

    let cases: Vec<(&str, String, E)> = vec![
        ("empty", String::new(), E::Malformed),
        ("no dots", "abc".into(), E::Malformed),
        ("two parts", format!("{h}.{p}"), E::Malformed),
        ("four parts", format!("{good}.{s}"), E::Malformed),
        ("five parts, encrypted form", format!("{h}.{p}.{s}.{s}.{s}"), E::Malformed),
        ("over the cap", format!("{h}.{}.{s}", "A".repeat(16 * 1024)), E::TooLong),
        ("alg none without signature", format!("{}.{p}.", B64.encode(r#"{"alg":"none"}"#)), E::Algorithm),
        ("alg none, signed", header(r#"{"typ":"JWT","alg":"none"}"#), E::Algorithm),
        ("alg nOnE", header(r#"{"typ":"JWT","alg":"nOnE"}"#), E::Algorithm),
        ("alg hs256 in lower case", header(r#"{"typ":"JWT","alg":"hs256"}"#), E::Algorithm),
        ("alg HS384", header(r#"{"typ":"JWT","alg":"HS384"}"#), E::Algorithm),
        ("alg HS512", header(r#"{"typ":"JWT","alg":"HS512"}"#), E::Algorithm),
        ("alg RS256", header(r#"{"typ":"JWT","alg":"RS256"}"#), E::Algorithm),
        ("alg ES256", header(r#"{"typ":"JWT","alg":"ES256"}"#), E::Algorithm),
        ("alg EdDSA", header(r#"{"typ":"JWT","alg":"EdDSA"}"#), E::Algorithm),
        ("alg missing", header(r#"{"typ":"JWT"}"#), E::Malformed),
        ("alg twice", header(r#"{"alg":"none","alg":"HS256"}"#), E::Malformed),
        ("alg not text", header(r#"{"alg":["HS256"]}"#), E::Malformed),
        ("critical extension", header(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#), E::Algorithm),
        ("other typ", header(r#"{"typ":"JWE","alg":"HS256"}"#), E::Algorithm),
        ("header is a list", header("[]"), E::Malformed),
        ("header is no JSON", header("{"), E::Malformed),
        ("payload is a list", forge(HEADER, "[1]", SECRET), E::Malformed),
        ("payload is no JSON", forge(HEADER, "nope", SECRET), E::Malformed),
        ("payload nested 10,000 deep", forge(HEADER, &"[".repeat(10_000), SECRET), E::Malformed),
        ("payload changed", format!("{h}.{other_payload}.{s}"), E::Signature),
        ("signature empty", format!("{h}.{p}."), E::Signature),
        ("signature cut", format!("{h}.{p}.{}", B64.encode(&flipped[..16])), E::Signature),
        ("signature one bit off", format!("{h}.{p}.{}", B64.encode(&flipped)), E::Signature),
        ("signature of zeros", format!("{h}.{p}.{}", B64.encode([0; 32])), E::Signature),
        ("signature padded", format!("{good}="), E::Malformed),
        ("standard base64", format!("{h}.{p}.+/{}", &s[2..]), E::Malformed),
        ("blank behind", format!("{good} "), E::Malformed),
        ("wrong secret", forge(HEADER, &payload().to_string(), "some-wrong-secret"), E::Signature),
        ("empty secret", forge(HEADER, &payload().to_string(), ""), E::Signature),
        ("key as secret", forge(HEADER, &payload().to_string(), "voicedemokey"), E::Signature),
        ("other app's secret", forge(HEADER, &payload().to_string(), "the-secret-of-some-other-app-321"), E::Signature),
        ("other app's key", with(|p| p["iss"] = json!("otherkey")), E::Signature),
        (
            "app without a secret",
            forge(HEADER, &payload().to_string().replace("voicedemokey", "nosecret"), ""),
            E::Signature,
        ),
        ("unknown key", with(|p| p["iss"] = json!("nobody")), E::UnknownKey),
        ("iss missing", with(|p| _ = p.as_object_mut().unwrap().remove("iss")), E::UnknownKey),
        ("iss is a number", with(|p| p["iss"] = json!(1)), E::Malformed),
        ("iss twice", forge(HEADER, r#"{"iss":"otherkey","iss":"voicedemokey"}"#, SECRET), E::Malformed),
        ("expired", with(|p| p["exp"] = json!(NOW_SECS - 60)), E::Expired),
        ("expired long ago", with(|p| p["exp"] = json!(i64::MIN)), E::Expired),
        ("no exp", with(|p| _ = p.as_object_mut().unwrap().remove("exp")), E::Expired),
        ("exp null", with(|p| p["exp"] = Value::Null), E::Expired),
        ("exp is text", with(|p| p["exp"] = json!("9999999999")), E::Malformed),
        ("exp beyond any date", with(|p| p["exp"] = json!(1e300)), E::Malformed),
        ("not yet", with(|p| p["nbf"] = json!(NOW_SECS + 61)), E::NotYet),
        ("not in this age", with(|p| p["nbf"] = json!(i64::MAX)), E::NotYet),
        ("identity too long", with(|p| p["sub"] = json!("x".repeat(321))), E::Malformed),
        ("identity with NUL", with(|p| p["sub"] = json!("a\u{0}")), E::Malformed),
        ("identity not text", with(|p| p["sub"] = json!({})), E::Malformed),
        ("name too long", with(|p| p["name"] = json!("x".repeat(257))), E::Malformed),
        ("attributes not text", with(|p| p["attributes"] = json!({"a": 1})), E::Malformed),
        ("grant not boolean", with(|p| p["video"]["roomJoin"] = json!("true")), E::Malformed),
        (
            "app disabled",
            forge(HEADER, &payload().to_string().replace("voicedemokey", "offkey"), "the-secret-of-an-app-that-is-off"),
            E::AppDisabled,
        ),
    ];
    for (what, token, reason) in &cases {
        assert_eq!(error(token), *reason, "{what}");
    }
    assert_eq!(error(&cases[5].1).status(), 401);
    assert_eq!(error(&cases.last().unwrap().1).status(), 403);
}

#[test]
fn clocks_may_be_a_minute_apart_and_no_more() {
    let token = with(|p| p["nbf"] = json!(NOW_SECS));
    let at = |secs: i64| verify(&token, &apps(), UnixMs::from_secs(NOW_SECS + secs)).map(|_| ());
    assert_eq!(at(-61), Err(TokenError::NotYet));
    assert_eq!(at(-60), Ok(()));
    assert_eq!(at(659), Ok(()));
    assert_eq!(at(660), Err(TokenError::Expired));
    let fraction = with(|p| p["nbf"] = json!(NOW_SECS as f64 + 0.75));
    assert_eq!(verify(&fraction, &apps(), NOW).unwrap().claims.nbf_secs, NOW_SECS);
}

#[test]
fn the_previous_secret_still_verifies() {
    let old = forge(HEADER, &payload().to_string(), "an-older-secret-of-the-same-app!");
    assert!(verify(&old, &apps(), NOW).is_ok());
}

#[test]
fn absent_grants_have_their_defaults() {
    let bare = verify(&with(|_| ()), &apps(), NOW).unwrap();
    assert_eq!(bare.claims.can_publish, None);
    assert_eq!(bare.claims.can_publish_data, None);
    assert_eq!(bare.claims.can_subscribe, None);
    assert!(bare.claims.can_publish_sources.is_empty() && !bare.claims.hidden && !bare.is_ours());
    assert!(!bare.claims.can_update_own_metadata);

    let no_nbf = with(|p| _ = p.as_object_mut().unwrap().remove("nbf"));
    assert_eq!(verify(&no_nbf, &apps(), NOW).unwrap().claims.nbf_secs, 0);

    let mute = verify(&with(|p| p["video"]["canPublish"] = json!(false)), &apps(), NOW).unwrap();
    assert_eq!(mute.claims.can_publish_data, Some(false), "data follows publish");

    let sources = |list: Value| verify(&with(|p| p["video"]["canPublishSources"] = list), &apps(), NOW).unwrap().claims;
    assert_eq!(sources(json!(["microphone", "screen_share"])).can_publish_sources.len(), 2);
    assert_eq!(sources(json!([])).can_publish, None);
    let strange = sources(json!(["hologram"]));
    assert_eq!(strange.can_publish, Some(false), "a list without a known source allows nothing");
    assert_eq!(strange.can_publish_data, None);
}

#[test]
fn nulls_unknown_claims_and_odd_room_configs_do_no_harm() {
    let token = with(|p| {
        p["name"] = Value::Null;
        p["attributes"] = Value::Null;
        p["kind"] = json!("agent");
        p["kindDetails"] = json!(["x"]);
        p["inference"] = json!({"perform": true});
        p["roomConfig"] = json!({"emptyTimeout": 30, "max_participants": 5, "brandNew": [1]});
    });
    let got = verify(&token, &apps(), NOW).unwrap();
    assert_eq!(got.kind, Kind::Agent);
    let config = got.room_config.unwrap();
    assert_eq!((config.empty_timeout, config.max_participants), (30, 5));
    let odd = with(|p| p["roomConfig"] = json!({"emptyTimeout": "soon"}));
    assert!(verify(&odd, &apps(), NOW).unwrap().room_config.is_none());
}

#[test]
fn joining_needs_the_grant_the_room_and_an_identity() {
    let joins = |token: String| verify(&token, &apps(), NOW).unwrap().joining().is_ok();
    assert!(joins(with(|_| ())));
    assert!(!joins(with(|p| p["video"]["roomJoin"] = json!(false))));
    assert!(!joins(with(|p| p["video"]["room"] = json!(""))));
    assert!(!joins(with(|p| p["video"]["room"] = json!("x".repeat(257)))));
    assert!(!joins(with(|p| p["video"] = Value::Null)));
    assert!(!joins(with(|p| p["sub"] = json!(""))));
    let admin = AdminGrant { room_admin: Some(ROOM.to_owned()), room_list: true, ..AdminGrant::default() };
    let admin = verify(&mint_admin(&demo(), &admin, NOW_SECS, NOW_SECS + 60), &apps(), NOW).unwrap();
    assert!(admin.room_admin && admin.room_list && !admin.room_create && admin.joining().is_err());
}

#[test]
fn recorders_are_hidden() {
    let hidden = |change: fn(&mut Value)| verify(&with(change), &apps(), NOW).unwrap().claims.hidden;
    assert!(hidden(|p| p["video"]["hidden"] = json!(true)));
    assert!(hidden(|p| p["video"]["recorder"] = json!(true)));
    assert!(hidden(|p| p["kind"] = json!("egress")));
    assert!(!hidden(|p| p["kind"] = json!("ingress")));
    assert!(!hidden(|p| p["video"]["recorder"] = json!(false)));
}

#[test]
fn a_refresh_of_our_token_carries_the_rights_of_now() {
    let old = verify(&Minter.mint(&demo(), &grant()), &apps(), NOW).unwrap();
    let permission =
        Permission { sources: BTreeSet::from([TrackSource::Microphone]), publish: false, ..Permission::listener() };
    let later = NOW_SECS + 300;
    let token = refresh(&demo(), &old, Some(&permission), later, later + 600);
    let new = verify(&token, &apps(), UnixMs::from_secs(later)).unwrap();
    assert_eq!(new.claims.can_publish, Some(false));
    assert_eq!(new.claims.can_publish_sources, permission.sources);
    assert_eq!((new.claims.nbf_secs, new.exp_secs), (later, later + 600));
    assert_eq!(new.claims.attributes, old.claims.attributes);
    assert_eq!(new.joining(), old.joining());
}

#[test]
fn a_refresh_of_a_foreign_token_keeps_its_grants_and_what_we_do_not_know() {
    let token = with(|p| {
        p["video"]["canPublishSources"] = json!(["camera", "hologram"]);
        p["video"]["recorder"] = json!(true);
        p["newClaim"] = json!({"a": [1, 2]});
    });
    let old = verify(&token, &apps(), NOW).unwrap();
    let token = refresh(&demo(), &old, None, NOW_SECS + 1, NOW_SECS + 601);
    let body: Value = serde_json::from_slice(&B64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(body["video"]["canPublishSources"], json!(["camera", "hologram"]));
    assert_eq!(body["video"]["recorder"], json!(true));
    assert_eq!(body["newClaim"], json!({"a": [1, 2]}));
    assert_eq!(verify(&token, &apps(), NOW).unwrap().claims.nbf_secs, NOW_SECS + 1);
}

#[test]
fn debug_output_holds_neither_claims_nor_secrets() {
    let got = verify(&with(|p| p["metadata"] = json!("private text")), &apps(), NOW).unwrap();
    let text = format!("{got:?} {:?}", demo());
    assert!(!text.contains("private text") && !text.contains(SECRET));
}

proptest! {
    #[test]
    fn no_text_makes_the_verifier_panic(token in "\\PC{0,200}") {
        let _ = verify(&token, &apps(), NOW);
    }

    #[test]
    fn no_signed_payload_makes_the_verifier_panic(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&payload);
        let _ = verify(&forge(HEADER, &text, SECRET), &apps(), NOW);
    }

    #[test]
    fn a_token_with_one_changed_byte_is_refused(at in 0usize..1000, by in 1u8..=255) {
        let good = forge(HEADER, &payload().to_string(), SECRET);
        let mut bytes = good.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= by;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert!(verify(&text, &apps(), NOW).is_err(), "{text}");
        }
    }
}

#[test]
fn other_doors_read_only_what_lets_somebody_join_now() {
    let reader = Reader(apps());
    let token = Minter.mint(&demo(), &grant());
    let read = reader.read(&token, NOW).unwrap();
    assert_eq!((read.channel.app, read.channel.name.as_str()), (AppId(1), ROOM));
    assert_eq!((read.identity.as_str(), read.claims.nbf_secs), ("alice", NOW_SECS));
    assert_eq!(read.claims.attributes["stoa.user"], "alice");
    let admin = AdminGrant { room_admin: Some(ROOM.to_owned()), ..AdminGrant::default() };
    for bad in [
        mint_admin(&demo(), &admin, NOW_SECS, NOW_SECS + 600),
        with(|p| p["exp"] = json!(NOW_SECS - 60)),
        with(|p| p["nbf"] = json!(NOW_SECS + 61)),
        with(|p| p["iss"] = json!("offkey")),
        with(|p| p["iss"] = json!("nobody")),
        with(|p| p["sub"] = json!("")),
        format!("{token}x"),
        "rubbish".to_owned(),
    ] {
        assert_eq!(reader.read(&bad, NOW), None, "{bad}");
    }
}
