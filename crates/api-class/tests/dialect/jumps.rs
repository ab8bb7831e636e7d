//! Jumps into the live app: U11, U12 of the list.

use serde_json::{Value, json};
use stoa_api::jwt::{Key, verify};

use crate::server::{JUMP_KEY, LOGIN_KEY, Options, Reply, Server};

const UNKNOWN: &str = "00000000000000000000000000000000";
const NAME: &str = "小 明&x=1";

fn decoded(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text.bytes());
    while let Some(b) = rest.next() {
        match b {
            b'%' => {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
            }
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => out.push(b),
            b => panic!("{} is not encoded in {text}", char::from(b)),
        }
    }
    String::from_utf8(out).unwrap()
}

/// The values of a fresh address.
async fn jump(s: &Server, name: &str, class: &str) -> Value {
    let r = s.post(name, "getLiveJumpUrl", json!({"user_id": name, "live_id": class, "user_name": NAME})).await;
    assert_eq!((&r.body["success"], r.body.as_object().unwrap().len()), (&json!(true), 2), "{}", r.text);
    let query = r.body["live_jump_url"].as_str().unwrap().strip_prefix("auipusher://page/live-room?").unwrap();
    let values: Vec<(&str, String)> =
        query.split('&').map(|pair| pair.split_once('=').unwrap()).map(|(n, v)| (n, decoded(v))).collect();
    let names: Vec<&str> = values.iter().map(|v| v.0).collect();
    assert_eq!(names, ["app_server", "token", "user_id", "user_name", "live_id"]);
    values.into_iter().map(|(n, v)| (n.to_owned(), json!(v))).collect::<serde_json::Map<_, _>>().into()
}

async fn check(s: &Server, fields: &Value) -> Reply {
    s.post_text("/api/v1/class/verifyAuthToken", None, fields.to_string()).await
}

#[track_caller]
fn invalid(r: &Reply) {
    assert_eq!(r.body, json!({"success": false, "errorCode": "401", "errorMsg": "InvalidToken"}));
    assert_eq!(r.status, 200);
}

fn with(fields: &Value, name: &str, value: &str) -> Value {
    let mut changed = fields.clone();
    changed[name] = json!(value);
    changed
}

#[tokio::test]
async fn u11_u12_a_jump_is_a_login_once() {
    let s = Server::new().await;
    let class = s.class().await;
    let fields = jump(&s, "stu01", &class).await;
    assert_eq!((&fields["user_id"], &fields["live_id"]), (&json!("stu01"), &json!(class)));
    assert_eq!((&fields["user_name"], &fields["app_server"]), (&json!(NAME), &json!("https://class.example.com")));
    let c: Value = verify(fields["token"].as_str().unwrap(), &[Key::new(JUMP_KEY)]).unwrap();
    assert_eq!((&c["aud"], &c["exp"]), (&json!("jump"), &json!(s.now() + 3600)));
    for name in ["user_id", "live_id", "user_name", "app_server"] {
        assert_eq!(c[name], fields[name]);
    }
    let list = |token: String| {
        let s = &s;
        async move { s.post_text("/api/v1/class/list", Some(&token), r#"{"user_id":"stu01"}"#).await.word() }
    };
    assert_eq!(list(fields["token"].as_str().unwrap().to_owned()).await, "HTTP 401");

    let r = check(&s, &fields).await;
    assert_eq!((&r.body["success"], r.body.as_object().unwrap().len()), (&json!(true), 2), "{}", r.text);
    let login = r.body["login_token"].as_str().unwrap();
    let c: Value = verify(login, &[Key::new(LOGIN_KEY)]).unwrap();
    assert_eq!((&c["sub"], &c["exp"]), (&json!("stu01"), &json!(s.now() + 7 * 86_400)));
    assert_eq!(list(login.to_owned()).await, "ok");
    invalid(&check(&s, &fields).await);
    // Another jump of the same user has a token of its own.
    check(&s, &jump(&s, "stu01", &class).await).await.is("ok");
}

#[tokio::test]
async fn u11_every_field_must_fit_and_a_wrong_try_uses_nothing_up() {
    let s = Server::new().await;
    let class = s.class().await;
    let fields = jump(&s, "stu01", &class).await;
    for (name, value) in [
        ("user_id", "teacher1"),
        ("live_id", UNKNOWN),
        ("app_server", "https://evil.example.com"),
        ("user_name", "another"),
        ("token", "eyJhbGciOiJub25lIn0.e30."),
    ] {
        invalid(&check(&s, &with(&fields, name, value)).await);
    }
    for name in ["user_id", "live_id", "app_server", "token"] {
        check(&s, &with(&fields, name, " ")).await.bad(&[name]);
    }
    let mut nameless = fields.clone();
    nameless.as_object_mut().unwrap().remove("user_name");
    check(&s, &nameless).await.is("ok");
}

#[tokio::test]
async fn u11_other_tokens_and_old_ones() {
    let s = Server::new().await;
    let class = s.class().await;
    let fields = jump(&s, "stu01", &class).await;
    let c: Value = verify(fields["token"].as_str().unwrap(), &[Key::new(JUMP_KEY)]).unwrap();
    let mut hub = c.clone();
    hub["aud"] = json!("hub");
    let forged = [
        s.token("stu01"),
        Key::new(LOGIN_KEY).sign(&c),
        Key::new(JUMP_KEY).sign(&hub),
        "rubbish".to_owned(),
        format!("{}x", fields["token"].as_str().unwrap()),
    ];
    for token in &forged {
        invalid(&check(&s, &with(&fields, "token", token)).await);
    }
    s.pass(3599);
    check(&s, &fields).await.is("ok");
    let fields = jump(&s, "stu01", &class).await;
    s.pass(3600);
    invalid(&check(&s, &fields).await);
}

#[tokio::test]
async fn u11_a_class_that_is_not_there() {
    let s = Server::new().await;
    for id in [UNKNOWN, "no id"] {
        s.post("stu01", "getLiveJumpUrl", json!({"user_id": "stu01", "live_id": id})).await.is("404");
    }
    let long = json!({"user_id": "stu01", "live_id": UNKNOWN, "user_name": "é".repeat(257)});
    s.post("stu01", "getLiveJumpUrl", long).await.bad(&["user_name"]);
}

#[tokio::test]
async fn a_jump_does_not_outlive_the_account() {
    let s = Server::new().await;
    let class = s.class().await;
    let fields = jump(&s, "stu01", &class).await;
    s.revoke("stu01").await;
    invalid(&check(&s, &fields).await);
}

#[tokio::test]
async fn nobody_jumps_into_an_administrator() {
    let s = Server::with(Options { bind_subject: false, ..Options::default() }).await;
    let class = s.class().await;
    let ask = |user: &str| json!({"user_id": user, "live_id": class});
    s.post("stu01", "getLiveJumpUrl", ask("stu02")).await.is("ok");
    s.post("stu01", "getLiveJumpUrl", ask("root1")).await.is("403");
    s.post("root1", "getLiveJumpUrl", ask("root1")).await.is("ok");
}
