"""Readers on a few records of the real data sets, where somebody has them: in ``$XNECT_FIXTURES``, or in ``shared/fixtures``
beside the checkout. They are nobody's to pass on; every feature is also tested on files that the tests build."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from labelled_people import assert_contract, write_mat73, write_picture

from xnect_lite.data.bodies import fit_intrinsics
from xnect_lite.data.readers import coco, mpi_inf_3dhp, mpii
from xnect_lite.data.sample import Sample
from xnect_lite.data.tally import Tally
from xnect_lite.skeleton import INDEX, MUPOTS17

FIXTURES = Path(os.environ.get("XNECT_FIXTURES") or Path(__file__).parents[4] / "shared" / "fixtures")


def needs(name: str) -> Path:
    if not (FIXTURES / name).exists():
        pytest.skip(f"{FIXTURES / name} is not there")
    return FIXTURES / name


def assert_upright(sample: Sample) -> None:
    """Left and right are the person's own, hips lie between shoulders and ankles: true of everyone on these pictures."""
    for xy in sample.people.joints_px:
        y = {name: xy[j, 1] for name, j in INDEX.items() if np.isfinite(xy[j, 0])}
        if {"neck", "pelvis"} <= y.keys():
            assert y["neck"] < y["pelvis"]


def test_coco():
    path = needs("coco/test_coco.json")
    tally = Tally()
    samples = list(coco.samples(coco.read_annotations(path, tally), path.parent, tally))
    assert len(samples) == 4 and sum(len(s.people) for s in samples) == 12
    assert sum(len(s.ignore_xyxy) for s in samples) == 2, "two people without a labelled joint"
    for sample in samples:
        assert_contract(sample)
        assert_upright(sample)
    assert tally.as_dict() == {"person: no labelled joint": 2}


def test_mpii():
    path = needs("mpii/test_mpii.json")
    tally = Tally()
    samples = list(mpii.samples(mpii.read_json(path, tally), path.parent, tally))
    assert len(samples) == 5 and not tally.counts
    for sample in samples:
        assert_contract(sample)
        people = sample.people
        middle = people.joints_px[:, [INDEX["r_shoulder"], INDEX["l_shoulder"]]].mean(1)
        gap = np.linalg.norm(middle - people.joints_px[:, INDEX["neck"]], axis=-1)
        assert np.nanmax(gap, initial=0) < 1, "MPII's thorax is mid-shoulders"


@pytest.mark.parametrize("split", ["train", "test"])
def test_mpi_inf_3dhp_numbers_pass_through_the_test_sequence_format(tmp_path, split):
    """The fixture is another packing of the labels; its numbers are put into the true one and read back."""
    data = np.load(needs(f"mpi_inf_3dhp/test_3dhp_{split}.npz"), allow_pickle=False)
    px, cam = data["part"][..., :2], 1000 * data["S"][..., :3]
    camera = fit_intrinsics(cam, px)
    write_mat73(
        tmp_path / "annot_data.mat",
        {
            "annot2": px.transpose(2, 1, 0)[:, :, None],
            "annot3": cam.transpose(2, 1, 0)[:, :, None],
            "univ_annot3": cam.transpose(2, 1, 0)[:, :, None],
            "valid_frame": np.ones((1, len(px))),
        },
    )
    for i in range(1, len(px) + 1):
        write_picture(tmp_path / "imageSequence" / f"img_{i:06d}.jpg", size=(2048, 2048))
    tally = Tally()
    track = mpi_inf_3dhp.read_test_sequence(tmp_path / "annot_data.mat")
    samples = list(mpi_inf_3dhp.samples(track, MUPOTS17, tmp_path / "imageSequence", "3dhp", tally))
    assert len(samples) == len(px) and not tally.counts
    for sample in samples:
        assert_contract(sample)
        assert (sample.people.weight_3d[0, :17] == 1).all()
        assert sample.focal_px == pytest.approx(1500, rel=0.02), "the data set's cameras have about 1,500 px"
        assert sample.focal_px == pytest.approx(camera.focal_px)
