"""How projects keep their tests: one row a language, one a framework. Tables, and nothing that reads a disk."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tabby_lsp.syntax.languages import language

_SCRIPT = r"\.[cm]?[jt]sx?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """What tests are written with.

    Attributes:
        name: for people and models.
        named: regular expression that finds it in a project's manifest.
        seen: the same in a test.
        file: the name of a test file, `{stem}` and `{suffix}` of what is tested in it.
        folders: where test files are kept, the usual first; "" is beside what is tested.
        head: what a new file begins with; `{imported}` stands for what brings in the subject.
        advice: what a model is told.
        keeps_suffix: whether an import names the file with its suffix.
    """

    name: str
    named: str = r"(?!)"
    seen: str = r"(?!)"
    file: str
    folders: tuple[str, ...]
    head: str = "{imported}"
    advice: str = ""
    keeps_suffix: bool = False


@dataclass(frozen=True, slots=True)
class Convention:
    """How a language's projects test.

    Attributes:
        tests: names of test files; the group that takes part is the name of what is tested.
        manifests: names of the files that tell which framework is used.
        frameworks: the first that is seen is used; where none is, the first one.
        inline: whether tests stand in the file that they test.
    """

    tests: re.Pattern[str]
    manifests: tuple[str, ...]
    frameworks: tuple[Framework, ...]
    inline: bool = False


_BESIDE = ("", "__tests__")
_SCRIPTS = Convention(
    tests=re.compile(rf"(.+)[.-](?:test|spec){_SCRIPT}"),
    manifests=("package.json",),
    frameworks=(
        Framework(
            name="node:test",
            named=r"\bnode\b[^\"\n]*--test\b",
            seen=r"[\"']node:test[\"']",
            file="{stem}.test{suffix}",
            folders=("", "test", "tests"),
            head='import assert from "node:assert/strict";\nimport { test } from "node:test";\n\n{imported}',
            advice='each test is `test("...", () => { ... })` with `assert.equal` and its like',
            keeps_suffix=True,
        ),
        Framework(
            name="Vitest",
            named=r"\"vitest\"",
            seen=r"[\"']vitest[\"']",
            file="{stem}.test{suffix}",
            folders=_BESIDE,
            head='import { describe, expect, it } from "vitest";\n\n{imported}',
            advice='each test is `it("...", () => { ... })` with `expect(...)`',
        ),
        Framework(
            name="Jest",
            named=r"\"(?:@jest/\w+|ts-jest|babel-jest|jest)\"",
            seen=r"\bjest\.|@jest/globals",
            file="{stem}.test{suffix}",
            folders=_BESIDE,
            advice='each test is `it("...", () => { ... })` with `expect(...)`; `it` and `expect` are global',
        ),
        Framework(
            name="Mocha",
            named=r"\"mocha\"",
            seen=r"[\"'](?:chai|mocha)[\"']",
            file="{stem}.test{suffix}",
            folders=("test", "tests", ""),
            head='import assert from "node:assert/strict";\n\n{imported}',
            advice='each test is `it("...", () => { ... })` with `assert.equal` and its like; `it` is global',
        ),
    ),
)

CONVENTIONS: dict[str, Convention] = {
    "python": Convention(
        tests=re.compile(r"test_(.+)\.py|(.+)_test\.py"),
        manifests=("pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "setup.py", "requirements-dev.txt"),
        frameworks=(
            Framework(
                name="pytest",
                named=r"\bpytest\b",
                seen=r"\bpytest\b|^(?:async )?def test_",
                file="test_{stem}.py",
                folders=("tests", "test"),
                advice="each test is a function `test_...` with plain `assert`",
            ),
            Framework(
                name="unittest",
                seen=r"\bunittest\b",
                file="test_{stem}.py",
                folders=("tests", "test"),
                head="import unittest\n\n{imported}",
                advice="the tests are methods `test_...` of one class that extends `unittest.TestCase`",
            ),
        ),
    ),
    "javascript": _SCRIPTS,
    "typescript": _SCRIPTS,
    "tsx": _SCRIPTS,
    "go": Convention(
        tests=re.compile(r"(.+)_test\.go"),
        manifests=(),
        frameworks=(
            Framework(
                name="the package testing",
                file="{stem}_test.go",
                folders=("",),
                head='{imported}\n\nimport "testing"',
                advice="each test is `func Test...(t *testing.T)`, with `t.Errorf` where something is wrong",
            ),
        ),
    ),
    "rust": Convention(
        tests=re.compile(r"(?!)"),
        manifests=(),
        frameworks=(
            Framework(
                name="Rust's own tests",
                file="{stem}.rs",
                folders=("",),
                head="",
                advice="each test is a function with `#[test]` above it and `assert_eq!` or `assert!` in it",
            ),
        ),
        inline=True,
    ),
    "java": Convention(
        tests=re.compile(r"(.+?)(?:Tests?|IT|TestCase)\.java"),
        manifests=("pom.xml", "build.gradle", "build.gradle.kts"),
        frameworks=(
            Framework(
                name="JUnit 5",
                named=r"jupiter",
                seen=r"org\.junit\.jupiter",
                file="{stem}Test.java",
                folders=("src/test/java", "test"),
                head=(
                    "{imported}\n\nimport static org.junit.jupiter.api.Assertions.*;\n\n"
                    "import org.junit.jupiter.api.Test;"
                ),
                advice="the tests are methods with `@Test` of one class `{stem}Test`",
            ),
            Framework(
                name="JUnit 4",
                named=r"<artifactId>junit<|junit:junit:4",
                seen=r"org\.junit\.(?:Test|Assert)",
                file="{stem}Test.java",
                folders=("src/test/java", "test"),
                head="{imported}\n\nimport static org.junit.Assert.*;\n\nimport org.junit.Test;",
                advice="the tests are methods with `@Test` of one class `{stem}Test`",
            ),
        ),
    ),
    "ruby": Convention(
        tests=re.compile(r"(.+)_(?:spec|test)\.rb|test_(.+)\.rb"),
        manifests=("Gemfile", "Gemfile.lock", ".rspec"),
        frameworks=(
            Framework(
                name="Minitest",
                named=r"minitest",
                seen=r"[Mm]initest",
                file="test_{stem}.rb",
                folders=("test",),
                head='require "minitest/autorun"\n{imported}',
                advice="the tests are methods `test_...` of one class that extends `Minitest::Test`",
            ),
            Framework(
                name="RSpec",
                named=r"rspec|--\w",
                seen=r"\bRSpec\b|\bexpect\(",
                file="{stem}_spec.rb",
                folders=("spec",),
                advice="the tests are `it` blocks in one `RSpec.describe` block",
            ),
        ),
    ),
    "php": Convention(
        tests=re.compile(r"(.+)Test\.php"),
        manifests=("composer.json",),
        frameworks=(
            Framework(
                name="PHPUnit",
                file="{stem}Test.php",
                folders=("tests", "test"),
                head="<?php\n\n{imported}\nuse PHPUnit\\Framework\\TestCase;",
                advice="the tests are methods `test...` of one class `{stem}Test` that extends `TestCase`",
            ),
        ),
    ),
}
"""By the name of the language. Where a language has no row, tests are not offered."""


def convention_of(language_id: str) -> Convention | None:
    """The row of a language."""
    return CONVENTIONS.get(language(language_id).name)
