//! The signature of Aliyun's OpenAPI, RPC style: HMAC-SHA1, version 1.0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use stoa_core::time::UnixMs;

use crate::text::{form, percent_encode};

/// What is asked for, without time, nonce and signature.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The operation.
    pub action: &'a str,
    /// The interface's version, a date.
    pub version: &'a str,
    /// The operation's own parameters.
    pub params: &'a [(&'a str, &'a str)],
}

/// The signature of parameters, `Signature` itself not among them.
#[must_use]
pub fn signature(method: &str, params: &[(&str, &str)], secret: &str) -> String {
    let mut sorted = params.to_vec();
    // By bytes, upper case first, as the vendor sorts.
    sorted.sort_unstable();
    let signed = format!("{method}&{}&{}", percent_encode("/"), percent_encode(&form(&sorted)));
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()) else {
        // HMAC takes keys of any length.
        return String::new();
    };
    mac.update(signed.as_bytes());
    B64.encode(mac.finalize().into_bytes())
}

impl Request<'_> {
    /// The body of the POST: every parameter and the signature over them. A body rather than a query, because queries
    /// end in logs.
    #[must_use]
    pub fn body(&self, key_id: &str, secret: &str, nonce: &str, now: UnixMs) -> String {
        let timestamp = jiff::Timestamp::from_second(now.secs()).map(|t| t.to_string()).unwrap_or_default();
        let mut params = vec![
            ("AccessKeyId", key_id),
            ("Action", self.action),
            ("Format", "JSON"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", nonce),
            ("SignatureVersion", "1.0"),
            ("Timestamp", &timestamp),
            ("Version", self.version),
        ];
        params.extend_from_slice(self.params);
        let signed = signature("POST", &params, secret);
        params.push(("Signature", &signed));
        form(&params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_meets_the_vendors_published_example() {
        let params = [
            ("Timestamp", "2016-02-23T12:46:24Z"),
            ("Format", "XML"),
            ("AccessKeyId", "testid"),
            ("Action", "DescribeRegions"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
            ("Version", "2014-05-26"),
            ("SignatureVersion", "1.0"),
        ];
        assert_eq!(signature("GET", &params, "testsecret"), "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
    }

    #[test]
    fn the_body_holds_everything_once_and_its_own_signature() {
        let request =
            Request { action: "GetMessageToken", version: "2016-11-01", params: &[("UserId", "李 老师&x=1")] };
        let body = request.body("testid", "testsecret", "n1", UnixMs(1_456_231_584_999));
        assert!(body.contains("&Timestamp=2016-02-23T12%3A46%3A24Z&"), "{body}");
        assert!(body.contains("&UserId=%E6%9D%8E%20%E8%80%81%E5%B8%88%26x%3D1&"), "{body}");
        assert!(!body.contains("testsecret"));
        assert_eq!(body.matches("Signature=").count(), 1);
    }
}
