"""``eval ponder``: painted pictures and clips, the realised budget inside and outside silhouettes, times by share."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from films import film
from masked_network import NAME, masked_network, register_masked

from xnect_lite.cli import main as cli
from xnect_lite.config import NetworkConfig
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.data.silhouettes import Silhouette
from xnect_lite.evaluate.ponder import score_ponder, silhouettes_of, time_by_share
from xnect_lite.inference.sparse import SparseBackend
from xnect_lite.inference.weights import save_weights
from xnect_lite.record.ponder import draw_ponder, effort_words, ponder_in_picture
from xnect_lite.stages.network import Predictor
from xnect_lite.types import Effort, Letterbox

SIZE = {"long_side_net_px": 96, "short_side_net_px": 64}


@pytest.fixture(autouse=True)
def named(monkeypatch):
    register_masked(monkeypatch)


@pytest.fixture
def weights(tmp_path):
    net = masked_network()
    save_weights(tmp_path / "masked.safetensors", net.state_dict(), net.arch)
    return tmp_path / "masked.safetensors"


def bright_left(width: int = 96) -> np.ndarray:
    image = np.zeros((64, width, 3), np.uint8)
    image[:, : width // 3] = 200
    return image


def options(weights) -> list[str]:
    sides = [f"network.{name}={value}" for name, value in SIZE.items()]
    return ["--weights", str(weights), "--backbone", NAME, "--precision", "fp32", "--device", "cpu",
            *(part for side in sides for part in ("--set", side))]  # fmt: skip


def sample(silhouette: bool = True) -> Sample:
    image, inside = bright_left(), np.zeros((64, 96), bool)
    inside[8:56, 4:28] = True
    outline = Silhouette.of(inside) if silhouette else None
    return Sample(lambda: image, (96, 64), LabelledPeople.empty(1), silhouettes=(outline,))


def test_the_map_comes_to_lie_on_the_picture_it_is_of():
    """A picture of 200 x 100 in a network input of 96 x 64: 8 rows of padding above and below, 2 cells each."""
    box = Letterbox.fit(200, 100, 96, 64)
    ponder = np.zeros((16, 24), np.float32)
    ponder[2:14, :12] = 3
    ponder[:2] = ponder[14:] = 2  # padding, which is nowhere in the picture
    share = ponder_in_picture(Effort(1, 2, ponder, 3, box), (200, 100))
    assert share.shape == (100, 200) and (share[:, :99] == 1).all() and (share[:, 101:] == 0).all()


def test_what_was_computed_is_bright_and_what_was_not_is_dark():
    image = np.full((4, 6, 3), 100, np.uint8)
    share = np.zeros((4, 6), np.float32)
    share[:, :3] = 1
    painted = draw_ponder(image, share)
    assert painted[0, 0].sum() > painted[0, 5].sum() and (image == 100).all()
    assert (
        effort_words(Effort(4_800_000_000, 11_300_000_000, share, 6, Letterbox.fit(6, 4, 96, 64))) == "4.8 of 11.3 GMACs (42%)"
    )


def test_people_are_looked_at_and_the_rest_is_not(weights):
    backend = SparseBackend(masked_network(), precision="fp32")
    predictor = Predictor(NetworkConfig(NAME, device="cpu", **SIZE), backend=backend)
    figures = score_ponder(predictor, backend, [sample(), sample(silhouette=False)]).figures()
    assert (figures["pictures"], figures["pictures_with_silhouettes"]) == (2, 1)
    assert figures["ponder_inside"] > 3 * figures["ponder_outside"] > 0
    assert 0.05 < figures["realised_share"] < 0.6 and figures["realised_share"] < figures["share_of_all_macs"] < 1


def test_silhouettes_are_put_together_and_must_all_be_known():
    covered = silhouettes_of(sample())
    assert covered is not None and covered[30, 10] and not covered[30, 60] and covered.sum() == pytest.approx(48 * 24, rel=0.05)
    assert silhouettes_of(sample(silhouette=False)) is None


def test_times_are_of_every_share_and_of_the_dense_form():
    rows = time_by_share(masked_network(), (0.0, 1.0), (64, 96), repeats=2)
    assert len(rows) == 3 and all(row["ms"] > 0 for row in rows) and rows[0]["times_faster"] == 1
    assert rows[2]["times_faster"] == pytest.approx(rows[0]["ms"] / rows[2]["ms"])


def test_a_picture_is_painted(tmp_path, weights, capsys):
    cv2.imwrite(str(tmp_path / "street.png"), bright_left())
    assert cli.main(["eval", "ponder", str(tmp_path / "street.png"), *options(weights)]) == 0
    painted = cv2.imread(str(tmp_path / "street_ponder.png"))
    assert painted.shape == (64, 96, 3) and painted[:, :20].mean() > painted[:, 60:].mean()
    assert "GMACs" in capsys.readouterr().out


def test_a_clip_is_painted(tmp_path, weights, capsys):
    film(tmp_path / "clip.mp4", 5)
    assert cli.main(["eval", "ponder", str(tmp_path / "clip.mp4"), "-o", str(tmp_path / "out.mp4"), *options(weights)]) == 0
    assert cv2.VideoCapture(str(tmp_path / "out.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 5
    assert "5 frames" in capsys.readouterr().out


def test_the_curve_is_printed(weights, capsys):
    assert cli.main(["eval", "ponder", "--curve", "--repeats", "1", "--json", *options(weights)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert list(figures)[:3] == ["dense", "0% active", "5% active"] and all(ms > 0 for ms in figures.values())


@pytest.mark.parametrize("asked", [[], ["a.png", "--curve"], ["--curve", "--photos", "kit"]])
def test_one_thing_is_asked_at_a_time(asked, weights, capsys):
    assert cli.main(["eval", "ponder", *asked, *options(weights)]) == 2
    assert "takes one of" in capsys.readouterr().err
