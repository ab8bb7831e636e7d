//! Reading requests: the limits of classroom.md 2.4 and what many routes have in common.

use std::ops::RangeInclusive;

use stoa_api::Fields;
use stoa_api::fields::{at_most_bytes, at_most_chars};
pub(crate) use stoa_core::class::NOTICE_BYTES;
use stoa_core::cloud::GroupService;
use stoa_core::id::{CheckInId, ClassId};
use stoa_core::{Error, Result};

/// Names and titles, in characters.
pub(crate) const NAME_CHARS: usize = 256;
/// Addresses, in bytes.
pub(crate) const URL_BYTES: usize = 2048;
/// `extends` and `permit`, in bytes.
pub(crate) const OPAQUE_BYTES: usize = 64 * 1024;
/// `data` of one document, in bytes.
pub(crate) const DOC_BYTES: usize = 256 * 1024;
/// Id of a document, in bytes. The contract names no limit; it is part of a database key, which has one.
pub(crate) const DOC_ID_BYTES: usize = 1024;
/// Name of a whiteboard provider, in bytes.
pub(crate) const SERVER_TYPE_BYTES: usize = 255;
/// Device, in characters.
pub(crate) const DEVICE_CHARS: usize = 255;

/// Rows of a page when the request does not say.
const DEFAULT_PAGE: i64 = 10;
/// Most rows of a page. 500 class objects are about two megabytes.
const MAX_PAGE: i64 = 500;

/// A class id; `None` when the text can name no class.
pub(crate) fn class_id(f: &Fields, field: &'static str) -> Result<Option<ClassId>> {
    Ok(ClassId::parse(&f.required(field)?))
}

/// A check-in's id; `None` when the text can name none.
pub(crate) fn check_in_id(f: &Fields) -> Result<Option<CheckInId>> {
    Ok(CheckInId::parse(&f.required("check_in_id")?))
}

/// An optional text of at most `max` characters.
pub(crate) fn chars(f: &Fields, field: &'static str, max: usize) -> Result<Option<String>> {
    let text = f.string(field)?;
    text.as_ref().map_or(Ok(()), |t| at_most_chars(field, t, max))?;
    Ok(text)
}

/// An optional text of at most `max` bytes.
pub(crate) fn bytes(f: &Fields, field: &'static str, max: usize) -> Result<Option<String>> {
    let text = f.string(field)?;
    text.as_ref().map_or(Ok(()), |t| at_most_bytes(field, t, max))?;
    Ok(text)
}

/// An optional text that may also be sent as JSON, of at most `max` bytes.
pub(crate) fn opaque(f: &Fields, field: &'static str, max: usize) -> Result<Option<String>> {
    let text = f.opaque(field)?;
    text.as_ref().map_or(Ok(()), |t| at_most_bytes(field, t, max))?;
    Ok(text)
}

/// What must be there and say something.
pub(crate) fn needed(field: &'static str, text: Result<Option<String>>) -> Result<String> {
    text?.filter(|t| !t.trim().is_empty()).ok_or_else(|| Error::bad_input(field, "required"))
}

/// A required text of at most `max` characters.
pub(crate) fn needed_chars(f: &Fields, field: &'static str, max: usize) -> Result<String> {
    needed(field, chars(f, field, max))
}

/// An optional integer inside of a range.
pub(crate) fn within(f: &Fields, field: &'static str, range: RangeInclusive<i64>) -> Result<Option<i64>> {
    let n = f.integer(field)?;
    match n {
        Some(n) if !range.contains(&n) => {
            Err(Error::bad_input(field, format_args!("must be {} to {}", range.start(), range.end())))
        }
        n => Ok(n),
    }
}

/// A required integer inside of a range.
pub(crate) fn needed_within(f: &Fields, field: &'static str, range: RangeInclusive<i64>) -> Result<i64> {
    within(f, field, range)?.ok_or_else(|| Error::bad_input(field, "required"))
}

