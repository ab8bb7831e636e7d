//! Parameters of a command: folded names, exact values (talk.md 2.4, 1.2).

pub(crate) mod fields;

use stoa_api::fields::decode;
use stoa_core::id::{AppId, ChannelKey, ChannelName, UserId, is_control};
use stoa_core::talk::Page;

use crate::refuse::{Code, Refusal};
use crate::state::ChannelCharset;
use fields::Field;

/// Longest channel id, in bytes.
const CHANNEL_BYTES: usize = 128;
/// Longest user id, in bytes.
const USER_BYTES: usize = 255;

/// Rows of a page of a list when only `StartSeq` is given, and at most.
const LIST_DEFAULT: u32 = 100;
const LIST_MAX: u32 = 1000;

/// The named values that some command knows, as raw JSON, in the order sent.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(&'static str, String)>);

/// Published spellings differ in case, underscores and blanks at the ends.
fn fold(name: &str) -> String {
    name.trim().chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

type Read<T> = Result<T, &'static str>;

impl Params {
    /// Of an object's entries; unknown names and nulls are dropped.
    pub(crate) fn of<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let known = |(name, raw): (&str, &str)| {
            // Longer names are not even folded: the longest that counts is below 20 bytes, blanks aside.
            let folded = (name.len() <= 64).then(|| fold(name))?;
            let key = fields::known(&folded)?;
            (raw != "null").then(|| (key, raw.to_owned()))
        };
        Self(entries.filter_map(known).collect())
    }

    fn raws(&self, field: &Field) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(k, _)| field.keys.contains(k)).map(|(_, raw)| raw.as_str())
    }

    /// The one value of a field, whatever spellings it was given in. Different values under one name say nothing.
    fn one<T: PartialEq>(&self, field: &Field, read: impl Fn(&str) -> Read<Option<T>>) -> Result<Option<T>, Refusal> {
        let mut found = None;
        for raw in self.raws(field) {
            let Some(value) = read(raw).map_err(|why| Refusal::bad_param(field.shown, why))? else { continue };
            if found.as_ref().is_some_and(|f| *f != value) {
                return Err(Refusal::bad_param(field.shown, "given more than once with different values"));
            }
            found = Some(value);
        }
        Ok(found)
    }

    /// An optional 64 bit integer.
    pub(crate) fn integer(&self, field: &Field) -> Result<Option<i64>, Refusal> {
        self.one(field, |raw| integer(raw).map(Some))
    }

    /// An optional integer inside a range.
    pub(crate) fn within(&self, field: &Field, least: i64, most: i64) -> Result<Option<i64>, Refusal> {
        match self.integer(field)? {
            Some(n) if !(least..=most).contains(&n) => {
                Err(Refusal::bad_param(field.shown, &format!("must be {least} to {most}")))
            }
            n => Ok(n),
        }
    }

    /// An optional 0 or 1.
    pub(crate) fn flag(&self, field: &Field) -> Result<Option<bool>, Refusal> {
        Ok(self.within(field, 0, 1)?.map(|n| n == 1))
    }

    /// An optional id, not yet checked; the empty one is absent.
    pub(crate) fn id(&self, field: &Field) -> Result<Option<String>, Refusal> {
        self.one(field, |raw| id_text(raw).map(|id| Some(id).filter(|id| !id.is_empty())))
    }

    /// An optional text.
    pub(crate) fn text(&self, field: &Field) -> Result<Option<String>, Refusal> {
        self.one(field, |raw| match raw.starts_with('"') {
            true => Ok(Some(decode(raw).into_owned())),
            false => Err("must be a string"),
        })
    }

    /// An optional text of at most so many bytes of UTF-8.
    pub(crate) fn short_text(&self, field: &Field, max: usize) -> Result<Option<String>, Refusal> {
        let text = self.text(field)?;
        if text.as_ref().is_some_and(|t| t.len() > max) {
            return Err(Refusal::bad_param(field.shown, &format!("must be at most {max} bytes")));
        }
        Ok(text)
    }

    /// An optional id of at most so many bytes.
    pub(crate) fn short_id(&self, field: &Field, max: usize) -> Result<Option<String>, Refusal> {
        let id = self.id(field)?;
        if let Some(id) = &id {
            check_id(field, id, max)?;
        }
        Ok(id)
    }

    /// An optional user id.
    pub(crate) fn maybe_user(&self, field: &Field) -> Result<Option<UserId>, Refusal> {
        self.short_id(field, USER_BYTES)?.map(|id| user_id(field, id)).transpose()
    }

    /// A required user id.
    pub(crate) fn user(&self, field: &Field) -> Result<UserId, Refusal> {
        self.maybe_user(field)?.ok_or_else(|| required(field))
    }

    /// An optional channel id.
    pub(crate) fn maybe_channel(
        &self,
        field: &Field,
        app: AppId,
        charset: ChannelCharset,
    ) -> Result<Option<ChannelKey>, Refusal> {
        let Some(id) = self.short_id(field, CHANNEL_BYTES)? else { return Ok(None) };
        if !id.chars().all(|c| charset.allows(c)) {
            return Err(Refusal::bad_param(field.shown, "must consist of A-Z a-z 0-9 _ + - = /"));
        }
        let name = ChannelName::new(id).map_err(|e| Refusal::bad_param(field.shown, e.public()))?;
        Ok(Some(ChannelKey { app, name }))
    }

    /// A required channel id.
    pub(crate) fn channel(&self, field: &Field, app: AppId, charset: ChannelCharset) -> Result<ChannelKey, Refusal> {
        self.maybe_channel(field, app, charset)?.ok_or_else(|| required(field))
    }

    /// A present app number is that of the key (talk.md 2.4).
    pub(crate) fn check_app(&self, app: AppId) -> Result<(), Refusal> {
        match self.integer(&fields::APP_ID)? {
            Some(n) if u64::try_from(n) != Ok(app.0) => {
                Err(Refusal::new(Code::APP_MISMATCH, "AppID: is not the appkey's app"))
            }
            _ => Ok(()),
        }
    }

    /// The part of a list that is wanted; `None` = all of it (talk.md 7.1).
    pub(crate) fn page(&self) -> Result<Option<Page>, Refusal> {
        let start = self.start()?;
        let limit = self.limit(LIST_MAX)?;
        let page = Page { start: start.unwrap_or(0), limit: limit.unwrap_or(LIST_DEFAULT) };
        Ok((start.is_some() || limit.is_some()).then_some(page))
    }

    /// The part of a list that is always paged.
    pub(crate) fn always_page(&self) -> Result<Page, Refusal> {
        Ok(self.page()?.unwrap_or(Page { start: 0, limit: LIST_DEFAULT }))
    }

    /// `StartSeq`.
    pub(crate) fn start(&self) -> Result<Option<u64>, Refusal> {
        let start = self.integer(&fields::START_SEQ)?;
        start.map(u64::try_from).transpose().map_err(|_| Refusal::bad_param("StartSeq", "must not be negative"))
    }

    /// `Limit`, at most `max`.
    pub(crate) fn limit(&self, max: u32) -> Result<Option<u32>, Refusal> {
        match self.integer(&fields::LIMIT)? {
            Some(n) if n < 1 => Err(Refusal::bad_param("Limit", "must be at least 1")),
            n => Ok(n.map(|n| u32::try_from(n).unwrap_or(max).min(max))),
        }
    }

    /// Users of a list of strings or objects with a `UserID`, in order, each once; at most `max` entries.
    pub(crate) fn users(&self, field: &Field, max: usize) -> Result<Vec<UserId>, Refusal> {
        let entries = self.one(field, |raw| {
            let read = |raw: &serde_json::value::RawValue| raw.get().to_owned();
            let list: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw).map_err(|_| "must be an array")?;
            Ok(Some(list.into_iter().map(read).collect::<Vec<_>>()))
        })?;
        let entries = entries.ok_or_else(|| required(field))?;
        if entries.is_empty() || entries.len() > max {
            return Err(Refusal::bad_param(field.shown, &format!("must have 1 to {max} entries")));
        }
        let mut users = Vec::with_capacity(entries.len());
        for raw in &entries {
            let user = listed_user(raw).map_err(|r| Refusal::bad_param(field.shown, r.info()))?;
            if !users.contains(&user) {
                users.push(user);
            }
        }
        Ok(users)
    }
}

