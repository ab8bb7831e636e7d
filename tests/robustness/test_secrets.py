"""G22: after 10,000 mixed requests the log holds no password, token, key or `extends`."""

from __future__ import annotations

import asyncio
import random

from stoa import tokens
from stoa.crowd import Crowd
from stoa.endpoints import PROTECTED, body_for
from stoa.http import API, check_answer

REQUESTS = 10_000
MARKER = "marker-of-an-extends"
PASSWORD = "password-that-must-not-be-logged"
BODY = "text-of-a-body"


async def test_G22_nothing_secret_in_the_log(own_server):
    server = own_server({"limits.user": {"per_sec": 0, "burst": 0}, "auth.login_failures": 10**6, "auth.login_failures_address": 10**6, "server.log": "debug"})
    dice = random.Random(22)
    users = server.users(16)
    rooms = [await asyncio.to_thread(u.room) for u in users]
    seen: set[str] = {u.token for u in users}
    bad = tokens.login_token("mallory", key=tokens.OTHER_KEY)
    seen.add(bad)

    async with Crowd(32) as crowd:
        async def raw(path: str, data: bytes, token: str | None) -> None:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with crowd.session.post(server.url + path, data=data, headers=headers) as reply:
                check_answer(reply.status, [(k, v) for k, v in reply.headers.items()], await reply.read())

        async def one(i: int) -> None:
            user, room = dice.choice(users), dice.choice(rooms)
            kind = i % 10
            if kind == 0:
                await raw("/login", b'{"username":"user-%d","password":"%s"}' % (i, PASSWORD.encode()), None)
            elif kind == 1:
                await raw(API + "list?access_token=" + user.token, b"{}", bad)
            elif kind == 2:
                await raw(API + dice.choice(PROTECTED), b'{"x":"' + BODY.encode(), user.token)
            elif kind == 3:
                answer = (await crowd.call(user, "getRtcAuthToken", {"room_id": room, "user_id": user.name})).answer.ok()
                seen.add(answer["auth_token"])
                if i % 100 == 3:
                    async with crowd.session.get(f"{server.url}/rtc/validate", params={"access_token": answer["auth_token"]}) as reply:
                        assert reply.status == 200
            elif kind == 4:
                answer = (await crowd.call(user, "token", {"user_id": user.name})).answer.ok()
                seen.update((answer["aliyun_im"]["app_token"], answer["hub"]["token"]))
            elif kind == 5:
                await crowd.join(user, room, extends='{"user_nick":"%s"}' % MARKER)
            elif kind == 6:
                await crowd.leave(user, room)
            else:
                endpoint = dice.choice([e for e in PROTECTED if e not in ("create", "dismiss")])
                body = body_for(endpoint, user.name, room)
                if endpoint == "update":
                    body |= {"extends": '{"anchor_avatar":"%s"}' % MARKER, "notice": BODY}
                await crowd.call(user, endpoint, body)

        queue = iter(range(REQUESTS))

        async def worker() -> None:
            for i in queue:
                await one(i)

        await asyncio.gather(*(worker() for _ in range(32)))

    await asyncio.to_thread(server.stop)
    log = server.log()
    assert len(log) > 1000, "a log that says nothing proves nothing"
    for secret in (MARKER, PASSWORD, BODY, tokens.KEY_TEXT, tokens.KEY.decode()):
        assert secret not in log, f"{secret} is in the log"
    # The dev secret is public and may be on the banner; in log lines it is not.
    assert log.count(tokens.APP_SECRET) <= 1
    for token in seen:
        assert token not in log
        assert token.split(".")[2] not in log, "the signature of a token is in the log"
