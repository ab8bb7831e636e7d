//! The upgrade of an HTTP request to a WebSocket (RFC 6455 4.2), and the socket behind it.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::upgrade::OnUpgrade;
use sha1::{Digest as _, Sha1};

/// What the answer to a key proves: that the server knows the protocol (RFC 6455 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request that may become a WebSocket.
pub(super) struct Handshake {
    key: HeaderValue,
    /// The socket, once the answer is written.
    pub socket: OnUpgrade,
}

type Refusal = (StatusCode, &'static str);

impl Handshake {
    /// # Errors
    /// The answer to a request that asks for something else, or asks wrongly.
    pub(super) fn take(parts: &mut Parts) -> Result<Self, Refusal> {
        let headers = &parts.headers;
        if parts.version > Version::HTTP_11 || parts.method != Method::GET {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "Request method must be `GET`"));
        }
        if !text(headers, &header::CONNECTION).is_some_and(|v| v.to_ascii_lowercase().contains("upgrade")) {
            return Err((StatusCode::BAD_REQUEST, "Connection header did not include 'upgrade'"));
        }
        if !text(headers, &header::UPGRADE).is_some_and(|v| v.eq_ignore_ascii_case("websocket")) {
            return Err((StatusCode::BAD_REQUEST, "`Upgrade` header did not include 'websocket'"));
        }
        let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY).cloned() else {
            return Err((StatusCode::BAD_REQUEST, "`Sec-WebSocket-Key` header missing"));
        };
        if text(headers, &header::SEC_WEBSOCKET_VERSION) != Some("13") {
            return Err((StatusCode::BAD_REQUEST, "`Sec-WebSocket-Version` header did not include '13'"));
        }
        // HTTP/1.0 knows no upgrades.
        let Some(socket) = parts.extensions.remove() else {
            return Err((StatusCode::UPGRADE_REQUIRED, "this connection cannot be upgraded"));
        };
        Ok(Self { key, socket })
    }

    /// The answer. `protocol` is one that the client offered.
    pub(super) fn answer(&self, protocol: Option<HeaderValue>) -> Response {
        let accept = STANDARD.encode(Sha1::new().chain_update(self.key.as_bytes()).chain_update(GUID).finalize());
        let Ok(accept) = HeaderValue::try_from(accept) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        if let Some(protocol) = protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        response
    }
}

/// Did the client offer this subprotocol?
pub(super) fn offers(headers: &HeaderMap, protocol: &HeaderValue) -> bool {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    offered.iter().flat_map(|v| v.as_bytes().split(|b| *b == b',')).any(|p| p.trim_ascii() == protocol.as_bytes())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn refused(method: &str, version: Version, without: &str, with: &[(&str, &str)]) -> (u16, &'static str) {
        let mut request = Request::builder().method(method).version(version);
        let usual = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
        ];
        for (name, value) in usual.iter().filter(|(n, _)| *n != without).chain(with) {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let (status, why) = Handshake::take(&mut parts).err().expect("refused");
        (status.as_u16(), why)
    }

    #[test]
    fn what_is_no_websocket_is_told_so() {
        let http = Version::HTTP_11;
        assert_eq!(refused("HEAD", http, "", &[]).0, 405);
        assert_eq!(refused("CONNECT", Version::HTTP_2, "", &[]).0, 405);
        for missing in ["connection", "upgrade", "sec-websocket-key", "sec-websocket-version"] {
            let (status, why) = refused("GET", http, missing, &[]);
            assert_eq!(status, 400, "{missing}");
            assert!(why.to_lowercase().contains(missing), "{missing}: {why}");
        }
        assert_eq!(refused("GET", http, "sec-websocket-version", &[("sec-websocket-version", "8")]).0, 400);
        assert_eq!(refused("GET", http, "upgrade", &[("upgrade", "h2c")]).0, 400);
        // All is well with it, only there is nothing to upgrade.
        assert_eq!(refused("GET", Version::HTTP_10, "", &[]).0, 426);
    }

    #[test]
    fn offers_are_found_in_lists() {
        let mut headers = HeaderMap::new();
        headers.append(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("a, centrifuge-json"));
        headers.append(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("b"));
        for (name, there) in [("a", true), ("centrifuge-json", true), ("b", true), ("json", false), ("", false)] {
            assert_eq!(offers(&headers, &HeaderValue::from_static(name)), there, "{name}");
        }
    }
}
