"""classroom.md 9.7, D: documents. D03 at once in numbers: here and in test_durability.py (two processes)."""

from __future__ import annotations

import asyncio

import pytest

from stoa.class_routes import RIGHTS
from stoa.classroom import UNKNOWN, STAMP, Throng, person
from stoa.wait import until_next_millisecond

NOT_COURSEWARE = [r for r in RIGHTS if r != "Courceware"]


def test_D01_add(teacher, c):
    data = teacher.add_doc(c, "doc_1").ok()
    assert set(data) == {"classId", "docId", "docInfos", "serverType", "createdAt", "updatedAt", "updateAt"}
    assert (data["classId"], data["docId"], data["docInfos"], data["serverType"]) == (c, "doc_1", '{"xx":"xxx"}', "NetEase")
    assert data["updatedAt"] == data["updateAt"] == data["createdAt"] and STAMP.fullmatch(data["createdAt"])
    assert teacher.docs(c) == [data]


def test_D02_again(teacher, c):
    first = teacher.add_doc(c, "doc_1").ok()
    teacher.add_doc(c, "doc_1", data='{"other":1}').conflict("id已经存在")
    assert teacher.docs(c) == [first]
    assert teacher.add_doc(teacher.klass()["id"], "doc_1").ok()["docId"] == "doc_1"
    teacher.add_doc(c, "DOC_1").ok()


async def test_D03_fifty_at_once(server, teacher, c):
    async with Throng(50) as throng:
        body = {"classId": c, "docId": "d", "serverType": "NetEase"}
        replies = await asyncio.gather(*(throng.call(teacher, "addDoc", body | {"data": str(n)}) for n in range(50)))
    good = [r for r in replies if r.outcome == "yes"]
    assert len(good) == 1
    for r in replies:
        if r is not good[0]:
            r.conflict("id已经存在")
    assert [d["docInfos"] for d in await asyncio.to_thread(teacher.docs, c)] == [good[0].ok()["docInfos"]]


def test_D04_add_docs(teacher, c):
    teacher.add_doc(c, "known").ok()
    data = teacher.add_docs(c, [
        {"docId": "known", "serverType": 0, "data": "1"}, {"docId": "a", "serverType": 0, "data": "2"}, {"docId": "b", "data": "3"}, {"docId": "a", "data": "4"},
    ]).ok()
    assert data["classId"] == c and set(data) == {"classId", "docsInfoList"}
    assert [(d["docId"], d["data"]) for d in data["docsInfoList"]] == [("a", "2"), ("b", "3")]
    assert all(set(d) == {"docId", "serverType", "data"} for d in data["docsInfoList"])
    assert {d["docId"]: d["docInfos"] for d in teacher.docs(c)} == {"known": '{"xx":"xxx"}', "a": "2", "b": "3"}


BAD = {
    "no docId": {"data": "x"}, "no data": {"docId": "x"}, "a blank docId": {"docId": " ", "data": "x"}, "a string": "x", "null": None, "an array": [],
    "docId as array": {"docId": ["x"], "data": "x"},
}


@pytest.mark.parametrize("kind", BAD)
def test_D05_a_bad_element(teacher, c, kind):
    teacher.add_docs(c, [{"docId": "good", "data": "x"}, BAD[kind]]).bad("docInfo")
    assert teacher.docs(c) == []


def test_D06_how_many(teacher, c):
    assert teacher.add_docs(c, []).ok() == {"classId": c, "docsInfoList": []}
    many = lambda n: [{"docId": f"d{i:03}", "data": "{}"} for i in range(n)]
    teacher.add_docs(c, many(201)).bad("docInfo")
    assert teacher.docs(c) == []
    assert len(teacher.add_docs(c, many(200)).ok()["docsInfoList"]) == 200 == len(teacher.docs(c))


def test_D07_query(teacher, student, c):
    for doc, server_type in (("z", 0), ("y", "0"), ("x", "RongCloud"), ("w", "NetEase")):
        assert teacher.add_doc(c, doc, serverType=server_type).ok()["docId"] == doc
        until_next_millisecond()
    student.join(c).ok()
    data = student.call("queryDoc", {"classId": c}).ok()
    assert set(data) == {"docInfos"}
    rows = data["docInfos"]
    assert [r["docId"] for r in rows] == ["z", "y", "x", "w"]
    assert [r["serverType"] for r in rows] == ["NetEase", "NetEase", "RongCloud", "NetEase"]


