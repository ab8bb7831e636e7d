"""classroom.md 9.6: meeting info. I07 at its full width: test_races.py."""

from __future__ import annotations

import json

import pytest

from stoa.classroom import UNKNOWN, person, until_later


def test_I01_fresh(teacher, c):
    assert teacher.info(c).ok() == {"members": []}


def test_I02_the_published_example(teacher, c):
    sent = {
        "user_id": "stu01", "user_nick": "小明", "user_avatar": "https://img.example.com/2.png", "user_camera_opened": True, "mic_opened": True,
        "rtc_pull_url": "artc://live.aliyun.com/play/x?sdkAppId=1&userId=stu01&timestamp=1&token=t",
    }
    data = teacher.meet(c, members=[sent]).ok()
    assert data == {"members": [sent | {"camera_opened": True}]} == teacher.info(c).ok()
    both = teacher.meet(c, members=[{"user_id": "a", "user_camera_opened": True, "camera_opened": False}]).ok()["members"][0]
    assert both == {"user_id": "a", "user_camera_opened": True, "camera_opened": False}


def test_I03_each_key_by_itself(teacher, c):
    assert teacher.meet(c, all_mute=True).ok() == {"members": [], "all_mute": True}
    members = [{"user_id": "a"}, {"user_id": "b"}]
    assert teacher.meet(c, members=members).ok() == {"members": members, "all_mute": True}
    assert teacher.meet(c, interaction_allowed=False).ok() == {"members": members, "all_mute": True, "interaction_allowed": False}
    assert teacher.meet(c, members=None, all_mute=None).ok() == {"members": members, "all_mute": True, "interaction_allowed": False}
    assert teacher.meet(c).ok() == teacher.info(c).ok()


def test_I04_cleared(teacher, c):
    teacher.meet(c, members=[{"user_id": "a"}], all_mute=False, interaction_allowed=True).ok()
    assert teacher.meet(c, members=[]).ok() == {"members": [], "all_mute": False, "interaction_allowed": True}


def test_I05_unknown_keys_and_unicode(teacher, c):
    member = {
        "user_id": "李 老师&x=1", "user_nick": "👩‍🏫 \u202eRTL", "user_name": "n", "session_id": "1_30001", "student_id": "", "teacher_id": teacher.name, "sid": "s",
        "mutil_media": False, "deep": {"a": [1, 2.5, "x", {"b": True}]}, "number": 1700000000123,
    }
    assert teacher.meet(c, members=[member]).ok()["members"] == [member] == teacher.info(c).ok()["members"]


BAD = {
    "a string": "x", "an object": {"user_id": "a"}, "a number": 7, "a string in it": ["x"], "a list in it": [[]], "no user_id": [{"user_nick": "x"}],
    "a blank user_id": [{"user_id": " "}], "null in it": [None], "one good, one bad": [{"user_id": "a"}, {}],
}


@pytest.mark.parametrize("kind", BAD)
def test_I06_bad_members(teacher, c, kind):
    teacher.meet(c, members=[{"user_id": "kept"}], all_mute=True).ok()
    teacher.meet(c, members=BAD[kind], all_mute=False).bad("members")
    assert teacher.info(c).ok() == {"members": [{"user_id": "kept"}], "all_mute": True}


def test_I08_class_object(teacher, student, c):
    before = teacher.get(c).ok()
    until_later(before["updated_at"])
    data = teacher.meet(c, members=[{"user_id": "a", "user_nick": "字"}], all_mute=True).ok()
    after = student.get(c).ok()
    assert json.loads(after["meetingInfo"]) == json.loads(after["meeting_info"]) == data == teacher.info(c).ok()
    assert after["updated_at"] > before["updated_at"]


def test_I09_booleans(teacher, c):
    names = ("camera_opened", "mic_opened", "is_audio_publishing", "is_video_publishing", "is_screen_publishing", "screen_share", "mutil_media")
    data = teacher.meet(c, members=[{"user_id": "a"} | dict.fromkeys(names, True)], all_mute="true", interaction_allowed=0).ok()
    assert all(data["members"][0][n] is True for n in names)
    assert data["all_mute"] is True and data["interaction_allowed"] is False


def test_I10_student_and_other(teacher, student, other, c):
    student.join(c).ok()
    assert student.info(c).ok() == {"members": []}
    other.info(c).denied()
    for who in (student, other):
        who.meet(c, members=[{"user_id": who.name}]).denied()
        who.meet(c, all_mute=True).denied()
    assert teacher.info(c).ok() == {"members": []}


def test_I11_unknown_class(teacher):
    teacher.info(UNKNOWN).missing()
    teacher.meet(UNKNOWN, members=[]).missing()


def test_I12_too_much(teacher, c):
    entry = lambda size: {"user_id": "a", "x": "y" * size}
    teacher.meet(c, members=[entry(255 * 1024)]).ok()
    teacher.meet(c, members=[entry(257 * 1024)]).bad("members")
    teacher.meet(c, members=[{"user_id": str(n)} for n in range(200)]).ok()
    teacher.meet(c, members=[{"user_id": str(n)} for n in range(201)]).bad("members")
    assert len(teacher.info(c).ok()["members"]) == 200


def test_I13_assistant_with_a_name_that_grants_nothing(teacher, server, c):
    assistant = person(server)
    teacher.permit(c, '["InteractionManagement","MemberManagement"]').ok()
    assistant.assist(c).ok()
    assistant.meet(c, all_mute=True).denied()
    assert assistant.info(c).ok() == {"members": []}


def test_the_teacher_s_reset(teacher, c):
    reset = {"members": [], "all_mute": False, "interaction_allowed": True}
    teacher.meet(c, members=[{"user_id": "a"}], all_mute=True).ok()
    assert teacher.meet(c, **reset).ok() == reset == teacher.info(c).ok()
