"""The linearizability checker itself: what it must accept and what it must find."""

from __future__ import annotations

import pytest

from stoa.linear import EMPTY, Op, check, with_seat

A = with_seat(EMPTY, 1, ("a", 1))
AB = with_seat(A, 2, ("b", 2))
B1 = with_seat(EMPTY, 1, ("b", 1))


@pytest.mark.parametrize("history", [
    [],
    [Op(0, 1, None, EMPTY)],
    [Op(0, 1, EMPTY, A), Op(0, 1, A, AB), Op(2, 3, None, AB)],
    [Op(0, 5, EMPTY, A), Op(1, 2, None, EMPTY), Op(3, 4, None, A)],
    [Op(0, 1, EMPTY, A), Op(2, 3, A, EMPTY), Op(4, 5, EMPTY, A), Op(2, 5, None, EMPTY)],
    [Op(0, 9, EMPTY, A), Op(0, 9, A, EMPTY), Op(0, 9, EMPTY, B1), Op(0, 9, B1, EMPTY), Op(10, 11, None, EMPTY)],
])
def test_X4_checker_accepts(history):
    check(history)


@pytest.mark.parametrize("history", [
    [Op(0, 1, EMPTY, A), Op(2, 3, None, EMPTY)],  # a read of the past
    [Op(0, 1, EMPTY, A), Op(0, 1, EMPTY, B1)],  # one seat given twice
    [Op(2, 3, EMPTY, A), Op(0, 1, A, AB)],  # an effect before its cause began
    [Op(0, 9, EMPTY, A), Op(1, 2, None, A), Op(3, 4, None, EMPTY)],  # reads that go backwards
    [Op(0, 1, None, None)],  # a full house that never was
    [Op(0, 1, EMPTY, A), Op(2, 3, EMPTY, B1)],  # a lost update
])
def test_X4_checker_finds(history):
    with pytest.raises(AssertionError):
        check(history)
