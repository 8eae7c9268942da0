import asyncio

from readings import Station, mean_reading, owner_initials, sea_level_pressure, warmest, without_gaps

NAN = float("nan")
KNOWN = {"harbour": [11.0, NAN, 13.0], "summit": [-4.0, -2.0], "mast": [NAN]}


async def fetch(name: str) -> list[float]:
    await asyncio.sleep(0)
    return KNOWN[name]


harbour, summit, mast = Station("harbour", 2, "ada m. berg"), Station("summit", 2900), Station("mast", 40)
assert owner_initials(harbour) == "AMB"
assert owner_initials(summit) == "?"
assert without_gaps([NAN, 1.0]) == [1.0]
assert round(sea_level_pressure(summit, 720)) == 1015
assert asyncio.run(mean_reading(harbour, fetch)) == 12
assert asyncio.run(mean_reading(mast, fetch)) is None
assert asyncio.run(warmest([summit, harbour, mast], fetch)) == "harbour"
