//! Acceptance list 9.3: hub and media tokens.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::{Value, json};
use stoa_api::jwt::{Key, verify};
use stoa_api_voice::{AliyunIm, AliyunRole, AliyunRtc, ImProvider, MediaProvider};
use stoa_core::id::{ChannelKey, RoomId};
use stoa_core::sanction::{Sanction, Source};
use stoa_core::time::UnixMs;

use crate::server::{APP, HUB_KEY, Options, Server, user};

fn hub_claims(token: &Value) -> Value {
    verify(token.as_str().unwrap(), &[Key::new(HUB_KEY)]).unwrap()
}

fn media_claims(token: &Value) -> Value {
    verify(token.as_str().unwrap(), &[Key::new(b"voice-demo-secret-32-bytes-long!")]).unwrap()
}

#[tokio::test]
async fn t1_the_hub_bundle_is_complete_in_both_spellings() {
    let s = Server::new();
    let ask = json!({"user_id": "bob", "role": "admin", "device_id": "d-1", "device_type": "android", "im_server": []});
    let r = s.post("bob", "token", ask).await;
    r.expect(200, 200);
    let im = &r.body["aliyun_im"];
    let url = "wss://voice.example.org/connection/websocket";
    let (nonce, ends) = (im["auth"]["nonce"].as_str().unwrap(), s.now() + 48 * 3600);
    assert!(nonce.starts_with("AK-") && nonce.len() == 39, "{nonce}");
    for (a, b, want) in [
        ("app_id", "appid", "voice"),
        ("app_sign", "appsign", URL_SAFE_NO_PAD.encode(url).as_str()),
        ("app_token", "apptoken", im["app_token"].as_str().unwrap()),
    ] {
        assert_eq!((&im[a], &im[b]), (&json!(want), &json!(want)));
    }
    let auth = json!({"user_id": "bob", "userid": "bob", "nonce": nonce, "timestamp": ends, "role": "user"});
    assert_eq!(im["auth"], auth);
    for place in [&r.body, im] {
        assert_eq!((&place["im_url"], &place["im_provider"]), (&json!(url), &json!("embedded")));
    }
    let meta = json!({"role":"user","uid":"bob","app":1000,"face":"voice","dev":"d-1","dt":"android","sid":""});
    let want = json!({"sub":"bob","iat":s.now(),"exp":ends,"jti":nonce,"aud":"hub","meta":meta});
    assert_eq!(hub_claims(&im["app_token"]), want);
    let hub = &r.body["hub"];
    assert_eq!((&hub["url"], &hub["expires_at"]), (&json!(url), &json!(s.now() + 600)));
    assert_eq!(hub_claims(&hub["token"])["exp"], s.now() + 600);
    assert_eq!(hub_claims(&hub["token"])["aud"], "hub");
}

#[tokio::test]
async fn t2_only_administrators_who_ask_get_the_role() {
    let s = Server::new();
    s.account("chief", "x", |a| a.admin = true).await;
    for (name, role, want) in [
        ("bob", Some("admin"), "user"),
        ("root", Some("admin"), "admin"),
        ("chief", Some("admin"), "admin"),
        ("root", None, "user"),
        ("root", Some("owner"), "user"),
    ] {
        let mut ask = json!({"user_id": name});
        if let Some(role) = role {
            ask["role"] = json!(role);
        }
        let r = s.post(name, "token", ask).await;
        assert_eq!(r.expect(200, 200).body["aliyun_im"]["auth"]["role"], want, "{name} {role:?}");
        assert_eq!(hub_claims(&r.body["aliyun_im"]["app_token"])["meta"]["role"], want);
    }
}

#[tokio::test]
async fn t4_t6_nonces_differ_and_foreign_names_need_an_administrator() {
    let s = Server::new();
    let ask = || json!({"user_id": "u#123"});
    let a = s.post("u#123", "token", ask()).await;
    let b = s.post("u#123", "token", ask()).await;
    assert_ne!(a.body["aliyun_im"]["auth"]["nonce"], b.body["aliyun_im"]["auth"]["nonce"]);
    assert_eq!(hub_claims(&a.body["aliyun_im"]["app_token"])["sub"], "~dSMxMjM");
    s.post("bob", "token", ask()).await.expect(200, 403);
    s.post("root", "token", ask()).await.expect(200, 200);
    s.post("bob", "token", json!({"user_id":"bob","device_id":"x".repeat(256)})).await.expect(200, 400);
}

