use super::*;
use stoa_core::time::UnixMs;

/// Name, kind, HTTP status, `errorCode` and `errorMsg` of every kind; a new kind fails to compile above until it is
/// mapped.
fn table() -> Vec<(Kind, &'static str)> {
    vec![
        (Kind::Unauthenticated, "401 401 Unauthorized"),
        (Kind::BadCredentials, "200 401 incorrect Username or Password"),
        (Kind::LoginThrottled { retry_after_secs: 9 }, "429+ 429 too many requests"),
        (Kind::BadInput { field: "id" }, "200 401 参数错误"),
        (Kind::NotYou, "200 403 NotPermit"),
        (Kind::Forbidden, "200 403 NotPermit"),
        (Kind::Banned { until: UnixMs(1) }, "200 403 NotPermit"),
        (Kind::NotFound, "200 404 未查询到"),
        (Kind::NotPresent, "200 404 未查询到"),
        (Kind::Gone, "200 404 未查询到"),
        (Kind::LimitReached, "200 403 NotPermit"),
        (Kind::Throttled { retry_after_secs: 9 }, "429+ 429 too many requests"),
        (Kind::Unavailable, "200 500 服务器异常，请稍后重试"),
        (Kind::Vendor { code: None }, "200 500 id: required"),
        (Kind::Vendor { code: Some(403) }, "200 403 id: required"),
        (Kind::Internal, "200 500 服务器异常，请稍后重试"),
    ]
}

async fn shown(missing: Missing, refusal: &Refusal) -> (String, serde_json::Value) {
    let response = refuse(missing, refusal);
    let plus = if response.headers().contains_key("retry-after") { "+" } else { "" };
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let text = |k: &str| body[k].as_str().unwrap().to_owned();
    (format!("{status}{plus} {} {}", text("errorCode"), text("errorMsg")), body)
}

#[tokio::test]
async fn every_kind_is_answered_as_the_table_says() {
    for (kind, want) in table() {
        let refusal = Refusal::Domain(Error::new(kind.clone(), "id: required").with_internal("secret"));
        let (text, body) = shown(Missing::Found, &refusal).await;
        assert_eq!(text, want);
        assert!(!body.to_string().contains("secret"));
        let detail = matches!(kind, Kind::BadInput { .. }).then_some("id: required");
        assert_eq!(body.pointer("/data/msg").and_then(|m| m.as_str()), detail);
        let at_check_in = if kind == Kind::NotFound { "200 404 NotFound" } else { want };
        assert_eq!(shown(Missing::CheckIn, &refusal).await.0, at_check_in);
    }
    assert_eq!(shown(Missing::Found, &Refusal::TooLarge).await.0, "413 413 body too large");
    let away = Refusal::Domain(Error::new(Kind::Unavailable, "not available now, try again later"));
    assert_eq!(shown(Missing::Found, &away).await.0, "503+ 503 try again later");
    let (text, body) = shown(Missing::Found, &Refusal::Malformed("body is not JSON")).await;
    assert_eq!((text.as_str(), &body["data"]["msg"]), ("200 401 参数错误", &"body is not JSON".into()));
}
