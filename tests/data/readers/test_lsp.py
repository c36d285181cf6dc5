"""LSP and LSPET: two matrices turned against each other, two meanings of one flag."""

from __future__ import annotations

import numpy as np
import pytest
from labelled_people import assert_contract, cell, scene, write_mat5, write_picture

from xnect_lite.data.readers.lsp import read_joints, read_lsp, read_lspet
from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import INDEX, LSP14

SHOWN = scene(1)
XY = LSP14.from_xnect(SHOWN.joints_px[0])
KNEE, WRIST = LSP14.names.index("r_knee"), LSP14.names.index("l_wrist")


def write_lsp(root, count: int, pictures: list[int]) -> None:
    """3 x 14 x N; the flag is 1 where a joint is hidden."""
    joints = np.concatenate([XY, np.zeros((14, 1))], 1).T[..., None].repeat(count, 2)
    joints[2, KNEE] = 1
    write_mat5(root / "joints.mat", {"joints": joints})
    for i in pictures:
        write_picture(root / "images" / f"im{i:04d}.jpg", SHOWN)


def write_lspet(root, count: int) -> None:
    """14 x 3 x N; the flag is 1 where a joint is labelled, the others lie anywhere."""
    joints = np.concatenate([XY, np.ones((14, 1))], 1)[..., None].repeat(count, 2)
    joints[KNEE] = np.array([-712.5, 33.0, 0.0])[:, None]
    write_mat5(root / "joints.mat", {"joints": joints})
    for i in range(1, count + 1):
        write_picture(root / "images" / f"im{i:05d}.jpg", SHOWN)


def test_lsp(tmp_path):
    write_lsp(tmp_path, 1002, [1, 2, 1001])
    tally = Tally()
    train, val = (list(read_lsp(tmp_path, split, tally)) for split in ("train", "val"))
    assert [len(train), len(val)] == [2, 1] and tally.counts == {Reason.PICTURE_MISSING: 998 + 1}
    assert val[0].provenance == "lsp im1001.jpg"
    for sample in train + val:
        assert_contract(sample)
        people = sample.people
        for name in ("r_ankle", "l_elbow", "head_top", "r_knee"):
            np.testing.assert_allclose(people.human_px[0, INDEX[name]], SHOWN.joints_px[0, INDEX[name]], atol=1e-3)
        assert people.weight_2d[0, INDEX["r_knee"]] == 1 and not people.visible[0, INDEX["r_knee"]]
        assert sample.negative_weight == pytest.approx(0.3)


def test_the_neck_of_lsp_is_not_ours(tmp_path):
    """It lies higher; ours is derived from the shoulders."""
    write_lsp(tmp_path, 1, [1])
    (sample,) = read_lsp(tmp_path, "train", Tally())
    shoulders = SHOWN.joints_px[0, [INDEX["r_shoulder"], INDEX["l_shoulder"]]]
    np.testing.assert_allclose(sample.people.joints_px[0, INDEX["neck"]], shoulders.mean(0), atol=1e-3)
    assert np.isnan(sample.people.human_px[0, INDEX["neck"]]).all()
    assert sample.people.weight_2d[0, INDEX["neck"]] == pytest.approx(0.7)


def test_lspet(tmp_path):
    write_lspet(tmp_path, 30)
    tally = Tally()
    train, val = (list(read_lspet(tmp_path, split, tally)) for split in ("train", "val"))
    assert len(train) + len(val) == 30 and not tally.counts
    assert {s.provenance for s in val} == {f"lspet im{i:05d}.jpg" for i in range(1, 31) if is_validation(f"im{i:05d}.webp")}
    for sample in train + val:
        assert_contract(sample)
        assert sample.people.weight_2d[0, INDEX["r_knee"]] == 0
        assert sample.people.weight_2d[0, INDEX["l_wrist"]] == 1 and sample.people.visible[0, INDEX["l_wrist"]]


@pytest.mark.parametrize("shape", [(14, 3), (14, 2, 5), (16, 3, 5)], ids=str)
@pytest.mark.parametrize("extended", [False, True], ids=["LSP", "LSPET"])
def test_another_matrix_is_refused(tmp_path, shape, extended):
    write_mat5(tmp_path / "joints.mat", {"joints": np.zeros(shape)})
    with pytest.raises(XnectError, match=r"joints\.mat"):
        read_joints(tmp_path / "joints.mat", extended)


def test_one_set_is_not_taken_for_the_other(tmp_path):
    """Their flags mean different things."""
    write_lspet(tmp_path, 1)
    with pytest.raises(XnectError, match=r"3 x 14 x N.*research/lsp\.html"):
        list(read_lsp(tmp_path, "train", Tally()))


def test_the_matrix_or_the_pictures_are_missing(tmp_path):
    with pytest.raises(XnectError, match=r"joints\.mat.*was not found in .*sam\.johnson\.io/research/lsp\.html"):
        list(read_lsp(tmp_path, "train", Tally()))
    write_mat5(tmp_path / "joints.mat", {"joints": np.zeros((14, 3, 2))})
    with pytest.raises(XnectError, match=r"images.*lspet\.html"):
        list(read_lspet(tmp_path, "train", Tally()))


def test_joints_that_are_no_numbers(tmp_path):
    write_mat5(tmp_path / "joints.mat", {"joints": cell([np.ones((1, 1)), "x"] * 42, (14, 3, 2))})
    with pytest.raises(XnectError, match="holds joints that are no numbers"):
        read_joints(tmp_path / "joints.mat", extended=True)
