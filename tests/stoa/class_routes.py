"""The routes of the classroom dialect as data: their fields, whom they bind, and who may call them (classroom.md 2.3, 2.8, 2.9)."""

from __future__ import annotations

from dataclasses import dataclass, field

V1, V2, BARE = "/api/v1/class/", "/api/v2/class/", "/api/class/"

# Columns of the table of rights. `bare` and `assistant` hold the slot without and with every right.
CALLERS = ("other", "student", "left", "banned", "bare", "assistant", "teacher", "admin")
# Cells: allowed, forbidden, and the reasons of refusals.
YES, NO, NOT_IN, BLACK = "yes", "no", "NotInClass", "InBlackList"

_EVERYBODY = (YES,) * 8
_MEMBERS = (NO, YES, NO, NO, YES, YES, YES, YES)
_TEACHER = (NO, NO, NO, NO, NO, NO, YES, YES)
_RIGHT = (NO, NO, NO, NO, NO, YES, YES, YES)  # an assistant with the right
_PRESENT = (NOT_IN, YES, NOT_IN, NOT_IN, YES, YES, YES, YES)


@dataclass(frozen=True)
class Route:
    """One route. Kinds of fields: string, choice, json, integer, boolean, names, doc_ids, objects."""

    path: str
    required: dict[str, str]
    optional: dict[str, str] = field(default_factory=dict)
    actor: str = ""  # the field that must name the caller
    may: tuple[str, ...] = _EVERYBODY
    writes: bool = True

    @property
    def fields(self) -> dict[str, str]:
        return self.required | self.optional


_MUTE = {"chatroom_id": "string", "server_type": "string"}
_CHECK_INS = {
    "setCheckIn": dict(required={"class_id": "string", "user_id": "string", "duration": "integer"}, actor="user_id", may=_RIGHT),
    "getRunningCheckIn": dict(required={"class_id": "string"}, may=_MEMBERS, writes=False),
    "getAllCheckIns": dict(required={"class_id": "string"}, may=_RIGHT, writes=False),
    "checkIn": dict(required={"check_in_id": "string", "user_id": "string"}, actor="user_id", may=_PRESENT),
    "getCheckInRecords": dict(required={"check_in_id": "string"}, may=_RIGHT, writes=False),
    "getCheckInRecordByUserId": dict(required={"check_in_id": "string", "user_id": "string"}, may=_RIGHT, writes=False),
}
_STATUS = dict(required={"id": "string", "user_id": "string"}, actor="user_id", may=_TEACHER)
_CREATE = dict(
    required={"title": "string", "teacher_id": "string"},
    optional={"teacher_nick": "string", "notice": "string", "mode": "integer", "extends": "json", "im_server": "names"}, actor="teacher_id",
)
_TOKEN = {"user_id": "string", "device_id": "string", "device_type": "choice"}

