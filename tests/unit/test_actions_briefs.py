"""What the model is asked for an action: its region, what is shown beside, the room, and what is never shown."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest
from unit.action_targets import at, words, workspace
from unit.memory_index import MemoryIndex

from tabby_lsp.actions import related
from tabby_lsp.actions.excerpt import ends, whole_lines
from tabby_lsp.actions.prompts import TURN_TOKENS, fenced
from tabby_lsp.actions.region import text_of
from tabby_lsp.actions.table import ACTIONS
from tabby_lsp.actions.types import Brief, Form, Target, Workspace
from tabby_lsp.config import ActionSettings
from tabby_lsp.errors import ActionError
from tabby_lsp.index.types import Snippet, Wanted

SHOP = '''\
from __future__ import annotations

import json
from .net import Client


@dataclass
class Item:
    name: str
    price: float


class Shop(Base):
    """Sells."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def total(self, items: list[Item]) -> float:
        return sum(item.cost for item in █items)

    def send(self) -> None:
        self.client.post(json.dumps(self.totals()))


def other() -> int:
    return 1
'''
NET = "class Client:\n    def post(self, text: str) -> int:\n        return 1\n"


def asked(brief: Brief) -> str:
    return "\n".join(message.text for message in brief.messages)


def brief(action: str, target: Target, where: Workspace | None = None) -> Brief:
    return asyncio.run(_brief(action, target, where or workspace(target)))


async def _brief(action: str, target: Target, where: Workspace) -> Brief:
    return await ACTIONS[action].briefing(target, where)


def code_of(made: Brief) -> str:
    return text_of(made.snapshot, made.region)


def test_a_fix_shows_the_problem_the_imports_and_the_types_that_the_function_uses():
    target = at("python", SHOP, ("item.cost", 'Cannot access attribute "cost" for class "Item"\n  It is unknown'))
    made = brief("fix", target)
    assert made.form is Form.CODE
    assert code_of(made) == (
        "    def total(self, items: list[Item]) -> float:\n        return sum(item.cost for item in items)"
    )
    said = asked(made)
    assert fenced(code_of(made), "python") in said
    assert 'Cannot access attribute "cost" for class "Item" It is unknown (code)' in said
    assert "in the line: return sum(item.cost for item in items)" in said
    assert "import json\nfrom .net import Client" in said
    assert "class Item:\n    name: str\n    price: float" in said
    assert "class Shop(Base):" in said
    assert "def other" not in said
    assert made.title == 'Fix: Cannot access attribute "cost" for class "Item"'
    assert made.fence == "python"
    assert made.shown[0] == "import json\nfrom .net import Client"
    assert made.allowed == (0, made.region.end.line + 1)


def test_what_other_files_define_comes_from_the_index():
    target = at("python", SHOP.replace("█", "").replace("self.client", "self.█client", 1), ("json.dumps", "Wrong."))
    index = MemoryIndex({"net.py": NET, "main.py": SHOP.replace("█", "")})
    made = brief("fix", target, workspace(target, index=index))
    assert "# net.py" in asked(made)
    assert "def post(self, text: str) -> int" in asked(made)
    (wanted,) = index.wanted
    assert wanted.path == "main.py"
    assert "post" in {use.name for use in wanted.uses}


def test_an_index_that_cannot_answer_or_does_not_is_done_without(monkeypatch: pytest.MonkeyPatch):
    target = at("python", SHOP, ("item.cost", "Wrong."))
    index = MemoryIndex({"net.py": NET})
    index.up = False
    assert "net.py" not in asked(brief("fix", target, workspace(target, index=index)))

    class Silent(MemoryIndex):
        def definitions(self, wanted: Wanted) -> Future[tuple[Snippet, ...]]:
            return Future()

    monkeypatch.setattr(related, "PATIENCE_S", 0.01)
    assert "net.py" not in asked(brief("fix", target, workspace(target, index=Silent({}))))


def test_all_problems_of_a_function_are_listed():
    target = at(
        "go", "package a\n\nfunc f() int {\n\tx := aa()\n\treturn bb(█)\n}\n", ("aa", "No aa."), ("bb", "No bb.")
    )
    made = brief("fix_all", target)
    assert code_of(made) == "func f() int {\n\tx := aa()\n\treturn bb()\n}"
    assert "No aa." in asked(made)
    assert "No bb." in asked(made)
    assert "Fix these problems:" in asked(made)


@pytest.mark.parametrize(
    ("language", "source", "wrong", "region"),
    [
        ("python", "import os\n\nx = [\n    aa,█\n]\ny = 1\n", "aa", "x = [\n    aa,\n]"),
        ("python", "class A(aa█):\n    x = 1\n\n    def f(self):\n        return 1\n", "aa", None),
        ("python", "class A:\n    x = aa█\n    y = 2\n", "aa", "    x = aa"),
        ("python", "def f():\n    def g():\n        return aa█\n    return g\n", "aa", None),
        ("python", "x = 1\n\ndef f(:\n    return aa█\n\ny = 2\n", "aa", "def f(:\n    return aa"),
        ("typescript", "let a;\napp.get('/', (b) => {\n  c(aa█);\n});\n", "aa", "app.get('/', (b) => {\n  c(aa);\n});"),
        ("typescript", "export class A {\n  f() {\n    aa();█\n  }\n}\n", "aa", "  f() {\n    aa();\n  }"),
        ("go", "package a\n\nvar x = aa█()\n\nfunc f() {}\n", "aa", "var x = aa()"),
        ("rust", "impl A for B {\n  fn f() {\n    aa();█\n  }\n}\n", "aa", "  fn f() {\n    aa();\n  }"),
        ("rust", "impl aa█ for B {\n    fn f() {}\n}\n", "aa", None),
    ],
)
def test_the_region_of_a_fix(language: str, source: str, wrong: str, region: str | None):
    target = at(language, source, (wrong, "Wrong."))
    assert code_of(brief("fix", target)) == (region or target.snapshot.text.rstrip("\n"))


def test_of_a_long_function_the_statements_around_the_problem_are_changed():
    lines = [f"    step_{number} = do(step_{number - 1})" for number in range(1, 400)]
    source = "\n".join(["def f(step_0):", *lines, "    return █wrong", "", "", "def g():", "    return 1", ""])
    target = at("python", source, ("wrong", "Wrong."))
    where = workspace(target, room=1200, max_tokens=300)
    made = brief("fix", target, where)
    code = code_of(made)
    assert code.endswith("    return wrong")
    assert 5 < code.count("\n") < 60
    assert words(code) <= made.max_tokens <= where.max_tokens
    assert "The code is part of this function:\n```python\ndef f(step_0):\n```" in asked(made)


def test_a_statement_that_is_longer_than_the_room_is_refused():
    target = at("python", "x = [\n" + "    aaaaaaaaaaaaaaaa,\n" * 500 + "    █wrong]\n", ("wrong]", "Wrong."))
    small = workspace(target, room=400, max_tokens=200)
    made = brief("fix", target, small)
    assert code_of(made) == "    wrong]"  # the line alone is still worth a try
    line = at("python", "x = [" + "a, " * 4000 + "█wrong]\n", ("wrong]", "Wrong."))
    with pytest.raises(ActionError, match="too long"):
        brief("fix", line, workspace(line, room=400, max_tokens=200))


@pytest.mark.parametrize("action", ["fix", "explain", "document", "rewrite"])
@pytest.mark.parametrize("room", [500, 700, 1000, 4000])
def test_a_prompt_and_its_answer_have_room(action: str, room: int):
    filler = "".join(f"def used_{number}(a: int, b: str) -> list[str]: ...\n\n" for number in range(100))
    calls = "".join(f"    used_{number}(1, 'a')\n" for number in range(30))
    source = f"import json\nfrom .net import Client\n\n{filler}\ndef f█(a):\n{calls}    return wrong\n"
    target = at("python", source, ("wrong", "Wrong."), **({"instruction": "Shorten."} if action == "rewrite" else {}))
    where = workspace(target, room=room, max_tokens=room // 3)
    made = brief(action, target, where)
    assert sum(words(message.text) + TURN_TOKENS for message in made.messages) + made.max_tokens <= room
    if room == 4000:
        assert "def used_7(a: int, b: str)" in asked(made)


@pytest.mark.parametrize("action", ["fix", "explain", "document", "rewrite", "tests"])
def test_a_document_with_a_secret_is_never_shown(action: str):
    key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    target = at(
        "python", f"KEY = '{key}'\n\n\ndef f█():\n    return wrong\n", ("wrong", "Wrong."), instruction="Shorten."
    )
    with pytest.raises(ActionError, match="secret"):
        brief(action, target)
    named = at("python", "def f█():\n    return wrong\n", ("wrong", "W."), path=".env", instruction="Shorten.")
    with pytest.raises(ActionError, match="secret"):
        brief(action, named)


def test_an_explanation_is_prose_and_changes_nothing():
    made = brief("explain", at("rust", "/// Old.\nfn f() -> i32 {\n    g(█1)\n}\n"))
    assert made.form is Form.PROSE
    assert "fn f() -> i32 {\n    g(1)\n}" in asked(made)
    assert made.title == "Explain f"
    with pytest.raises(ActionError, match="no code"):
        brief("explain", at("python", "x = 1\n█\n"))


def test_of_code_that_is_too_long_to_be_explained_the_ends_are_shown():
    body = "".join(f"    step({number})\n" for number in range(3000))
    target = at("python", f"def f█():\n{body}    return 1\n")
    said = asked(brief("explain", target, workspace(target, room=1500)))
    assert "def f():" in said
    assert "    return 1" in said
    assert "lines left out" in said


@pytest.mark.parametrize(
    ("language", "source", "style", "title"),
    [
        ("python", "@cache\ndef f█(a):\n    return a\n", "docstring", "Document f"),
        ("typescript", "/** Old. */\nexport function f█(a) {\n  return a;\n}\n", "TSDoc", "Update documentation of f"),
        ("go", "package a\n\n// f is old.\nfunc f█() {}\n", "begins with `f`", "Update documentation of f"),
        ("rust", "/// Old.\n#[inline]\npub fn f█() {}\n", "`///`", "Update documentation of f"),
    ],
)
def test_documentation_is_asked_for_in_the_form_of_the_language(language: str, source: str, style: str, title: str):
    target = at(language, source)
    made = brief("document", target)
    assert made.form is Form.DOCSTRING
    assert style in asked(made)
    assert made.title == title
    # what is replaced begins with the comments and attributes above
    head = target.snapshot.text.removeprefix("package a\n\n").rstrip("\n")
    assert code_of(made) == head


def test_a_rewrite_says_what_the_user_says():
    source = "def f(a):\n    x = a\n█    y = x\n    return y█\n"
    made = brief("rewrite", at("python", source, instruction="Use {one} name."))
    assert code_of(made) == "    y = x\n    return y"
    assert "Use {one} name." in asked(made)
    assert made.title == "Rewrite: Use {one} name."
    assert brief("rewrite", at("python", source, instruction="Shorten.", title="Simplify: f")).title == "Simplify: f"
    with pytest.raises(ActionError, match="Nothing was said"):
        brief("rewrite", at("python", source))


def test_presets_carry_their_instruction_into_the_prompt():
    target = at("python", "def f(a█):\n    return a\n")
    from tabby_lsp.actions.offers import offers

    settings = ActionSettings(presets=("Log: Log each call with {name}.",))
    for offer in offers(target, settings, ("refactor.rewrite",)):
        if offer.action != "rewrite":
            continue
        chosen = Target(target.snapshot, offer.span, target.tree, instruction=offer.instruction, title=offer.title)
        made = brief("rewrite", chosen)
        assert offer.instruction in asked(made)
        assert code_of(made) == "def f(a):\n    return a"
        assert made.title == offer.title


def test_a_file_without_a_grammar_can_be_rewritten_by_lines():
    made = brief("rewrite", at("plaintext", "one\n█two two█\nthree\n", instruction="Say it once."))
    assert code_of(made) == "two two"
    assert "```\ntwo two\n```" in asked(made)


def test_a_fence_is_longer_than_those_in_the_text():
    assert fenced("a\n```\nb\n````\n", "md").startswith("`````md\n")


def test_texts_are_cut_by_lines():
    text = "\n".join(f"line {number}" for number in range(100))
    assert whole_lines(text, words("line 0\nline 1"), words) == "line 0\nline 1"
    assert whole_lines(text, 0, words) == ""
    assert whole_lines(text, 10_000, words) == text
    cut = ends(text, 40, words, "go")
    assert words(cut) <= 40
    assert cut.startswith("line 0\n")
    assert cut.endswith("line 99")
    assert "// ... " in cut
    left_out = int(cut.split("// ... ")[1].split()[0])
    assert cut.count("line ") == 100 - left_out
    assert ends(text, 1, words, "go") == ""


@pytest.mark.parametrize("action", ["explain", "document", "rewrite"])
def test_names_are_those_of_the_function_and_not_of_the_one_above(action: str):
    source = "class A:\n    def f(self):\n        return above()\n\n█    def g(self):\n        return below()█\n"
    index = MemoryIndex({"net.py": NET})
    target = at("python", source, **({"instruction": "Shorten."} if action == "rewrite" else {}))
    brief(action, target, workspace(target, index=index))
    (wanted,) = index.wanted
    assert "below" in {use.name for use in wanted.uses}
    assert "above" not in {use.name for use in wanted.uses}
