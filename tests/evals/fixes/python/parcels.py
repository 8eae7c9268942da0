"""Prices of parcels: weight bands, zones and surcharges."""

from dataclasses import dataclass

BANDS = [(1.0, 390), (5.0, 640), (10.0, 990)]
ZONES = {"AT": 1, "CH": 2, "IS": 3}


@dataclass(frozen=True)
class Parcel:
    """Weights are in kilograms, lengths in centimetres."""

    weight: float
    length: int
    width: int
    height: int
    country: str


def volumetric_weight(parcel: Parcel, divisor: int = 5000) -> float:
    """The weight that the carrier assumes for light but bulky parcels."""
    return parcel.length * parcel.width * parcel.height / divisor


def band_price(weight: float) -> int:
    """Cents for a weight; the last band's price holds for all that is heavier."""
    for limit, cents in BANDS:
        if weight <= limit:
            return cents
    return BANDS[-1][1]


def zone_surcharge(country: str) -> int:
    """Cents on top for a country; unknown ones are the farthest."""
    farthest = max(ZONES.values()) + 1
    zone = ZONES.get(country, farthest)
    return zone * 150


def price(parcel: Parcel, *, fragile: bool = False) -> int:
    """Cents for sending one parcel."""
    chargeable = max(parcel.weight, volumetric_weight(parcel))
    total = band_price(chargeable) + zone_surcharge(parcel.country)
    if fragile:
        total += 250
    return total


def batches(parcels: list[Parcel], size: int) -> list[list[Parcel]]:
    """The parcels in groups of a size, the last one shorter."""
    return [parcels[start : start + size] for start in range(0, len(parcels), size)]
