//! The classroom's envelope of refusals (classroom.md 2.6). It is here because `/login` is one route for
//! two dialects and answers with both of their envelopes.

use std::borrow::Cow;

use serde::Serialize;
use stoa_core::Kind;

use crate::refusal::Refusal;

/// `success`, `errorCode`, `errorMsg` and, for bad parameters, `data`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    success: bool,
    error_code: Cow<'static, str>,
    error_msg: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Detail>,
}

#[derive(Debug, Serialize)]
struct Detail {
    code: u16,
    msg: String,
}

impl Envelope {
    /// The envelope of this refusal.
    #[must_use]
    pub fn of(refusal: &Refusal) -> Self {
        let bad_parameter = |msg: &str| ("401", "参数错误", Some(Detail { code: 401, msg: msg.to_owned() }));
        let (error_code, error_msg, data) = match refusal {
            Refusal::TooLarge => ("413", "body too large", None),
            Refusal::Malformed(why) => bad_parameter(why),
            Refusal::Domain(e) => match e.kind() {
                Kind::BadInput { .. } => bad_parameter(e.public()),
                Kind::BadCredentials => ("401", "incorrect Username or Password", None),
                Kind::Unauthenticated => ("401", "Unauthorized", None),
                Kind::NotYou | Kind::Forbidden | Kind::Banned { .. } | Kind::LimitReached => ("403", "NotPermit", None),
                Kind::NotFound | Kind::NotPresent | Kind::Gone => ("404", "未查询到", None),
                Kind::LoginThrottled { .. } | Kind::Throttled { .. } => ("429", "too many requests", None),
                Kind::Unavailable => ("503", "try again later", None),
                // The one refusal whose words are not ours: create shows what the vendor said (classroom.md 4.3).
                Kind::Vendor { code } => {
                    let code = code.map_or(Cow::Borrowed("500"), |n| n.to_string().into());
                    return Self { error_code: code, ..Self::plain("500", e.public().to_owned()) };
                }
                Kind::Internal => ("500", "服务器异常，请稍后重试", None),
            },
        };
        Self { data, ..Self::plain(error_code, error_msg) }
    }

    /// A refusal of this code with this text.
    #[must_use]
    pub fn plain(error_code: &'static str, error_msg: impl Into<Cow<'static, str>>) -> Self {
        Self { success: false, error_code: error_code.into(), error_msg: error_msg.into(), data: None }
    }

    /// The same with another text.
    #[must_use]
    pub fn saying(self, error_msg: &'static str) -> Self {
        Self { error_msg: error_msg.into(), ..self }
    }

    /// For a method that the path does not take.
    #[must_use]
    pub fn wrong_method() -> Self {
        Self::plain("405", "method not allowed")
    }
}