/// An entry of a list of users.
fn listed_user(raw: &str) -> Result<UserId, Refusal> {
    let entry = match serde_json::from_str::<stoa_api::entries::Entries<'_>>(raw) {
        Ok(object) => Params::of(object.0.iter().map(|(name, raw)| (name.0.as_ref(), raw.get()))),
        Err(_) => Params::of(std::iter::once(("userid", raw))),
    };
    entry.user(&fields::USER_ID)
}

/// The refusal of a field that has to be there.
pub(crate) fn required(field: &Field) -> Refusal {
    Refusal::bad_param(field.shown, "required")
}

fn user_id(field: &Field, id: String) -> Result<UserId, Refusal> {
    UserId::new(id).map_err(|e| Refusal::bad_param(field.shown, e.public()))
}

fn check_id(field: &Field, id: &str, max: usize) -> Result<(), Refusal> {
    if id.len() > max {
        return Err(Refusal::bad_param(field.shown, &format!("must be 1 to {max} bytes")));
    }
    if id.chars().any(is_control) {
        return Err(Refusal::bad_param(field.shown, "must not contain control characters"));
    }
    Ok(())
}

fn digits(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// An integral number, or its decimal text of at most 19 digits.
fn integer(raw: &str) -> Read<i64> {
    let text = if raw.starts_with('"') { decode(raw) } else { raw.into() };
    let short = text.len() <= 19 + usize::from(text.starts_with('-'));
    if digits(&text) && short { text.parse().ok() } else { None }.ok_or("must be a 64 bit integer")
}

/// A string, or the decimal text of an integral number.
fn id_text(raw: &str) -> Read<String> {
    if raw.starts_with('"') {
        return Ok(decode(raw).into_owned());
    }
    let number = digits(raw).then(|| {
        let signed = raw.parse::<i64>().map(|n| n.to_string());
        signed.or_else(|_| raw.parse::<u64>().map(|n| n.to_string())).ok()
    });
    number.flatten().ok_or("must be a string or a 64 bit integer")
}

#[cfg(test)]
mod tests;
