//! The functions clients call (hub.md 4.6): arguments in, answers out.

use serde_json::{Map, Value, json};

use super::{Answer, Groups, Stop};
use crate::error::{Error, Kind};
use crate::group::Refusal;
use crate::hub::{HubClient, HubRefusal};
use crate::id::{AppId, UserId};

/// Who calls.
#[derive(Debug, Clone)]
pub struct Client {
    /// Tenant.
    pub app: AppId,
    /// The user.
    pub user: UserId,
    /// The connection.
    pub id: String,
    /// Role of the account as the token says; grants nothing.
    pub role: String,
}

/// The arguments of a call.
pub(super) struct Args(Map<String, Value>);

impl Args {
    fn read(data: &str) -> Result<Self, Refusal> {
        if data.trim().is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_str(data) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(Value::Null) => Ok(Self(Map::new())),
            _ => Err(Refusal::BAD),
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|v| !v.is_null())
    }

    /// A text; absent = `None`. U+0000 is in none: PostgreSQL cannot keep it.
    pub fn text(&self, key: &str) -> Result<Option<&str>, Refusal> {
        self.get(key).map(|v| v.as_str().filter(|s| !s.contains('\0')).ok_or(Refusal::BAD)).transpose()
    }

    /// A text that must be there.
    pub fn required(&self, key: &str) -> Result<&str, Refusal> {
        self.text(key)?.filter(|s| !s.is_empty()).ok_or(Refusal::BAD)
    }

    /// A whole number; absent = `None`.
    pub fn int(&self, key: &str) -> Result<Option<i64>, Refusal> {
        self.get(key).map(|v| v.as_i64().ok_or(Refusal::BAD)).transpose()
    }

    /// A truth value; absent = `None`.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, Refusal> {
        self.get(key).map(|v| v.as_bool().ok_or(Refusal::BAD)).transpose()
    }

    /// A list; absent = `None`.
    pub fn list(&self, key: &str) -> Result<Option<&Vec<Value>>, Refusal> {
        self.get(key).map(|v| v.as_array().ok_or(Refusal::BAD)).transpose()
    }

    /// A user.
    pub fn user(&self, key: &str) -> Result<UserId, Refusal> {
        UserId::new(self.required(key)?).map_err(|_| Refusal::BAD)
    }

    /// Users; absent = `None`.
    pub fn users(&self, key: &str) -> Result<Option<Vec<UserId>>, Refusal> {
        let one = |v: &Value| UserId::new(v.as_str().ok_or(Refusal::BAD)?).map_err(|_| Refusal::BAD);
        self.list(key)?.map(|list| list.iter().map(one).collect()).transpose()
    }

    /// The client's name for this request (hub.md 4.6); `what` keeps functions apart.
    pub fn rid(&self, what: char) -> Result<Option<String>, Refusal> {
        /// Longest one, bytes.
        const MAX: usize = 127;
        let rid = self.text("rid")?.filter(|r| !r.is_empty());
        if rid.is_some_and(|r| r.len() > MAX) {
            return Err(Refusal::BAD);
        }
        Ok(rid.map(|r| format!("{what}{r}")))
    }

    /// `limit` of a page.
    pub fn limit(&self) -> Result<u32, Refusal> {
        /// Entries of a page (hub.md 4.6).
        const MAX: i64 = 100;
        match self.int("limit")? {
            None => Ok(MAX as u32),
            Some(n @ 1..=MAX) => u32::try_from(n).map_err(|_| Refusal::BAD),
            Some(_) => Err(Refusal::BAD),
        }
    }
}

impl Groups {
    /// One call.
    pub(super) async fn call(&self, client: &HubClient, method: &str, data: &str) -> Result<String, HubRefusal> {
        let Ok(user) = UserId::new(client.meta.uid.as_str()) else { return Err(HubRefusal::DENIED) };
        let who =
            Client { app: AppId(client.meta.app), user, id: client.client.clone(), role: client.meta.role.clone() };
        let answer = match Args::read(data) {
            Ok(args) => self.function(&who, method, &args).await,
            Err(refusal) => Some(Err(refusal.into())),
        };
        match answer {
            None => Err(HubRefusal::Error { code: 104, message: "method not found", temporary: false }),
            // Not its `Display`, which takes twice as long. Values can always be written.
            Some(Ok(value)) => Ok(serde_json::to_string(&value).unwrap_or_default()),
            Some(Err(stop)) => Err(self.refusal(stop)),
        }
    }

    /// What is called now and then is in a box of its own: the memory that every call needs is as large as the largest of
    /// them, and nearly all calls are messages.
    async fn function(&self, who: &Client, method: &str, args: &Args) -> Option<Answer> {
        Some(match method {
            "group.join" => Box::pin(self.join(who, args)).await,
            "group.leave" => Box::pin(self.leave(who, args)).await,
            "group.query" => Box::pin(self.query(who, args)).await,
            "group.stats" => Box::pin(self.stats(who, args)).await,
            "group.members" => Box::pin(self.members(who, args)).await,
            "group.send" => self.send(who, args).await,
            "group.sendTo" => Box::pin(self.send_to(who, args)).await,
            "group.recent" => Box::pin(self.recent(who, args)).await,
            "group.list" => Box::pin(self.list(who, args)).await,
            "group.delete" => Box::pin(self.delete(who, args)).await,
            "group.like" => Box::pin(self.like(who, args)).await,
            "group.modify" => Box::pin(self.modify(who, args)).await,
            "group.muteAll" => Box::pin(self.mute_all(who, args)).await,
            "group.muteUser" => Box::pin(self.mute_user(who, args)).await,
            "group.muted" => Box::pin(self.muted_list(who, args)).await,
            "group.kick" => Box::pin(self.kick(who, args)).await,
            "session.hello" => Ok(json!({
                "user": who.user.as_str(),
                "role": if who.role.is_empty() { "user" } else { &who.role },
                "time": self.now().wall.0,
            })),
            _ => return None,
        })
    }

    fn refusal(&self, stop: Stop) -> HubRefusal {
        let error = |r: Refusal| HubRefusal::Error { code: r.code, message: r.message, temporary: false };
        let e = match stop {
            Stop::Refused(refusal) => return error(refusal),
            Stop::Failed(e) => e,
        };
        match refusal_of(&e) {
            Some(refusal) => error(refusal),
            None => {
                (self.config.report)(&e);
                HubRefusal::INTERNAL
            }
        }
    }
}

/// The table of hub.md 5.9 for errors of the use-cases behind a call. `None` = our fault.
fn refusal_of(e: &Error) -> Option<Refusal> {
    match e.kind() {
        Kind::BadInput { .. } => Some(Refusal::BAD),
        Kind::NotYou | Kind::Forbidden | Kind::LimitReached => Some(Refusal::NOT_ALLOWED),
        Kind::Banned { .. } => Some(Refusal::BANNED),
        Kind::NotPresent => Some(Refusal::NO_RECEIVER),
        Kind::NotFound | Kind::Gone => Some(Refusal::NO_GROUP),
        Kind::Throttled { .. } | Kind::LoginThrottled { .. } => Some(Refusal::TOO_FAST),
        Kind::Unauthenticated | Kind::BadCredentials | Kind::Unavailable | Kind::Vendor { .. } | Kind::Internal => None,
    }
}
