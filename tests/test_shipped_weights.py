"""The weights that ship: listed, undamaged, loadable, small enough."""

from __future__ import annotations

import pytest

from xnect_lite.weights import find_weights, load_network, manifest, search_folders, sha256

FOLDER = find_weights("selecsls60").parent
FILES = sorted(path.name for path in FOLDER.glob("*.safetensors"))


def test_the_package_carries_weights_for_the_default_backbone():
    assert FOLDER in search_folders() and "xnect_selecsls60.safetensors" in FILES


def test_manifest_and_folder_name_the_same_files():
    assert sorted(manifest(FOLDER)) == FILES


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_as_its_entry_says(name):
    entry = manifest(FOLDER)[name]
    assert sha256(FOLDER / name) == entry["sha256"]
    assert entry["licence"] and entry["sources"] and entry["accuracy"]["command"]
    net = load_network(FOLDER / name, entry["arch"]["backbone"])
    assert net.arch == entry["arch"]


def test_all_together_stay_below_60_mb():
    assert sum((FOLDER / name).stat().st_size for name in FILES) <= 60e6
