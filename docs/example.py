"""A file for the first suggestion: `tabby-lsp complete docs/example.py:19:9`."""

from __future__ import annotations

from collections.abc import Iterable


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean of some numbers; 0 for none."""
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else 0.0


def running_mean(values: Iterable[float]) -> list[float]:
    """The mean of the first one, two, three … numbers."""
    total = 0.0
    means: list[float] = []
    for count, value in enumerate(values, start=1):
        
    return means