def test_D07_one_batch_is_ordered_by_id(teacher, c):
    teacher.add_docs(c, [{"docId": d, "data": "1"} for d in ("b", "a", "ä", "B")]).ok()
    assert [r["docId"] for r in teacher.docs(c)] == ["B", "a", "b", "ä"]


def test_D08_none_and_unknown(teacher, c):
    assert teacher.call("queryDoc", {"classId": c}).ok() == {"docInfos": []}
    teacher.call("queryDoc", {"classId": UNKNOWN}).missing()
    teacher.add_doc(UNKNOWN, "d").missing()
    teacher.add_docs(UNKNOWN, []).missing()
    teacher.delete_docs(UNKNOWN, "d").missing()


@pytest.mark.parametrize("text", ['{"a":"\\"quoted\\" \\\\ 😀"}', "  spaces kept ", "line\nbreak", "x" * (256 * 1024), "好" * 87381 + "x"])
def test_D09_data_survives(teacher, c, text):
    assert teacher.add_doc(c, "d", data=text).ok()["docInfos"] == text
    assert teacher.docs(c)[0]["docInfos"] == text


def test_D09_too_large(teacher, c):
    teacher.add_doc(c, "d", data="x" * (256 * 1024 + 1)).bad("data")
    teacher.add_docs(c, [{"docId": "d", "data": "x" * (256 * 1024 + 1)}]).bad("docInfo")
    assert teacher.docs(c) == []


def test_D10_delete(teacher, c):
    teacher.add_doc(c, "d").ok()
    assert teacher.delete_doc(c, "d").body == {"success": True}
    teacher.delete_doc(c, "d").missing()
    teacher.delete_doc(UNKNOWN, "d").missing()
    teacher.add_doc(c, "d").ok()


def test_D11_delete_several(teacher, c):
    for d in ("a", "b", "keep"):
        teacher.add_doc(c, d).ok()
    assert teacher.delete_docs(c, "a, b,,a,zz").ok() == {"classId": c, "docsInfo": [{"classId": c, "docId": "a"}, {"classId": c, "docId": "b"}]}
    assert [d["docId"] for d in teacher.docs(c)] == ["keep"]


def test_D12_delete_nothing_and_as_array(teacher, c):
    assert teacher.delete_docs(c, "nothing,known").ok() == {"classId": c, "docsInfo": []}
    for d in ("a", "b", "c"):
        teacher.add_doc(c, d).ok()
    # In the order asked.
    assert [d["docId"] for d in teacher.delete_docs(c, ["c", "a", "x", "c"]).ok()["docsInfo"]] == ["c", "a"]
    assert teacher.delete_docs(c, [f"x{n}" for n in range(1000)]).ok()["docsInfo"] == []
    teacher.delete_docs(c, [f"x{n}" for n in range(1001)]).bad("docIds")
    for bad in (7, {"a": 1}, [1], True):
        teacher.delete_docs(c, bad).bad("docIds")


def test_D13_who_may_write(teacher, student, server, c):
    assistant = person(server)
    teacher.permit(c, NOT_COURSEWARE).ok()
    assistant.assist(c).ok()
    student.join(c).ok()
    teacher.add_doc(c, "there").ok()
    for who in (student, assistant):
        who.add_doc(c, "d").denied()
        who.add_docs(c, [{"docId": "d", "data": "x"}]).denied()
        who.delete_doc(c, "there").denied()
        who.delete_docs(c, "there").denied()
        assert [d["docId"] for d in who.docs(c)] == ["there"]
    teacher.permit(c, ["Courceware"]).ok()
    assistant.add_doc(c, "d").ok()
    assistant.add_docs(c, [{"docId": "e", "data": "x"}]).ok()
    assistant.delete_doc(c, "there").ok()
    assert len(assistant.delete_docs(c, "d,e").ok()["docsInfo"]) == 2
