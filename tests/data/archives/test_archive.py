"""The training archive: what goes in comes out, picture bytes included, and nothing else is read."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from bomb import Bomb
from kit import write_kit

from xnect_lite.data.archives.archive import SCHEMA_VERSION, read_archive, write_archive
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.errors import XnectError

SETS = ("lspet", "har15")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """(the archive, the samples that went in by split, the counts it was written with)."""
    folder = tmp_path_factory.mktemp("archive")
    root = write_kit(folder / "kit", sets=SETS, train=3, val=2)
    label_line = root / "har15" / "labels.jsonl"
    label_line.write_text(label_line.read_text().replace('"good"', '"ignore"').replace('"lsp14"', '"unused"'))
    splits = {split: list(read_photokit(root, split, SETS)) for split in ("train", "val")}
    counts = write_archive(folder / "kit.npz", splits)
    return folder / "kit.npz", splits, counts


@pytest.mark.parametrize("split", ["train", "val"])
def test_there_and_back(archive, split):
    path, splits, counts = archive
    found, expected = read_archive(path, split), splits[split]
    assert len(found) == len(expected) == counts[split] == {"train": 6, "val": 4}[split]
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.size, ours.provenance, ours.focal_px) == (theirs.size, theirs.provenance, theirs.focal_px)
        assert ours.negative_weight == pytest.approx(theirs.negative_weight)
        np.testing.assert_array_equal(ours.ignore_xyxy, theirs.ignore_xyxy)
        for name in LabelledPeople.__slots__:
            np.testing.assert_array_equal(getattr(ours.people, name), getattr(theirs.people, name), err_msg=name)
        assert ours.read_encoded() == theirs.read_encoded()
        np.testing.assert_array_equal(ours.read_image(), theirs.read_image())
    assert any(len(s.people) for s in found) and any(len(s.ignore_xyxy) for s in found)


def test_an_archive_can_be_packed_again(archive, tmp_path):
    path, _, counts = archive
    again = tmp_path / "again.npz"
    assert write_archive(again, {split: read_archive(path, split) for split in ("train", "val")}) == counts
    assert [s.provenance for s in read_archive(again, "val")] == [s.provenance for s in read_archive(path, "val")]


def test_an_empty_archive(tmp_path):
    assert write_archive(tmp_path / "a.npz", {"train": [], "val": []}) == {"train": 0, "val": 0}
    assert read_archive(tmp_path / "a.npz", "train") == []


def test_samples_without_a_picture_file_cannot_be_archived(tmp_path):
    sample = Sample(lambda: np.zeros((2, 2, 3), np.uint8), (2, 2), LabelledPeople.empty(), provenance="drawn")
    with pytest.raises(ValueError, match="drawn comes from no picture file"):
        write_archive(tmp_path / "a.npz", {"train": [sample]})


@pytest.mark.parametrize(
    "kind", ["missing", "text", "empty", "cut off", "one array", "another npz", "a pickle", "pickles inside"]
)
def test_what_is_no_archive_is_refused_and_never_executed(archive, tmp_path, kind):
    path, marker = tmp_path / "bad.npz", tmp_path / "executed"
    content = archive[0].read_bytes()
    if kind in ("text", "empty", "cut off"):
        path.write_bytes({"text": b"hello", "empty": b"", "cut off": content[: len(content) // 2]}[kind])
    elif kind == "one array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif kind == "another npz":
        np.savez(path, a=np.zeros(3))
    elif kind == "a pickle":
        path.write_bytes(pickle.dumps(Bomb(marker)))
    elif kind == "pickles inside":
        np.savez(path, schema_version=np.array([Bomb(marker)], dtype=object))
    with pytest.raises(XnectError, match=r"bad\.npz: is no training archive .* Make one with xnect-lite data pack"):
        read_archive(path, "train")
    assert not marker.exists()


def test_another_version_is_refused(archive, tmp_path):
    with np.load(archive[0]) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["schema_version"] = np.array(SCHEMA_VERSION + 1)
    np.savez(tmp_path / "newer.npz", **arrays)
    with pytest.raises(XnectError, match=rf"has version {SCHEMA_VERSION + 1}, not {SCHEMA_VERSION}"):
        read_archive(tmp_path / "newer.npz", "train")


def test_archives_written_before_there_were_renders_are_read(archive, tmp_path):
    with np.load(archive[0]) as file:
        arrays = {name: file[name] for name in file.files if name not in ("focal_px", "synthetic")}
    np.savez(tmp_path / "older.npz", **arrays)
    found = read_archive(tmp_path / "older.npz", "val")
    assert [s.provenance for s in found] == [s.provenance for s in read_archive(archive[0], "val")]
    assert all(s.focal_px is None and not s.synthetic for s in found)


def test_renders_and_their_focal_lengths_are_kept(archive, tmp_path):
    samples = [replace(s, synthetic=i == 1, focal_px=500.5 if i else None) for i, s in enumerate(archive[1]["train"][:3])]
    write_archive(tmp_path / "mixed.npz", {"train": samples})
    found = read_archive(tmp_path / "mixed.npz", "train")
    assert [(s.synthetic, s.focal_px) for s in found] == [(False, None), (True, 500.5), (False, 500.5)]


def test_a_damaged_picture_is_named(archive, tmp_path):
    with np.load(archive[0]) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["pictures"] = np.zeros_like(arrays["pictures"])
    np.savez(tmp_path / "damaged.npz", **arrays)
    sample = read_archive(tmp_path / "damaged.npz", "val")[0]
    with pytest.raises(XnectError, match=r"lspet im\d+\.webp.*is not a picture"):
        sample.read_image()
