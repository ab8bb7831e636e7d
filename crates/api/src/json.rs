//! What the JSON library does not check: nesting, lone surrogates; and the exact text of numbers.

use std::borrow::Cow;

/// Deepest nesting of a request body, the top level counted (voice-room.md 2.1). Clients send three
/// levels; more only costs stack.
pub const MAX_DEPTH: usize = 32;

/// Why a text is not JSON we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// Arrays and objects inside each other beyond the limit.
    Deep,
    /// Half of a surrogate pair in an escape.
    Surrogate,
}

/// Walks the text once, outside and inside of strings, without judging the syntax otherwise: the
/// parser that follows does that.
///
/// # Errors
/// [`Bad`].
pub fn scan(text: &str, max_depth: usize) -> Result<(), Bad> {
    let bytes = text.as_bytes();
    let (mut depth, mut i) = (0usize, 0usize);
    while i < bytes.len() {
        match bytes[i] {
            b'{' | b'[' => {
                depth += 1;
                if depth > max_depth {
                    return Err(Bad::Deep);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => i = skip_string(bytes, i + 1)?,
            _ => {}
        }
        i += 1;
    }
    Ok(())
}

/// Index of the closing quote (or the end of a text that the parser will refuse).
fn skip_string(bytes: &[u8], mut i: usize) -> Result<usize, Bad> {
    while i < bytes.len() {
        match bytes[i] {
            b'"' => return Ok(i),
            b'\\' => match (bytes.get(i + 1), unit(bytes, i)) {
                (Some(b'u'), Some(0xD800..=0xDBFF)) => {
                    if !matches!(unit(bytes, i + 6), Some(0xDC00..=0xDFFF)) {
                        return Err(Bad::Surrogate);
                    }
                    i += 12;
                }
                (Some(b'u'), Some(0xDC00..=0xDFFF)) => return Err(Bad::Surrogate),
                _ => i += 2,
            },
            _ => i += 1,
        }
    }
    Ok(i)
}

/// The code unit of the `\uXXXX` escape that starts at `i`.
fn unit(bytes: &[u8], i: usize) -> Option<u16> {
    let esc = bytes.get(i..i + 6)?;
    if esc[0] != b'\\' || esc[1] != b'u' || !esc[2..].iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    std::str::from_utf8(&esc[2..]).ok().and_then(|h| u16::from_str_radix(h, 16).ok())
}

/// Valid JSON without the blanks outside of strings; everything else stays as it was spelled.
#[must_use]
pub fn compact(valid: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut inside, mut escaped, mut kept) = (false, false, 0usize);
    for (i, b) in valid.bytes().enumerate() {
        if inside {
            match b {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => inside = false,
                _ => {}
            }
        } else if b == b'"' {
            inside = true;
        } else if b.is_ascii_whitespace() {
            out.push_str(&valid[kept..i]);
            kept = i + 1;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(valid);
    }
    out.push_str(&valid[kept..]);
    Cow::Owned(out)
}

/// Whether one of the strings in valid JSON has U+0000.
#[must_use]
pub fn names_nul(valid: &str) -> bool {
    let mut rest = valid.as_bytes();
    // Backslashes occur in strings only.
    while let Some(at) = rest.iter().position(|b| *b == b'\\') {
        if rest[at..].starts_with(br"\u0000") {
            return true;
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

/// Reads a JSON number as a 64 bit integer: `7`, `3.0` and `1e2` are, `2.5` and what is too large are not.
#[must_use]
pub fn integer(number: &str) -> Option<i64> {
    if let Ok(n) = number.parse::<i64>() {
        return Some(n);
    }
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((m, e)) => (m, e.parse::<i64>().ok()?),
        None => (number, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(d) => (true, d),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let dropped = i64::try_from(all.len() - significant.len()).ok()?;
    let scale = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(dropped)?;
    let scale = u32::try_from(scale).ok()?; // negative: a fraction is left
    let value: i128 = significant.parse().ok()?;
    let value = value.checked_mul(10i128.checked_pow(scale)?)?;
    i64::try_from(if negative { -value } else { value }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_of_strings_only() {
        assert_eq!(scan(&format!("{}{}", "[".repeat(32), "]".repeat(32)), 32), Ok(()));
        assert_eq!(scan(&"[".repeat(33), 32), Err(Bad::Deep));
        assert_eq!(scan(&format!("\"{}\"", "[".repeat(99)), 32), Ok(()));
        assert_eq!(scan(&format!("\"\\\"{}\"", "{".repeat(99)), 32), Ok(()));
        assert_eq!(scan(&"[]".repeat(99), 1), Ok(()));
    }

    #[test]
    fn lone_surrogates_are_found_and_pairs_pass() {
        for good in [r#""\ud83d\ude00""#, r#""\uD83D\uDE00\u00e9""#, r#""\\ud83d""#, r#""\\\\ud800""#] {
            assert_eq!(scan(good, 1), Ok(()), "{good}");
        }
        for bad in
            [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\u0041""#, r#""\\\ud800 ""#, r#""\ud83d\ud83d""#]
        {
            assert_eq!(scan(bad, 1), Err(Bad::Surrogate), "{bad}");
        }
    }

    #[test]
    fn compacting_touches_no_string() {
        assert_eq!(compact(" { \"a b\" : [ 1.0 ,\n\"\\\" x\" ] } "), "{\"a b\":[1.0,\"\\\" x\"]}");
        assert!(matches!(compact("{}"), Cow::Borrowed("{}")));
    }

    #[test]
    fn nul_is_found_in_strings_and_not_behind_an_escaped_backslash() {
        assert!(names_nul(r#"{"a":["x\u0000"]}"#) && names_nul(r#""\\\u0000""#));
        assert!(!names_nul(r#"{"a":"\\u0000","b":"\u00001"}"#.replace("00001", "0001").as_str()));
    }

    #[test]
    fn integers_are_exact() {
        for (text, want) in [
            ("0", Some(0)),
            ("-0.0", Some(0)),
            ("3.0", Some(3)),
            ("1e2", Some(100)),
            ("1.5e1", Some(15)),
            ("100E-2", Some(1)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-9223372036854775808.0", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("2.5", None),
            ("1e-1", None),
            ("1e999999999999", None),
            ("0e999999999999", Some(0)),
        ] {
            assert_eq!(integer(text), want, "{text}");
        }
    }
}
