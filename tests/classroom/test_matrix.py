"""The table of rights (classroom.md 2.9), generated: every route of the API document × every kind of caller. G28, G29, and the matrix of who gets in at all."""

from __future__ import annotations

import json
import time

import pytest

from stoa import tokens
from stoa.class_routes import CALLERS, NO, OPEN, OWN_RECORD, ROUTES, YES
from stoa.class_world import World, open_body
from stoa.classroom import SETTINGS, Person, fresh, person, post
from stoa.notes import note
from stoa.postgres import store_url
from stoa.server import Server

# Callers that no route lets in.
STRANGERS = ("nobody", "garbage", "expired", "other_app", "media_token", "hub_token")
# Rows of the table: every route, and a reading of one's own record.
ROWS = [*ROUTES, "getCheckInRecordByUserId:self"]


def document(server) -> dict:
    answer = server.http.raw("GET", "/openapi/classroom.json")
    assert answer.status == 200
    return json.loads(answer.raw)


def documented(server) -> set[str]:
    """Paths of the document that take a POST and belong to the dialect."""
    return {path for path, item in document(server)["paths"].items() if "post" in item and not path.startswith(("/whip", "/whep"))}


def test_every_route_of_the_document_is_in_the_table(server):
    """A new route fails here until somebody says who may call it."""
    known = {route.path for route in (ROUTES | OPEN).values()} - {"/login"}  # which the voice-room document describes
    assert documented(server) == known, documented(server) ^ known


def test_the_document_says_which_routes_need_a_token(server):
    paths = document(server)["paths"]
    secured = lambda path: paths[path]["post"].get("security", document(server).get("security", []))
    assert not [r for r in ROUTES if not any(secured(ROUTES[r].path))]
    assert not any(secured(OPEN["login"].path))


def stranger_token(kind: str, world: World) -> str | None:
    now = int(time.time())
    name = world.teacher.name
    return {
        "nobody": lambda: None,
        "garbage": lambda: "abc.def.ghi",
        "expired": lambda: tokens.login_token(name, iat=now - 7200, exp=now - 3600),
        "other_app": lambda: tokens.login_token(name, key=tokens.OTHER_KEY),
        "media_token": lambda: tokens.media_token(name, world.meeting),
        "hub_token": lambda: world.teacher.hub_token().ok()["hub"]["token"],
    }[kind]()


@pytest.mark.parametrize("kind", STRANGERS)
@pytest.mark.parametrize("route", ROUTES)
def test_strangers_stay_out(world, route, kind):
    body = world.body(route, world.teacher)
    post(world.server.http, ROUTES[route].path, body, token=stranger_token(kind, world)).unauthorized()


@pytest.mark.parametrize("kind", STRANGERS)
@pytest.mark.parametrize("route", OPEN)
def test_open_routes_do_not_look_at_tokens(world, route, kind):
    if route == "/login":  # its answers are those of both dialects
        token = stranger_token(kind, world)
        assert world.server.http.login(fresh("x"), token=token).ok()
        return
    reply = post(world.server.http, OPEN[route].path, open_body(route), token=stranger_token(kind, world))
    assert reply.status == 200, reply


def cell(row: str, caller: str) -> str:
    may = OWN_RECORD if row.endswith(":self") else ROUTES[row].may
    return may[CALLERS.index(caller)]


def asked(world: World, row: str, caller: str) -> tuple[str, Person, dict]:
    """Route, who asks, and the body: by themselves, about the class of `world`."""
    route, _, own = row.partition(":")
    who = world.caller(caller)
    body = world.body(route, who)
    if caller == "admin" and route in ("checkIn", "v1/checkIn", "leaveClass"):
        body["user_id"] = world.student.name  # who is not in class cannot leave it; an operator acts for somebody
    if own:
        body["user_id"] = world.peer.name if caller == "admin" else who.name
        if cell(row, caller) == YES and caller != "admin":
            who.check_in(world.check_in)
    return route, who, body


