"""All readers by name, and the two verbs that use them."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from coco_files import annotation, write_set
from kit import write_kit
from labelled_people import SIZE, assert_contract

from xnect_lite.cli.main import main
from xnect_lite.cli.parsers.data import DATA_SETS
from xnect_lite.data.label_sheet import TILE_PX
from xnect_lite.data.readers.catalogue import READERS, read
from xnect_lite.data.tally import Tally
from xnect_lite.errors import XnectError


def test_the_command_line_offers_every_reader():
    assert tuple(READERS) == DATA_SETS


@pytest.mark.parametrize(("name", "split"), [(n, s) for n, d in READERS.items() for s in d.splits])
def test_an_empty_folder_is_an_error_that_names_file_folder_and_page(tmp_path, name, split):
    with pytest.raises(XnectError) as caught:
        list(read(name, tmp_path, split, Tally()))
    message = str(caught.value)
    assert str(tmp_path) in message and READERS[name].origin.page in message and "docs/datasets.md" in message
    assert any(file in message for file in (".mat", ".json", "labels.jsonl", "TS1"))


def test_what_is_not_there_is_named(tmp_path):
    for arguments, words in (
        (("human36m", tmp_path, "train"), "human36m.*mpii, coco"),
        (("mupots", tmp_path, "train"), "MuPoTS-3D: has no split train"),
        (("coco", tmp_path / "nowhere", "train"), "nowhere.*cocodataset"),
    ):
        with pytest.raises(XnectError, match=words):
            read(*arguments, Tally())


def test_the_photo_kit_is_read_with_the_sets_it_has(tmp_path):
    write_kit(tmp_path, train=3, val=1)
    samples = list(read("photos", tmp_path, "train", Tally()))
    assert len(samples) == 3
    for sample in samples:
        assert_contract(sample)


# -- verbs -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def coco(tmp_path):
    """Three pictures: two people and a crowd; nobody; one cut short after its header."""
    crowd = annotation(3, 1, iscrowd=1, bbox=[1, 2, 30, 40])
    write_set(tmp_path, [annotation(1, 1), annotation(2, 1, 1), crowd, annotation(4, 3)], images=3)
    path = tmp_path / "train2017" / f"{3:012d}.jpg"
    path.write_bytes(path.read_bytes()[:900])
    return tmp_path


def test_check_counts_what_is_there_and_what_was_left_out(coco, capsys):
    assert main(["data", "check", "--dataset", "coco", "--data", str(coco), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    expected = {
        "dataset": "coco",
        "split": "train",
        "pictures": 2,
        "pictures without people": 1,
        "people": 2,
        "ignore boxes": 1,
    }
    assert expected.items() <= figures.items()
    assert figures["per joint"]["l_wrist"] == 2 and figures["per joint"]["r_toe"] == 0 and figures["people with 3D"] == 0
    assert figures["left out"] == {"picture: corrupt or cut short": 1}
    assert figures["first left out"]["picture: corrupt or cut short"].endswith("000000000003.jpg")


def test_check_in_words(coco, capsys):
    assert main(["data", "check", "--dataset", "coco", "--data", str(coco), "--decode"]) == 0
    out = capsys.readouterr().out
    assert "pictures                 2\n" in out and "l_wrist 2" in out and "r_toe" not in out
    assert "       1 picture: corrupt or cut short (first: " in out


def test_check_decodes_on_request(coco, capsys):
    """The header is whole and the end marker is there, but what lies between is not a picture."""
    path = coco / "train2017" / f"{2:012d}.png"
    whole = cv2.imencode(".png", np.zeros((SIZE[1], SIZE[0], 3), np.uint8))[1].tobytes()
    path.with_suffix(".jpg").write_bytes(whole[:40] + bytes(50) + whole[-12:])
    for flags, pictures in (([], 2), (["--decode"], 1)):
        assert main(["data", "check", "--dataset", "coco", "--data", str(coco), "--json", *flags]) == 0
        assert json.loads(capsys.readouterr().out)["pictures"] == pictures


def test_show_writes_a_sheet(coco, tmp_path, capsys):
    out = tmp_path / "sheets" / "sheet.jpg"
    assert main(["data", "show", "--dataset", "coco", "--data", str(coco), "-o", str(out), "--count", "5"]) == 0
    assert cv2.imread(str(out)).shape[1] == 2 * TILE_PX, "two pictures are usable"
    assert "2 of 2 pictures" in capsys.readouterr().out


ERRORS = {
    "nothing there": (["check", "--dataset", "mpii"], "human-pose.mpi-inf.mpg.de"),
    "no such split": (["check", "--dataset", "mupots", "--split", "train"], "has no split train"),
    "no picture on the sheet": (["show", "--dataset", "coco", "-o", "x.jpg", "--count", "0"], "Give 1 or more"),
    "a sheet of no known format": (["show", "--dataset", "coco", "-o", "x.xyz"], "cannot be written"),
}


@pytest.mark.parametrize(("arguments", "words"), ERRORS.values(), ids=ERRORS.keys())
def test_errors_are_one_line(coco, arguments, words, capsys, monkeypatch):
    monkeypatch.chdir(coco)
    assert main(["data", *arguments, "--data", str(coco)]) == 2
    assert words in capsys.readouterr().err


def test_a_data_set_without_a_usable_picture_has_no_sheet(tmp_path, capsys):
    write_set(tmp_path, [])
    (tmp_path / "train2017" / f"{1:012d}.jpg").write_bytes(b"")
    assert main(["data", "show", "--dataset", "coco", "--data", str(tmp_path), "-o", str(tmp_path / "s.jpg")]) == 2
    assert "no sample to show" in capsys.readouterr().err