#[tokio::test]
async fn the_login_session_travels_into_the_hub_token() {
    let s = Server::new();
    let login = s.login(json!({"username":"bob","password":"bob"})).await;
    let token = login.body["token"].as_str().unwrap();
    let r = s.post_text("/api/chatroom/token", Some(token), r#"{"user_id":"bob"}"#).await;
    let sid = hub_claims(&r.body["aliyun_im"]["app_token"])["meta"]["sid"].as_str().unwrap().to_owned();
    assert_eq!(sid.len(), 32);
}

#[tokio::test]
async fn addresses_follow_the_client_when_no_public_url_is_set() {
    let s = Server::with(Options { public_url: None, ..Options::default() });
    let room = s.room("alice").await;
    let ask = |secure: bool| {
        let mut r = Request::post("/api/chatroom/getRtcAuthToken")
            .header("host", "10.1.2.3:7880")
            .header("authorization", format!("Bearer {}", s.token("bob")))
            .body(Body::from(json!({"room_id": room, "user_id": "bob"}).to_string()))
            .unwrap();
        if secure {
            r.extensions_mut().insert(stoa_api::Secure);
        }
        r
    };
    assert_eq!(s.send(ask(false)).await.body["rtc_url"], "ws://10.1.2.3:7880");
    assert_eq!(s.send(ask(true)).await.body["rtc_url"], "wss://10.1.2.3:7880");
}

#[tokio::test]
async fn r1_r3_media_tokens_say_who_may_publish() {
    let s = Server::new();
    let room = s.room("alice").await;
    s.sit(&room, "bob").await.expect(200, 200);
    for (name, publish, identity) in [("alice", true, "5"), ("bob", true, "2"), ("carol", false, "2")] {
        let r = s.post(name, "getRtcAuthToken", json!({"room_id": room, "user_id": name})).await;
        r.expect(200, 200);
        let ends = s.now() + 86_400;
        let want = json!({"code":200,"auth_token":r.body["auth_token"],"authToken":r.body["auth_token"],
            "timestamp":ends,"rtc_provider":"embedded","rtc_url":"wss://voice.example.org","rtc_room":room,
            "rtc_identity":name});
        assert_eq!(r.body, want);
        let c = media_claims(&r.body["auth_token"]);
        assert_eq!((&c["sub"], &c["exp"], &c["iss"]), (&json!(name), &json!(ends), &json!("voicedemokey")));
        assert_eq!((&c["video"]["room"], &c["video"]["canPublish"]), (&json!(room), &json!(publish)));
        assert_eq!(c["attributes"], json!({"stoa.user": name, "stoa.identity": identity}));
    }
}

#[tokio::test]
async fn r4_r5_every_refusal_of_a_media_token_has_its_own_status() {
    let s = Server::new();
    let room = s.room("alice").await;
    let ended = s.dismissed_room("alice").await;
    for id in ["0123456789abcdef0123456789abcdef", "not an id", ended.as_str()] {
        s.post("bob", "getRtcAuthToken", json!({"room_id": id, "user_id": "bob"})).await.expect(404, 404);
    }
    s.post("bob", "getRtcAuthToken", json!({"room_id": room, "user_id": "carol"})).await.expect(403, 403);
    s.post("alice", "getRtcAuthToken", json!({"room_id": room, "user_id": "bob"})).await.expect(403, 403);
    s.post("root", "getRtcAuthToken", json!({"room_id": room, "user_id": "bob"})).await.expect(200, 200);
    s.post("bob", "getRtcAuthToken", json!({"user_id": "bob"})).await.expect(400, 400);
    let channel = ChannelKey::of_room(APP, RoomId::parse(&room).unwrap());
    let ban = Sanction {
        channel,
        user: user("bob"),
        source: Source::Room,
        by: "alice".into(),
        created: UnixMs(0),
        until: UnixMs::MAX,
        not_before_secs: s.now() + 1,
    };
    s.world.store.put_sanction(ban.clone()).await.unwrap();
    s.post("bob", "getRtcAuthToken", json!({"room_id": room, "user_id": "bob"})).await.expect(403, 403);
    s.sit(&room, "bob").await.expect(200, 403);
    // A kick without a ban: the new token is valid although it is made in the same second.
    s.world.store.put_sanction(Sanction { until: UnixMs(0), ..ban }).await.unwrap();
    let r = s.post("bob", "getRtcAuthToken", json!({"room_id": room, "user_id": "bob"})).await;
    assert_eq!(media_claims(&r.expect(200, 200).body["auth_token"])["nbf"], s.now() + 1);
}

#[tokio::test]
async fn r6_dashed_and_upper_case_ids_are_the_same_room() {
    let s = Server::new();
    let id = s.room("alice").await;
    let dashed = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
    for form in [dashed.clone(), id.to_uppercase(), dashed.to_uppercase()] {
        let r = s.post("bob", "getRtcAuthToken", json!({"room_id": form, "user_id": "bob"})).await;
        assert_eq!(r.expect(200, 200).body["rtc_room"], id);
        assert_eq!(s.post("bob", "get", json!({"id": form})).await.body["id"], id);
    }
}

fn aliyun(role: AliyunRole) -> Options {
    let im = AliyunIm {
        app_id: "demo-im-app-0001".into(),
        app_sign: "sign-of-console".into(),
        app_key: SecretString::from("demo-im-key-abcdef0123456789"),
        role,
    };
    let rtc = AliyunRtc { app_id: "7c610000-demo-rtc".into(), app_key: SecretString::from("c461b000demokey") };
    Options { im: ImProvider::Aliyun(im), media: MediaProvider::Aliyun(rtc), ..Options::default() }
}

#[tokio::test]
async fn r7_the_vendor_mode_answers_the_vendors_tokens_and_no_address() {
    let s = Server::with(aliyun(AliyunRole::AsRequested));
    let room = s.room("alice").await;
    let r = s.post("alice", "getRtcAuthToken", json!({"room_id": room, "user_id": "alice"})).await;
    let ends = s.now() + 86_400;
    let token =
        stoa_vendor::aliyun::Rtc { app_id: "7c610000-demo-rtc", channel: &room, user: "alice", timestamp: ends }
            .token("c461b000demokey");
    let want = json!({"code":200,"auth_token":token,"authToken":token,"timestamp":ends,"rtc_provider":"aliyun",
        "rtc_app_id":"7c610000-demo-rtc","rtc_room":room,"rtc_identity":"alice"});
    assert_eq!(r.body, want);

    let r = s.post("bob", "token", json!({"user_id": "bob", "role": "user"})).await;
    let im = &r.body["aliyun_im"];
    let (nonce, ends) = (im["auth"]["nonce"].as_str().unwrap(), im["auth"]["timestamp"].as_i64().unwrap());
    assert_eq!(ends, s.now() + 48 * 3600);
    let signed =
        stoa_vendor::aliyun::Im { app_id: "demo-im-app-0001", user: "bob", nonce, timestamp: ends, role: "user" };
    assert_eq!(im["app_token"], signed.token("demo-im-key-abcdef0123456789"));
    assert_eq!((&im["app_sign"], &im["appsign"]), (&json!("sign-of-console"), &json!("sign-of-console")));
    assert_eq!((&r.body["im_provider"], &im["im_provider"]), (&json!("aliyun"), &json!("aliyun")));
    for gone in ["im_url", "hub"] {
        assert!(r.body.get(gone).is_none() && im.get(gone).is_none());
    }
    assert!(!r.text.contains("demo-im-key"), "no key leaves");
}

#[tokio::test]
async fn r8_the_vendors_role_is_echoed_or_strict() {
    let loose = Server::with(aliyun(AliyunRole::AsRequested));
    let strict = Server::with(aliyun(AliyunRole::Strict));
    for (server, name, role, want) in [
        (&loose, "bob", Some("admin"), "admin"),
        (&loose, "bob", Some("owner"), "owner"),
        (&loose, "bob", None, ""),
        (&strict, "bob", Some("admin"), ""),
        (&strict, "root", Some("admin"), "admin"),
        (&strict, "root", None, ""),
    ] {
        let mut ask = json!({"user_id": name});
        if let Some(role) = role {
            ask["role"] = json!(role);
        }
        let r = server.post(name, "token", ask).await;
        assert_eq!(r.expect(200, 200).body["aliyun_im"]["auth"]["role"], want);
    }
}
