"""A linearizability checker for the seats of one room.

A history is linearizable when its operations can be put into one order that respects real time (what ended before another began
comes first) and in which every reply is what the seats say at that place. The replies carry the whole list and every taking of a seat has its
own (user, time), so a changing operation tells the state before and after it; the search only branches where states repeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    changes = sorted(changes, key=lambda o: o.began)
    chosen: list[Op] = []
    # An explicit stack of candidate iterators: histories are longer than Python's recursion limit.
    left = set(range(len(changes)))

    def candidates(now: State) -> Iterator[int]:
        earliest_end = min((changes[i].ended for i in left), default=0.0)
        return iter([i for i in sorted(left) if changes[i].before == now and changes[i].began <= earliest_end])

    stack = [candidates(start)]
    picked: list[int] = []
    while stack:
        i = next(stack[-1], None)
        if i is None:
            stack.pop()
            if picked:
                left.add(picked.pop())
                chosen.pop()
            continue
        picked.append(i)
        left.discard(i)
        chosen.append(changes[i])
        if not left:
            yield list(chosen)
            left.add(picked.pop())
            chosen.pop()
            continue
        stack.append(candidates(changes[i].after))
    if not changes:
        yield []


def reads_fit(order: list[Op], reads: list[Op], start: State) -> str | None:
    """Whether every reading operation finds its state at a place its interval allows. None = all fit."""
    states = [start] + [o.after for o in order]
    placed: list[tuple[float, int]] = []
    for op in sorted(reads, key=lambda o: o.began):
        low = max((i + 1 for i, c in enumerate(order) if c.ended < op.began), default=0)
        low = max([low] + [p for ended, p in placed if ended < op.began])
        high = min((i for i, c in enumerate(order) if c.began > op.ended), default=len(order))
        fits = (i for i in range(low, high + 1) if (states[i] == op.after if op.after is not None else all(states[i])))
        place = next(fits, None)
        if place is None:
            return f"no place for a reply between {low} and {high}: {op}"
        placed.append((op.ended, place))
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