/// `page_num` and `page_size`, as rows to skip and rows to show.
pub(crate) fn page(f: &Fields) -> Result<(u64, u32)> {
    use stoa_api::Together as _;
    let (num, size) = (f.integer("page_num"), f.integer("page_size")).together()?;
    let size = match size.unwrap_or(DEFAULT_PAGE) {
        ..=0 => DEFAULT_PAGE,
        n => n.min(MAX_PAGE),
    };
    let skip = (num.unwrap_or(1).max(1) - 1).saturating_mul(size);
    Ok((u64::try_from(skip).unwrap_or(0), u32::try_from(size).unwrap_or(u32::MAX)))
}

/// Who carries messages, as requests name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Im {
    /// The vendor's old service.
    AliyunOld,
    /// The vendor's new service.
    AliyunNew,
    /// Another vendor's.
    RongCloud,
    /// Our own hub.
    Stoa,
}

impl Im {
    /// The same, if it is a service outside.
    pub(crate) fn outside(self) -> Option<GroupService> {
        match self {
            Self::AliyunOld => Some(GroupService::AliyunOld),
            Self::AliyunNew => Some(GroupService::AliyunNew),
            Self::RongCloud => Some(GroupService::RongCloud),
            Self::Stoa => None,
        }
    }
}

/// `im_server`: `None` = not sent.
pub(crate) fn im_server(f: &Fields) -> Result<Option<Vec<Im>>> {
    let Some(names) = f.strings("im_server")? else { return Ok(None) };
    let read = |name: &String| match name.to_ascii_lowercase().as_str() {
        "aliyun" | "aliyun_old" => Ok(Im::AliyunOld),
        "aliyun_new" => Ok(Im::AliyunNew),
        "rongcloud" | "rong_cloud" => Ok(Im::RongCloud),
        "stoa" => Ok(Im::Stoa),
        _ => Err(Error::bad_input("im_server", "names an unknown service")),
    };
    names.iter().map(read).collect::<Result<_>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Fields {
        Fields::parse(body.to_owned().into()).unwrap()
    }

    #[test]
    fn ls4_pages_are_defaulted_and_clamped() {
        for (body, skip, size) in [
            ("{}", 0, 10),
            (r#"{"page_num":0,"page_size":0}"#, 0, 10),
            (r#"{"page_num":-3,"page_size":-1}"#, 0, 10),
            (r#"{"page_num":2,"page_size":5000}"#, 500, 500),
            (r#"{"page_num":"2","page_size":" 7 "}"#, 7, 7),
            (r#"{"page_num":9223372036854775807,"page_size":500}"#, i64::MAX as u64, 500),
        ] {
            assert_eq!(page(&fields(body)).unwrap(), (skip, size), "{body}");
        }
    }

    #[test]
    fn ranges_and_needs_are_told() {
        let f = fields(r#"{"a":4,"b":"","c":"x"}"#);
        assert_eq!(within(&f, "a", 0..=3).unwrap_err().public(), "a: must be 0 to 3");
        assert_eq!(within(&f, "a", 0..=4).unwrap(), Some(4));
        assert_eq!(needed_within(&f, "b", 0..=4).unwrap_err().public(), "b: required");
        assert_eq!(needed_chars(&f, "b", 3).unwrap_err().public(), "b: required");
        assert_eq!(needed_chars(&f, "c", 3).unwrap(), "x");
    }

    #[test]
    fn message_services_are_read_in_any_case() {
        let f = |names: &str| im_server(&fields(&format!("{{\"im_server\":{names}}}")));
        let all = f(r#"["ALIYUN","aliyun_old","Aliyun_New","rongCloud","rong_cloud","stoa"]"#).unwrap().unwrap();
        use Im::{AliyunNew, AliyunOld, RongCloud, Stoa};
        assert_eq!(all, [AliyunOld, AliyunOld, AliyunNew, RongCloud, RongCloud, Stoa]);
        assert_eq!(f("\"stoa\"").unwrap(), Some(vec![Stoa]));
        assert_eq!(f("null").unwrap(), None);
        assert!(f(r#"["stoa","other"]"#).is_err());
    }
}
