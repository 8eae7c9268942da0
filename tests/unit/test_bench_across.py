"""Of real edits only the lines that use what another file defines."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tabby_lsp.bench.edited import edits
from tabby_lsp.bench.edited.across import ABOVE, across_files
from tabby_lsp.bench.edited.history import Edited
from tabby_lsp.bench.edited.scripts import scripts_of
from tabby_lsp.bench.types import Hunk
from tabby_lsp.syntax.languages import language_of

BASE = "import os\n\n\ndef old(one):\n    return one\n"
FILES: Mapping[str, bytes] = {
    "area.py": b"def measured(area):\n    return area\n\n\nclass Report:\n    pass\n",
    "uses.py": BASE.encode(),
}


def file(added: str, base: str = BASE, name: str = "uses.py") -> Edited:
    return Edited(name, "s", language_of(name), base, tuple(edits.hunks(base, base + added)))


def typed(*files: Edited) -> list[str]:
    found = across_files(files, lambda _: FILES)
    for one in found:
        whole = next(file for file in files if file.name == one.name)
        assert edits.apply(one.base, one.hunks) == edits.apply(whole.base, whole.hunks)
    return [hunk.typed for one in found for hunk in one.hunks if edits.worth_typing(hunk)]


def test_only_the_line_with_the_name_is_typed() -> None:
    added = "\n\ndef new(one):\n    total = one + 1\n    return measured(total)\n"
    assert typed(file(added)) == ["\n    return measured(total)"]


def test_lines_that_follow_each_other_are_edits_of_their_own() -> None:
    added = "\n\ndef new(one):\n    kept = Report()\n    return measured(one)\n    # the end\n"
    assert typed(file(added)) == ["\n    kept = Report()", "\n    return measured(one)"]


@pytest.mark.parametrize(
    "added",
    [
        "\n\nLIMIT = os.cpu_count()\n",  # nothing of the repository
        "\n\nTOTAL = old(3)\n",  # its own
        "\n\nTEXT = 'measured'  # measured\n",  # no name
        "\n\ndef measured(area):\n    return -area\n\n\nTOTAL = measured(4)\n",  # its own by now
    ],
)
def test_files_with_no_such_line_are_left_out(added: str) -> None:
    assert typed(file(added)) == []


def test_a_name_that_stands_near_by_is_known_without_the_other_file() -> None:
    near = "from area import measured\n" + BASE
    assert typed(file("\n\nTOTAL = measured(4)\n", near)) == []
    far = near + "".join(f"LINE_{at} = {at}\n" for at in range(ABOVE // 10))
    assert typed(file("\n\nTOTAL = measured(4)\n", far)) == ["\nTOTAL = measured(4)"]


def test_the_second_of_two_lines_is_near_the_first() -> None:
    assert typed(file("\n\nONE = measured(1)\nTWO = measured(2)\n")) == ["\nONE = measured(1)"]


def test_what_is_replaced_goes_before_the_first_piece() -> None:
    base = BASE + "\n\nTOTAL = 0  # none\nLIMIT = 2\n"
    new = BASE + "\n\nTOTAL = 1\nOTHER = measured(1)\nLIMIT = 2\n"
    one = Edited("uses.py", "s", "python", base, tuple(edits.hunks(base, new)))
    (found,) = across_files([one], lambda _: FILES)
    assert edits.apply(base, found.hunks) == new
    assert [hunk.removed > 0 for hunk in found.hunks] == [True, *[False] * (len(found.hunks) - 1)]


def test_characters_of_several_bytes_move_nothing() -> None:
    assert typed(file("\n\n# äöü 日本\nTOTAL = measured('日本')\nLAST = 1\n")) == ["\nTOTAL = measured('日本')"]


def test_what_is_only_removed_stays_removed() -> None:
    one = Edited("uses.py", "s", "python", BASE + "x = 1\n", (Hunk(len(BASE), 6, ""),))
    assert across_files([one], lambda _: FILES) == []


def test_scripts_type_no_more_than_that() -> None:
    one = file("\n\ndef new(one):\n    return measured(one)\n")
    (script,) = scripts_of(across_files([one], lambda _: FILES), limit=9, most_keys=99)
    assert [hunk.typed for hunk in script.hunks if not hunk.pasted] == ["\n    return measured(one)"]
    assert script.after == edits.apply(one.base, one.hunks)
