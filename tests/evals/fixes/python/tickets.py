"""Support tickets: read from text, assigned and closed."""

import re
from collections import Counter
from dataclasses import dataclass, field

LINE = re.compile(r"#(?P<number>\d+)\s+\[(?P<level>\w+)\]\s+(?P<title>.+)")


@dataclass
class Ticket:
    """A request of a customer."""

    number: int
    title: str
    level: str = "normal"
    state: str = "open"
    labels: set[str] = field(default_factory=set)

    def close(self, *, resolution: str) -> None:
        """Close it and remember how."""
        self.state = "closed"
        self.labels.add(resolution)


def parse(line: str) -> Ticket | None:
    """A ticket from `#12 [urgent] Printer on fire`, None for other lines."""
    found = LINE.match(line)
    if found is None:
        return None
    return Ticket(int(found["number"]), found["title"].strip(), found["level"])


def close_all(tickets: list[Ticket], label: str) -> int:
    """Close the open ones with a label; gives how many there were."""
    matching = [ticket for ticket in tickets if ticket.state == "open" and label in ticket.labels]
    for ticket in matching:
        ticket.close(resolution="bulk")
    return len(matching)


def busiest_label(tickets: list[Ticket]) -> str:
    """The label that most tickets have; an empty text where there is none."""
    counts = Counter(label for ticket in tickets for label in ticket.labels)
    best = ""
    if counts:
        best = counts.most_common(1)[0][0]
    return best