# Made once per database, for calls that are refused: bare is an assistant without rights, world one with all.
@pytest.fixture(scope="session")
def poor(server) -> World:
    return World(server, rights=False)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("row", ROWS)
def test_G29_table(server, world, poor, row, caller):
    want = cell(row, caller)
    route = row.partition(":")[0]
    shared = poor if caller == "bare" else world
    if (want == YES and ROUTES[route].writes) or row.endswith(":self"):
        shared = World(server, rights=caller != "bare", check_in=not route.endswith("setCheckIn"))
    route, who, body = asked(shared, row, caller)
    reply = who.call(route, body)
    assert reply.outcome == want, f"{caller} asks {route}, expected {want}: {reply}"
    if want == NO:
        reply.denied()
    if route == "get" and caller == "banned":
        assert not {"link_info", "shadow_link_info"} & set(reply.ok())


@pytest.mark.parametrize("caller", CALLERS[:6])
def test_G29_whoever_is_refused_changed_nothing(world, poor, caller):
    shared = poor if caller == "bare" else world
    before = shared.snapshot()
    refused = 0
    for row in ROWS:
        if cell(row, caller) == NO:
            route, who, body = asked(shared, row, caller)
            who.call(route, body).denied()
            refused += 1
    assert shared.snapshot() == before
    assert refused > 3


def test_G29_the_table_is_whole(server):
    cells = len(ROWS) * len(CALLERS) + (len(ROUTES) + len(OPEN)) * len(STRANGERS)
    note(f"classroom matrix: {len(ROUTES) + len(OPEN)} routes, {cells} cells")
    assert all(len(route.may) == len(CALLERS) for route in ROUTES.values())


BOUND = [r for r, route in ROUTES.items() if route.actor]


@pytest.mark.parametrize("route", BOUND)
def test_G28_for_somebody_else(server, world, route):
    """As the teacher, who may do everything in this class, but not in another's name."""
    body = world.body(route, world.teacher) | {ROUTES[route].actor: world.peer.name}
    world.teacher.call(route, body).denied()


@pytest.mark.parametrize("route", BOUND)
def test_G28_admins_act_for_anybody(server, route):
    world = World(server, check_in=not route.endswith("setCheckIn"))
    name = world.student.name if route in ("joinClass", "leaveClass", "checkIn", "v1/checkIn", "sendLikeMessage") else world.teacher.name
    body = world.body(route, world.admin) | {ROUTES[route].actor: name}
    reply = world.admin.call(route, body)
    assert reply.outcome == YES, reply
    if route == "joinClass":
        assert "the-operator" not in world.teacher.rows(world.id)
    if route == "get":
        assert f"userId={name}&" in reply.ok()["link_info"]["rtc_push_url"]


def test_G28_admins_are_named_not_claimed(server, world):
    bold = Person(server.http, "bold", tokens.login_token("bold", admin=True, role="admin", is_admin=1))
    bold.start(world.id).denied()
    bold.list(user_id=world.teacher.name).denied()


@pytest.fixture(scope="session")
def unbound(request, store):
    """A server that does not bind the caller, for migration tests."""
    made = Server(store_url=store_url(request, store), settings=SETTINGS | {"auth.bind_subject": False})
    try:
        yield made.start()
        assert "bind_subject" in made.log(), "no warning"
    finally:
        made.discard()


@pytest.mark.parametrize("route", BOUND)
def test_G28_without_binding(unbound, route):
    world = World(unbound, check_in=not route.endswith("setCheckIn"))
    name = world.student.name if route in ("joinClass", "leaveClass", "checkIn", "v1/checkIn", "sendLikeMessage") else world.teacher.name
    body = world.body(route, world.other) | {ROUTES[route].actor: name}
    reply = person(unbound).call(route, body)
    assert reply.outcome == YES, reply
