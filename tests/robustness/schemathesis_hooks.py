"""Loaded by Schemathesis: every answer it gets goes through the same checks as all others."""

import schemathesis

from stoa.http import check_answer


@schemathesis.check
def answers_hold(ctx, response, case):
    """G20, and no internal error hidden in an HTTP 200."""
    if case.method.upper() != "POST":
        return
    headers = [(k, v) for k, values in response.headers.items() for v in (values if isinstance(values, list) else [values])]
    answer = check_answer(response.status_code, headers, response.content)
    assert answer.code < 500, f"internal error: {answer}"
