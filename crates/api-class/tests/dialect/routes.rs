//! All routes with a good request, for tests that are generated over them.

use serde_json::{Map, Value, json};

use crate::server::Server;

/// What a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    /// A class.
    Class,
    /// A running check-in of that class.
    CheckIn,
    /// The class's media channel.
    Room,
    /// The caller.
    Me,
    /// Somebody else.
    Target,
    /// A required text that may be any text.
    Text(&'static str),
    /// A required text with rules of its own.
    Word(&'static str),
    /// An optional text.
    Maybe(&'static str),
    /// A required text that may be JSON.
    Opaque(&'static str),
    /// An optional text that may be JSON.
    MaybeOpaque(&'static str),
    /// A required integer.
    Int(i64),
    /// An optional integer.
    MaybeInt(i64),
    /// An optional boolean.
    MaybeBool(bool),
    /// A required list or text.
    Ids(&'static str),
}

impl Is {
    /// A text without which the request is refused.
    pub fn required_text(self) -> bool {
        !matches!(self, Self::Maybe(_) | Self::MaybeOpaque(_) | Self::Int(_) | Self::MaybeInt(_) | Self::MaybeBool(_))
    }

    pub fn integer(self) -> bool {
        matches!(self, Self::Int(_) | Self::MaybeInt(_))
    }
}

/// A route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub path: &'static str,
    pub fields: &'static [(&'static str, Is)],
    /// The field that must be the caller.
    pub actor: Option<&'static str>,
}

macro_rules! routes {
    ($($path:literal $actor:expr, [$($name:literal $is:expr),*];)*) => {
        /// Every route behind a token.
        pub const ROUTES: &[Route] = &[$(Route { path: $path, fields: &[$(($name, $is)),*], actor: $actor }),*];
    };
}

use Is::{CheckIn, Class, Ids, Int, Maybe, MaybeBool, MaybeInt, MaybeOpaque, Me, Opaque, Room, Target, Text, Word};

routes! {
    "/api/v1/class/token" Some("user_id"), ["user_id" Me, "device_id" Text("d1"), "device_type" Word("web"), "role" Maybe("admin")];
    "/api/v2/class/token" Some("user_id"), ["user_id" Me, "device_id" Text("d1"), "device_type" Word("web"), "role" Maybe("admin"), "im_server" Ids("aliyun_new")];
    "/api/v1/class/create" Some("teacher_id"), ["teacher_id" Me, "title" Text("T"), "teacher_nick" Maybe("N"), "notice" Maybe("n"), "mode" MaybeInt(1), "extends" MaybeOpaque("{}")];
    "/api/v2/class/create" Some("teacher_id"), ["teacher_id" Me, "title" Text("T"), "teacher_nick" Maybe("N"), "notice" Maybe("n"), "mode" MaybeInt(1), "extends" MaybeOpaque("{}")];
    "/api/v1/class/list" Some("user_id"), ["user_id" Me, "page_num" MaybeInt(1), "page_size" MaybeInt(10)];
    "/api/v1/class/get" Some("user_id"), ["id" Class, "user_id" Me];
    "/api/v1/class/joinClass" Some("user_id"), ["class_id" Class, "user_id" Me, "user_name" Text("Me"), "user_avatar" Maybe("https://x"), "identity" MaybeInt(1)];
    "/api/v1/class/leaveClass" Some("user_id"), ["class_id" Class, "user_id" Me];
    "/api/v1/class/start" Some("user_id"), ["id" Class, "user_id" Me];
    "/api/v1/class/pause" Some("user_id"), ["id" Class, "user_id" Me];
    "/api/v1/class/stop" Some("user_id"), ["id" Class, "user_id" Me];
    "/api/v1/class/listMembers" None, ["class_id" Class, "identity" MaybeInt(0), "status" Int(1), "page_num" MaybeInt(1), "page_size" MaybeInt(10)];
    "/api/v1/class/kickClass" None, ["class_id" Class, "user_id" Target, "ban_seconds" MaybeInt(60)];
    "/api/v1/class/cancelKick" None, ["class_id" Class, "user_id" Target];
    "/api/v1/class/update" Some("user_id"), ["id" Class, "user_id" Me, "title" Maybe("New"), "notice" Maybe("n"), "extends" MaybeOpaque("{}")];
    "/api/v1/class/delete" Some("user_id"), ["id" Class, "user_id" Me];
    "/api/v1/class/getMeetingInfo" None, ["id" Class];
    "/api/v1/class/updateMeetingInfo" None, ["id" Class, "all_mute" MaybeBool(true), "interaction_allowed" MaybeBool(false)];
    "/api/v1/class/getWhiteboardAuthInfo" None, [];
    "/api/v1/class/addDoc" None, ["classId" Class, "docId" Text("doc_1"), "serverType" Text("NetEase"), "data" Opaque("{}")];
    "/api/v1/class/addDocs" None, ["classId" Class];
    "/api/v1/class/deleteDoc" None, ["classId" Class, "docId" Text("known")];
    "/api/v1/class/deleteDocs" None, ["classId" Class, "docIds" Ids("known,other")];
    "/api/v1/class/queryDoc" None, ["classId" Class];
    "/api/v1/class/setAssistantPermit" None, ["class_id" Class, "permit" Opaque("[]"), "assistant_id" Maybe("asst1")];
    "/api/v1/class/deleteAssistantPermit" None, ["class_id" Class];
    "/api/v1/class/getAssistantPermit" None, ["class_id" Class];
    "/api/class/setCheckIn" Some("user_id"), ["class_id" Class, "user_id" Me, "duration" Int(60)];
    "/api/class/getRunningCheckIn" None, ["class_id" Class];
    "/api/class/getAllCheckIns" None, ["class_id" Class];
    "/api/class/checkIn" Some("user_id"), ["check_in_id" CheckIn, "user_id" Me];
    "/api/class/getCheckInRecords" None, ["check_in_id" CheckIn];
    "/api/class/getCheckInRecordByUserId" None, ["check_in_id" CheckIn, "user_id" Target];
    "/api/v1/class/setCheckIn" Some("user_id"), ["class_id" Class, "user_id" Me, "duration" Int(60)];
    "/api/v1/class/getRunningCheckIn" None, ["class_id" Class];
    "/api/v1/class/getAllCheckIns" None, ["class_id" Class];
    "/api/v1/class/checkIn" Some("user_id"), ["check_in_id" CheckIn, "user_id" Me];
    "/api/v1/class/getCheckInRecords" None, ["check_in_id" CheckIn];
    "/api/v1/class/getCheckInRecordByUserId" None, ["check_in_id" CheckIn, "user_id" Target];
    "/api/v1/class/muteUser" None, ["chatroom_id" Class, "user_id" Target, "minute" Int(1), "server_type" Text("rongCloud")];
    "/api/v1/class/cancelMuteUser" None, ["chatroom_id" Class, "user_id" Target, "server_type" Text("rongCloud")];
    "/api/v1/class/muteChatroom" None, ["chatroom_id" Class, "server_type" Text("rongCloud")];
    "/api/v1/class/cancelMuteChatroom" None, ["chatroom_id" Class, "server_type" Text("rongCloud")];
    "/api/v1/class/isMuteChatroom" None, ["chatroom_id" Class, "server_type" Text("rongCloud")];
    "/api/v1/class/sendLikeMessage" Some("user_id"), ["chatroom_id" Class, "user_id" Me, "server_type" Text("rongCloud")];
    "/api/v1/class/getStatistics" None, ["chatroom_id" Class, "server_type" Text("rongCloud")];
    "/api/v1/class/getRtcAuthToken" Some("user_id"), ["room_id" Room, "user_id" Me];
    "/api/v1/class/getLiveJumpUrl" Some("user_id"), ["live_id" Class, "user_id" Me, "user_name" Maybe("Me")];
}

/// A server with a class of `teacher1`, in which the teacher and `stu01` are, where a roll call runs that `stu01`
/// answered, and which has the document `known`. Routes that begin a roll call have none.
pub struct Scene {
    pub server: Server,
    pub class: String,
    pub room: String,
    pub check_in: String,
}

impl Scene {
    pub async fn of(server: Server, route: &Route) -> Self {
        let class = server.class().await;
        let room = server.get("teacher1", &class).await["meeting_id"].as_str().unwrap().to_owned();
        for name in ["teacher1", "stu01"] {
            server.join(&class, name, None).await.is("ok");
        }
        let doc = json!({"classId": class, "docId": "known", "serverType": "NetEase", "data": "{}"});
        server.data("teacher1", "addDoc", doc).await;
        let mut check_in = String::new();
        if !route.path.ends_with("/setCheckIn") {
            let made = server
                .data("teacher1", "setCheckIn", json!({"class_id": class, "user_id": "teacher1", "duration": 60}))
                .await;
            check_in = made["id"].as_str().unwrap().to_owned();
            server.data("stu01", "checkIn", json!({"check_in_id": check_in, "user_id": "stu01"})).await;
        }
        Self { server, class, room, check_in }
    }

    pub async fn new(route: &Route) -> Self {
        Self::of(Server::new().await, route).await
    }

    /// A good value of a field.
    pub fn value(&self, is: Is, me: &str) -> Value {
        match is {
            Class => json!(self.class),
            CheckIn => json!(self.check_in),
            Room => json!(self.room),
            Me => json!(me),
            Target => json!("stu01"),
            Text(s) | Word(s) | Maybe(s) | Opaque(s) | MaybeOpaque(s) | Ids(s) => json!(s),
            Int(n) | MaybeInt(n) => json!(n),
            MaybeBool(b) => json!(b),
        }
    }

    /// A good body for this caller.
    pub fn body(&self, route: &Route, me: &str) -> Map<String, Value> {
        let mut body: Map<String, Value> =
            route.fields.iter().map(|(name, is)| ((*name).to_owned(), self.value(*is, me))).collect();
        if route.path.ends_with("/addDocs") {
            body.insert("docInfo".into(), json!([{"docId": "new", "serverType": 0, "data": "{}"}]));
        }
        body
    }
}
