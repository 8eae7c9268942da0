"""How long, and how hot."""

from __future__ import annotations

from typing import NamedTuple

HOTTEST = 280


class Program(NamedTuple):
    """One way to bake."""

    minutes: int
    degrees: int


def program_for(bread: str) -> Program:
    """The program of a bread."""
    return Program(55, 230) if bread == "rye" else Program(25, 210)
