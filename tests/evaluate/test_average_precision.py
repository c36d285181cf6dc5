"""Keypoint average precision: by hand, and against pycocotools."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from xnect_lite.evaluate.average_precision import AP_JOINTS, KeypointAp
from xnect_lite.evaluate.keypoints import KeypointScore, extent
from xnect_lite.skeleton import COCO17, INDEX, JOINTS, NUM_JOINTS, OKS_SIGMA

NOT_IGNORED = np.zeros(9, bool)


def test_it_counts_the_joints_that_coco_knows_too():
    names = {JOINTS[j] for j in AP_JOINTS}
    assert len(AP_JOINTS) == 15 and {"nose", "r_ear", "l_wrist", "r_ankle"} <= names
    assert not names & {"pelvis", "neck", "spine", "head_top", "l_hand", "r_toe"}


@pytest.mark.parametrize(
    ("pictures", "ap", "ap_50"),
    [
        # every picture: OKS of labelled (rows) and found (columns), scores of the found
        ([([[1.0]], [0.9])], 1.0, 1.0),  # one person, found
        ([([[0.77]], [0.9])], 0.6, 1.0),  # right at .50 to .75: six thresholds of ten
        ([([[0.3]], [0.9])], 0.0, 0.0),  # too far off
        ([([[]], [])], 0.0, 0.0),  # nobody found
        ([([[1.0, 0.0]], [0.9, 0.5])], 1.0, 1.0),  # a phantom less sure than the person costs nothing
        ([([[1.0, 0.0]], [0.5, 0.9])], 0.5, 0.5),  # a surer one halves the precision
        ([([[0.9, 0.95]], [0.9, 0.5])], 0.95, 1.0),  # of two on one person the surer is right up to .90, the other beyond
        ([([[1.0], [0.0]], [0.9])], 51 / 101, 51 / 101),  # half of the people: recalls 0 to .50
        ([([[1.0]], [0.5]), (np.zeros((0, 1)), [0.9])], 0.5, 0.5),  # a surer phantom in a picture without people
    ],
)
def test_by_hand(pictures, ap, ap_50):
    score = KeypointAp()
    for oks, scores in pictures:
        score.add(np.array(oks, float), np.array(scores, float), NOT_IGNORED[: len(scores)])
    found = score.figures()
    assert found["ap"] == pytest.approx(ap, abs=1e-9) and found["ap_50"] == pytest.approx(ap_50, abs=1e-9)


def test_phantoms_in_ignored_areas_do_not_count():
    score = KeypointAp()
    score.add(np.array([[0.0, 1.0]]), np.array([0.9, 0.5]), np.array([True, False]))
    assert score.figures()["ap"] == pytest.approx(1.0)


def test_people_there_who_match_a_label_do_count():
    score = KeypointAp()
    score.add(np.array([[1.0]]), np.array([0.9]), np.array([True]))
    assert score.figures()["ap"] == pytest.approx(1.0)


def test_nobody_labelled_gives_no_figure():
    assert np.isnan(KeypointAp().figures()["ap"])


# -- against the published evaluation --------------------------------------------------------------------------------


def crowd(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labelled people, people found (some of them off, doubled, made up) and their scores."""
    truth = rng.uniform(0, 1, (rng.integers(1, 5), NUM_JOINTS, 2)) * (80, 200) + rng.uniform(0, 300, 2)
    truth[rng.random(truth.shape[:2]) < 0.3] = np.nan
    truth[:, INDEX["nose"]] = np.nan_to_num(truth[:, INDEX["nose"]], nan=150.0)  # nobody is without a joint
    off = rng.choice([0.5, 4.0, 12.0, 40.0], (len(truth), 1, 1))
    found = np.nan_to_num(truth, nan=100.0) + off * rng.standard_normal(truth.shape)
    extra = rng.uniform(0, 400, (rng.integers(0, 3), NUM_JOINTS, 2))
    doubles = found[: rng.integers(0, 2)] + rng.standard_normal((1, NUM_JOINTS, 2))
    found = np.concatenate([found, extra, doubles])
    return truth, found, rng.uniform(0, 1, len(found))


def published(pictures: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """AP and AP at .50 by pycocotools."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    columns = [i for i, j in enumerate(COCO17.xnect) if j >= 0]
    ours = [COCO17.xnect[i] for i in columns]
    labels, results = [], []
    for number, (truth, found, scores) in enumerate(pictures, 1):
        for person, size in zip(truth, extent(truth), strict=True):
            known = np.isfinite(person[ours, :1])
            keypoints = np.where(known, np.concatenate([person[ours], 2.0 * known], 1), 0.0)
            labels.append({
                "id": len(labels) + 1, "image_id": number, "category_id": 1, "iscrowd": 0, "bbox": [0, 0, *size.tolist()],
                "area": 0.53 * size.prod(), "keypoints": keypoints.ravel().tolist(), "num_keypoints": int(known.sum()),
            })  # fmt: skip
        for person, score in zip(found, scores, strict=True):
            keypoints = np.concatenate([person[ours], np.ones((len(ours), 1))], 1)
            results.append({"image_id": number, "category_id": 1, "keypoints": keypoints.ravel().tolist(), "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        data = coco.COCO()
        data.dataset = {
            "info": {}, "images": [{"id": n} for n in range(1, len(pictures) + 1)], "categories": [{"id": 1}],
            "annotations": labels,
        }  # fmt: skip
        data.createIndex()
        evaluation = cocoeval.COCOeval(data, data.loadRes(results), "keypoints")
        evaluation.params.kpt_oks_sigmas = OKS_SIGMA[ours]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, 0, 0, 0]
    return float(precision.mean()), float(precision[0].mean())


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_pycocotools_computes(seed):
    rng = np.random.default_rng(seed)
    pictures, score = [crowd(rng) for _ in range(12)], KeypointScore()
    for truth, found, scores in pictures:
        score.add_ap(truth, found, scores, np.zeros(len(found), bool))
    figures = score.ap.figures()
    ap, ap_50 = published(pictures)
    assert 0.1 < ap < 0.9, "the crowd is neither hopeless nor trivial"
    assert figures["ap"] == pytest.approx(ap, abs=1e-6) and figures["ap_50"] == pytest.approx(ap_50, abs=1e-6)
