"""Single-person networks on COCO: boxes, scores, answers taken out, AP, and the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from test_coco_verb import XY, write_set

from xnect_lite.cli.main import main
from xnect_lite.data.crops.coco import CocoBox, annotated_people, detected_people
from xnect_lite.data.crops.person import CropPerson
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.coco import CocoSet
from xnect_lite.evaluate.coco_single import coco_records, kept, person_scores, similarity
from xnect_lite.evaluate.single import SinglePredictor, find_single
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.fabric.config import CellConfig
from xnect_lite.models.fabric.single import FabricConfig
from xnect_lite.models.single import build_single
from xnect_lite.skeleton import COCO17
from xnect_lite.train.single.config import SingleConfig, SingleDataConfig, arch_of
from xnect_lite.train.single.run import train_single

CELL = CellConfig(depth=3, cut_layers_num=1, size_types=(1, 2), factor=4, operators=("skip_connect",))
BACKBONE = CellConfig(depth=3, cut_layers_num=0, size_types=(1, 2), factor=4, operators=("skip_connect",))


def config(root, out="runs", **more) -> SingleConfig:
    return SingleConfig(
        out=str(out), network="fabric", joints="coco17", width_net_px=48, height_net_px=64, epochs=1, batch=2, device="cpu",
        data=SingleDataConfig(coco=str(root)), fabric=FabricConfig("meta_arch", 3, CELL, BACKBONE, 2), **more,
    )  # fmt: skip


def box(score: float, picture: int = 7) -> CocoBox:
    nobody = np.full((17, 2), np.nan)
    one = CropPerson("", lambda: np.zeros((1, 1, 3), np.uint8), np.zeros(2), np.ones(2), nobody, np.zeros(17), nobody, np.nan)
    return CocoBox(one, picture, 4000.0, score)


def test_annotated_boxes_hold_every_joint_and_five_pixels_more(tmp_path):
    people = annotated_people(write_set(tmp_path), "val", margin=1.0)
    assert len(people) == 2
    for one, joints in zip(people, XY, strict=True):
        low, high = one.person.centre_px - one.person.box_px / 2, one.person.centre_px + one.person.box_px / 2
        np.testing.assert_allclose(low, joints.min(0) - 5, atol=0.05)
        np.testing.assert_allclose(high, joints.max(0) + 5, atol=0.05)
        np.testing.assert_allclose(one.person.joints_px, joints, atol=0.05)


def test_a_persons_score_is_the_boxs_times_the_mean_of_confident_joints():
    joints = np.zeros((2, 17))
    joints[0, :3] = 0.9, 0.5, 0.2  # the last is not above .2
    assert person_scores([box(0.5), box(1.0)], joints).tolist() == pytest.approx([0.5 * 0.7, 0.0])


def test_what_is_too_like_a_better_answer_goes_and_nothing_is_skipped():
    base = np.stack([np.linspace(0, 100, 17), np.linspace(0, 200, 17)], 1)
    found = np.stack([base, base + 0.5, base + 0.7, base + 200])
    assert kept(found, np.array([0.9, 0.8, 0.7, 0.6]), np.full(4, 1e4)) == [0, 3]
    assert similarity(base, base[None], np.array([1e4])) == pytest.approx(1.0)


def test_the_truth_in_detected_boxes_has_an_ap_of_100(tmp_path):
    pytest.importorskip("pycocotools")
    root = write_set(tmp_path)
    sizes = [[*(xy.min(0) - 5).tolist(), *(np.ptp(xy, 0) + 10).tolist()] for xy in XY]
    twice = [{"image_id": 7, "category_id": 1, "bbox": b, "score": s} for s in (0.9, 0.4) for b in sizes]
    cars = [{"image_id": 9, "category_id": 3, "bbox": sizes[0], "score": 1.0}]
    (tmp_path / "boxes.json").write_text(json.dumps([*twice, *cars]))
    boxes = detected_people(root, tmp_path / "boxes.json")
    assert [b.score for b in boxes] == [0.9, 0.9, 0.4, 0.4]
    records = coco_records(boxes, np.array([*XY, *XY], np.float64), np.ones((4, 17)))
    assert len(records) == 2, "a person detected twice is answered once"
    assert CocoSet(root).score(records)["ap"] == pytest.approx(100.0)


@pytest.mark.parametrize("odd", [{"image_id": 8}, {"bbox": [1, 2, 3]}, {"score": "high"}, {"bbox": [0, 0, float("nan"), 5]}])
def test_a_box_of_no_picture_or_no_numbers_is_an_error_that_names_it(tmp_path, odd):
    root = write_set(tmp_path)
    good = {"image_id": 7, "category_id": 1, "bbox": [0, 0, 20, 40], "score": 0.9}
    (tmp_path / "boxes.json").write_text(json.dumps([good, good | odd]))
    with pytest.raises(XnectError, match=r"boxes.json.*record 1"):
        detected_people(root, tmp_path / "boxes.json")


def test_the_command_scores_a_trained_network(tmp_path, capsys):
    pytest.importorskip("pycocotools")
    root = write_set(tmp_path / "set")
    net = build_single(arch_of(config(root)))
    save_weights(tmp_path / "w.safetensors", net.state_dict(), net.arch)
    words = ["eval", "coco", "--root", str(root), "--model-file", str(tmp_path / "w.safetensors"), "--device", "cpu", "--json"]
    assert main([*words, "--flip-test", "--results", str(tmp_path / "r.json")]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["figures"]["boxes"] == 2 and out["made_by"]["boxes"] == "annotated" and out["made_by"]["flip_test"]
    assert {r["image_id"] for r in json.loads((tmp_path / "r.json").read_text())} == {7}
    assert main(["eval", "coco", "--root", str(root), "--boxes", "b.json"]) == 2
    assert "--model-file" in capsys.readouterr().err


def test_it_trains_on_coco(tmp_path):
    write_set(tmp_path)
    annotations = tmp_path / "annotations"
    (annotations / "person_keypoints_train2017.json").write_bytes((annotations / "person_keypoints_val2017.json").read_bytes())
    (tmp_path / "train2017").symlink_to(tmp_path / "val2017")
    assert train_single(config(tmp_path, tmp_path / "run"))
    with pytest.raises(XnectError, match="Write joints: coco17"):
        train_single(SingleConfig(data=SingleDataConfig(coco=str(tmp_path))))


@torch.no_grad()
def test_an_offset_moves_answers_in_the_crop_and_a_margin_widens_it(tmp_path):
    root = write_set(tmp_path)
    plain, moved = arch_of(config(root)), arch_of(config(root, decode_offset_px=0.5, margin_to_border=1.5))
    assert "decode_offset_px" not in plain and moved["margin_to_border"] == 1.5
    net = build_single(moved).eval()
    crops = torch.randint(0, 256, (1, 64, 48, 3), dtype=torch.uint8)
    with_offset = SinglePredictor.of(net, torch.device("cpu")).places(crops)[0]
    net.arch = {**net.arch, "decode_offset_px": 0.0}
    np.testing.assert_allclose(with_offset, SinglePredictor.of(net, torch.device("cpu")).places(crops)[0] + 0.5)
    people = [one.person for one in annotated_people(root, "val", 1.5)]
    assert find_single(SinglePredictor.of(net, torch.device("cpu")), people)[0].shape == (2, len(COCO17.names), 2)
