"""Silhouettes: read from kits, renders and archives alike, asked at any place, and who can be cut out by them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from kit import write_kit

from xnect_lite.cli import main as cli
from xnect_lite.data.archives.archive import read_archive, write_archive
from xnect_lite.data.archives.packed import pack
from xnect_lite.data.archives.parts import write_manifest
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.data.silhouettes import PackedSilhouettes, Silhouette, pack_silhouettes
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import NUM_JOINTS
from xnect_lite.synth.truth import Truth, save_truths, with_silhouettes

SHAPE = (120, 160)
CPU = torch.device("cpu")


def rectangle(x0: int, y0: int, x1: int, y1: int) -> Silhouette:
    inside = np.zeros(SHAPE, bool)
    inside[y0:y1, x0:x1] = True
    return Silhouette.of(inside)


def alpha(packed: PackedSilhouettes, row: int, *points: tuple[float, float]) -> list[float]:
    return packed.alpha(torch.full((len(points),), row), torch.tensor(points)).tolist()


def test_a_rectangle_covers_its_own_pixels():
    """Pixels 10 to 19 across, 20 to 29 down: their centres are inside, those of their neighbours outside."""
    packed = pack_silhouettes([None, rectangle(10, 20, 20, 30)], CPU)
    assert packed.known.tolist() == [False, True]
    assert alpha(packed, 1, (10, 20), (19, 29), (14.5, 24.5)) == [1, 1, 1]
    assert alpha(packed, 1, (9, 25), (20, 25), (15, 19), (15, 30), (torch.nan, torch.nan)) == [0, 0, 0, 0, 0]


def test_large_ones_are_kept_small_and_still_cover_the_same_place():
    """300 px high are kept as 96 rows; a disc stays a disc within two pixels of its edge."""
    y, x = np.mgrid[:400, :400]
    disc = Silhouette.of((x - 200) ** 2 + (y - 180) ** 2 <= 150**2)
    packed = pack_silhouettes([disc], CPU)
    assert packed.on_host.place[0].tolist() == [0, 96, 96]
    angle = np.linspace(0, 2 * np.pi, 50)
    for radius, expected in ((147, 1.0), (153, 0.0)):
        ring = torch.from_numpy(np.stack([200 + radius * np.cos(angle), 180 + radius * np.sin(angle)], -1).astype(np.float32))
        assert ((packed.alpha(torch.zeros(len(ring), dtype=torch.int64), ring) > 0.5) == expected).all()


@pytest.mark.parametrize(
    ("box", "whole"),
    [
        ((50, 15, 110, 105), True),
        ((50, 15, 110, 94), False),  # 79 px are too small
        ((1, 15, 110, 105), False),  # at the picture's edge, so perhaps cut by it
        ((50, 15, 159, 105), False),
        ((50, 30, 110, 120), False),
    ],
)
def test_who_can_be_cut_out(box, whole):
    packed = pack_silhouettes([rectangle(*box)], CPU)
    assert packed.whole(np.array([[160, 120]])).tolist() == [whole]


def test_nobody_has_no_silhouette():
    assert Silhouette.of(np.zeros(SHAPE, bool)) is None
    boxes = [np.full(4, np.nan), np.array([5, 5, 5, 9])]
    assert not pack_silhouettes([replace(rectangle(1, 1, 9, 9), box_xyxy=box) for box in boxes], CPU).known.any()


def test_a_damaged_file_is_refused():
    with pytest.raises(XnectError, match="a silhouette: is not a picture that can be decoded"):
        pack_silhouettes([Silhouette(lambda: b"hello", np.array([0, 0, 9, 9]))], CPU)


# -- where they come from ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> Path:
    return write_kit(tmp_path_factory.mktemp("kit"), train=3, val=1)


def test_the_photo_kits_masks_cover_the_labelled_people(kit):
    samples = list(read_photokit(kit, "train", ("lspet",)))
    packed = pack(samples)
    assert packed.silhouettes.known.all() and len(packed.people) == sum(len(s.silhouettes) for s in samples) > 3
    joints = torch.from_numpy(packed.people.joints_px)
    for row in range(len(packed.people)):
        known = torch.isfinite(joints[row, :, 0])
        assert (packed.silhouettes.alpha(torch.full((int(known.sum()),), row), joints[row, known]) > 0.5).float().mean() > 0.9


def test_a_kit_without_its_masks_is_read_all_the_same(tmp_path):
    root = write_kit(tmp_path, train=2, val=0)
    for mask in (root / "lspet" / "masks").iterdir():
        mask.unlink()
    samples = list(read_photokit(root, "train", ("lspet",)))
    assert len(samples) == 2 and not pack(samples).silhouettes.known.any()


def test_archives_keep_them(kit, tmp_path):
    samples = list(read_photokit(kit, "train", ("lspet",)))
    samples[1] = replace(samples[1], silhouettes=(None,) * len(samples[1].people))
    samples[0] = replace(samples[0], silhouettes=())
    write_archive(tmp_path / "a.npz", {"train": samples})
    for ours, theirs in zip(read_archive(tmp_path / "a.npz", "train"), samples, strict=True):
        expected = theirs.silhouettes or (None,) * len(theirs.people)
        for one, other in zip(ours.silhouettes, expected, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                assert one.read_png() == other.read_png()
                np.testing.assert_array_equal(one.box_xyxy, other.box_xyxy)


def test_older_archives_have_none(kit, tmp_path):
    write_archive(tmp_path / "new.npz", {"train": read_photokit(kit, "train", ("lspet",))})
    with np.load(tmp_path / "new.npz") as file:
        np.savez(tmp_path / "old.npz", **{name: file[name] for name in file.files if not name.startswith("silhouette")})
    samples = read_archive(tmp_path / "old.npz", "train")
    assert len(samples) == 3 and not any(s.silhouettes for s in samples) and not pack(samples).silhouettes.known.any()


@pytest.fixture
def renders(tmp_path) -> Path:
    """A folder of renders as it was before archives held silhouettes: one person, who is a rectangle of ident 1."""
    rng = np.random.default_rng(0)
    cam = rng.normal((0, 0, 3000), 250, (1, NUM_JOINTS, 3))
    px = cam[..., :2] / cam[..., 2:] * 150 + (80, 60)
    ident = np.zeros(SHAPE, np.int16)
    ident[15:105, 50:110] = 1
    truth = Truth(px, cam, np.ones((1, NUM_JOINTS), bool), np.array([5400]), ident, 150.0, np.zeros(4))
    data = cv2.imencode(".png", np.where(ident[..., None] > 0, 180, 20).astype(np.uint8).repeat(3, 2))[1].tobytes()
    sample = Sample(lambda: None, SHAPE[::-1], truth.people(), provenance="synth train 0 0", read_encoded=lambda: data)
    folder = tmp_path / "renders"
    folder.mkdir()
    write_archive(folder / "shard.npz", {"train": [sample]})
    save_truths(folder / "truth.npz", ["synth train 0 0"], [truth])
    write_manifest(folder, {"sources": ["Boxes, CC0"], "parts": [{"file": "shard.npz", "truth": "truth.npz"}]})
    return folder


def test_packing_renders_takes_them_from_the_truth(renders, tmp_path):
    assert cli.main(["data", "pack", "--renders", str(renders), "-o", str(tmp_path / "pack.npz")]) == 0
    (sample,) = read_archive(tmp_path / "pack.npz", "train")
    np.testing.assert_array_equal(sample.silhouettes[0].box_xyxy, [50, 15, 110, 105])


def test_a_truth_of_other_pictures_is_refused(renders):
    (sample,) = read_archive(renders / "shard.npz", "train")
    for other in (replace(sample, provenance="synth train 9 9"), replace(sample, people=LabelledPeople.empty(2))):
        with pytest.raises(XnectError, match="has no truth, or that of other people"):
            with_silhouettes([other], [renders / "truth.npz"])
