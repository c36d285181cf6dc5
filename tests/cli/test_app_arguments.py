"""The app's command line, and what is found wrong before a window is shown."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from xnect_lite.cli.app import parse_arguments
from xnect_lite.cli.main import main
from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError
from xnect_lite.gui.actions import ACTIONS, menus
from xnect_lite.gui.startup import check_network, check_options, check_source


def test_every_option_lands_in_its_place(tmp_path):
    words = f"--source a.mp4 --takes {tmp_path} --record --screenshot b.png --after 1.5 --size 1366x768"
    words += " --backbone resnet50 --device cpu --precision fp32 --stature 1.8 --set grouping.max_people=3"
    options = parse_arguments(words.split())
    assert (options.source, options.takes, options.record, options.size) == ("a.mp4", tmp_path, True, (1366, 768))
    assert (options.screenshot.name, options.after_s) == ("b.png", 1.5)
    network = options.config.network
    assert (network.backbone, network.device, network.precision) == ("resnet50", "cpu", "fp32")
    assert options.config.camera.stature_m == 1.8 and options.config.grouping.max_people == 3


def test_the_verb_run_starts_the_app_with_the_same_options(monkeypatch):
    words = "--stature 1.8 --smoothing 0.2 --no-fit --foot-lock --fov 60 --pitch 5 --camera-height 2 --device cpu"
    started = []
    monkeypatch.setattr("xnect_lite.gui.application.start", lambda options: started.append(options) or 0)
    assert main(["run", "a.mp4", "--show"]) == main(["run", "a.mp4", "--show", *words.split()]) == 0
    assert started == [parse_arguments(["--source", "a.mp4"]), parse_arguments(["--source", "a.mp4", *words.split()])]


def test_defaults():
    options = parse_arguments([])
    assert (
        options.source == "" and options.takes is None and options.screenshot is None and not (options.record or options.demo)
    )


@pytest.mark.parametrize("words", ["--size 1366", "--size 0x5", "--after -1", "--after soon", "--after nan", "--what"])
def test_words_that_are_no_options(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse_arguments(words.split())
    assert stopped.value.code == 2


def test_a_wrong_key_names_the_nearest():
    with pytest.raises(XnectError, match="max_people"):
        parse_arguments(["--set", "grouping.max_peeple=3"])


def test_every_backbone_that_can_be_built_is_known():
    from xnect_lite.models.backbones import BACKBONES

    for name in BACKBONES:
        with pytest.raises(XnectError, match=r"(?!.*is unknown).*nowhere"):
            check_network(NetworkConfig(backbone=name, weights="nowhere.safetensors"))


@pytest.mark.parametrize("spec", ["0", "camera:1", "/dev/video0", "rtsp://host/a", "camera:Some Name"])
def test_live_sources_are_not_tried(spec):
    check_source(spec)


def test_sources_that_are_not_there(tmp_path):
    for spec in (
        tmp_path / "none.mp4",
        tmp_path,
        "~nobody-of-this-name/a.mp4",
        "a" * 300,
    ):  # no file; a folder without pictures
        with pytest.raises(XnectError):
            check_source(str(spec))
    text = tmp_path / "notes.mp4"
    text.write_text("not a video")
    with pytest.raises(XnectError, match="not a video"):
        check_source(str(text))
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    check_source(str(tmp_path))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--backbone", "selecsls61"], "selecsls60"),
        (["--weights", "/none/w.safetensors"], "no such weight file"),
        (["--precision", "fp8"], "bf16"),
    ],
)
def test_networks_that_are_not_there(words, said):
    with pytest.raises(XnectError, match=said):
        check_network(parse_arguments(words).config.network)


@pytest.mark.parametrize("device", ["cuda:99", "abacus"])
def test_devices_that_are_not_there(device, tmp_path):
    weights = tmp_path / "w.safetensors"
    weights.touch()
    with pytest.raises(XnectError, match="--device"):
        check_network(parse_arguments(["--device", device, "--weights", str(weights)]).config.network)


def test_a_screenshot_needs_a_folder(tmp_path):
    with pytest.raises(XnectError, match="folder"):
        check_options(parse_arguments(["--screenshot", str(tmp_path / "none" / "a.png")]), network=False)
    check_options(parse_arguments(["--screenshot", str(tmp_path / "a.png")]), network=False)


def test_actions_have_names_tips_and_keys_of_their_own():
    keys = [key for action in ACTIONS for key in action.shortcuts]
    assert len(keys) == len(set(keys)) and len({a.name for a in ACTIONS}) == len(ACTIONS)
    assert all(action.tip and action.title for action in ACTIONS)
    assert sum(len(actions) for _, actions in menus()) == len(ACTIONS)
