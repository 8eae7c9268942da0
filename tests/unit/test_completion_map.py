"""The map at the head of the package names every room in it, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from tabby_lsp import completion


def test_the_map_is_of_the_package() -> None:
    folder = Path(str(completion.__file__)).parent
    rooms = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    rooms |= {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}
    assert set(re.findall(r"^    (\S+)  +\S", completion.__doc__ or "", re.MULTILINE)) == rooms
