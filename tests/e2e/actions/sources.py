"""One file a language, with a function that has a problem and one that has no documentation.

The characters in front of the problem are of one to four bytes, so that a wrong unit is a wrong place.
"""

from __future__ import annotations

from dataclasses import dataclass

from e2e.wire import Json

UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


@dataclass(frozen=True, slots=True)
class Source:
    """A file.

    Attributes:
        name: of the file.
        language: its id.
        text: all of it.
        wrong: the word that the diagnostic is about; it stands once behind a space.
        message: of the diagnostic.
        broken: the function that the word stands in.
        plain: a function without documentation.
        head: how the line begins that `plain` is defined in.
    """

    name: str
    language: str
    text: str
    wrong: str
    message: str
    broken: str
    plain: str
    head: str


SOURCES = {
    "python": Source(
        "prices.py",
        "python",
        '''\
"""Prices of the shop."""

RATES = {"de": 0.19, "el": 0.24}


def net_price(gross: float, country: str) -> float:
    """The price without the tax of a country."""
    mark = "ß€🌍"; rate = RATES[country]
    mark = "ß€🌍"; return gross / (1 + rat)


def total(prices):
    result = 0
    for price in prices:
        result += price
    return result
''',
        "rat",
        '"rat" is not defined',
        "net_price",
        "total",
        "def total",
    ),
    "typescript": Source(
        "prices.ts",
        "typescript",
        """\
const RATES: Record<string, number> = { de: 0.19, el: 0.24 };

/** The price without the tax of a country. */
export function netPrice(gross: number, country: string): number {
  const rate = RATES[country];
  const mark = "ß€🌍"; return gross / (1 + rat);
}

export function total(prices: number[]): number {
  let result = 0;
  for (const price of prices) {
    result += price;
  }
  return result;
}
""",
        "rat",
        "Cannot find name 'rat'.",
        "netPrice",
        "total",
        "export function total",
    ),
    "go": Source(
        "prices.go",
        "go",
        """\
package prices

var rates = map[string]float64{"de": 0.19, "el": 0.24}

// NetPrice is the price without the tax of a country.
func NetPrice(gross float64, country string) float64 {
	rate := rates[country]
	/* ß€🌍 */ return gross / (1 + rat)
}

func Total(prices []float64) float64 {
	result := 0.0
	for _, price := range prices {
		result += price
	}
	return result
}
""",
        "rat",
        "undefined: rat",
        "NetPrice",
        "Total",
        "func Total",
    ),
    "rust": Source(
        "prices.rs",
        "rust",
        """\
/// The price without a tax.
pub fn net_price(gross: f64, rate: f64) -> f64 {
    let mark = "ß€🌍"; return gross / (1.0 + rat);
}

pub fn total(prices: &[f64]) -> f64 {
    let mut result = 0.0;
    for price in prices {
        result += price;
    }
    result
}
""",
        "rat",
        "cannot find value `rat` in this scope",
        "net_price",
        "total",
        "pub fn total",
    ),
}


def units(text: str, encoding: str) -> int:
    """Units of a text in a position encoding."""
    codec, width = UNITS[encoding]
    return len(text.encode(codec)) // width


def place(text: str, offset: int, encoding: str) -> Json:
    """The position behind so many characters of a text."""
    before = text[:offset]
    return {"line": before.count("\n"), "character": units(before.rpartition("\n")[2], encoding)}


def offset(text: str, position: Json, encoding: str) -> int:
    """The inverse of `place`; a position that does not exist is a fault."""
    lines = text.split("\n")
    line = lines[position["line"]]
    column = next(n for n in range(len(line) + 1) if units(line[:n], encoding) == position["character"])
    return sum(len(above) + 1 for above in lines[: position["line"]]) + column


def diagnostic(source: Source, encoding: str) -> Json:
    """What a type checker says of the file."""
    at = source.text.index(f" {source.wrong})") + 1
    span = {"start": place(source.text, at, encoding), "end": place(source.text, at + len(source.wrong), encoding)}
    return {"range": span, "message": source.message, "severity": 1, "source": "checker", "code": "undefined"}


def head(source: Source, encoding: str) -> Json:
    """A cursor in the line in which the function without documentation is defined."""
    at = place(source.text, source.text.index(source.head) + len(source.head), encoding)
    return {"start": at, "end": at}


def only_added(before: str, after: str) -> bool:
    """Whether all lines of a text are still there, in their order, among others."""
    lines = iter(after.splitlines())
    return after != before and all(line in lines for line in before.splitlines())
