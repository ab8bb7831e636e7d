//! Roll calls: six routes, each at two paths (classroom.md 4.24, 5.9). The official client calls them without `/v1`.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::class::{CheckIn, CheckInRecord, Rollcall};
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use crate::read::{check_in_id, class_id, needed_within};
use crate::refuse::{Missing, carry_out, respond};
use crate::reply::{Answer, ReasonAnswer, conflict, declined, done, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// Longest roll call in seconds: a day.
const MAX_SECS: i64 = 86_400;

/// What `setCheckIn` reads.
#[derive(ToSchema)]
pub struct SetCheckInRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub class_id: String,
    /// The caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// Seconds.
    #[schema(minimum = 1, maximum = 86400)]
    pub duration: i64,
}

/// A class.
#[derive(ToSchema)]
pub struct CheckInsRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub class_id: String,
}

/// A roll call.
#[derive(ToSchema)]
pub struct RecordsRequest {
    /// The roll call.
    #[schema(min_length = 1)]
    pub check_in_id: String,
}

/// A roll call, and somebody.
#[derive(ToSchema)]
pub struct RecordRequest {
    /// The roll call.
    #[schema(min_length = 1)]
    pub check_in_id: String,
    /// Who: for `checkIn` the caller.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
}

/// A roll call. Only `start_time + duration - now_time` means something to clients.
#[derive(Serialize, ToSchema)]
pub struct CheckInBody {
    /// 32 lower-case hex digits.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    id: String,
    /// Begun at; no mark of the zone.
    #[schema(example = "2023-11-24T11:50:00")]
    start_time: String,
    /// The server's clock at this answer.
    #[schema(example = "2023-11-24T11:50:12")]
    now_time: String,
    /// Seconds.
    duration: u32,
}

/// Somebody's answer to a roll call.
#[derive(Serialize, ToSchema)]
pub struct RecordBody {
    /// Who.
    user_id: String,
    /// When; no mark of the zone.
    #[schema(example = "2023-11-24T11:50:12")]
    time: String,
    /// The roll call.
    check_in_id: String,
    /// The class.
    class_id: String,
}

/// Roll calls, in the order of their begin. A type of its own, as the next: in the document lists of two kinds would
/// share one name.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
pub struct CheckInBodies(Vec<CheckInBody>);

/// Answers, in the order they came.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
pub struct RecordBodies(Vec<RecordBody>);

impl CheckInBody {
    fn of(v: &ClassState, check_in: &CheckIn) -> Self {
        let zone = &v.api().config().zone;
        Self {
            id: check_in.id.to_string(),
            start_time: zone.local(check_in.start),
            now_time: zone.local(v.now()),
            duration: check_in.secs,
        }
    }
}

impl RecordBody {
    fn of(v: &ClassState, check_in: &CheckIn, record: &CheckInRecord) -> Self {
        Self {
            user_id: record.user.to_string(),
            time: v.api().config().zone.local(record.at),
            check_in_id: check_in.id.to_string(),
            class_id: check_in.class.to_string(),
        }
    }
}

/// One handler at two paths: each has its own line in the description.
macro_rules! at_both_paths {
    ($($route:ident, $route_v1:ident, $id:literal, $id_v1:literal, $path:literal, $path_v1:literal, $summary:literal,
        $request:ty, $body:ty, $how:ident, $run:ident;)*) => { $(
        #[doc = $summary]
        #[utoipa::path(post, path = $path, tag = "classroom", operation_id = $id, summary = $summary,
            request_body = $request, security(("bearer" = [])),
            responses((status = 200, description = "the answer, or why not", body = $body), Refusals))]
        pub async fn $route(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
            $how(Missing::CheckIn, call, |call| $run(v, call)).await
        }

        #[doc = $summary]
        #[utoipa::path(post, path = $path_v1, tag = "classroom", operation_id = $id_v1, summary = $summary,
            request_body = $request, security(("bearer" = [])),
            responses((status = 200, description = "the answer, or why not", body = $body), Refusals))]
        pub async fn $route_v1(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
            $how(Missing::CheckIn, call, |call| $run(v, call)).await
        }
    )* };
}