# Every protected route by its short name.
ROUTES: dict[str, Route] = {
    "token": Route(V1 + "token", _TOKEN, {"im_server": "names", "role": "string"}, "user_id"),
    "v2/token": Route(V2 + "token", _TOKEN | {"im_server": "names"}, {"role": "string"}, "user_id"),
    "create": Route(V1 + "create", **_CREATE),
    "v2/create": Route(V2 + "create", **_CREATE),
    "list": Route(V1 + "list", {"user_id": "string"}, {"page_num": "integer", "page_size": "integer"}, "user_id", writes=False),
    "get": Route(V1 + "get", {"id": "string", "user_id": "string"}, {}, "user_id", writes=False),
    "joinClass": Route(
        V1 + "joinClass", {"class_id": "string", "user_id": "string", "user_name": "string"}, {"user_avatar": "string", "identity": "integer"},
        "user_id", (YES, YES, YES, BLACK, YES, YES, YES, YES),
    ),
    "leaveClass": Route(V1 + "leaveClass", {"class_id": "string", "user_id": "string"}, {}, "user_id", _PRESENT),
    "start": Route(V1 + "start", **_STATUS),
    "stop": Route(V1 + "stop", **_STATUS),
    "pause": Route(V1 + "pause", **_STATUS),
    "delete": Route(V1 + "delete", **_STATUS),
    "listMembers": Route(
        V1 + "listMembers", {"class_id": "string", "status": "integer"}, {"identity": "integer", "page_num": "integer", "page_size": "integer"},
        may=_MEMBERS, writes=False,
    ),
    "kickClass": Route(V1 + "kickClass", {"class_id": "string", "user_id": "string"}, {"im_server": "names", "ban_seconds": "integer"}, may=_RIGHT),
    "cancelKick": Route(V1 + "cancelKick", {"class_id": "string", "user_id": "string"}, may=_RIGHT),
    "update": Route(V1 + "update", {"id": "string", "user_id": "string"}, {"title": "string", "notice": "string", "extends": "json"}, "user_id", _RIGHT),
    "getMeetingInfo": Route(V1 + "getMeetingInfo", {"id": "string"}, may=_MEMBERS, writes=False),
    "updateMeetingInfo": Route(
        V1 + "updateMeetingInfo", {"id": "string"}, {"members": "objects", "all_mute": "boolean", "interaction_allowed": "boolean"}, may=_TEACHER,
    ),
    "getWhiteboardAuthInfo": Route(V1 + "getWhiteboardAuthInfo", {}, writes=False),
    "addDoc": Route(V1 + "addDoc", {"classId": "string", "docId": "string", "serverType": "string", "data": "json"}, may=_RIGHT),
    "deleteDoc": Route(V1 + "deleteDoc", {"classId": "string", "docId": "string"}, may=_RIGHT),
    "queryDoc": Route(V1 + "queryDoc", {"classId": "string"}, may=_MEMBERS, writes=False),
    "addDocs": Route(V1 + "addDocs", {"classId": "string", "docInfo": "objects"}, may=_RIGHT),
    "deleteDocs": Route(V1 + "deleteDocs", {"classId": "string", "docIds": "doc_ids"}, may=_RIGHT),
    "setAssistantPermit": Route(V1 + "setAssistantPermit", {"class_id": "string", "permit": "json"}, {"assistant_id": "string"}, may=_TEACHER),
    "deleteAssistantPermit": Route(V1 + "deleteAssistantPermit", {"class_id": "string"}, {"im_server": "names"}, may=_TEACHER),
    "getAssistantPermit": Route(V1 + "getAssistantPermit", {"class_id": "string"}, writes=False),
    **{name: Route(BARE + name, **facts) for name, facts in _CHECK_INS.items()},
    **{f"v1/{name}": Route(V1 + name, **facts) for name, facts in _CHECK_INS.items()},
    "muteUser": Route(V1 + "muteUser", _MUTE | {"user_id": "string", "minute": "integer"}, may=_RIGHT),
    "cancelMuteUser": Route(V1 + "cancelMuteUser", _MUTE | {"user_id": "string"}, may=_RIGHT),
    "muteChatroom": Route(V1 + "muteChatroom", _MUTE, may=_RIGHT),
    "cancelMuteChatroom": Route(V1 + "cancelMuteChatroom", _MUTE, may=_RIGHT),
    "isMuteChatroom": Route(V1 + "isMuteChatroom", _MUTE, may=_MEMBERS, writes=False),
    "sendLikeMessage": Route(V1 + "sendLikeMessage", _MUTE | {"user_id": "string"}, {}, "user_id", _MEMBERS),
    "getStatistics": Route(V1 + "getStatistics", _MUTE, may=_MEMBERS, writes=False),
    "getRtcAuthToken": Route(V1 + "getRtcAuthToken", {"room_id": "string", "user_id": "string"}, {}, "user_id", _MEMBERS, writes=False),
    "getLiveJumpUrl": Route(V1 + "getLiveJumpUrl", {"user_id": "string", "live_id": "string"}, {"user_name": "string"}, "user_id", writes=False),
}
# A student may read its own record, and no other: a row of its own in the table of rights.
OWN_RECORD = (NO, YES, NO, NO, YES, YES, YES, YES)

# Open routes: no token is looked at.
OPEN: dict[str, Route] = {
    "/login": Route("/login", {"username": "string", "password": "string"}),
    "login": Route(V1 + "login", {"username": "string", "password": "string"}),
    "verifyAuthToken": Route(
        V1 + "verifyAuthToken", {"user_id": "string", "live_id": "string", "app_server": "string", "token": "string"}, {"user_name": "string"},
    ),
}
# Routes whose answer is not in the envelope.
FLAT = ("getRtcAuthToken", "getLiveJumpUrl", "verifyAuthToken")
# The names of rights that a permit can hold and that mean something, and those that mean nothing yet.
RIGHTS = ("MemberManagement", "CheckInManagement", "EditAnnouncement", "Courceware", "RemoveGroupMessage", "MuteUser", "MuteGroup", "DrawWhiteboard")
EMPTY_RIGHTS = ("SwitchClassStatus", "InteractionManagement", "ScreenShare", "LocalMediaShare", "JoinInteraction")

# Fields by what they name; the rest of a body is filler.
CLASS_FIELDS = ("id", "class_id", "classId", "chatroom_id", "live_id")
