"""A small ledger: accounts, entries and their balance."""

from dataclasses import dataclass, field
from decimal import Decimal


class Overdrawn(Exception):
    """More was taken than was there."""


@dataclass
class Entry:
    """One movement; negative amounts leave the account."""

    amount: Decimal
    note: str


@dataclass
class Account:
    """Entries in the order in which they were booked."""

    owner: str
    limit: Decimal = Decimal(0)
    entries: list[Entry] = field(default_factory=list)

    def balance(self) -> Decimal:
        """The sum of all entries."""
        return sum((entry.amount for entry in self.entries), Decimal(0))

    def withdraw(self, amount: Decimal, note: str) -> Decimal:
        """Take money out and give the new balance."""
        if self.balance() - amount < -self.limit:
            raise Overdrawn(self.owner)
        self.entries.append(Entry(-amount, note))
        return self.balance()

    def largest(self) -> Entry | None:
        """The entry that moved most, None in an empty account."""
        if not self.entries:
            return None
        return max(self.entries, key=lambda entry: abs(entry.amount))

    def statement(self) -> str:
        """One line an entry, with the balance behind it."""
        lines, running = [], Decimal(0)
        for number, entry in enumerate(self.entries, 1):
            running += entry.amount
            lines.append(str(number) + " " + entry.note + " " + str(running))
        return "\n".join(lines)
