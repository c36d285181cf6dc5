"""MPI-INF-3DHP: training cells of 28 joints, test arrays of 17 with four axes, pictures numbered from 1."""

from __future__ import annotations

import numpy as np
import pytest
from labelled_people import FX, FY, assert_contract, cell, scene, write_mat5, write_mat73, write_picture

from xnect_lite.data.readers.mpi_inf_3dhp import read_mpi_inf_3dhp, read_test_sequence, read_train_sequence
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import INDEX, MPI_INF_28, MUPOTS17

FRAMES = [scene(1, seed) for seed in range(4)]


def joints28() -> tuple[np.ndarray, np.ndarray]:
    """(N, 28, 2) and (N, 28, 3); joints that XNECT24 lacks lie on the spine."""
    spine = INDEX["spine"]
    px = np.array([MPI_INF_28.from_xnect(f.joints_px[0]) for f in FRAMES])
    cam = np.array([MPI_INF_28.from_xnect(f.joints_cam_mm[0]) for f in FRAMES])
    for values, source in ((px, "joints_px"), (cam, "joints_cam_mm")):
        for n, frame in enumerate(FRAMES):
            values[n, np.isnan(values[n, :, 0])] = getattr(frame, source)[0, spine]
    return px, cam


def write_train(root, cameras=(0, 8), write=write_mat5, pictures=(1, 3)) -> None:
    """annot.mat: cells of N x 56 and N x 84, one per camera, as columns; frames extracted of video 0 only."""
    px, cam = joints28()
    n = len(px)
    column = (len(cameras), 1)
    write(
        root / "S1" / "Seq1" / "annot.mat",
        {
            "annot2": cell([px.reshape(n, -1)] * len(cameras), column),
            "annot3": cell([cam.reshape(n, -1)] * len(cameras), column),
            "univ_annot3": cell([cam.reshape(n, -1) * 0.9] * len(cameras), column),
            "cameras": np.array([cameras], float),
            "frames": np.arange(n, dtype=float)[:, None],
        },
    )
    for i in pictures:
        write_picture(root / "S1" / "Seq1" / "imageFrames" / "video_0" / f"frame_{i:06d}.jpg", FRAMES[(i - 1) % n])


def write_test(root, write=write_mat73, valid=(1, 0, 1, 1)) -> None:
    """annot_data.mat as MATLAB sees it: 2 x 17 x 1 x N, valid_frame 1 x N."""
    px = np.array([MUPOTS17.from_xnect(f.joints_px[0]) for f in FRAMES]).transpose(2, 1, 0)[:, :, None]
    cam = np.array([MUPOTS17.from_xnect(f.joints_cam_mm[0]) for f in FRAMES]).transpose(2, 1, 0)[:, :, None]
    variables = {"annot2": px, "annot3": cam, "univ_annot3": cam * 0.9, "valid_frame": np.array([valid], float)}
    write(root / "TS1" / "annot_data.mat", variables | {"activity_annotation": np.full((1, len(FRAMES)), 6.0)})
    for i in range(1, 5):
        write_picture(root / "TS1" / "imageSequence" / f"img_{i:06d}.jpg", FRAMES[i - 1])


def expect(sample, frame: int, joint_map) -> None:
    """The sample shows this frame."""
    assert_contract(sample)
    people, shown = sample.people, FRAMES[frame]
    ours = [j for j in joint_map.xnect if j >= 0]
    np.testing.assert_allclose(people.joints_px[0, ours], shown.joints_px[0, ours], atol=1e-3)
    np.testing.assert_allclose(people.root_cam_mm[0], shown.joints_cam_mm[0, INDEX["pelvis"]], rtol=1e-5)
    assert (people.weight_3d[0, ours] == 1).all() and people.weight_3d[0].sum() == len(ours)
    assert sample.focal_px == pytest.approx((FX + FY) / 2, rel=1e-3), "fitted to the labels"


@pytest.mark.parametrize("write", [write_mat5, write_mat73], ids=["up to v7", "v7.3"])
def test_the_pictures_that_were_extracted_are_read(tmp_path, write):
    write_train(tmp_path, write=write)
    tally = Tally()
    samples = list(read_mpi_inf_3dhp(tmp_path, "train", tally))
    assert [s.provenance for s in samples] == [f"3dhp S1 Seq1 video_0 frame_00000{i}.jpg" for i in (1, 3)]
    for sample, frame in zip(samples, (0, 2), strict=True):
        expect(sample, frame, MPI_INF_28)
        assert sample.negative_weight == 1
    assert not tally.counts


@pytest.mark.parametrize("write", [write_mat73, write_mat5], ids=["v7.3", "up to v7"])
@pytest.mark.parametrize("under", [".", "mpi_inf_3dhp_test_set"])
def test_valid_frames_of_the_test_set(tmp_path, write, under):
    write_test(tmp_path / under, write)
    tally = Tally()
    samples = list(read_mpi_inf_3dhp(tmp_path, "val", tally))
    for sample, frame in zip(samples, (0, 2, 3), strict=True):
        expect(sample, frame, MUPOTS17)
    assert dict(tally.counts) == {Reason.FRAME: 1}


def test_pictures_without_a_label_are_counted(tmp_path):
    write_train(tmp_path, pictures=(2, 5))
    write_picture(tmp_path / "S1" / "Seq1" / "imageFrames" / "video_0" / "preview.jpg")
    tally = Tally()
    (sample,) = read_mpi_inf_3dhp(tmp_path, "train", tally)
    expect(sample, 1, MPI_INF_28)
    assert dict(tally.counts) == {Reason.FRAME: 2}


def test_the_parsers_keep_what_evaluation_needs(tmp_path):
    write_train(tmp_path)
    write_test(tmp_path)
    cameras = read_train_sequence(tmp_path / "S1" / "Seq1" / "annot.mat")
    assert list(cameras) == [0, 8] and cameras[8].annot3.shape == (4, 28, 3) and cameras[8].valid.all()
    track = read_test_sequence(tmp_path / "TS1" / "annot_data.mat")
    np.testing.assert_allclose(track.univ_annot3, track.annot3 * 0.9, rtol=1e-5)
    np.testing.assert_array_equal(track.valid, [1, 0, 1, 1])
    np.testing.assert_array_equal(track.activity, 6)


def test_other_files_are_refused(tmp_path):
    write_mat5(tmp_path / "annot.mat", {"annot2": cell([np.zeros((4, 34))]), "annot3": cell([np.zeros((4, 51))])})
    write_mat73(tmp_path / "annot_data.mat", {"annot2": np.zeros((2, 17, 4))})
    with pytest.raises(XnectError, match=r"annot\.mat: is no annot\.mat"):
        read_train_sequence(tmp_path / "annot.mat")
    with pytest.raises(XnectError, match=r"annot_data\.mat: is no annot_data\.mat"):
        read_test_sequence(tmp_path / "annot_data.mat")


@pytest.mark.parametrize(("split", "what"), [("train", r"S1/Seq1/annot\.mat"), ("val", r"TS1/annot_data\.mat")])
def test_the_labels_are_missing(tmp_path, split, what):
    with pytest.raises(XnectError, match=rf"{what}.*was not found in .*3dhp-dataset"):
        list(read_mpi_inf_3dhp(tmp_path, split, Tally()))


def test_the_videos_were_not_turned_into_pictures(tmp_path):
    write_train(tmp_path, pictures=())
    with pytest.raises(XnectError, match=r"imageFrames/video_0.*docs/datasets\.md"):
        list(read_mpi_inf_3dhp(tmp_path, "train", Tally()))
