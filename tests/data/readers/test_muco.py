"""MuCo-3DHP's json: metric people, their camera, and records that are broken."""

from __future__ import annotations

import json

import numpy as np
import pytest
from labelled_people import CX, CY, FX, FY, SIZE, assert_contract, scene, write_picture

from xnect_lite.data.readers.muco import read_muco
from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import INDEX, MUCO21

SHOWN = scene(3)
TRAIN = next(n for n in (f"unaugmented_set/1/1_{i}.jpg" for i in range(99)) if not is_validation(n))
VAL = next(n for n in (f"augmented_set/2/2_{i}.jpg" for i in range(999)) if is_validation(n))


def annotation(person: int, image: int, **changes) -> dict:
    low, high = SHOWN.joints_px[person].min(0), SHOWN.joints_px[person].max(0)
    return {
        "id": 10 * image + person, "image_id": image, "category_id": 1,
        "bbox": [*low.tolist(), *(high - low).tolist()],
        "keypoints_cam": MUCO21.from_xnect(SHOWN.joints_cam_mm[person]).tolist(),
        "keypoints_img": MUCO21.from_xnect(SHOWN.joints_px[person]).tolist(),
    } | changes  # fmt: skip


def write_set(root, annotations: list[dict], **changes) -> None:
    images = []
    for i, name in enumerate((TRAIN, VAL), 1):
        write_picture(root / name, SHOWN)
        size = {"width": SIZE[0], "height": SIZE[1]}
        images.append({"id": i, "file_name": name, **size, "f": [FX, FY], "c": [CX, CY]} | (changes if i == 1 else {}))
    (root / "MuCo-3DHP.json").write_text(json.dumps({"images": images, "annotations": annotations}))


def test_metric_people(tmp_path):
    write_set(tmp_path, [annotation(p, i) for i in (1, 2) for p in range(3)])
    tally = Tally()
    (sample,) = read_muco(tmp_path, "train", tally)
    (val,) = read_muco(tmp_path, "val", tally)
    assert (sample.provenance, val.provenance) == (f"muco {TRAIN}", f"muco {VAL}")
    assert_contract(sample)
    assert sample.focal_px == pytest.approx((FX + FY) / 2) and sample.negative_weight == 1 and len(sample.people) == 3
    np.testing.assert_allclose(sample.people.root_cam_mm, SHOWN.joints_cam_mm[:, INDEX["pelvis"]], rtol=1e-5)
    np.testing.assert_allclose(sample.people.joints_px[:, :21], SHOWN.joints_px[:, :21], atol=1e-3)
    assert (sample.people.weight_3d[:, :21] == 1).all() and (sample.people.weight_3d[:, 21:] == 0).all()
    assert np.isnan(sample.people.human_px).all() and sample.people.visible[:, INDEX["pelvis"]].all()
    assert not tally.counts


def test_visibility_where_the_file_has_it(tmp_path):
    seen = [0 if name == "r_knee" else 1 for name in MUCO21.names]
    write_set(tmp_path, [annotation(0, 1, keypoints_vis=[[v] for v in seen])])
    people = next(read_muco(tmp_path, "train", Tally())).people
    assert not people.visible[0, INDEX["r_knee"]] and people.visible[0, INDEX["l_knee"]]


BROKEN = {
    "joints of another set": ({"keypoints_cam": np.zeros((17, 3)).tolist()}, Reason.RECORD, 1),
    "a field is missing": ({"keypoints_img": None}, Reason.RECORD, 1),
    "metres": ({"keypoints_cam": (MUCO21.from_xnect(SHOWN.joints_cam_mm[0]) / 1000).tolist()}, Reason.BODY_SIZE, 2),
    "a hip that is not a number": (
        {"keypoints_cam": np.where(np.arange(21)[:, None] == 8, np.nan, MUCO21.from_xnect(SHOWN.joints_cam_mm[0])).tolist()},
        Reason.BODY_NAN,
        2,
    ),
    "somebody else's 3D": ({"keypoints_cam": MUCO21.from_xnect(SHOWN.joints_cam_mm[2]).tolist()}, Reason.BODY_OFF, 2),
}


@pytest.mark.parametrize(("change", "reason", "people"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_people_are_counted(tmp_path, change, reason, people):
    """A record that cannot be read costs the person, and the picture its trust in empty places; bad 3D costs only the 3D."""
    write_set(tmp_path, [annotation(0, 1, **change), annotation(1, 1)])
    tally = Tally()
    (sample,) = read_muco(tmp_path, "train", tally)
    assert_contract(sample)
    assert dict(tally.counts) == {reason: 1} and len(sample.people) == people
    assert (sample.people.weight_3d > 0).any(1).sum() == 1
    assert sample.negative_weight == pytest.approx(0.3 if reason is Reason.RECORD else 1)


@pytest.mark.parametrize("change", [{"file_name": "../../secret.jpg"}, {"f": [1.0]}, {"width": None}], ids=str)
def test_broken_pictures_are_counted(tmp_path, change):
    write_set(tmp_path, [annotation(0, 1)], **change)
    tally = Tally()
    assert list(read_muco(tmp_path, "train", tally)) == []
    assert dict(tally.counts) == {Reason.RECORD: 1}


def test_the_json_or_the_pictures_are_missing(tmp_path):
    with pytest.raises(XnectError, match=r"MuCo-3DHP\.json.*SingleShotMultiPerson"):
        list(read_muco(tmp_path, "train", Tally()))
    (tmp_path / "MuCo-3DHP.json").write_text('{"images": [], "annotations": []}')
    with pytest.raises(XnectError, match="augmented_set"):
        list(read_muco(tmp_path, "train", Tally()))
