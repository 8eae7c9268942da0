"""Readings of weather stations: fetched, cleaned and summed up."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Fetch = Callable[[str], Awaitable[list[float]]]


@dataclass
class Station:
    """Where readings come from; the owner may be unknown."""

    name: str
    altitude: int
    owner: str | None = None


def owner_initials(station: Station) -> str:
    """The owner's initials in capitals, `?` where there is none."""
    if station.owner is None:
        return "?"
    return "".join(word[0] for word in station.owner.split()).upper()


def without_gaps(values: list[float]) -> list[float]:
    """The readings that are numbers."""
    return [value for value in values if not math.isnan(value)]


def sea_level_pressure(station: Station, pressure: float) -> float:
    """Pressure in hPa, reduced to sea level with the barometric formula."""
    return pressure * math.exp(station.altitude / 8435)


async def mean_reading(station: Station, fetch: Fetch) -> float | None:
    """The mean of a station's readings, None where it has none."""
    values = without_gaps(await fetch(station.name))
    return sum(values) / len(values) if values else None


async def warmest(stations: list[Station], fetch: Fetch) -> str:
    """The name of the station with the highest mean."""
    means = await asyncio.gather(*(mean_reading(station, fetch) for station in stations))
    known = {station.name: mean for station, mean in zip(stations, means, strict=True) if mean is not None}
    return max(known, key=lambda name: known[name])
