"""A class with somebody in every role, and the body that fits each route: what the generated tests of the classroom start from."""

from __future__ import annotations

import json
from typing import Any

from .class_routes import CLASS_FIELDS, OPEN, RIGHTS, ROUTES
from .classroom import Person, fresh, person
from .server import ADMIN, Server


class World:
    """Teacher, student, a second student (`peer`), one who left, one who is banned, the assistant with all rights or none, somebody else, the operator."""

    def __init__(self, server: Server, *, rights: bool = True, check_in: bool = True) -> None:
        make = lambda: person(server)
        self.server = server
        self.teacher, self.student, self.peer, self.left, self.banned, self.assistant, self.other = (make() for _ in range(7))
        self.admin = person(server, ADMIN)
        made = self.teacher.klass(mode=1)
        self.id, self.meeting = made["id"], made["meeting_id"]
        self.teacher.permit(self.id, json.dumps(RIGHTS if rights else [])).ok()
        for one in (self.teacher, self.student, self.peer, self.left, self.banned):
            one.join(self.id).ok()
        self.assistant.assist(self.id).ok()
        self.left.leave(self.id).ok()
        self.teacher.kick(self.id, self.banned).ok()
        self.teacher.add_doc(self.id, "doc-1").ok()
        self.check_in = ""
        if check_in:
            self.check_in = self.teacher.set_check_in(self.id, 3600).ok()["id"]
            self.peer.check_in(self.check_in).ok()

    def caller(self, column: str) -> Person:
        """Who stands in that column of the table of rights."""
        return getattr(self, "assistant" if column == "bare" else column)

    def body(self, route: str, caller: Person) -> dict[str, Any]:
        """A body that does what the route is for, asked by `caller`."""
        actor = ROUTES[route].actor
        body: dict[str, Any] = {}
        for name in ROUTES[route].required:
            body[name] = self.value(name)
        if actor:
            body[actor] = caller.name
        match route:
            case "update":
                body["notice"] = "news"
            case "updateMeetingInfo":
                body["members"] = [{"user_id": self.student.name}]
            case "cancelKick":
                body["user_id"] = self.banned.name
            case "deleteDoc" | "deleteDocs":
                body |= {"docId": "doc-1"} if route == "deleteDoc" else {"docIds": "doc-1"}
        return body

    def value(self, name: str) -> Any:
        """Something good for a field of that name."""
        if name in CLASS_FIELDS:
            return self.id
        return {
            "user_id": self.peer.name, "teacher_id": self.teacher.name, "title": "t", "device_id": "d1", "device_type": "web", "im_server": ["aliyun_new"],
            "user_name": "somebody", "status": 0, "docId": fresh("doc"), "docIds": "doc-1", "serverType": "NetEase", "data": "{}", "docInfo": [], "permit": "[]",
            "duration": 60, "check_in_id": self.check_in, "minute": 1, "server_type": "rongCloud", "room_id": self.meeting,
        }[name]

    def snapshot(self) -> dict:
        """Everything that a refused call could have changed."""
        t = self.teacher
        return {
            "class": {k: v for k, v in t.get(self.id).ok().items() if k not in ("link_info", "shadow_link_info")},
            "rows": t.rows(self.id),
            "docs": t.docs(self.id),
            "meeting": t.info(self.id).ok(),
            "permit": t.get_permit(self.id).ok(),
            "check_ins": [c["id"] for c in t.call("getAllCheckIns", {"class_id": self.id}).ok()],
            "records": t.call("getCheckInRecords", {"check_in_id": self.check_in}).ok(),
            "muted": t.room_call("isMuteChatroom", self.id).ok(),
            "bans": {p.name: p.get(self.id).ok().keys() >= {"link_info"} for p in (self.student, self.peer, self.left, self.banned, self.assistant)},
            "mutes": {p.name: p.get(self.id).ok()["user_status"] for p in (self.student, self.peer)},
        }


def open_body(route: str) -> dict[str, Any]:
    """A body for a route without a token; it need not succeed."""
    return {name: "alice" for name in OPEN[route].required}
