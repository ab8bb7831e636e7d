//! Typed reading of a request body: one flat JSON object, tolerant of what clients really send,
//! exact about what it means (voice-room.md 2.2, 2.3).

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use stoa_core::id::UserId;
use stoa_core::{Error, Result};

use crate::entries::{Entries, Key};
use crate::json;
use crate::refusal::Refusal;

/// Deepest nesting of an `extends` text; the mobile clients' parsers take that much.
const EXTENDS_DEPTH: usize = 16;

/// The names of a request body with their raw values, in the order sent.
pub struct Fields {
    text: String,
    entries: Vec<(Name, Range<usize>)>,
}

enum Name {
    /// Spelled without escapes: a part of the text.
    Plain(Range<usize>),
    Escaped(String),
}

impl fmt::Debug for Fields {
    /// Names only: values may be passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|(n, _)| self.name(n))).finish()
    }
}

impl Fields {
    /// Reads a body: UTF-8, an optional BOM, one JSON object; nothing at all counts as `{}`.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn parse(body: Bytes) -> Result<Self, Refusal> {
        let text = String::from_utf8(body.into()).map_err(|_| Refusal::Malformed("body is not UTF-8"))?;
        let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let json_text = &text[bom..];
        if json_text.is_empty() {
            return Ok(Self { text: String::new(), entries: Vec::new() });
        }
        json::scan(json_text, json::MAX_DEPTH).map_err(|e| match e {
            json::Bad::Deep => Refusal::Malformed("body is nested too deep"),
            json::Bad::Surrogate => Refusal::Malformed("body has a lone surrogate"),
        })?;
        let top: Entries<'_> = serde_json::from_str(json_text).map_err(|e| {
            Refusal::Malformed(if e.is_data() { "body must be a JSON object" } else { "body is not JSON" })
        })?;
        let entries = top.0.into_iter().map(|(n, v)| (Name::locate(&text, n), span(&text, v.get()))).collect();
        Ok(Self { text, entries })
    }

    fn name<'a>(&'a self, name: &'a Name) -> &'a str {
        match name {
            Name::Plain(r) => &self.text[r.clone()],
            Name::Escaped(s) => s,
        }
    }

    /// The raw value: the last of duplicates, `null` as absent.
    fn raw(&self, field: &str) -> Option<&str> {
        let (_, at) = self.entries.iter().rev().find(|(n, _)| self.name(n) == field)?;
        Some(&self.text[at.clone()]).filter(|v| *v != "null")
    }

    /// An optional string: strings as they are, numbers by their exact text, booleans by their word.
    ///
    /// # Errors
    /// `BadInput` for arrays, objects and U+0000.
    pub fn string(&self, field: &'static str) -> Result<Option<String>> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        let text = match raw.as_bytes().first() {
            Some(b'"') => decode(raw).into_owned(),
            Some(b'[' | b'{') => return Err(Error::bad_input(field, "must be a string")),
            _ => raw.to_owned(),
        };
        if text.contains('\0') {
            return Err(Error::bad_input(field, "must not contain U+0000"));
        }
        Ok(Some(text))
    }

    /// A required string: absent, empty and white space only are refused.
    ///
    /// # Errors
    /// `BadInput`.
    pub fn required(&self, field: &'static str) -> Result<String> {
        match self.string(field)? {
            Some(s) if !s.trim().is_empty() => Ok(s),
            _ => Err(Error::bad_input(field, "required")),
        }
    }

    /// A required user id that no dialect reserves.
    ///
    /// # Errors
    /// `BadInput`.
    pub fn user_id(&self, field: &'static str) -> Result<UserId> {
        UserId::for_dialect(field, self.required(field)?)
    }

    /// An optional integer: also `3.0`, `"3"` and `" 3 "`; `""` is absent.
    ///
    /// # Errors
    /// `BadInput`.
    pub fn integer(&self, field: &'static str) -> Result<Option<i64>> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        let value = match raw.as_bytes().first() {
            Some(b'"') => {
                let text = decode(raw);
                if text.is_empty() {
                    return Ok(None);
                }
                // `parse` takes an optional sign and ASCII digits, nothing else.
                text.trim().parse().ok()
            }
            Some(b'-' | b'0'..=b'9') => json::integer(raw),
            _ => None,
        };
        value.map(Some).ok_or_else(|| Error::bad_input(field, "must be an integer"))
    }

    /// A required integer.
    ///
    /// # Errors
    /// `BadInput`.
    pub fn required_integer(&self, field: &'static str) -> Result<i64> {
        self.integer(field)?.ok_or_else(|| Error::bad_input(field, "required"))
    }

    /// An optional boolean: also `"true"` and `"FALSE"`, 1 and 0; `""` is absent.
    ///
    /// # Errors
    /// `BadInput`.
    pub fn boolean(&self, field: &'static str) -> Result<Option<bool>> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        if raw == "\"\"" {
            return Ok(None);
        }
        truth(raw).map(Some).ok_or_else(|| Error::bad_input(field, "must be true or false"))
    }

    /// An optional list of strings: one string is a list of one.
    ///
    /// # Errors
    /// `BadInput`.
    pub fn strings(&self, field: &'static str) -> Result<Option<Vec<String>>> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        let wrong = || Error::bad_input(field, "must be a list of strings");
        let list: Vec<String> = match raw.as_bytes().first() {
            Some(b'"') => vec![decode(raw).into_owned()],
            Some(b'[') => serde_json::from_str(raw).map_err(|_| wrong())?,
            _ => return Err(wrong()),
        };
        if list.iter().any(|s| s.contains('\0')) {
            return Err(Error::bad_input(field, "must not contain U+0000"));
        }
        Ok(Some(list))
    }

    /// Opaque text of the app: as a string, or as an object or array, which counts as its compact text.
    ///
    /// # Errors
    /// `BadInput`.
    pub fn opaque(&self, field: &'static str) -> Result<Option<String>> {
        match self.raw(field) {
            Some(raw) if raw.starts_with(['{', '[']) => self.compact(field).map(|t| t.map(Cow::into_owned)),
            _ => self.string(field),
        }
    }

    /// A value of any kind, as compact JSON text.
    ///
    /// # Errors
    /// `BadInput` for U+0000 in one of its strings.
    pub fn compact(&self, field: &'static str) -> Result<Option<Cow<'_, str>>> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        if json::names_nul(raw) {
            return Err(Error::bad_input(field, "must not contain U+0000"));
        }
        Ok(Some(json::compact(raw)))
    }

    /// Opaque JSON text of the app, returned byte for byte: blank → `""`; else one strict object of at
    /// most 16 levels without duplicate names at its top, in which each of `string_names`, where it
    /// occurs, is a string. One bad value would make every Android client fail on a whole list.
    ///
    /// # Errors
    /// `BadInput`.
    pub fn extends(&self, field: &'static str, max_bytes: usize, string_names: &[&str]) -> Result<Option<String>> {
        let text = match self.raw(field) {
            Some(raw) if raw.starts_with('{') => json::compact(raw).into_owned(),
            _ => match self.string(field)? {
                Some(text) if text.trim().is_empty() => return Ok(Some(String::new())),
                Some(text) => text,
                None => return Ok(None),
            },
        };
        at_most_bytes(field, &text, max_bytes)?;
        strict_object(&text, string_names).map_err(|why| Error::bad_input(field, why))?;
        Ok(Some(text))
    }
}

