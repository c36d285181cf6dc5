"""Folders of archives: divided by size, whole again when read, and what is missing or damaged is named."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from kit import write_kit

from xnect_lite.data.archives.archive import write_archive
from xnect_lite.data.archives.parts import read_manifest, read_packed, write_manifest, write_parts
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.data.silhouettes import Silhouette
from xnect_lite.errors import XnectError


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    """Everyone with a silhouette of noise, which no compression makes small."""
    root = write_kit(tmp_path_factory.mktemp("kit"), train=4, val=2)
    noise = np.random.default_rng(0).random((40, 60)) < 0.5
    return {
        split: [replace(s, silhouettes=(Silhouette.of(noise),) * len(s.people)) for s in read_photokit(root, split, ("lspet",))]
        for split in ("train", "val")
    }


@pytest.fixture
def most_bytes(splits, tmp_path):
    """What a file with any two of the pictures takes, but not with three."""
    members = [s for split in splits.values() for s in split]
    pairs = [{"train": [one, other]} for one in members for other in members if one is not other]
    sizes = []
    for pair in pairs:
        write_archive(tmp_path / "pair.npz", pair)
        sizes.append((tmp_path / "pair.npz").stat().st_size)
    (tmp_path / "pair.npz").unlink()
    return max(sizes) + 100


@pytest.fixture
def folder(splits, most_bytes, tmp_path):
    write_manifest(tmp_path, {"parts": list(write_parts(tmp_path, splits, most_bytes))})
    return tmp_path


def test_parts_hold_everything_once_and_in_order(folder, splits):
    parts = read_manifest(folder)["parts"]
    assert len(parts) >= 3 and sum(part["pictures"] for part in parts) == 6
    assert [part["file"] for part in parts] == [f"part-{i:03d}.npz" for i in range(len(parts))]
    for split, members in splits.items():
        found = read_packed(folder, split)
        assert [s.provenance for s in found] == [s.provenance for s in members]
        assert [s.read_encoded() for s in found] == [s.read_encoded() for s in members], "the original pictures"


@pytest.mark.parametrize(
    ("share", "parts"),
    [
        (0.01, 6),  # a picture larger than a part gets one of its own
        (100.0, 1),
    ],
)
def test_the_size_of_parts(splits, tmp_path, share, parts):
    size = len(splits["train"][0].read_encoded())
    assert len(list(write_parts(tmp_path, splits, share * size))) == parts


def test_no_file_is_larger_than_asked_for(folder, most_bytes):
    """Pictures, silhouettes, labels and all; and there are no more files than that needs."""
    sizes = [(folder / part["file"]).stat().st_size for part in read_manifest(folder)["parts"]]
    assert max(sizes) <= most_bytes and len(sizes) == 3


def test_labels_are_deflated_and_pictures_are_not(folder):
    with zipfile.ZipFile(folder / "part-000.npz") as file:
        members = {info.filename: info for info in file.infolist()}
    assert members["pictures.npy"].compress_size == members["pictures.npy"].file_size
    assert members["people_joints_px.npy"].compress_size < members["people_joints_px.npy"].file_size


def test_a_single_archive_is_read_as_before(splits, tmp_path):
    write_archive(tmp_path / "kit.npz", splits)
    assert [s.provenance for s in read_packed(tmp_path / "kit.npz", "val")] == [s.provenance for s in splits["val"]]


MANIFESTS = {
    "not JSON": ("{", "is no manifest of training archives"),
    "a list": ("[]", "is no manifest of training archives"),
    "no parts": ('{"schema_version": 1}', "is no manifest of training archives"),
    "parts of numbers": ('{"schema_version": 1, "parts": [1]}', "is no manifest of training archives"),
    "newer": ('{"schema_version": 2, "parts": []}', "has version 2, not 1"),
    "a path out of the folder": ('{"schema_version": 1, "parts": [{"file": "../part-000.npz"}]}', "is missing"),
    "a part without a file": ('{"schema_version": 1, "parts": [{}]}', "is no manifest of training archives"),
}


@pytest.mark.parametrize(("text", "message"), MANIFESTS.values(), ids=MANIFESTS.keys())
def test_a_manifest_that_is_none(folder, text, message):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(XnectError, match=message):
        read_packed(folder, "train")


def test_a_folder_without_a_manifest(tmp_path):
    with pytest.raises(XnectError, match=r"manifest\.json: cannot be read .* Make it again with xnect-lite data pack"):
        read_packed(tmp_path, "train")


def test_a_missing_part_is_named(folder):
    (folder / "part-001.npz").unlink()
    with pytest.raises(XnectError, match=r"part-001\.npz: is missing, though the manifest lists it"):
        read_packed(folder, "train")


def test_a_damaged_part_is_named(folder):
    path = folder / "part-001.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(XnectError, match=r"part-001\.npz: is no training archive"):
        read_packed(folder, "train")


def test_a_changed_byte_is_noticed(folder):
    path = folder / "part-000.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(XnectError, match=r"part-000\.npz"):
        read_packed(folder, "train")


def test_a_folder_is_unfinished_until_its_manifest_is_written(splits, tmp_path):
    list(write_parts(tmp_path, splits, 1e9))
    with pytest.raises(XnectError, match="cannot be read"):
        read_packed(tmp_path, "train")
    write_manifest(tmp_path, {"parts": [{"file": "part-000.npz"}]})
    assert json.loads((tmp_path / "manifest.json").read_text())["schema_version"] == 1
    assert len(read_packed(tmp_path, "train")) == 4
