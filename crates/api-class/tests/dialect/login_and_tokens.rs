//! Logins and hub tokens: 9.2 of the list.

use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stoa_api::jwt::{Key, verify};
use stoa_core::group::{Names, SessionConfig, Sessions};
use stoa_testkit::APP;

use crate::server::{HUB_KEY, Server};

fn claims(token: &Value) -> Value {
    verify(token.as_str().unwrap(), &[Key::new(HUB_KEY)]).unwrap()
}

#[tokio::test]
async fn l01_l02_l03_l04_logins_have_the_classroom_envelope_only() {
    let s = Server::new().await;
    let login = |body: Value| s.post_text("/api/v1/class/login", Some("stale"), body.to_string());
    let r = login(json!({"username": "alice", "password": "alice"})).await;
    let data = r.body["data"].as_object().unwrap();
    assert_eq!((r.body.as_object().unwrap().len(), data.len()), (2, 2));
    assert_eq!(data["expire"], "2023/12/01 11:47:54", "seven days later, at +08:00");
    let token = data["token"].as_str().unwrap();
    s.post_text("/api/v1/class/list", Some(token), r#"{"user_id":"alice"}"#).await.is("ok");
    let r = login(json!({"username": "alice", "password": "wrong"})).await;
    assert_eq!(r.body, json!({"success": false, "errorCode": "401", "errorMsg": "incorrect Username or Password"}));
    assert_eq!(r.status, 200);
    login(json!({"username": "alice", "password": "x".repeat(1025)})).await.bad(&["password"]);
    s.send(Request::post("/api/v1/class/login").body(r#"{"username":810,"password":"810"}"#.into()).unwrap())
        .await
        .is("ok");
}

#[tokio::test]
async fn l08_l09_user_ids() {
    let s = Server::new().await;
    let longest = format!("{}x", "é".repeat(127));
    for name in ["李老师", "a😀b", longest.as_str()] {
        s.pass(1);
        let r = s.post_text("/api/v1/class/login", None, json!({"username": name, "password": name}).to_string()).await;
        let token = r.body["data"]["token"].as_str().unwrap().to_owned();
        let create = json!({"teacher_id": name, "title": "t"}).to_string();
        let made = s.post_text("/api/v2/class/create", Some(&token), create).await;
        let class = made.body["data"]["id"].as_str().unwrap();
        s.join(class, name, None).await.is("ok");
        assert_eq!(s.data(name, "list", json!({"user_id": name})).await[0]["teacher_id"], name);
    }
    for bad in ["system", "bob_shadow", "a\nb", &"x".repeat(256)] {
        let body = json!({"username": bad, "password": bad}).to_string();
        s.post_text("/api/v1/class/login", None, body).await.bad(&["username"]);
    }
}

#[tokio::test]
async fn l10_too_many_failures_are_429_for_that_name_only() {
    let s = Server::new().await;
    let login = |name: &str, password: &str| {
        s.post_text("/api/v1/class/login", None, json!({"username": name, "password": password}).to_string())
    };
    for _ in 0..10 {
        login("alice", "wrong").await.is("401");
    }
    login("alice", "alice").await.is("HTTP 429");
    login("bob", "bob").await.is("ok");
}

fn ask(user: &str, more: Value) -> Value {
    let mut b = json!({"user_id": user, "device_id": "d1", "device_type": "WEB"});
    b.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    b
}

const V2: &str = "/api/v2/class/token";

#[tokio::test]
async fn t01_t02_t03_the_second_version_carries_what_was_asked_for() {
    let s = Server::new().await;
    let d = s.data("alice", V2, ask("alice", json!({"im_server": ["aliyun_new"]}))).await;
    assert_eq!(d.as_object().unwrap().keys().collect::<Vec<_>>(), ["aliyun_new_im", "hub"]);
    let im = &d["aliyun_new_im"];
    assert_eq!(im["app_id"], "stoa");
    assert_eq!(im["app_sign"], "d3NzOi8vY2xhc3MuZXhhbXBsZS5jb20vY29ubmVjdGlvbi93ZWJzb2NrZXQ");
    let (auth, c) = (&im["auth"], claims(&im["app_token"]));
    assert_eq!((&auth["user_id"], &auth["role"]), (&json!("alice"), &json!("user")));
    assert_eq!((&auth["timestamp"], &c["exp"]), (&json!(s.now() + 172_800), &json!(s.now() + 172_800)));
    assert_eq!((c["jti"].as_str().unwrap().len(), &c["jti"]), (36, &auth["nonce"]));
    assert_eq!((&c["sub"], &c["aud"], &c["iat"]), (&json!("alice"), &json!("hub"), &json!(s.now())));
    let meta = json!({"role": "user", "uid": "alice", "app": 1000, "face": "class", "dev": "d1", "dt": "web", "sid": "session"});
    assert_eq!(c["meta"], meta);
    let hub = &d["hub"];
    assert_eq!(
        (&hub["url"], &hub["expires_at"]),
        (&json!("wss://class.example.com/connection/websocket"), &json!(s.now() + 600))
    );
    assert_eq!(claims(&hub["token"])["exp"], hub["expires_at"]);
    let d = s.data("alice", V2, ask("alice", json!({"im_server": ["aliyun_old", "rong_cloud", "aliyun_new"]}))).await;
    assert_eq!(d.as_object().unwrap().keys().collect::<Vec<_>>(), ["aliyun_new_im", "aliyun_old_im", "hub"]);
    assert_eq!(claims(&d["aliyun_old_im"]["access_token"])["exp"], s.now() + 7200);
    for bad in [json!({}), json!({"im_server": []}), json!({"im_server": ["icq"]}), json!({"im_server": 7})] {
        s.post("alice", V2, ask("alice", bad)).await.bad(&["im_server"]);
    }
}

#[tokio::test]
async fn t04_t05_the_first_version_always_has_its_five_keys() {
    let s = Server::new().await;
    let d = s.data("alice", "token", ask("alice", json!({}))).await;
    assert_eq!(d["access_token"], d["aliyun_access_token"]);
    assert_eq!(d["refresh_token"], d["aliyun_refresh_token"]);
    assert_eq!((&d["rong_cloud_token"], d["hub"].is_object()), (&json!(""), true));
    assert_eq!(URL_SAFE_NO_PAD.decode(d["refresh_token"].as_str().unwrap()).unwrap().len(), 32);
    assert_eq!(claims(&d["access_token"])["exp"], s.now() + 7200);
    let d = s.data("alice", "token", ask("alice", json!({"im_server": ["aliyun", "rongCloud"]}))).await;
    assert!(
        d["access_token"] == d["aliyun_access_token"]
            && d["rong_cloud_token"] == ""
            && d.get("aliyun_new_im").is_none()
    );
    let d = s.data("alice", "token", ask("alice", json!({"im_server": "aliyun_new"}))).await;
    assert!(d["access_token"] != "" && d["aliyun_access_token"] == "" && d["aliyun_new_im"].is_object());
    let again = s.data("alice", "token", ask("alice", json!({}))).await;
    assert_ne!(again["refresh_token"], d["refresh_token"]);
}

#[tokio::test]
async fn t11_refresh_tokens_are_exchanged_on_their_device_and_only_once() {
    let s = Server::new().await;
    let sessions = Sessions::new(s.bench.world.clone(), Names { default_app: APP }, SessionConfig::default());
    let v1 = s.data("alice", "token", ask("alice", json!({}))).await["refresh_token"].as_str().unwrap().to_owned();
    let v2 = s.data("alice", V2, ask("alice", json!({"im_server": ["aliyun"]}))).await;
    let v2 = v2["aliyun_old_im"]["refresh_token"].as_str().unwrap();
    assert!(sessions.exchange(&v1, "d2").await.is_err());
    let renewed = sessions.exchange(&v1, "d1").await.unwrap();
    let kept = &renewed.session;
    assert_eq!((kept.app, kept.user.as_str(), kept.face.as_str()), (APP, "alice", "class"));
    assert_eq!((kept.device.as_str(), kept.device_type.as_str()), ("d1", "web"));
    // Each answer begins a family of its own; the second use ends the first one only.
    assert!(sessions.exchange(&v1, "d1").await.is_err());
    assert!(sessions.exchange(&renewed.text, "d1").await.is_err());
    assert!(sessions.exchange(v2, "d1").await.is_ok());
}

#[tokio::test]
async fn t06_t09_devices_and_other_names() {
    let s = Server::new().await;
    let with =
        |kind: Value| s.post("alice", "token", json!({"user_id": "alice", "device_id": "d", "device_type": kind}));
    for good in ["android", "WEB", "ios", "Pc"] {
        with(json!(good)).await.is("ok");
    }
    for bad in [json!("fridge"), json!(null)] {
        with(bad).await.bad(&["device_type"]);
    }
    let long = json!({"user_id": "alice", "device_id": "x".repeat(256), "device_type": "web"});
    s.post("alice", "token", long).await.bad(&["device_id"]);
    s.post("alice", "token", ask("bob", json!({}))).await.is("403");
}

#[tokio::test]
async fn t07_t08_who_is_shown_as_one_who_manages() {
    let s = Server::new().await;
    let class = s.class().await;
    s.assistant(&class, "asst1", &[]).await;
    s.join(&class, "stu01", None).await;
    let role = async |name: &str, role: Value| {
        let d = s.data(name, V2, ask(name, json!({"im_server": ["aliyun_new"], "role": role}))).await;
        let meta = claims(&d["aliyun_new_im"]["app_token"])["meta"]["role"].clone();
        format!("{} {}", d["aliyun_new_im"]["auth"]["role"].as_str().unwrap(), meta.as_str().unwrap())
    };
    for (name, want) in
        [("teacher1", "admin user"), ("asst1", "admin user"), ("stu01", "user user"), ("root1", "admin admin")]
    {
        assert_eq!(role(name, json!("admin")).await, want, "{name}");
        for other in [json!(null), json!("user"), json!("ADMIN")] {
            assert_eq!(role(name, other).await, "user user", "{name}");
        }
    }
    s.status(&class, "stop").await;
    assert_eq!(role("teacher1", json!("admin")).await, "user user");
    assert_eq!(role("asst1", json!("admin")).await, "user user");
}
