"""Tests that a model wrote together with a copy of what they are of, and what is to come of them."""

from __future__ import annotations

import re
import textwrap

import pytest
from outcome_tables import assert_sound, brief_of

from tabby_lsp.actions.edits import apply
from tabby_lsp.actions.outcome import read
from tabby_lsp.actions.types import Form
from tabby_lsp.engine.types import Finish

CART = (("Line", "from cart import Line"), ("total", "from cart import total"), ("LIMIT", "from cart import LIMIT"))
ORDERS = (("Order", ""), ("Order.Total", ""), ("Free", ""), ("Least", ""))
STOCK = (("Stock", ""), ("Stock.new", ""), ("one", ""))
LIST = (("Track", 'import { Track } from "./list";'), ("next", 'import { next } from "./list";'))


def written(language: str, answer: str, elsewhere: tuple[tuple[str, str], ...], document: str = "⟦⟧") -> str:
    """The document with what an answer brings, or the reason why it brings nothing."""
    document = text(document, language)
    brief = brief_of(document, language, Form.NEW, create=document == "⟦⟧", elsewhere=elsewhere, allowed=(0, 99))
    outcome = read(brief, f"```{language}\n{text(answer, language).strip()}\n```", Finish.END)
    assert_sound(brief, outcome)
    return outcome.reason or apply(brief.snapshot, outcome.edits)


def text(document: str, language: str = "") -> str:
    """A text that is indented in here; Go's has tabs."""
    plain = textwrap.dedent(document).lstrip("\n")
    return re.sub(r"(?m)^(?: {4})+", lambda found: "\t" * (len(found[0]) // 4), plain) if language == "go" else plain


CASES = [
    pytest.param(
        "python",
        CART,
        """
            import pytest

            @dataclass
            class Line:
                price: int

            # Sums up.
            def total(lines):
                return sum(line.price for line in lines)

            def test_total():
                assert total([Line(1)]) == 1
            """,
        """
            import pytest
            from cart import Line
            from cart import total

            def test_total():
                assert total([Line(1)]) == 1
            """,
        id="python: the copies go, and their imports come",
    ),
    pytest.param(
        "python",
        CART,
        """
            from cart import total

            LIMIT = 3

            def helper():
                def total():
                    return 1
                return total()

            def test_total():
                assert total([]) == helper() - 1
            """,
        """
            from cart import total

            LIMIT = 3

            def helper():
                def total():
                    return 1
                return total()

            def test_total():
                assert total([]) == helper() - 1
            """,
        id="python: what is imported is not imported twice, what is not used not at all",
    ),
    pytest.param(
        "go",
        ORDERS,
        """
            package orders

            import (
                "strings"
                "testing"
            )

            const Least = 3

            type Order struct {
                Name string
            }

            // Total sums up.
            func (o *Order) Total() int {
                return len(strings.Fields(o.Name))
            }

            type double struct{}

            func (d double) Total() int {
                return 2
            }

            func TestTotal(t *testing.T) {
                if (&Order{}).Total() != 0 {
                    t.Error("not empty")
                }
            }
            """,
        """
            package orders

            import (
                "testing"
            )

            type double struct{}

            func (d double) Total() int {
                return 2
            }

            func TestTotal(t *testing.T) {
                if (&Order{}).Total() != 0 {
                    t.Error("not empty")
                }
            }
            """,
        id="go: types, methods and constants go, and the imports that only they used",
    ),
    pytest.param(
        "go",
        ORDERS,
        """
            package orders

            import "strings"
            import "testing"

            func Free() bool { return strings.Contains("a", "b") }

            func TestFree(t *testing.T) {
                Free()
            }
            """,
        """
            package orders

            import "testing"

            func TestFree(t *testing.T) {
                Free()
            }
            """,
        id="go: an import of one line",
    ),
    pytest.param(
        "go",
        ORDERS,
        """
            package orders

            import (
                "fmt"
                _ "embed"
                "testing"

                "example.com/go/yaml.v3"
                money "example.com/money"
            )

            func TestA(t *testing.T) {
            }
            """,
        """
            package orders

            import (
                _ "embed"
                "testing"

                "example.com/go/yaml.v3"
                money "example.com/money"
            )

            func TestA(t *testing.T) {
            }
            """,
        id="go: an import that nothing uses, where its name is known",
    ),
    pytest.param(
        "typescript",
        LIST,
        """
            import { expect, it } from "vitest";

            export interface Track { name: string }

            export const next = (tracks: Track[]): Track => tracks[0];

            it("is the first", () => {
              const next = 1;
              expect(next).toBe(1);
            });
            it("is a track", () => { const tracks: Track[] = []; expect(next(tracks)).toBeUndefined(); });
            """,
        """
            import { expect, it } from "vitest";
            import { Track } from "./list";
            import { next } from "./list";

            it("is the first", () => {
              const next = 1;
              expect(next).toBe(1);
            });
            it("is a track", () => { const tracks: Track[] = []; expect(next(tracks)).toBeUndefined(); });
            """,
        id="typescript: a test that has such a name for something of its own stays",
    ),
]
"""New files: the language, what stands elsewhere, the answer, and what is left of it."""