at_both_paths! {
    set_check_in, set_check_in_v1, "setCheckIn", "setCheckInV1",
        "/api/class/setCheckIn", "/api/v1/class/setCheckIn",
        "Call the roll", SetCheckInRequest, Answer<CheckInBody>, carry_out, set;
    get_running_check_in, get_running_check_in_v1, "getRunningCheckIn", "getRunningCheckInV1",
        "/api/class/getRunningCheckIn", "/api/v1/class/getRunningCheckIn",
        "The roll call that runs", CheckInsRequest, Answer<CheckInBody>, respond, running;
    get_all_check_ins, get_all_check_ins_v1, "getAllCheckIns", "getAllCheckInsV1",
        "/api/class/getAllCheckIns", "/api/v1/class/getAllCheckIns",
        "All roll calls of a class", CheckInsRequest, Answer<CheckInBodies>, respond, all;
    check_in, check_in_v1, "checkIn", "checkInV1",
        "/api/class/checkIn", "/api/v1/class/checkIn",
        "Answer a roll call", RecordRequest, ReasonAnswer, carry_out, answer;
    get_check_in_records, get_check_in_records_v1, "getCheckInRecords", "getCheckInRecordsV1",
        "/api/class/getCheckInRecords", "/api/v1/class/getCheckInRecords",
        "Who answered a roll call", RecordsRequest, Answer<RecordBodies>, respond, records;
    get_check_in_record_by_user_id, get_check_in_record_by_user_id_v1,
        "getCheckInRecordByUserId", "getCheckInRecordByUserIdV1",
        "/api/class/getCheckInRecordByUserId", "/api/v1/class/getCheckInRecordByUserId",
        "One user's answer to a roll call", RecordRequest, Answer<RecordBody>, respond, record;
}

async fn set(v: ClassState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let (id, user, secs) =
        (class_id(f, "class_id"), f.user_id("user_id"), needed_within(f, "duration", 1..=MAX_SECS)).together()?;
    let secs = u32::try_from(secs).unwrap_or(u32::MAX);
    match v.classes().start_check_in(&call.caller, id, &user, secs).await? {
        Some(check_in) => ok(CheckInBody::of(&v, &check_in)),
        None => conflict("AlreadyCheckIn"),
    }
}

async fn running(v: ClassState, call: Call) -> Result<Response, Error> {
    let id = class_id(&call.fields, "class_id")?;
    ok(CheckInBody::of(&v, &v.classes().running_check_in(&call.caller, id).await?))
}

async fn all(v: ClassState, call: Call) -> Result<Response, Error> {
    let all = v.classes().check_ins(&call.caller, class_id(&call.fields, "class_id")?).await?;
    ok(CheckInBodies(all.iter().map(|c| CheckInBody::of(&v, c)).collect()))
}

async fn answer(v: ClassState, call: Call) -> Result<Response, Error> {
    let (id, user) = (check_in_id(&call.fields), call.fields.user_id("user_id")).together()?;
    match v.classes().answer_check_in(&call.caller, id, &user).await? {
        Rollcall::Done => done(),
        Rollcall::Unknown => declined("NotFound"),
        Rollcall::Repeated => declined("AlreadyCheckIn"),
        Rollcall::Over => declined("CheckInEnded"),
        Rollcall::NotInClass => declined("NotInClass"),
    }
}

async fn records(v: ClassState, call: Call) -> Result<Response, Error> {
    let (check_in, records) = v.classes().check_in_records(&call.caller, check_in_id(&call.fields)?).await?;
    ok(RecordBodies(records.iter().map(|r| RecordBody::of(&v, &check_in, r)).collect()))
}

async fn record(v: ClassState, call: Call) -> Result<Response, Error> {
    let (id, user) = (check_in_id(&call.fields), call.fields.user_id("user_id")).together()?;
    let (check_in, record) = v.classes().check_in_record(&call.caller, id, &user).await?;
    ok(RecordBody::of(&v, &check_in, &record))
}
