"""MuPoTS-3D: cells of frames x people, occlusion labels, and the json made from them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from labelled_people import CX, CY, FX, FY, SIZE, assert_contract, cell, scene, struct, write_mat5, write_mat73, write_picture

from xnect_lite.data.readers.mupots import read_json, read_mupots, read_sequence
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import INDEX, MUPOTS17

FRAMES = [scene(2, seed) for seed in range(3)]
KNEE = MUPOTS17.names.index("r_knee")


def slot(frame: int, person: int, valid: float = 1.0, **changes) -> np.ndarray:
    """What one cell holds: joints as columns, in MATLAB's manner."""
    cam = MUPOTS17.from_xnect(FRAMES[frame].joints_cam_mm[person])
    fields = {
        "annot2": MUPOTS17.from_xnect(FRAMES[frame].joints_px[person]).T, "annot3": cam.T, "univ_annot3": 0.9 * cam.T,
        "isValidFrame": np.array([[valid]]),
    }  # fmt: skip
    return struct([fields | changes])


def write_sequence(root, name: str = "TS1", slots=None, hidden=None, write=write_mat5) -> None:
    """Three frames of two people; the second is not valid in frame 1; the first one's knee is hidden in frame 2."""
    slots = slots or [slot(f, p, valid=not (f == 1 and p == 1)) for f in range(3) for p in range(2)]
    if hidden is None:
        hidden = [np.array([[float(k == KNEE and f == 2 and p == 0) for k in range(17)]]) for f in range(3) for p in range(2)]
    write(root / name / "annot.mat", {"annotations": cell(slots, (3, -1))})
    write(root / name / "occlusion.mat", {"occlusion_labels": cell(hidden, (3, -1))})
    for f in range(3):
        write_picture(root / name / f"img_{f:06d}.jpg", FRAMES[f])


@pytest.mark.parametrize("write", [write_mat5, write_mat73], ids=["up to v7", "v7.3"])
@pytest.mark.parametrize("under", [".", "MultiPersonTestSet"])
def test_samples_of_the_mat_files(tmp_path, write, under):
    write_sequence(tmp_path / under, write=write)
    tally = Tally()
    samples = list(read_mupots(tmp_path, "val", tally))
    assert [len(s.people) for s in samples] == [2, 1, 2] and not tally.counts
    for sample, shown in zip(samples, FRAMES, strict=True):
        assert_contract(sample)
        count = len(sample.people)
        np.testing.assert_allclose(sample.people.joints_px[:, :17], shown.joints_px[:count, :17], atol=1e-3)
        np.testing.assert_allclose(sample.people.root_cam_mm, shown.joints_cam_mm[:count, INDEX["pelvis"]], rtol=1e-5)
        assert sample.focal_px == pytest.approx((FX + FY) / 2, rel=1e-3)
        assert sample.negative_weight == pytest.approx(0.3), "not everybody is annotated"
    assert [bool(s.people.visible[0, INDEX["r_knee"]]) for s in samples] == [True, True, False]
    assert samples[2].people.weight_2d[0, INDEX["r_knee"]] == 1


def test_the_parser_keeps_what_evaluation_needs(tmp_path):
    write_sequence(tmp_path)
    sequence = read_sequence(tmp_path / "TS1")
    assert (sequence.name, len(sequence), sequence.annot2.shape) == ("TS1", 3, (3, 2, 17, 2))
    np.testing.assert_array_equal(sequence.valid, [[1, 1], [1, 0], [1, 1]])
    np.testing.assert_allclose(sequence.univ_annot3, 0.9 * sequence.annot3, rtol=1e-5)
    assert sequence.occluded.sum() == 1 and sequence.occluded[2, 0, KNEE]
    assert [p.name for p in sequence.images] == [f"img_{f:06d}.jpg" for f in range(3)], "from 0"
    np.testing.assert_allclose(sequence.camera.project(sequence.annot3[0, 0]), sequence.annot2[0, 0], atol=0.01)


def test_sequences_come_in_their_order(tmp_path):
    for name in ("TS10", "TS2"):
        write_sequence(tmp_path, name)
    assert [s.provenance.split()[1] for s in read_mupots(tmp_path, "val", Tally())] == ["TS2"] * 3 + ["TS10"] * 3


def test_a_single_person_and_an_empty_cell(tmp_path):
    slots = [slot(0, 0), np.zeros((0, 0)), slot(2, 0)]
    write_sequence(tmp_path, slots=slots, hidden=[np.zeros((1, 17)), np.zeros((0, 0)), np.zeros((1, 17))])
    tally = Tally()
    samples = list(read_mupots(tmp_path, "val", tally))
    assert [len(s.people) for s in samples] == [1, 1]
    assert dict(tally.counts) == {Reason.FRAME: 1}


