"""The child process that has the index, asked by its client."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from e2e.index.indexed import SOURCES, is_in, paths, search, until
from e2e.wire import PATIENCE_S

from tabby_lsp.index.child.client import IndexClient
from tabby_lsp.index.child.messages import Configure
from tabby_lsp.index.types import Phase, Wanted
from tabby_lsp.syntax.symbols.types import Use


def test_every_question_is_answered(clients: Callable[..., IndexClient], folder: Path) -> None:
    client = clients()
    index = client.folder(folder)
    until(is_in(client, folder, Phase.READY), "index")
    status = client.status(folder)
    assert status is not None
    assert (status.files, status.total) == (len(SOURCES), len(SOURCES))
    assert paths(search(index, "charge card"))[0] == "shop/pay.py"
    wanted = Wanted("main.py", "python", (Use("Basket"), Use("charge_card")))
    defined = index.definitions(wanted).result(PATIENCE_S)
    assert {"shop/basket.py", "shop/pay.py"} <= {snippet.path for snippet in defined}
    assert index.names("charge", "python").result(PATIENCE_S) == ("charge_card",)
    assert index.names("render", "javascript").result(PATIENCE_S) == ("renderInvoice",)
    assert index.names("render", "python").result(PATIENCE_S) == ()
    assert "shop/basket.py" in paths(index.siblings("tests/test_basket.py").result(PATIENCE_S))


@pytest.mark.parametrize("watch", [True, False])
def test_changes_are_found(
    clients: Callable[..., IndexClient], configuration: Configure, folder: Path, *, watch: bool
) -> None:
    """Whether the child sees them itself or is told."""
    client = clients(Configure(configuration.settings, configuration.model, watch=watch))
    index = client.folder(folder)
    until(is_in(client, folder, Phase.READY), "index")
    until(lambda: "shop/pay.py" in paths(search(index, "charge card")), "first answer")

    def change(path: str, text: str | None) -> None:
        if text is None:
            (folder / path).unlink()
        else:
            (folder / path).write_text(text)
        if not watch:
            client.changed(folder, [path])

    def holds(name: str) -> bool:
        return any(name in hit.text for hit in search(index, name))

    change("shop/parcel.py", "def wrap_parcel(parcel):\n    return parcel.wrap()\n")
    until(lambda: holds("wrap_parcel"), "new file")
    assert holds("charge_card")
    change("shop/pay.py", "def refund_voucher(voucher):\n    return voucher.refund()\n")
    until(lambda: holds("refund_voucher"), "changed file")
    assert not holds("charge_card")
    change("shop/pay.py", None)
    until(lambda: not holds("refund_voucher"), "end of the deleted file")
    (folder / "shop" / "basket.py").write_text("def unpack_crate(crate):\n    return crate.unpack()\n")
    client.changed(folder, None)
    until(lambda: holds("unpack_crate"), "file that nobody named")


def test_a_killed_child_is_replaced(clients: Callable[..., IndexClient], folder: Path) -> None:
    client = clients()
    index = client.folder(folder)
    until(is_in(client, folder, Phase.READY), "index")
    first = client.process_id
    assert first is not None
    psutil.Process(first).kill()
    until(lambda: client.process_id not in (None, first), "second child")
    until(lambda: "shop/pay.py" in paths(search(index, "charge card")), "answer of the second child")
    (folder / "shop" / "parcel.py").write_text("def wrap_parcel(parcel):\n    return parcel.wrap()\n")
    client.changed(folder, ["shop/parcel.py"])
    until(lambda: "shop/parcel.py" in paths(search(index, "wrap parcel")), "new file")


def test_two_on_one_folder(clients: Callable[..., IndexClient], folder: Path) -> None:
    """One writes and both answer; when the one that writes dies, the other takes over."""
    one = clients()
    first = one.folder(folder)
    until(is_in(one, folder, Phase.READY), "index")
    other = clients()
    second = other.folder(folder)
    until(is_in(other, folder, Phase.READING), "reader")
    assert paths(search(second, "charge card")) == paths(search(first, "charge card"))
    (folder / "shop" / "parcel.py").write_text("def wrap_parcel(parcel):\n    return parcel.wrap()\n")
    one.changed(folder, ["shop/parcel.py"])
    until(lambda: "shop/parcel.py" in paths(search(second, "wrap parcel")), "what the other has written")
    one.close()
    until(is_in(other, folder, Phase.READY), "the one that takes over")
    (folder / "shop" / "crate.py").write_text("def unpack_crate(crate):\n    return crate.unpack()\n")
    other.changed(folder, ["shop/crate.py"])
    until(lambda: "shop/crate.py" in paths(search(second, "unpack crate")), "what it writes itself")


def test_a_folder_that_is_let_go_is_not_answered_for(clients: Callable[..., IndexClient], folder: Path) -> None:
    client = clients()
    index = client.folder(folder)
    until(is_in(client, folder, Phase.READY), "index")
    client.remove(folder)
    assert search(index, "charge card") == ()
    client.folder(folder)
    until(lambda: search(index, "charge card"), "answer")


def test_a_model_that_arrives_later_brings_vectors(
    clients: Callable[..., IndexClient], configuration: Configure, folder: Path
) -> None:
    client = clients(Configure(configuration.settings))
    index = client.folder(folder)
    until(is_in(client, folder, Phase.READY), "index")
    status = client.status(folder)
    assert status is not None
    assert status.message
    assert "vector" not in search(index, "charge card")[0].parts
    client.configure(configuration)
    until(lambda: any("vector" in hit.parts for hit in search(index, "charge card")), "vectors")
