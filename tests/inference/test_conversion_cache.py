"""Converted networks are kept, found again, and made anew where they are damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_network import pictures, small_network
from weight_files import needs_openvino, network_config

from xnect_lite.inference import cache
from xnect_lite.inference.choose import open_backend
from xnect_lite.inference.weights import save_weights


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@needs_openvino
def test_a_conversion_is_made_once(weights, folder, monkeypatch):
    first = open_backend(network_config(weights, backend="openvino"))(pictures(1, 32, 32))
    monkeypatch.setattr("xnect_lite.inference.openvino.convert", lambda net: pytest.fail("converted again"))
    second = open_backend(network_config(weights, backend="openvino"))(pictures(1, 32, 32))
    assert torch.equal(first["pafs"], second["pafs"])
    assert len(list(folder.iterdir())) == 1


@needs_openvino
def test_a_damaged_conversion_is_made_anew(weights, folder):
    first = open_backend(network_config(weights, backend="openvino", precision="fp32"))(pictures(1, 32, 32))
    (entry,) = folder.iterdir()
    whole = (entry / "network.bin").read_bytes()
    (entry / "network.bin").write_bytes(bytes(len(whole)))  # as large as before: only the digest tells
    again = open_backend(network_config(weights, backend="openvino", precision="fp32"))(pictures(1, 32, 32))
    assert torch.equal(first["pafs"], again["pafs"]) and (entry / "network.bin").read_bytes() == whole


@pytest.mark.parametrize("file", ["network", "entry.json"])
@pytest.mark.parametrize(
    "damage",
    [lambda file: file.unlink(), lambda file: file.write_bytes(b""), lambda file: file.write_bytes(b"{}"),
     lambda file: file.write_bytes(b"[1]"), lambda file: file.write_bytes(file.read_bytes()[:-1] + b"!")],
    ids=["gone", "empty", "no content", "other content", "one byte changed"],
)  # fmt: skip
def test_a_damaged_entry_counts_as_absent(folder, file, damage):
    cache.store("it", lambda part: (part / "network").write_text("x"))
    assert cache.find("it") == folder / "it"
    damage(folder / "it" / file)
    assert cache.find("it") is None
    assert cache.store("it", lambda part: (part / "network").write_text("x")) == folder / "it"


def test_what_fails_while_being_written_leaves_nothing(folder):
    def fail(part):
        (part / "network").write_text("x")
        raise OSError(28, "No space left on device")

    assert cache.store("it", fail) is None and list(folder.iterdir()) == []


@needs_openvino
def test_other_weights_are_another_entry(weights, folder, monkeypatch):
    """One file with new content, as in training, does not get the old network."""
    keys = []
    monkeypatch.setattr(cache, "find", keys.append)
    monkeypatch.setattr(cache, "store", lambda key, write: None)
    monkeypatch.setattr("xnect_lite.inference.openvino.convert", lambda net: None)
    monkeypatch.setattr("xnect_lite.inference.openvino.OpenVinoBackend", lambda model, precision: None)
    for seed in (0, 1, 1):
        save_weights(weights, small_network(seed).state_dict(), small_network().arch)
        open_backend(network_config(weights, backend="openvino"))
    assert keys[0] != keys[1] == keys[2]


@needs_openvino
def test_without_a_folder_to_write_it_works_all_the_same(weights, folder):
    folder.write_text("a file where the folder should be")
    assert open_backend(network_config(weights, backend="openvino"))(pictures(1, 32, 32))["depth"].shape == (1, 1, 4, 4)


def test_only_the_entries_used_last_are_kept(folder):
    for number in range(9):
        assert cache.store(f"entry{number}", lambda part: (part / "x").write_text("x"))
        cache.find("entry0")
    kept = {p.name for p in folder.iterdir()}
    assert len(kept) == 6 and {"entry0", "entry8"} <= kept and "entry1" not in kept


FULL_DISK = """
import resource, signal, sys
sys.path[:0] = sys.argv[2:]
import pytest
from small_network import pictures, register
from xnect_lite.config import NetworkConfig
from xnect_lite.inference.choose import open_backend
register(pytest.MonkeyPatch())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
backend = open_backend(NetworkConfig("selecsls_small", sys.argv[1], "cpu", "auto"))
print(backend.name, tuple(backend(pictures(1, 32, 32))["depth"].shape))
"""


@pytest.mark.slow
@needs_openvino
@pytest.mark.skipif(sys.platform == "win32", reason="no limit to set here")
def test_on_a_full_disk_the_network_runs_from_memory_and_one_warning_says_so(weights, tmp_path):
    """No file may grow beyond 20 kB: OpenVINO meets that as it meets a full disk, with an error of its own."""
    helpers = Path(__file__).parents[1] / "helpers"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, weights, helpers], capture_output=True, text=True, timeout=120,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout == "openvino (1, 1, 4, 4)\n", done.stderr
    assert done.stderr.count("\n") == 1 and "converted anew at every start" in done.stderr
    assert not [p for p in (tmp_path / "home").rglob("*") if p.is_file()], "nothing half-written stays"


def test_an_entry_that_may_only_be_read_is_used(folder, monkeypatch):
    cache.store("it", lambda part: (part / "network").write_text("x"))

    def refuse(*_):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(cache.os, "utime", refuse)
    assert cache.find("it") == folder / "it"
