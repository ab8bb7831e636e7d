//! `auth.mode = "hook"`: the operator's own login service over HTTP (voice-room.md 3.1).

use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use stoa_core::error::{Error, Result};
use stoa_core::id::UserId;
use stoa_core::login::LoginHook;

/// Largest answer that is read. The right one has about 15 bytes.
const MAX_ANSWER: usize = 4096;

#[derive(Serialize)]
struct Question<'a> {
    username: &'a str,
    password: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    allow: bool,
}

/// Asks the service once per login: no retry, a login is cheap to repeat.
pub struct HttpLoginHook {
    client: reqwest::Client,
    url: String,
    secret: SecretString,
}

impl HttpLoginHook {
    /// Follows no redirects: the password goes where the operator said and nowhere else.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub fn new(url: String, secret: SecretString, timeout: Duration) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .connect_timeout(timeout)
            .build()?;
        Ok(Self { client, url, secret })
    }
}

#[async_trait]
impl LoginHook for HttpLoginHook {
    async fn allow(&self, user: &UserId, password: &str) -> Result<bool> {
        // The error of a failed request holds the URL, which may hold credentials: keep only its kind.
        let fault = |e: reqwest::Error| Error::internal_error(format!("login hook: {}", e.without_url()));
        let mut answer = self
            .client
            .post(&self.url)
            .bearer_auth(self.secret.expose_secret())
            .json(&Question { username: user.as_str(), password })
            .send()
            .await
            .map_err(fault)?;
        match answer.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Ok(false),
            StatusCode::OK => {}
            other => return Err(Error::internal_error(format!("login hook answered {other}"))),
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(fault)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Error::internal_error("login hook: answer too long"));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice::<Answer>(&body)
            .map(|a| a.allow)
            .map_err(|_| Error::internal_error("login hook: answer is not {\"allow\":bool}"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::extract::State;
    use axum::http::HeaderMap;
    use axum::response::{IntoResponse as _, Redirect, Response};
    use axum::routing::post;
    use axum::{Json, Router};
    use serde_json::{Value, json};

    use super::*;

    async fn service(redirected: Arc<AtomicUsize>) -> String {
        async fn decide(headers: HeaderMap, Json(q): Json<Value>) -> Response {
            assert_eq!(headers["authorization"], "Bearer s3cret");
            match q["username"].as_str().unwrap_or_default() {
                "yes" => Json(json!({"allow": q["password"] == "pw"})).into_response(),
                "forbidden" => axum::http::StatusCode::FORBIDDEN.into_response(),
                "moved" => Redirect::temporary("/elsewhere").into_response(),
                "odd" => "maybe".into_response(),
                "slow" => std::future::pending().await,
                _ => axum::http::StatusCode::BAD_GATEWAY.into_response(),
            }
        }
        async fn elsewhere(State(n): State<Arc<AtomicUsize>>) -> Json<Value> {
            n.fetch_add(1, Ordering::SeqCst);
            Json(json!({"allow": true}))
        }
        let router = Router::new().route("/", post(decide)).route("/elsewhere", post(elsewhere)).with_state(redirected);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        crate::spawner::Spawner::default()
            .spawn("login service", async move { axum::serve(listener, router).await.unwrap() });
        format!("http://{addr}/")
    }

    #[tokio::test]
    async fn only_a_clear_yes_lets_in_and_faults_are_not_bad_credentials() {
        crate::install_tls();
        let redirected = Arc::new(AtomicUsize::new(0));
        let url = service(Arc::clone(&redirected)).await;
        let hook = HttpLoginHook::new(url, "s3cret".to_owned().into(), Duration::from_millis(500)).unwrap();
        let ask = async |u: &str, p: &str| hook.allow(&UserId::new(u).unwrap(), p).await;
        assert!(ask("yes", "pw").await.unwrap());
        assert!(!ask("yes", "wrong").await.unwrap());
        assert!(!ask("forbidden", "pw").await.unwrap());
        for fault in ["moved", "odd", "slow", "other"] {
            let e = ask(fault, "pw").await.unwrap_err();
            assert_eq!(*e.kind(), stoa_core::Kind::Internal, "{fault}");
            assert!(!e.internal().unwrap_or_default().contains("127.0.0.1"), "{:?}", e.internal());
        }
        assert_eq!(redirected.load(Ordering::SeqCst), 0, "a redirect was followed");
    }
}
