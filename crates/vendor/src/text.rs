//! Text for URLs and forms.

use std::fmt::Write as _;

/// Percent-encodes everything but `A-Z a-z 0-9 - . _ ~`, as UTF-8. It is what the vendors sign over and what keeps a
/// user id from adding parameters to a URL.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The opposite, for a form or a query: `+` is a space. `None` for anything that is not the encoding of UTF-8 text.
#[must_use]
pub fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

/// A body or query of pairs.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(k, v)| format!("{}={}", percent_encode(k), percent_encode(v))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_is_encoded_as_the_specification_shows() {
        assert_eq!(percent_encode("李 老师&x=1"), "%E6%9D%8E%20%E8%80%81%E5%B8%88%26x%3D1");
        assert_eq!(percent_encode("Az09-._~"), "Az09-._~");
        assert_eq!(percent_encode("*+/"), "%2A%2B%2F");
    }

    #[test]
    fn decoding_undoes_encoding_and_refuses_what_is_none() {
        for text in ["", "李 老师&x=1", "a+b%", "\0"] {
            assert_eq!(percent_decode(&percent_encode(text)).as_deref(), Some(text));
        }
        assert_eq!(percent_decode("a+b").as_deref(), Some("a b"));
        for bad in ["%", "%4", "%zz", "%ff", "%+1"] {
            assert_eq!(percent_decode(bad), None, "{bad}");
        }
    }
}
