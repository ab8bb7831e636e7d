"""Figures that a suite prints at its end, beside the counts."""

from __future__ import annotations

notes: list[str] = []


def note(text: str) -> None:
    """Adds a line."""
    notes.append(text)
