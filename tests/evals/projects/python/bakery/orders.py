"""What people order."""

from __future__ import annotations

from dataclasses import dataclass, field

LARGEST_ORDER = 40


class OrderError(Exception):
    """An order that cannot be taken."""


@dataclass
class Line:
    """So many of one bread."""

    bread: str
    pieces: int
    price_cents: int


@dataclass
class Order:
    """What one person wants."""

    customer: str
    lines: list[Line] = field(default_factory=list)
    paid: bool = False

    def add(self, bread: str, pieces: int, price_cents: int) -> Line:
        """Put one more bread on it."""
        line = Line(bread, pieces, price_cents)
        self.lines.append(line)
        return line

    def pieces(self) -> int:
        """How much has to be baked."""
        return sum(line.pieces for line in self.lines)


def total_of(order: Order) -> int:
    """What it costs, in cents."""
    return sum(line.pieces * line.price_cents for line in order.lines)