/// What a JSON value means where a boolean is wanted.
#[must_use]
pub fn truth(raw: &str) -> Option<bool> {
    if raw.starts_with('"') {
        let text = decode(raw);
        return [("true", true), ("false", false)].into_iter().find(|(w, _)| text.eq_ignore_ascii_case(w)).map(|f| f.1);
    }
    match (raw, json::integer(raw)) {
        ("true", _) | (_, Some(1)) => Some(true),
        ("false", _) | (_, Some(0)) => Some(false),
        _ => None,
    }
}

/// Several fields read side by side: what is wrong with any of them is told in one refusal.
pub trait Together {
    /// All the values.
    type All;

    /// All the values, or everything that is wrong, joined by `; `.
    ///
    /// # Errors
    /// `BadInput`.
    fn together(self) -> Result<Self::All>;
}

macro_rules! together {
    ($($name:ident $at:tt),+) => {
        impl<$($name),+> Together for ($(Result<$name>,)+) {
            type All = ($($name,)+);

            fn together(self) -> Result<Self::All> {
                let wrong: Vec<&Error> = [$(self.$at.as_ref().err()),+].into_iter().flatten().collect();
                if wrong.len() > 1 {
                    let text = wrong.iter().map(|e| e.public()).collect::<Vec<_>>().join("; ");
                    return Err(Error::new(wrong[0].kind().clone(), text));
                }
                Ok(($(self.$at?,)+))
            }
        }
    };
}

