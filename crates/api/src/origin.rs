//! The address under which clients reach this server, for the addresses that answers hand out.

use axum::extract::Request;
use http::HeaderValue;
use http::header::HOST;

/// Marks a request that came over TLS; put into its extensions by the listener that knows, or by
/// whoever trusts the proxy in front.
#[derive(Debug, Clone, Copy)]
pub struct Secure;

/// Host and scheme as the client used them. What a client claims here it only reads back itself.
#[derive(Debug, Clone)]
pub struct Origin {
    host: Option<HeaderValue>,
    secure: bool,
}

impl Origin {
    /// Of this request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let host = request.headers().get(HOST).cloned().or_else(|| {
            let authority = request.uri().authority()?;
            HeaderValue::from_str(authority.as_str()).ok()
        });
        Self { host: host.filter(plain), secure: request.extensions().get::<Secure>().is_some() }
    }

    /// `http(s)://host`, without a path, as [`Origin::websocket_base`].
    #[must_use]
    pub fn http_base(&self, public_url: Option<&str>) -> String {
        // "ws" and "http" differ by what stands before the mark of the secure form.
        format!("http{}", &self.websocket_base(public_url)["ws".len()..])
    }

    /// `ws(s)://host`, without a path: from `public_url` (`http.public_url`) if set, else as the client came.
    #[must_use]
    pub fn websocket_base(&self, public_url: Option<&str>) -> String {
        if let Some(url) = public_url {
            let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
            let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
            let ws =
                if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss") { "wss" } else { "ws" };
            return format!("{ws}://{host}");
        }
        let host = self.host.as_ref().and_then(|h| h.to_str().ok()).unwrap_or("localhost");
        format!("{}://{host}", if self.secure { "wss" } else { "ws" })
    }
}

/// A name or address with an optional port, nothing that could end the authority part of a URL.
fn plain(host: &HeaderValue) -> bool {
    let b = host.as_bytes();
    !b.is_empty() && b.iter().all(|c| c.is_ascii_alphanumeric() || b".-_:[]".contains(c))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn origin(host: Option<&str>, secure: bool) -> Origin {
        let mut b = http::Request::builder().uri("/x");
        if let Some(h) = host {
            b = b.header(HOST, h);
        }
        let mut r = b.body(Body::empty()).unwrap();
        if secure {
            r.extensions_mut().insert(Secure);
        }
        Origin::of(&r)
    }

    #[test]
    fn addresses_follow_the_public_url_or_the_request() {
        let o = origin(Some("a.example:7880"), false);
        assert_eq!(o.websocket_base(None), "ws://a.example:7880");
        assert_eq!(o.websocket_base(Some("https://voice.example.org/")), "wss://voice.example.org");
        assert_eq!(o.websocket_base(Some("http://10.0.0.1:7880")), "ws://10.0.0.1:7880");
        assert_eq!(o.http_base(None), "http://a.example:7880");
        assert_eq!(o.http_base(Some("https://voice.example.org/")), "https://voice.example.org");
        assert_eq!(origin(Some("[::1]:7880"), true).websocket_base(None), "wss://[::1]:7880");
        for odd in [None, Some("a/b"), Some("a@b"), Some("a b")] {
            assert_eq!(origin(odd, false).websocket_base(None), "ws://localhost");
        }
    }
}
