"""Folders of rendered pictures: any number of workers writes the same, and what is damaged is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from box_assets import box_assets

from xnect_lite.data.archives.parts import read_packed
from xnect_lite.data.sample import LabelledPeople
from xnect_lite.errors import XnectError
from xnect_lite.synth.scene import SceneConfig
from xnect_lite.synth.shards import Order, write_shards
from xnect_lite.synth.studio import Assets
from xnect_lite.synth.truth import load_truths

CONFIG = SceneConfig(size=(96, 64))


@pytest.fixture(scope="module")
def assets(tmp_path_factory) -> Assets:
    return box_assets(tmp_path_factory.mktemp("bodies"), CONFIG.size)


@pytest.fixture(scope="module")
def folder(assets, tmp_path_factory):
    """Five pictures in files of two, drawn in this process."""
    out = tmp_path_factory.mktemp("shards") / "one"
    write_shards(out, Order(count=5, seed=3, shard=2), assets, CONFIG)
    return out


def test_the_manifest_says_what_is_there(folder, assets):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [part["pictures"] for part in manifest["parts"]] == [2, 2, 1]
    assert manifest["pictures"] == {"train": 5} and manifest["seed"] == 3 and manifest["open_only"] is False
    assert manifest["sources"] == ["boxes"] and manifest["scene"]["size"] == [96, 64] and manifest["renderer"]
    assert {p.name for p in folder.iterdir()} == {"manifest.json"} | {
        f"{kind}-{i:05d}.npz" for kind in ("shard", "truth") for i in range(3)
    }


def test_samples_and_truth_belong_together(folder):
    samples = read_packed(folder, "train")
    truths = [entry for i in range(3) for entry in load_truths(folder / f"truth-{i:05d}.npz")]
    assert [s.provenance for s in samples] == [name for name, _ in truths] == [f"synth train 3 {i:07d}" for i in range(5)]
    assert all(s.synthetic for s in samples) and read_packed(folder, "val") == []
    for sample, (_, truth) in zip(samples, truths, strict=True):
        assert sample.focal_px == truth.focal_px and sample.read_image().shape == (64, 96, 3)
        expected = truth.people()
        for name in LabelledPeople.__slots__:
            np.testing.assert_allclose(
                getattr(sample.people, name), getattr(expected, name), rtol=1e-4, atol=0.05, err_msg=name
            )


@pytest.mark.slow
def test_two_workers_write_what_one_writes(folder, assets, tmp_path):
    drawn = []
    manifest = write_shards(tmp_path / "two", Order(5, 3, workers=2, shard=2), assets, CONFIG, lambda: drawn.append(1))
    assert len(drawn) == 5
    assert manifest["parts"] == json.loads((folder / "manifest.json").read_text())["parts"]
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as one, np.load(tmp_path / "two" / path.name) as two:
            for name in one.files:
                np.testing.assert_array_equal(one[name], two[name], err_msg=f"{path.name} {name}")


def test_a_run_can_start_later(folder, assets, tmp_path):
    """Machines can share the work: pictures 2 and 3 are the same wherever they are drawn."""
    write_shards(tmp_path / "rest", Order(2, 3, first=2), assets, CONFIG)
    assert [s.read_encoded() for s in read_packed(tmp_path / "rest", "train")] == [
        s.read_encoded() for s in read_packed(folder, "train")[2:4]
    ]


def test_held_out_pictures_are_for_validation(assets, tmp_path):
    held_out = Assets(bodies=assets.bodies, held_out=True)
    write_shards(tmp_path / "val", Order(1), held_out, CONFIG)
    assert read_packed(tmp_path / "val", "train") == []
    assert [s.provenance for s in read_packed(tmp_path / "val", "val")] == ["synth val 0 0000000"]


def test_a_finished_folder_is_not_written_over(folder, assets):
    with pytest.raises(XnectError, match=r"already holds rendered pictures\. Choose another folder, or remove it"):
        write_shards(folder, Order(1), assets, CONFIG)


def test_what_cannot_be_loaded_is_an_error_also_with_workers(assets, tmp_path):
    missing = Assets(bodies=str(tmp_path / "nowhere.npz"))
    with pytest.raises(XnectError, match=r"nowhere\.npz: holds no baked bodies"):
        write_shards(tmp_path / "out", Order(2, workers=2), missing, CONFIG)
