"""The page: its figures, nothing from outside, and no way for a file's text to be markup."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from sessions import key, session

from tabby_lsp.bench.results import figures, page, report
from tabby_lsp.bench.results.measures import FIGURES
from tabby_lsp.bench.results.report import Estimate, Run
from tabby_lsp.bench.types import Session
from tabby_lsp.cli import main

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "</title></text></svg><script>alert(1)</script><img src=x onerror=alert(1)> \"' & $title \x00\x1b\ud800"
TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div", "b", "small", "dl", "dt", "dd"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td", "svg", "g", "line", "path", "text", "rect"}


def run_of(*sessions: Session, **more: object) -> Run:
    by_name: dict[str, list[Session]] = {}
    for one in sessions:
        by_name.setdefault(one.contestant, []).append(one)
    first, *others = by_name or [""]
    plain: dict[str, object] = {
        "figures": {name: figures.figures_of(own) for name, own in by_name.items()},
        "comparisons": {name: figures.compare(by_name[first], by_name[name]) for name in others},
        "machine": {"cpu": "some"},
        "arguments": ("bench", "replay"),
        "date": "2026-01-02T03:04:05+00:00",
        "corpus": "click",
    }
    return Run(sessions=sessions, **(plain | more))  # type: ignore[arg-type]


class Reader(HTMLParser):
    """What a browser would see: tags, attributes and text; raises where tags do not match."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


# ---- the page -------------------------------------------------------------------------------------------------------


def test_the_figures_of_the_table_exist() -> None:
    assert set(page.ROWS) <= set(FIGURES)
    assert {page.QUALITY, page.LATENCY} <= set(FIGURES)


def test_nothing_is_loaded_from_anywhere() -> None:
    found = run_of(session(), session("theirs"))
    for markup in (page.render(found), page.picture(found)):
        rest = markup.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|url\(|@import|src=|href=|//", rest)
    reader = Reader(page.render(found))
    assert reader.tags == TAGS
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in reader.attributes
    assert not [name for name, _ in reader.attributes if name.startswith("on")]


def test_text_from_files_stays_text() -> None:
    found = run_of(
        session(EVIL, EVIL, EVIL),
        session("other", EVIL, EVIL),
        corpus=EVIL,
        machine={EVIL: EVIL},
        arguments=(EVIL,),
        date=EVIL,
        revision=EVIL,
    )
    markup = page.render(found)
    markup.encode("utf-8")
    reader = Reader(markup)
    assert reader.tags <= TAGS
    assert not {name for name, _ in reader.attributes} & {"src", "onerror"}
    shown = EVIL[: EVIL.index("\x00")]
    assert sum(shown in text for text in reader.text) >= 8
    root = ET.fromstring(page.picture(found))
    assert {one.tag.removeprefix(SVG) for one in root.iter()} == {"svg", "title", "g", "line", "path", "text"}
    assert any(shown in (one.text or "") for one in root.iter(SVG + "text"))


def test_the_picture_for_a_readme_needs_no_page() -> None:
    markup = page.picture(run_of(session(), session("theirs")))
    root = ET.fromstring(markup)
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("800", "360", "0 0 800 360")
    assert not re.search(r"<style|var\(|<script|currentColor|foreignObject", markup)
    drawn = [one for one in root.iter() if one.tag in (SVG + "line", SVG + "path", SVG + "text")]
    assert all((one.get("fill") or one.get("stroke") or "").startswith("#") or one.get("stroke") for one in drawn)


def test_figures_are_in_the_table_with_their_intervals() -> None:
    found = {"saved": Estimate(0.312, 0.2, 0.4, 9), "waited_all_p50": Estimate(123.4, 99.6, None, 9)}
    against = {"saved": Estimate(-0.1, -0.2, 0.05, 9), "waited_all_p50": Estimate(2.0, 1.5, 3.0, 9)}
    run = run_of(figures={"a": found, "b": found}, comparisons={"b": against})
    text = " | ".join(Reader(page.table(run)).text)
    for said in ("31.2%", "20.0% to 40.0%", "123 ms", "100 ms to ∞", "-10.0 (-20.0 to +5.0)", "×2.00 (×1.50 to ×3.00)"):
        assert said in text
    assert "next line" not in text  # nobody has it


@pytest.mark.parametrize(
    "run",
    [
        run_of(),
        run_of(session()),
        run_of(Session("silent", "a", "b", "python", [key(0.0, "a")])),
        run_of(Session("silent", "a", "b", "python")),
    ],
)
def test_a_run_with_little_in_it_is_drawn(run: Run) -> None:
    Reader(page.render(run))
    ET.fromstring(page.picture(run))
    assert "nan" not in page.picture(run)


def test_who_showed_nothing_is_named() -> None:
    silent = Session("silent", "a.py", "commit", "python", [key(0.0, "a")])
    text = "".join(Reader(page.render(run_of(session(), silent))).text)
    assert "Not drawn, because it showed nothing: silent." in text


def test_curves_count_all_keys() -> None:
    sessions = [session()]
    assert page.waited(sessions) == [100.0, 400.0, 10.0, None]
    assert page.seen(sessions) == [100.0, 400.0, 10.0]  # the last key had nothing left to hope for
    assert not any(math.isinf(value or 0) for value in page.seen(sessions))


def test_the_command_writes_what_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run.json"
    report.save(run_of(session(), session("theirs")), run)
    assert main(["bench", "page", str(run)]) == 0
    assert (tmp_path / "run.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert main(["bench", "page", str(run), "--svg", str(tmp_path / "p.svg"), "--html", str(tmp_path / "p.html")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / name) for name in ("run.html", "p.svg", "p.html")]
    ET.parse(tmp_path / "p.svg")
    assert main(["bench", "page", str(tmp_path / "missing.json")]) == 1
    assert main(["bench", "page", str(run), "--html", str(tmp_path / "no" / "where.html")]) == 1
