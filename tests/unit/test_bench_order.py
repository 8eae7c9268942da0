"""In which order the files of a run are edited."""

from __future__ import annotations

import pytest

from tabby_lsp.bench.edited import edits
from tabby_lsp.bench.edited.history import Edited
from tabby_lsp.bench.edited.scripts import scripts_of
from tabby_lsp.syntax.languages import language_of

OLD = "import os\n\n\ndef old(one):\n    return one\n"


def file(name: str, added: str, source: str = "s", base: str = OLD) -> Edited:
    return Edited(name, source, language_of(name), base, tuple(edits.hunks(base, base + added)))


def order(*files: Edited) -> list[str]:
    scripts = scripts_of(files, limit=99, most_keys=999)
    assert {script.name for script in scripts} == {one.name for one in files}
    return [script.name for script in scripts]


DEFINES = file("defines.py", "\n\ndef measured(area):\n    return area\n")
USES = file("uses.py", "\n\ndef report(area):\n    print(measured(area))\n")
ALONE = file("alone.py", "\n\nLIMIT = os.cpu_count()\n")


def test_files_of_a_source_follow_each_other() -> None:
    files = [file(f"{at}.py", "\nLIMIT = 1\n", source) for at, source in enumerate("abcabca")]
    assert order(*files) == [f"{at}.py" for at in (0, 3, 6, 1, 4, 2, 5)]


@pytest.mark.parametrize("files", [(USES, DEFINES, ALONE), (DEFINES, USES, ALONE), (DEFINES, ALONE, USES)])
def test_a_definition_comes_before_its_use_and_nothing_else_moves(files: tuple[Edited, ...]) -> None:
    expected = {one.name: at for at, one in enumerate(files)}
    found = order(*files)
    assert found.index("defines.py") < found.index("uses.py")
    if expected["defines.py"] < expected["uses.py"]:
        assert found == list(expected)
    else:
        assert [name for name in found if name != "defines.py"] == ["uses.py", "alone.py"]


def test_a_chain_of_uses() -> None:
    last = file("last.py", "\n\nTOTAL = report(3) + old(4)\n", base="import os\n")
    assert order(last, USES, DEFINES) == ["defines.py", "uses.py", "last.py"]


def test_files_that_need_each_other_stay_as_they_were() -> None:
    one = file("one.py", "\n\ndef ping():\n    return pong()\n")
    two = file("two.py", "\n\ndef pong():\n    return ping()\n")
    assert order(one, two) == ["one.py", "two.py"]
    assert order(two, one, ALONE) == ["two.py", "one.py", "alone.py"]
    assert order(file("uses.py", "\n\nSOUND = ping()\n"), two, one) == ["two.py", "one.py", "uses.py"]


@pytest.mark.parametrize(
    "added",
    [
        "\n\ndef report(area):\n    # measured in square metres\n    return 'measured'\n",  # no code
        "\n\ndef measured(it):\n    return it\n\n\nprint(measured(1))\n",  # its own
        "\n\ndef report(area):\n    return old(area)\n",  # stood there before
    ],
)
def test_what_is_no_use_of_it_moves_nothing(added: str) -> None:
    assert order(file("uses.py", added), DEFINES) == ["uses.py", "defines.py"]


def test_a_definition_that_is_changed_counts_and_one_that_moved_does_not() -> None:
    uses = file("uses.py", "\n\nprint(old(1, two=2))\n", base="import os\n")
    wider = OLD.replace("one)", "one, two=0)")
    changed = Edited("d.py", "s", "python", OLD, tuple(edits.hunks(OLD, wider)))
    assert order(uses, changed) == ["d.py", "uses.py"]
    moved = Edited("d.py", "s", "python", OLD, tuple(edits.hunks(OLD, "import sys\n" + OLD)))
    assert order(uses, moved) == ["uses.py", "d.py"]


def test_typescript_is_read_too() -> None:
    base = "export const old = 1\n"
    types = file("types.ts", "export interface Patch {\n  path: string\n}\n", base=base)
    uses = file("uses.ts", "export function apply(patches: Patch[]) {}\n", base=base)
    assert order(uses, types) == ["types.ts", "uses.ts"]


def test_the_files_and_their_edits_are_those_that_were_picked() -> None:
    """Whatever order they are typed in, chance has picked the same ones."""
    files = [USES, file("x.py", "\n\nY = measured(2)\n", "t"), DEFINES, ALONE]
    found = scripts_of(files, limit=3, most_keys=99, seed=4)
    assert [script.name for script in found] == ["defines.py", "uses.py", "x.py"]
    for script in found:
        (one,) = (one for one in files if one.name == script.name)
        assert script.after == edits.apply(one.base, one.hunks)
        assert edits.apply(script.base, script.hunks) == script.after
