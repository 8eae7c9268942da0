"""What is left out of the index, and what is not."""

from __future__ import annotations

import base64
import random
import string
import sysconfig
from pathlib import Path

import pytest

from tabby_lsp.config import IndexSettings
from tabby_lsp.index.files.kinds import language_of_name, language_of_script
from tabby_lsp.index.files.left_out import Reason, by_content, by_name, by_size
from tabby_lsp.index.files.secret import content_tells
from tabby_lsp.index.files.walk import walk

LETTERS = string.ascii_letters + string.digits


def drawn(length: int, alphabet: str = LETTERS, seed: int = 7) -> str:
    """A text drawn by chance, so that no token is written down here."""
    return "".join(random.Random(seed).choices(alphabet, k=length))


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.py", "python"), ("A.PY", "python"), ("a.tsx", "typescriptreact"), ("Makefile", "makefile"),
        ("CMakeLists.txt", "cmake"), ("notes.txt", "plaintext"), ("index.rst", "restructuredtext"), ("a.hs", "haskell"),
        ("Gemfile", "ruby"), (".bashrc", "shellscript"), ("README", "plaintext"), ("a.PNG", ""), ("a", ""),
        (".hidden", ""), ("py", ""), ("x.", ""),
    ],
)  # fmt: skip
def test_the_language_of_a_name(name: str, language: str) -> None:
    assert language_of_name(name) == language


@pytest.mark.parametrize(
    ("line", "language"),
    [
        (b"#!/usr/bin/env python3.11", "python"), (b"#!/bin/sh -e", "shellscript"), (b"#! /usr/bin/perl -w", "perl"),
        (b"#!/usr/bin/env -S node --flag", "javascript"), (b"#!/usr/bin/env A=1 ruby", "ruby"), (b"#!/opt/tool", ""),
        (b"\x7fELF\x02", ""), (b"", ""), (b"# python", ""),
    ],
)  # fmt: skip
def test_the_language_of_a_script(line: bytes, language: str) -> None:
    assert language_of_script(line) == language


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".env", Reason.SECRET), (".env.production", Reason.SECRET), ("prod.env", Reason.SECRET),
        ("server.pem", Reason.SECRET), ("id_rsa", Reason.SECRET), ("id_ed25519.pub", Reason.SECRET),
        ("tls.KEY", Reason.SECRET), (".npmrc", Reason.SECRET), ("credentials", Reason.SECRET),
        ("credentials.json", Reason.SECRET), ("secrets.yaml", Reason.SECRET), ("terraform.tfstate", Reason.SECRET),
        ("secrets.py", None), ("credentials.go", None), ("environment.py", None), ("key.py", None), ("env.rs", None),
        ("package-lock.json", Reason.GENERATED), ("Cargo.lock", Reason.GENERATED), ("go.sum", Reason.GENERATED),
        ("api_pb2.py", Reason.GENERATED), ("app.min.js", Reason.MINIFIED), ("app.js.map", Reason.GENERATED),
        ("table.csv", Reason.DATA), ("logo.svg", Reason.DATA), ("LICENSE.txt", Reason.DATA),
        ("a.o", Reason.UNKNOWN), ("archive.tar.gz", Reason.UNKNOWN), ("main.py", None), ("README.md", None),
        ("configure", None),
    ],
)  # fmt: skip
def test_names(name: str, reason: Reason | None) -> None:
    assert by_name(name) is reason


@pytest.mark.parametrize(
    ("language", "size", "reason"),
    [
        ("python", 0, Reason.EMPTY), ("python", 1, None), ("python", 512 * 1024, None),
        ("python", 512 * 1024 + 1, Reason.SIZE),
        ("json", 20_000, None), ("json", 40_000, Reason.DATA),
    ],
)  # fmt: skip
def test_sizes(language: str, size: int, reason: Reason | None) -> None:
    assert by_size(language, size, 512) is reason


SHAPED = {
    "aws": lambda: f'id = "AKIA{drawn(16, string.ascii_uppercase + "234567")}"',
    "github": lambda: f"git clone https://ghp_{drawn(36)}@github.com/a/b",
    "gitlab": lambda: f"token: glpat-{drawn(20)}",
    "slack": lambda: f"xoxb-{drawn(12, string.digits)}-{drawn(12, string.digits)}-{drawn(24)}",
    "slack hook": lambda: f"https://hooks.slack.com/services/T{drawn(9)}/B{drawn(9)}/{drawn(24)}",
    "stripe": lambda: f"sk_live_{drawn(24)}",
    "google": lambda: f'key = "AIza{drawn(35)}"',
    "anthropic": lambda: f"sk-ant-api03-{drawn(60)}",
    "hugging face": lambda: f"hf_{drawn(34, string.ascii_letters)}",
    "npm": lambda: f"//registry/:_authToken=npm_{drawn(36)}",
    "sendgrid": lambda: f"SG.{drawn(22)}.{drawn(43)}",
    "azure storage": lambda: f"AccountName=a;AccountKey={drawn(86)}==;",
    "json web token": lambda: f"eyJ{drawn(30)}.eyJ{drawn(60)}.{drawn(43)}",
    "private key": lambda: (
        "-----BEGIN RSA " + "PRIVATE KEY-----\n" + base64.encodebytes(random.Random(7).randbytes(200)).decode()
    ),
    "assigned": lambda: f'DB_PASSWORD = "{drawn(24)}"',
    "password in an address": lambda: f'"postgres://user:{drawn(16, seed=3)}@db.internal/main"',
}


