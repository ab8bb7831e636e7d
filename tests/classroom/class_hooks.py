"""Loaded by Schemathesis: every answer of the dialect goes through the same checks as all others."""

import schemathesis

from stoa.class_routes import FLAT
from stoa.classroom import check_answer


@schemathesis.check
def answers_hold(ctx, response, case):
    """G24, and no internal error hidden in an HTTP 200."""
    own = "/whiteboard/" in case.operation.path or case.operation.path.endswith("/uploadFile")  # beside the contract: other verbs
    if case.method.upper() != "POST" or not case.operation.path.startswith("/api/") or own:
        return
    headers = [(k, v) for k, values in response.headers.items() for v in (values if isinstance(values, list) else [values])]
    reply = check_answer(response.status_code, headers, response.content, flat=case.operation.path.rsplit("/", 1)[-1] in FLAT)
    assert reply.body.get("errorCode") != "500", f"internal error: {reply}"