BROKEN = {
    "joints of another set": slot(0, 0, annot3=np.zeros((3, 15))),
    "a field is missing": struct([{"annot2": np.zeros((2, 17))}]),
    "joints lying down": slot(0, 0, annot2=np.zeros((17, 2))),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_slot_that_cannot_be_read_is_counted(tmp_path, broken):
    slots = [broken, *(slot(f, p) for f in range(3) for p in range(2) if (f, p) != (0, 0))]
    write_sequence(tmp_path, slots=slots)
    tally = Tally()
    samples = list(read_mupots(tmp_path, "val", tally))
    assert [len(s.people) for s in samples] == [1, 2, 2]
    assert dict(tally.counts) == {Reason.RECORD: 1}


def test_joints_that_are_not_numbers(tmp_path):
    annot2 = MUPOTS17.from_xnect(FRAMES[0].joints_px[0]).T.copy()
    annot2[:, KNEE] = np.nan
    write_sequence(tmp_path, slots=[slot(0, 0, annot2=annot2), slot(1, 0), slot(2, 0)], hidden=[np.zeros((1, 17))] * 3)
    tally = Tally()
    sample = next(read_mupots(tmp_path, "val", tally))
    assert_contract(sample)
    assert sample.people.weight_2d[0, INDEX["r_knee"]] == 0 and sample.people.weight_3d[0, INDEX["r_knee"]] == 1
    assert dict(tally.counts) == {Reason.JOINT_NAN: 1}


def test_occlusion_of_another_sequence_is_refused(tmp_path):
    write_sequence(tmp_path, hidden=[np.zeros((1, 17))] * 3)
    with pytest.raises(XnectError, match=r"occlusion\.mat: is of \(3, 1\) frames and people, annot\.mat of \(3, 2\)"):
        read_sequence(tmp_path / "TS1")


def write_json(root) -> None:
    images, annotations = [], []
    for f, shown in enumerate(FRAMES):
        name = f"TS3/img_{f:06d}.jpg"
        write_picture(root / name, shown)
        images.append({"id": 7 + f, "file_name": name, "width": SIZE[0], "height": SIZE[1], "intrinsic": [FX, FY, CX, CY]})
        for p in range(2):
            annotations.append({
                "id": len(annotations), "image_id": 7 + f, "category_id": 1, "is_valid": int((f, p) != (1, 1)),
                "bbox": [0, 0, 10, 10], "keypoints_vis": [int(k != KNEE) for k in range(17)],
                "keypoints_img": MUPOTS17.from_xnect(shown.joints_px[p]).tolist(),
                "keypoints_cam": MUPOTS17.from_xnect(shown.joints_cam_mm[p]).tolist(),
            })  # fmt: skip
    (root / "MuPoTS-3D.json").write_text(json.dumps({"images": images[::-1], "annotations": annotations}))


def test_samples_of_the_json(tmp_path):
    write_json(tmp_path)
    tally = Tally()
    samples = list(read_mupots(tmp_path, "val", tally))
    assert [len(s.people) for s in samples] == [2, 1, 2] and not tally.counts
    for sample, shown in zip(samples, FRAMES, strict=True):
        assert_contract(sample)
        np.testing.assert_allclose(sample.people.root_cam_mm[0], shown.joints_cam_mm[0, INDEX["pelvis"]], rtol=1e-5)
        assert not sample.people.visible[0, INDEX["r_knee"]] and sample.focal_px == pytest.approx((FX + FY) / 2)


def test_the_json_has_no_height_normalised_joints(tmp_path):
    write_json(tmp_path)
    (sequence,) = read_json(tmp_path / "MuPoTS-3D.json", tmp_path, Tally())
    assert np.isnan(sequence.univ_annot3).all() and np.isfinite(sequence.annot3).all()


def test_broken_records_of_the_json_are_counted(tmp_path):
    write_json(tmp_path)
    data = json.loads((tmp_path / "MuPoTS-3D.json").read_text())
    data["annotations"][0]["keypoints_cam"] = [[1, 2, 3]]
    data["images"][0]["file_name"] = "TS3/../../x.png"
    (tmp_path / "MuPoTS-3D.json").write_text(json.dumps(data))
    tally = Tally()
    assert [len(s.people) for s in read_mupots(tmp_path, "val", tally)] == [1, 1]
    assert dict(tally.counts) == {Reason.RECORD: 2}


def test_nothing_is_there(tmp_path):
    with pytest.raises(XnectError, match=r"TS1 to TS20 *: was not found in .*SingleShotMultiPerson"):
        list(read_mupots(tmp_path, "val", Tally()))
    (tmp_path / "TS1").mkdir()
    with pytest.raises(XnectError, match=r"MuPoTS-3D\.json or TS1/annot\.mat"):
        list(read_mupots(tmp_path, "val", Tally()))