@pytest.mark.parametrize("kind", SHAPED)
def test_a_secret_leaves_a_file_out(kind: str) -> None:
    text = f"import os\n\n\ndef connect():\n    # {SHAPED[kind]()}\n    return os.environ\n".encode()
    assert content_tells(text) == kind
    assert by_content("a.py", text) == Reason.SECRET


@pytest.mark.parametrize(
    "text",
    [
        'password = os.environ["DATABASE_PASSWORD"]',
        'token = "<your-token-goes-here-1234567890>"',
        'API_KEY = "your_api_key_1234567890abcdef"',
        'aws_access_key_id = "AKIAIOSFODNN7EXAMPLE"',
        'header = b"-----BEGIN PRIVATE KEY-----"',
        'url = "https://user:password@example.com/path"',
        'token = "getUserAccessTokenFromHttp2Request"',
        'SECRET_NAME = "projects/my-project/secrets/name/versions/1"',
        "ghp_" + "x" * 36,
        "sk_live_" + "0" * 24,
        'checksum = "d41d8cd98f00b204e9800998ecf8427e"',
        "token_type_to_id = {'string_literal_token_2': 17}",
        'access_token="tokenizer_config_v2_layers_12"',
    ],
)
def test_ordinary_code_has_no_secret(text: str) -> None:
    assert content_tells(text.encode()) == ""


@pytest.mark.parametrize(("alphabet", "length"), [(LETTERS, 24), (LETTERS, 40), (string.hexdigits[:16], 40)])
def test_nine_of_ten_random_keys_are_seen(alphabet: str, length: int) -> None:
    seen = [content_tells(f'  "api_key": "{drawn(length, alphabet, seed)}",\n'.encode()) for seed in range(300)]
    assert seen.count("assigned") > 270


def test_installed_packages_lose_few_files_to_secrets() -> None:
    root = Path(sysconfig.get_path("purelib"))
    sources = [found for found in walk(root, IndexSettings()).files if found.language == "python"][::5]
    assert len(sources) > 200
    out = [found.path for found in sources if content_tells((root / found.path).read_bytes())]
    assert len(out) < 0.005 * len(sources), out


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        ("a.py", b" \n\t\n", Reason.EMPTY),
        ("a.py", b"x = 1\n", ""),
        ("a.py", b"x = '\0'\n", Reason.BINARY),
        ("a.py", "x = 1\n".encode("utf-16"), Reason.BINARY),
        ("a.c", "/* Grüße an Jürgen */\nint main(void) { return 0; }\n".encode("latin-1"), ""),
        ("a.c", bytes(range(128, 256)) * 8, Reason.BINARY),
        ("a.py", "s = '😀é漢'\n".encode(), ""),
        ("a.js", b"var a=1;" * 2000, Reason.MINIFIED),
        ("a.js", b"let a = 1;\n" * 2000, ""),
        ("a.js", b"let a = 1;\n" * 2000 + b"x" * 5002, Reason.MINIFIED),
        ("a.js", b"let a = 1;\n" * 2000 + b"x" * 4000, ""),
        ("a.md", b"A long paragraph. " * 1000, ""),
        ("a.go", b"// Code generated by stringer; DO NOT EDIT.\n\npackage a\n", Reason.GENERATED),
        ("a.go", b"// Copyright\n\n/*\n * @generated SignedSource\n */\npackage a\n", Reason.GENERATED),
        ("a.cs", b"// <auto-generated />\nclass A {}\n", Reason.GENERATED),
        ("a.py", b'"""This file was generated by a tool. Do not edit."""\n', Reason.GENERATED),
        ("a.h", b"/* Generated by Cython 3.0 */\n", Reason.GENERATED),
        ("a.py", b"def f():\n    print('Code generated by f. DO NOT EDIT.')\n", ""),
        ("a.py", b"# The report is generated by the caller.\nx = 1\n", ""),
        ("a.py", b"x = 1\n" * 500 + b"# Code generated by x. DO NOT EDIT.\n", ""),
    ],
)
def test_contents(path: str, data: bytes, reason: str) -> None:
    assert by_content(path, data) == reason
