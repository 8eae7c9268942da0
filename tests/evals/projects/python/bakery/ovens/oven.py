"""One oven."""

from __future__ import annotations

from .program import HOTTEST, Program, program_for


class Oven:
    """Bakes one thing after the other."""

    def __init__(self, trays: int) -> None:
        self.trays = trays
        self.queue: list[str] = []

    def load(self, bread: str) -> bool:
        """Put bread in, if there is room."""
        if len(self.queue) == self.trays:
            return False
        self.queue.append(bread)
        return True

    def next_program(self) -> Program:
        """How the next bread is baked."""
        chosen = program_for(self.queue[0])
        if chosen.degrees > HOTTEST:
            return Program(chosen.minutes, HOTTEST)
        return chosen
