//! Reading of vendors' answers. What is read is checked; what is not read may be anything.

use serde_json::Value;

use crate::error::Error;

/// A text that must be there and not be empty.
pub(crate) fn text<'a>(value: &'a Value, what: &'static str) -> Result<&'a str, Error> {
    value.as_str().filter(|t| !t.is_empty()).ok_or(Error::Malformed(what))
}

/// A text or number, as text; empty when it is absent.
pub(crate) fn loose_text(value: &Value, what: &'static str) -> Result<String, Error> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(Error::Malformed(what)),
    }
}

/// The same, and nothing when it is absent or empty.
pub(crate) fn optional_text(value: &Value, what: &'static str) -> Result<Option<String>, Error> {
    Ok(Some(loose_text(value, what)?).filter(|t| !t.is_empty()))
}

/// A count, as a number or as text.
pub(crate) fn count(value: &Value, what: &'static str) -> Result<u64, Error> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    number.ok_or(Error::Malformed(what))
}

/// A list; absent is empty.
pub(crate) fn list<'a>(value: &'a Value, what: &'static str) -> Result<&'a [Value], Error> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(list) => Ok(list),
        _ => Err(Error::Malformed(what)),
    }
}

/// A code, as a number or as text.
pub(crate) fn code(value: &Value) -> Result<String, Error> {
    Some(loose_text(value, "code")?).filter(|c| !c.is_empty()).ok_or(Error::Malformed("code"))
}