together!(A 0, B 1);
together!(A 0, B 1, C 2);
together!(A 0, B 1, C 2, D 3);
together!(A 0, B 1, C 2, D 3, E 4);
together!(A 0, B 1, C 2, D 3, E 4, F 5);
together!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);

/// Refuses texts of more than `max` Unicode scalar values.
///
/// # Errors
/// `BadInput`.
pub fn at_most_chars(field: &'static str, text: &str, max: usize) -> Result<()> {
    // A text of at most `max` bytes needs no counting.
    if text.len() <= max || text.chars().count() <= max {
        return Ok(());
    }
    Err(Error::bad_input(field, format_args!("must be at most {max} characters")))
}

/// Refuses texts of more than `max` bytes of UTF-8.
///
/// # Errors
/// `BadInput`.
pub fn at_most_bytes(field: &'static str, text: &str, max: usize) -> Result<()> {
    if text.len() <= max {
        return Ok(());
    }
    Err(Error::bad_input(field, format_args!("must be at most {max} bytes")))
}

fn strict_object(text: &str, string_names: &[&str]) -> Result<(), String> {
    json::scan(text, EXTENDS_DEPTH).map_err(|e| match e {
        json::Bad::Deep => format!("must be nested at most {EXTENDS_DEPTH} levels"),
        json::Bad::Surrogate => "must not have a lone surrogate".to_owned(),
    })?;
    let top: Entries<'_> = serde_json::from_str(text).map_err(|_| "must be the text of one JSON object".to_owned())?;
    let mut names: Vec<&str> = top.0.iter().map(|(n, _)| n.0.as_ref()).collect();
    names.sort_unstable();
    if names.windows(2).any(|w| w[0] == w[1]) {
        return Err("must not have duplicate names".to_owned());
    }
    match top.0.iter().find(|(n, v)| string_names.contains(&n.0.as_ref()) && !v.get().starts_with('"')) {
        Some((n, _)) => Err(format!("{} must be a string", n.0)),
        None => Ok(()),
    }
}

/// Text of a JSON string that the parser has already passed.
#[must_use]
pub fn decode(raw: &str) -> Cow<'_, str> {
    let inner = raw.get(1..raw.len() - 1).unwrap_or_default();
    if inner.contains('\\') {
        serde_json::from_str::<String>(raw).map(Cow::Owned).unwrap_or_default()
    } else {
        Cow::Borrowed(inner)
    }
}

/// Where `part`, a slice of `whole`, lies in it.
fn span(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

impl Name {
    fn locate(whole: &str, name: Key<'_>) -> Self {
        match name.0 {
            Cow::Borrowed(s) => Self::Plain(span(whole, s)),
            Cow::Owned(s) => Self::Escaped(s),
        }
    }
}

#[cfg(test)]
mod tests;
