"""What a file that is tested gives to others: the names that its tests may import."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from tabby_lsp.actions.subjects import Subject, elsewhere
from tabby_lsp.document import Snapshot
from tabby_lsp.syntax.trees import Trees

MODULE = """
export class Cart extends Base {}
class Base {}
export const limit: Opt = 1;
type Opt = number;
function add(a) { return a }
function mul(a) { return a }
export { add as sum, mul };
export default async function run() {}
export function* each() {}
function own() {}
"""
COMMON = """
function total(a) { return a }
function price(a) { return a }
function tax(a) { return total(a) }
module.exports = { total, cost: price }
"""


@pytest.mark.parametrize(
    ("text", "language", "names"),
    [
        (MODULE, "typescript", {"Cart", "limit", "mul", "run", "each"}),
        (COMMON, "javascript", {"total"}),
        ("function a() {}\nmodule.exports = a\nfunction b() {}\n", "javascript", {"a"}),
        ("exports.a = a;\nfunction a() {}\nfunction b() {}\n", "javascript", {"a"}),
    ],
    ids=["module", "common", "one", "each"],
)
def test_what_is_exported_can_be_imported(text: str, language: str, names: set[str]) -> None:
    source = PurePosixPath("src/cart.ts")
    subject = Subject("none", text, source, Path("/r"), Path("/r/src/cart.test.ts"))
    snapshot = Snapshot.of("file:///r/src/cart.ts", language, 1, text)
    found = elsewhere(subject, Trees().tree(snapshot), language)
    assert {name for name, line in found if line} == names
