"""Courseware as uploaded files, beside the contract: rights, types, sizes, names, addresses, what goes with what, restarts, two processes."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from stoa.class_routes import RIGHTS
from stoa.classroom import UNKNOWN, Person, Reply, person, request
from stoa.server import Server

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
HEADS = {
    "image/png": PNG, "image/jpeg": b"\xff\xd8\xff\xe0" + b"j" * 99, "image/gif": b"GIF89a" + b"g" * 99,
    "image/webp": b"RIFF\x64\0\0\0WEBPVP8 " + b"w" * 99, "application/pdf": b"%PDF-1.7\n" + b"p" * 99,
}
KIB = 1024
PART = 256 * KIB


def pdf(size: int) -> bytes:
    """Every part of it is different."""
    return (b"%PDF-1.7\n" + b"".join(n.to_bytes(4, "big") for n in range(size // 4)))[:size]


def upload(who: Person, c: str, content: bytes, name: str = "page.png", *, length: int | None = None) -> Reply:
    query = urlencode({"class_id": c, "name": name}, quote_via=quote)
    headers = [("Content-Type", "text/html")] + ([] if length is None else [("Content-Length", str(length))])
    return request(who.http, "PUT", f"/api/v1/class/uploadFile?{query}", token=who.token, headers=headers, body=content if length is None else None)


def facts(doc: dict) -> dict:
    got = json.loads(doc["docInfos"])
    assert set(got) == {"name", "url", "type", "size"}, got
    return got


@dataclass
class Got:
    status: int
    headers: dict[str, str]
    body: bytes


def read(server: Server, url: str, headers: dict[str, str] | None = None, method: str = "GET") -> Got:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), headers=headers or {})
        answer = connection.getresponse()
        return Got(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def shown(who: Person, c: str) -> dict[str, dict]:
    return {d["docId"]: facts(d) for d in who.docs(c) if d["serverType"] == "stoa"}


def test_a_file_is_a_document(server, teacher, student, c):
    content = pdf(5 * PART + 77)
    doc = upload(teacher, c, content, "第一课 (1).pdf").ok()
    assert doc["classId"] == c and doc["serverType"] == "stoa" and teacher.docs(c) == [doc]
    student.join(c).ok()
    (got,) = shown(student, c).values()
    assert (got["name"], got["type"], got["size"]) == ("第一课 (1).pdf", "application/pdf", len(content))
    assert got["url"].startswith(f"{server.url}/files/{doc['docId']}/") and dict(parse_qsl(urlsplit(got["url"]).query))["user"] == student.name
    answer = read(server, got["url"])
    assert answer.status == 200 and answer.body == content
    assert answer.headers["content-type"] == "application/pdf" and answer.headers["content-length"] == str(len(content))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["content-disposition"].startswith("inline; filename=\"___ (1).pdf\"; filename*=UTF-8''%E7%AC%AC")
    assert answer.headers["cache-control"].startswith("private, max-age=") and answer.headers["accept-ranges"] == "bytes"
    head = read(server, got["url"], method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(content)))
    assert read(server, got["url"], {"If-None-Match": answer.headers["etag"]}).status == 304


@pytest.mark.parametrize("first,last", [(0, 0), (PART - 1, PART), (PART, 3 * PART - 1), (10, 2 * PART + 10), (3 * PART, 3 * PART + 9)])
def test_pieces(server, teacher, c, first, last):
    content = pdf(3 * PART + 10)
    url = facts(upload(teacher, c, content).ok())["url"]
    got = read(server, url, {"Range": f"bytes={first}-{last}"})
    assert (got.status, got.headers["content-range"]) == (206, f"bytes {first}-{last}/{len(content)}")
    assert got.body == content[first : last + 1]


def test_pieces_that_are_not_there(server, teacher, c):
    url = facts(upload(teacher, c, PNG).ok())["url"]
    got = read(server, url, {"Range": f"bytes={len(PNG)}-"})
    assert (got.status, got.headers["content-range"], got.body) == (416, f"bytes */{len(PNG)}", b"")
    for whole in ("bytes=5-1", "bytes=x", "bytes=0-1,4-5"):
        assert read(server, url, {"Range": whole}).body == PNG
    assert read(server, url, {"Range": "bytes=-10"}).body == PNG[-10:]
    assert read(server, url, {"Range": "bytes=0-1", "If-Range": '"another"'}).body == PNG


def test_rights(server, teacher, student, other, root, c):
    helper, left, banned = (person(server) for _ in range(3))
    for one in (student, left, banned):
        one.join(c).ok()
    left.leave(c).ok()
    teacher.kick(c, banned).ok()
    teacher.call("setAssistantPermit", {"class_id": c, "permit": json.dumps([r for r in RIGHTS if r != "Courceware"])}).ok()
    helper.assist(c).ok()
    for who in (student, other, left, banned, helper):
        upload(who, c, PNG).denied()
    teacher.call("setAssistantPermit", {"class_id": c, "permit": json.dumps(["Courceware"])}).ok()
    for who in (helper, teacher, root):
        upload(who, c, PNG).ok()
    assert len(teacher.docs(c)) == 3
    upload(teacher, UNKNOWN, PNG).missing()
    upload(teacher, "../..", PNG).missing()
    request(server.http, "PUT", f"/api/v1/class/uploadFile?class_id={c}&name=a", body=PNG).unauthorized()
    limits = request(server.http, "GET", f"/api/v1/class/uploadFile?class_id={c}", token=helper.token).ok()
    assert set(limits.pop("types")) == set(HEADS)
    assert limits == {"maxBytes": 32 << 20, "totalBytes": 512 << 20, "usedBytes": 3 * len(PNG)}
    request(server.http, "GET", f"/api/v1/class/uploadFile?class_id={c}", token=student.token).denied()


@pytest.mark.parametrize("kind", HEADS)
def test_types(server, teacher, c, kind):
    got = facts(upload(teacher, c, HEADS[kind], "anything.html").ok())
    assert got["type"] == kind and got["name"].startswith("anything.html.")
    answer = read(server, got["url"], {"Accept": "text/html"})
    assert answer.headers["content-type"] == kind and answer.body == HEADS[kind]


@pytest.mark.parametrize("content", [
    b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"<?xml version='1.0'?><svg/>", b"<!DOCTYPE html><p>", b"<html>%PDF-1.7",
    b"\xef\xbb\xbf<svg/>", b"PK\x03\x04docx", b"\x7fELF", b"RIFF\0\0\0\0WAVE", b"\x89PN", b" ", b"\n%PDF-1.7",
], ids=lambda b: repr(b)[:24])
def test_other_types_are_refused(teacher, c, content):
    upload(teacher, c, content, "page.png").refused("FileType")
    assert teacher.docs(c) == []


@pytest.mark.parametrize("content", [b"GIF89a/*<script>alert(1)</script>*/=1;", b"%PDF-1.7\n<html><script>alert(1)</script>", PNG + b"<svg onload=alert(1)>"])
def test_polyglots_are_what_they_begin_as(server, teacher, c, content):
    got = facts(upload(teacher, c, content, "x.svg").ok())
    answer = read(server, got["url"])
    assert answer.headers["content-type"] == got["type"] in HEADS and answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"] and not got["name"].endswith(".svg")


@pytest.mark.parametrize("asked,name", [
    ("../../etc/passwd", "passwd.png"), ("/etc/shadow.png", "shadow.png"), ("C:\\x\\y.png", "y.png"), ("a\r\nSet-Cookie: x=1.png", "aSet-Cookie x=1.png"),
    ("%2e%2e%2fx.png", "%2e%2e%2fx.png"), ("..\\..\\x", "x.png"), ("\u202egnp.exe", "gnp.exe.png"), ("a" * 300, "a" * 196 + ".png"), ("?#&=.png", "#&=.png"),
])
def test_names(server, teacher, c, asked, name):
    got = facts(upload(teacher, c, PNG, asked).ok())
    assert got["name"] == name
    assert read(server, got["url"]).body == PNG


@pytest.mark.parametrize("asked", ["", "..", "/", "a/..", "\0"])
def test_no_names(teacher, c, asked):
    upload(teacher, c, PNG, asked).bad("name")
    assert teacher.docs(c) == []


def test_an_address_is_good_for_one_file_and_one_user(server, teacher, student, c):
    first, second = (upload(teacher, c, PNG).ok() for _ in range(2))
    foreign = upload(teacher, teacher.klass()["id"], PNG).ok()
    student.join(c).ok()
    url = shown(student, c)[first["docId"]]["url"]
    assert read(server, url).status == 200
    signed = dict(parse_qsl(urlsplit(url).query))
    wrong = [url.replace(first["docId"], d["docId"]) for d in (second, foreign)]
    wrong += [url.replace(student.name, teacher.name), url.replace("page.png", "other.png"), url.split("?")[0], url[:-1], f"{url}0"]
    wrong += [url.replace(signed["expires"], str(int(signed["expires"]) + 1)), f"/files/{UNKNOWN}/page.png?{urlsplit(url).query}"]
    wrong += [url.replace(signed["token"], "0" * 64), url.replace("/page.png", "/..%2f..%2fetc%2fpasswd")]
    bodies = {(got.status, got.body) for got in (read(server, one) for one in wrong)}
    assert bodies == {(404, b"no such file")}, "one answer for all of them"
    teacher.kick(c, student).ok()
    assert read(server, url).status == 404, "kicked"
    assert read(server, shown(teacher, c)[first["docId"]]["url"]).status == 200


def test_only_uploads_get_addresses(teacher, c):
    real = upload(teacher, c, PNG).ok()["docId"]
    fake = json.dumps({"name": "x", "file": real, "url": f"/files/{real}/page.png"})
    teacher.add_doc(c, "fake", data=fake, serverType="stoa").ok()
    assert {d["docId"]: d["docInfos"] for d in teacher.docs(c)}["fake"] == fake
    teacher.add_doc(c, real, data=fake).conflict("id已经存在")


def test_sizes(own_server, teacher):
    server = own_server({"class.upload_max": "512KiB", "class.upload_total": "1MiB"})
    teacher = person(server)
    c, another = teacher.klass()["id"], teacher.klass()["id"]
    upload(teacher, c, b"").bad("body")
    reply = upload(teacher, c, b"", length=512 * KIB + 1)
    assert (reply.status, reply["errorCode"]) == (413, "413")
    kept = [upload(teacher, c, pdf(512 * KIB)).ok()["docId"] for _ in range(2)]
    upload(teacher, c, PNG).refused("ClassFilesFull")
    upload(teacher, another, PNG).ok()
    teacher.delete_doc(c, kept[0]).ok()
    assert read(server, shown(teacher, c)[kept[1]]["url"]).body == pdf(512 * KIB)
    for _ in range(3):  # what is removed is given back, again and again
        one = upload(teacher, c, pdf(512 * KIB)).ok()["docId"]
        upload(teacher, c, PNG).refused("ClassFilesFull")
        teacher.delete_doc(c, one).ok()


def test_an_upload_that_breaks_off_leaves_nothing(own_server):
    server = own_server({"class.upload_total": "32MiB", "class.upload_max": "32MiB"})
    teacher = person(server)
    c = teacher.klass()["id"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest("PUT", f"/api/v1/class/uploadFile?class_id={c}&name=a.pdf")
    for name, value in (("Authorization", f"Bearer {teacher.token}"), ("Content-Length", str(30 << 20))):
        connection.putheader(name, value)
    connection.endheaders(pdf(3 * PART))
    used = lambda: request(server.http, "GET", f"/api/v1/class/uploadFile?class_id={c}", token=teacher.token).ok()["usedBytes"]
    becomes(lambda: used() == 30 << 20)
    upload(teacher, c, pdf(3 << 20)).refused("ClassFilesFull")
    assert teacher.docs(c) == []
    connection.close()
    becomes(lambda: used() == 0)
    upload(teacher, c, pdf(3 << 20)).ok()


def becomes(condition, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def test_a_file_goes_with_its_document_and_its_class(server, teacher, c):
    docs = [upload(teacher, c, PNG).ok() for _ in range(3)]
    urls = [facts(d)["url"] for d in docs]
    teacher.delete_doc(teacher.klass()["id"], docs[0]["docId"]).missing()
    assert [read(server, u).status for u in urls] == [200] * 3
    teacher.delete_docs(c, [docs[0]["docId"]]).ok()
    assert [read(server, u).status for u in urls] == [404, 200, 200]
    teacher.stop(c).ok()
    assert read(server, urls[1]).status == 200, "an ended class has its courseware"
    teacher.delete(c).ok()
    assert [read(server, u).status for u in urls] == [404] * 3


def test_files_outlast_a_kill(own_server):
    server = own_server()
    teacher = person(server)
    c = teacher.klass()["id"]
    content = pdf(2 * PART + 5)
    url = facts(upload(teacher, c, content).ok())["url"]
    server.kill()
    server.start()
    assert read(server, url).body == content
    assert read(server, shown(teacher, c).popitem()[1]["url"]).body == content


def test_two_processes(pair):
    one, two = pair
    teacher = person(one)
    c = teacher.klass()["id"]
    doc = upload(teacher, c, pdf(PART + 1)).ok()
    there = Person(*vars(two.user(teacher.name)).values())
    url = shown(there, c)[doc["docId"]]["url"]
    assert read(two, url).body == pdf(PART + 1)
    there.delete_doc(c, doc["docId"]).ok()
    assert read(one, facts(doc)["url"]).status == 404


def test_public_url(own_server):
    server = own_server({"http.public_url": "https://class.example.com"})
    teacher = person(server)
    c = teacher.klass()["id"]
    url = facts(upload(teacher, c, PNG).ok())["url"]
    assert url.startswith("https://class.example.com/files/") and read(server, url).body == PNG
