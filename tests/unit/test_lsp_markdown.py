"""What a model wrote loads nothing when it is previewed, and reads as it was written otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabby_lsp.lsp.markdown import harmless, linked

IMAGE = "![x](https://host/?secret)"
GONE = r"!\[x](https://host/?secret)"


@pytest.mark.parametrize(
    "text",
    [
        "plain *text* with a [link](https://host) and 1 < 2",
        "`vec![1]` and `Vec<T>`",
        "```rust\nvec![1]\n<T>\n```\nafter",
        f"~~~~\n~~~\n{IMAGE}\n~~~~",
        f"```\n``` no end\n{IMAGE}\n  ```  ",
        f"one ``two ` {IMAGE}`` three",
        "1. one\n\n   ```cpp\n   Vec<T> a;\n   ```\n",
        "",
    ],
)
def test_what_is_harmless_stays(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"see {IMAGE}", f"see {GONE}"),
        (rf"see \{IMAGE}", rf"see \{GONE}"),
        (f"see \\\\{IMAGE}", f"see \\\\{GONE}"),
        ("![x][1]\n\n[1]: https://host/", "!\\[x][1]\n\n[1]: https://host/"),
        (f"[{IMAGE}](https://host)", f"[{GONE}](https://host)"),
        ('<img src="https://host/">', '&lt;img src="https://host/">'),
        ("<IMG\nsrc=x>", "&lt;IMG\nsrc=x>"),
        ("a <!-- b --> </p>", "a &lt;!-- b --> &lt;/p>"),
        # code that is none
        (f"a ` b\n` {IMAGE} `", f"a ` b\n` {GONE} `"),
        (f"\\` {IMAGE} `", f"\\` {GONE} `"),
        (f"``` a`b\n{IMAGE}", f"``` a`b\n{GONE}"),
        (f"```\ncode\n```\n{IMAGE}\n```\n{IMAGE}\n```", f"```\ncode\n```\n{GONE}\n```\n{IMAGE}\n```"),
        (f"```\n``` no end\n```\n{IMAGE}", f"```\n``` no end\n```\n{GONE}"),
        (f"````\n```\n````\n{IMAGE}", f"````\n```\n````\n{GONE}"),
        (f"```\r{IMAGE}\r```\r{IMAGE}", f"```\n{IMAGE}\n```\n{GONE}"),
        # where programs differ in what is code
        (f"- a\n  ```\n{IMAGE}", f"- a\n  ```\n{GONE}"),
        (f"- ```\n  a\n  ```\n  {IMAGE}", f"- ```\n  a\n  ```\n  {GONE}"),
        (f"> ```\n{IMAGE}", f"> ```\n{GONE}"),
        (f"$$\n```\n$$\n{IMAGE}", f"$$\n```\n$$\n{GONE}"),
        (f"<div>\n```\n</div>\n\n{IMAGE}", f"&lt;div>\n```\n</div>\n\n{IMAGE}"),
    ],
)
def test_what_would_be_loaded_is_text(text: str, wanted: str) -> None:
    assert harmless(text) == wanted
    assert harmless(wanted) == wanted


@pytest.mark.parametrize("path", ["../other.py:1", "folder/../../other.py:1", "link.py:1"])
def test_links_lead_into_the_folder_alone(path: str, tmp_path: Path) -> None:
    (tmp_path / "root" / "folder").mkdir(parents=True)
    (tmp_path / "other.py").write_text("")
    (tmp_path / "root" / "link.py").symlink_to(tmp_path / "other.py")
    assert linked(path, tmp_path / "root") == path


def test_no_link_becomes_an_image(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    assert linked("!main.py:1", tmp_path) == "!main.py:1"
