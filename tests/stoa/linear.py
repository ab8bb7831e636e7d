"""A linearizability checker for the seats of one room.

A history is linearizable when its operations can be put into one order that respects real time (what ended before another began
comes first) and in which every reply is what the seats say at that place. The replies carry the whole list and every taking of a seat has its
own (user, time), so a changing operation tells the state before and after it; the search only branches where states repeat.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import accumulate

Seat = tuple[str, int] | None
State = tuple[Seat, ...]
EMPTY: State = (None,) * 8


@dataclass
class Op:
    """One operation: changing ones have `before`, all have `after` (the state they answered with; None = any full house)."""

    began: float
    ended: float
    before: State | None
    after: State | None

    @property
    def changes(self) -> bool:
        return self.before is not None


def state(members: list[dict]) -> State:
    """A member list as a comparable value."""
    return tuple((m["user_id"], m["join_time"]) if m["joined"] else None for m in members)


def with_seat(s: State, index: int, seat: Seat) -> State:
    return s[: index - 1] + (seat,) + s[index:]


def orders(changes: list[Op], start: State) -> Iterator[list[Op]]:
    """Every order of the changing operations that links their states and respects real time."""
    if not changes:
        yield []
        return
    changes = sorted(changes, key=lambda o: o.ended)
    follow: dict[State, list[int]] = {}
    for i in sorted(range(len(changes)), key=lambda i: changes[i].began):
        follow.setdefault(changes[i].before, []).append(i)
    used = [False] * len(changes)
    picked: list[int] = []

    def candidates(now: State, first: int) -> tuple[Iterator[int], int]:
        while first < len(changes) and used[first]:
            first += 1
        # Whoever began after another unplaced one had ended cannot be next.
        latest = changes[first].ended
        return iter([i for i in follow.get(now, ()) if not used[i] and changes[i].began <= latest]), first

    # An explicit stack: histories are longer than Python's recursion limit.
    stack = [candidates(start, 0)]
    while stack:
        choices, first = stack[-1]
        i = next(choices, None)
        if i is None:
            stack.pop()
            if picked:
                used[picked.pop()] = False
            continue
        picked.append(i)
        used[i] = True
        if len(picked) == len(changes):
            yield [changes[j] for j in picked]
            used[picked.pop()] = False
            continue
        stack.append(candidates(changes[i].after, first))


def reads_fit(order: list[Op], reads: list[Op], start: State) -> str | None:
    """Whether every reading operation finds its state at a place its interval allows. None = all fit."""
    states = [start] + [o.after for o in order]
    # Highest place among the changes that ended before an instant; lowest among those that began after one.
    by_end = sorted((o.ended, i + 1) for i, o in enumerate(order))
    ends, highest = [e for e, _ in by_end], list(accumulate((i for _, i in by_end), max, initial=0))
    by_begin = sorted((o.began, i) for i, o in enumerate(order))
    begins = [b for b, _ in by_begin]
    lowest = list(accumulate((i for _, i in reversed(by_begin)), min, initial=len(order)))[::-1]
    running: list[tuple[float, int]] = []  # reads by their end, with their place
    reached = 0
    for op in sorted(reads, key=lambda o: o.began):
        while running and running[0][0] < op.began:
            reached = max(reached, heappop(running)[1])
        low = max(highest[bisect_left(ends, op.began)], reached)
        high = lowest[bisect_right(begins, op.ended)]
        fits = (i for i in range(low, high + 1) if (states[i] == op.after if op.after is not None else all(states[i])))
        place = next(fits, None)
        if place is None:
            return f"no place for a reply between {low} and {high}: {op}"
        heappush(running, (op.ended, place))
    return None


def check(ops: list[Op], start: State = EMPTY, tries: int = 2000) -> None:
    """Fails with the reason when the history is not linearizable."""
    changes, reads = [o for o in ops if o.changes], [o for o in ops if not o.changes]
    reason = "the changes cannot be put into one order"
    for _, order in zip(range(tries), orders(changes, start)):
        reason = reads_fit(order, reads, start)
        if reason is None:
            return
    raise AssertionError(f"not linearizable: {reason}")
