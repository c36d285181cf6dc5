"""The weights that ship: listed, undamaged, loadable, small enough."""

from __future__ import annotations

import numpy as np
import pytest

from xnect_lite.capture import SyntheticSource
from xnect_lite.config import PipelineConfig
from xnect_lite.inference.weights import find_weights, int8_of, load_network, manifest, search_folders, sha256
from xnect_lite.pipeline import Pipeline
from xnect_lite.skeleton import ROOT
from xnect_lite.stages.lifting.network import find_lifter, load_lifter
from xnect_lite.stages.refining.refine import find_refiner, load_refiner

FOLDER = find_weights("selecsls60").parent
FILES = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".safetensors", ".xml", ".bin"))
WEIGHTS, INT8 = ([name for name in FILES if name.endswith(suffix)] for suffix in (".safetensors", "_int8.xml"))


def test_the_package_carries_weights_for_the_default_backbone():
    assert FOLDER in search_folders() and "xnect_selecsls60.safetensors" in WEIGHTS


def test_manifest_and_folder_name_the_same_files():
    assert sorted(manifest(FOLDER)) == FILES


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_as_its_entry_says(name):
    entry = manifest(FOLDER)[name]
    assert sha256(FOLDER / name) == entry["sha256"]
    if not name.endswith(".bin"):  # the rest of an .xml
        assert entry["licence"] and entry["sources"] and entry["accuracy"]["command"]


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_load_as_the_network_that_their_entry_names(name):
    entry = manifest(FOLDER)[name]
    path, arch = FOLDER / name, entry["arch"]
    kinds = {"lifter": load_lifter, "refiner": load_refiner}
    loads = next((load for kind, load in kinds.items() if kind in arch), None)
    net = loads(path) if loads else load_network(path, arch["backbone"])
    assert net.arch == arch


@pytest.mark.parametrize("name", INT8)
def test_an_int8_form_is_whole_and_that_of_the_weights_beside_it(name):
    """Otherwise it would not be taken, or weights of one training would run here and those of another there."""
    weights = FOLDER / name.replace("_int8.xml", ".safetensors")
    assert int8_of(weights) == FOLDER / name and name.replace(".xml", ".bin") in FILES
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    from xnect_lite.inference.openvino import open_file

    backend = open_file(FOLDER / name, manifest(FOLDER)[weights.name]["arch"]["backbone"])
    assert backend.precision == "int8"


def test_a_lifting_network_ships_and_is_used():
    assert find_lifter() == FOLDER / "lifter.safetensors"


def test_a_refiner_ships_and_is_used():
    assert find_refiner() == FOLDER / "refiner.safetensors"


def test_all_together_stay_below_60_mb():
    assert sum((FOLDER / name).stat().st_size for name in FILES) <= 60e6


def test_drawn_people_are_found_and_keep_their_names_while_they_cross():
    """The whole chain on a source that needs nothing: ten frames of two seconds in which two people pass each other."""
    pipeline, source = Pipeline(PipelineConfig()), SyntheticSource(2, start_s=4.2, end_s=6.2)
    with source:
        results = [pipeline.process(frame) for frame in source if frame.index % 6 == 0]
    names: dict[int, set[int]] = {0: set(), 1: set()}
    for result in results:
        middle_px = source.joints_cam_m(result.frame.t_s)[:, ROOT]
        middle_px = 960 * middle_px[:, 0] / middle_px[:, 2] + 479.5
        for x_px, identity in zip(result.people.joints_px[:, ROOT, 0], result.people.ids.tolist(), strict=True):
            if np.ptp(middle_px) > 150:  # well apart
                names[int(np.argmin(abs(middle_px - x_px)))].add(identity)
    assert names in ({0: {1}, 1: {2}}, {0: {2}, 1: {1}})
    assert np.mean([len(result.people) for result in results]) >= 1.0
