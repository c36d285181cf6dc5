"""Annotations that anybody may have written: a record that cannot be used is left out and counted, and never more."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cases import ATTACKS, attacks, needs_cases
from coco_files import annotation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import write_kit

from xnect_lite.data.readers.coco import read_annotations
from xnect_lite.data.readers.mpii import read_json
from xnect_lite.data.readers.muco import read_annotations as read_muco
from xnect_lite.data.readers.origin import file_name
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError

COCO = {
    "images": [{"id": 1, "file_name": "1.jpg", "width": 64, "height": 48}],
    "annotations": [annotation(1, 1), annotation(2, 1)],
}
MPII = [{"image": "1.jpg", "joints": [[1.5, 2]] * 16, "joints_vis": [1] * 16, "center": [3, 4], "scale": 2.5}] * 2
MUCO = {
    "images": [{"id": 1, "file_name": "a/1.jpg", "width": 64, "height": 48, "f": [1, 1], "c": [2, 2]}],
    "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4], "keypoints_img": [[1, 2]] * 21, "keypoints_cam": [[1, 2, 3]] * 21}],
}
READERS = {"coco": (COCO, read_annotations), "mpii": (MPII, read_json), "muco": (MUCO, read_muco)}

ODD = [
    ("coco", "annotations", 0, "id", float("inf")), ("coco", "annotations", 0, "keypoints", [1] * 50),
    ("coco", "annotations", 0, "keypoints", [10**400] * 51), ("coco", "annotations", 0, "image_id", [1]),
    ("coco", "annotations", 0, "bbox", [1, 2, 3, 10**400]), ("coco", "annotations", 0, "area", "large"),
    ("coco", "images", 0, "width", float("inf")), ("coco", "images", 0, "file_name", 5),
    ("coco", "images", 0, "file_name", "a\0.jpg"), ("coco", "images", 0, "file_name", "\ud800.jpg"),
    ("coco", "images", 0, "file_name", "x/.."), ("coco", "images", 0, "id", {}),
    ("mpii", 0, "image", 5), ("mpii", 0, "image", None), ("mpii", 0, "joints", [[float("nan")]] * 16),
    ("mpii", 0, "scale", 10**400), ("mpii", 0, "center", "here"), ("mpii", 0, "joints_vis", [[1]] * 15),
    ("muco", "images", 0, "f", [float("inf"), 10**400]), ("muco", "images", 0, "file_name", "../../x.jpg"),
    ("muco", "images", 0, "file_name", ["x"]), ("muco", "annotations", 0, "keypoints_cam", {"x": 1}),
    ("muco", "annotations", 0, "bbox", None),
]  # fmt: skip


def changed(document, path, value):
    document = json.loads(json.dumps(document))
    *front, last = path
    at = document
    for step in front:
        at = at[step]
    at[last] = value
    return document


@pytest.mark.parametrize("odd", ODD, ids=[str(o)[:70] for o in ODD])
def test_an_odd_record_is_left_out_and_counted(odd, tmp_path):
    name, *path, value = odd
    document, read = READERS[name]
    (tmp_path / "a.json").write_text(json.dumps(changed(document, path, value)))
    tally = Tally()
    read(tmp_path / "a.json", tally)
    assert dict(tally.counts) == {Reason.RECORD: 1}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just(10**400) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(READERS)), data=st.data())
def test_any_value_anywhere_leaves_the_rest_readable(name, data, tmp_path):
    document, read = READERS[name]
    path, at = [], document
    for _ in range(data.draw(st.integers(1, 4))):
        if not isinstance(at, (dict, list)) or not at:
            break
        path.append(data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at)))))
        at = at[path[-1]]
    (tmp_path / "a.json").write_text(json.dumps(changed(document, path, data.draw(values))))
    try:
        with np.errstate(all="ignore"):
            read(tmp_path / "a.json", Tally())
    except XnectError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize("text", [b"[" * 100_000, b"\xff\xfe\x00", b"5", b"", b'{"images": ' + b"9" * 5000 + b"}"])
@pytest.mark.parametrize("read", [read_annotations, read_json, read_muco], ids=["coco", "mpii", "muco"])
def test_what_is_no_annotation_at_all_is_one_line(read, text, tmp_path):
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(XnectError) as said:
        read(tmp_path / "a.json", Tally())
    assert "a.json" in str(said.value) and str(said.value).isprintable()


@pytest.mark.parametrize(
    "name", ["../x.jpg", "..", "", "/etc/passwd", "a/b.jpg", "a\\b.jpg", "C:x.jpg", "a\0", 5, None, "\ud800"]
)
def test_only_names_of_files_are_names(name):
    with pytest.raises(ValueError):
        file_name(name)
    assert file_name("Tänzer 1.jpg") == "Tänzer 1.jpg"


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r | {"file": "../../secret.webp"}, lambda r: r | {"file": 5}, lambda r: r | {"width": 10**400},
        lambda r: r | {"people": [p | {"mask": "../../secret.png"} for p in r["people"]]},
        lambda r: r | {"people": [p | {"blaze_xy": [[10**400, 1]]} for p in r["people"]]},
    ],
    ids=["a picture outside", "a name that is none", "a size without end", "a mask outside", "a joint without end"],
)  # fmt: skip
def test_a_line_of_the_photo_kit_that_leads_astray_is_named_and_nothing_else_is_read(tmp_path, change):
    labels = write_kit(tmp_path) / "lspet/labels.jsonl"
    lines = labels.read_text().splitlines()
    for number in range(len(lines)):  # whichever split the line is of
        lines[number] = json.dumps(change(json.loads(lines[number])))
    labels.write_text("\n".join(lines))
    for split in ("train", "val"):
        with pytest.raises(XnectError, match=r"labels\.jsonl, line \d: cannot be read"):
            list(read_photokit(tmp_path, split, ("lspet",)))


@needs_cases
@pytest.mark.parametrize("name", attacks("data_coco*") + attacks("data_mpii_*") + attacks("data_photos*"))
def test_annotations_found_to_bring_it_down(name, tmp_path):
    tally = Tally()
    try:
        if "photos" in name:
            (tmp_path / "lspet").mkdir()
            (tmp_path / "lspet/labels.jsonl").write_bytes((ATTACKS / name).read_bytes())
            list(read_photokit(tmp_path, "train", ("lspet",)))
        else:
            (read_annotations if "coco" in name else read_json)(ATTACKS / name, tally)
            assert tally.counts[Reason.RECORD] == 1
    except XnectError as error:
        assert str(error).isprintable() and "line 1" in str(error)
