"""The second look: what is read off the network's answer, and what becomes of people."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from drawn_maps import bones_of, draw, person, to_px
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.config import GroupingConfig, RefiningConfig
from xnect_lite.errors import XnectError
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.lifter import Lifter
from xnect_lite.models.refiner import GRID, Refiner
from xnect_lite.skeleton import FLIP, INDEX, LIMB_FLIP, NUM_JOINTS, ROOT
from xnect_lite.stages.grouping.group import group_people
from xnect_lite.stages.refining.crops import cells
from xnect_lite.stages.refining.refine import (
    FILE_NAME,
    RefineNetwork,
    decode,
    find_refiner,
    load_refiner,
    open_refine,
    unrefined,
)
from xnect_lite.types import Letterbox, Maps, People

SMALL = (8, 12, 16)
FLIP_ORDER = torch.from_numpy(FLIP)


def mirrored_fields(pafs: torch.Tensor) -> torch.Tensor:
    """(50, h, w) limb fields of the mirrored picture."""
    fields = pafs.unflatten(0, (-1, 2))[torch.from_numpy(LIMB_FLIP)].flip(-1)
    return (fields * torch.tensor([-1.0, 1.0])[:, None, None]).flatten(0, 1)


def mirrored_bones(locations: torch.Tensor) -> torch.Tensor:
    """(72, h, w) location maps of the mirrored picture."""
    bones = locations.unflatten(0, (3, -1))[:, FLIP_ORDER].flip(-1)
    return (bones * torch.tensor([-1.0, 1.0, 1.0])[:, None, None, None]).flatten(0, 1)


def bells(*candidates: tuple[float, float, float], sigma_cells: float = 1.0) -> torch.Tensor:
    """(1, 24, GRID, GRID) logits of joints that are at x, y (crop coordinates) as probably as the third number says."""
    at = cells().double()
    out = torch.full((GRID, GRID), 1e-9, dtype=torch.float64)
    for x, y, share in candidates:
        square = (at[:, None] - y) ** 2 + (at[None, :] - x) ** 2
        out += share * torch.exp(-0.5 * square * (GRID / sigma_cells) ** 2)
    return out.log().float().expand(1, NUM_JOINTS, -1, -1)


# -- reading the answer ----------------------------------------------------------------------------------------------


@given(x=st.floats(-0.4, 0.4), y=st.floats(-0.4, 0.4), sigma_cells=st.floats(0.6, 1.1))
@settings(max_examples=60, deadline=None)
def test_a_bell_is_found_wherever_it_stands(x, y, sigma_cells):
    place, score = decode(bells((x, y, 1.0), sigma_cells=sigma_cells))
    away = (place - torch.tensor([x, y])).abs() * GRID
    assert place.shape == (1, NUM_JOINTS, 2) and score.shape == (1, NUM_JOINTS)
    assert away.max() < 0.1 and ((score > 0.9) & (score <= 1)).all()


LEFT, MIDDLE, RIGHT = (float(cells()[i]) for i in (9, 15, 24))
CANDIDATES = [
    # candidates x, y, how strong; which of them it is, and how sure
    ([(-0.2, 0.1, 1.0)], 0, 1.0),  # one
    ([(LEFT, MIDDLE, 1.0), (RIGHT, MIDDLE, 1.0001)], 1, 0.5),  # two that are as good as each other
    ([(-0.2, 0.1, 3.0), (0.25, 0.1, 1.0)], 0, 0.75),  # the better one
    ([(-0.2, 0.1, 1.0), (0.25, 0.1, 1.0), (0.25, -0.3, 1.2), (-0.3, -0.3, 0.8)], 2, 0.3),
    ([(-0.484375, 0.484375, 1.0)], 0, 1.0),  # in a corner
]


@pytest.mark.parametrize(("candidates", "best", "sure"), CANDIDATES)
def test_the_best_of_several_places_and_how_sure(candidates, best, sure):
    place, score = decode(bells(*candidates, sigma_cells=0.7))
    assert (place - torch.tensor(candidates[best][:2])).abs().max() * GRID < 0.7
    assert score.numpy() == pytest.approx(np.full((1, NUM_JOINTS), sure), abs=0.05)


def test_many_who_agree_are_better_than_one_who_is_loud():
    """A broad bell with most of the probability beats a single higher cell."""
    probability = bells((-0.2, 0.1, 1.0), sigma_cells=1.2)[0, 0].softmax(-1).flatten().view(GRID, GRID)
    probability = bells((-0.2, 0.1, 1.0), sigma_cells=1.2)[0, 0].exp()
    probability[4, 28] = 1.3 * probability.max()
    place, _ = decode(probability.log().expand(1, NUM_JOINTS, -1, -1))
    assert (place - torch.tensor([-0.2, 0.1])).abs().max() * GRID < 1


OUTSIDE = [
    # candidates, whether the right half is beyond the picture; the place found, and how sure
    ([(-0.25, 0, 1.0), (0.25, 0, 3.0)], (-0.25, 0), 0.25),  # the stronger one cannot be
    ([(-0.25, 0, 3.0), (0.25, 0, 1.0)], (-0.25, 0), 0.75),
    ([(0.25, 0, 1.0)], None, 0.0),  # there is no place for it
]


@pytest.mark.parametrize(("candidates", "at", "sure"), OUTSIDE)
def test_what_is_beyond_the_picture_counts_for_nothing(candidates, at, sure):
    inside = (cells() < 0).expand(1, GRID, GRID)
    place, score = decode(bells(*candidates, sigma_cells=0.7), inside)
    assert score.numpy() == pytest.approx(np.full((1, NUM_JOINTS), sure), abs=0.05)
    assert at is None or (place - torch.tensor(at)).abs().max() * GRID < 0.7
    everywhere = torch.ones(1, GRID, GRID, dtype=torch.bool)
    for value, same in zip(decode(bells(*candidates)), decode(bells(*candidates), everywhere), strict=True):
        torch.testing.assert_close(value, same)


def test_an_answer_that_is_no_number_finds_nothing():
    place, score = decode(torch.full((2, NUM_JOINTS, GRID, GRID), torch.nan))
    assert place.shape == (2, NUM_JOINTS, 2) and not (score >= 0.01).any()


# -- people ----------------------------------------------------------------------------------------------------------


def refiner(**config) -> RefineNetwork:
    """One that has learnt nothing: it believes the heatmaps."""
    torch.manual_seed(0)
    return RefineNetwork(Refiner(SMALL), RefiningConfig(**config))


def grouped(maps: Maps) -> People:
    people = group_people(maps, GroupingConfig())
    return dataclasses.replace(people, ids=np.arange(len(people)) + 7, map_depth_mm=np.full(len(people), 3000, np.float32))


TWO = [person(18, 20), person(45, 20, 0.8)]

BOXES = [Letterbox.fit(512, 320, 512, 320), Letterbox.fit(1280, 720, 512, 320), Letterbox.fit(400, 320, 512, 320)]


@pytest.mark.parametrize("box", BOXES, ids=["the network's size", "grey above and below", "grey beside"])
def test_joints_stay_where_only_one_place_is_hot(box):
    maps = draw(TWO, box=box)
    before = grouped(maps)
    after = refiner()(before, maps)
    assert len(after) == 2
    away = np.linalg.norm(box.to_net(after.joints_px) - box.to_net(before.joints_px), axis=-1) / 8
    np.testing.assert_array_equal(np.isnan(before.joints_px), np.isnan(after.joints_px))
    assert np.nanmax(away) < 1, "a cell of the map"
    assert (after.joint_score[np.isfinite(after.joints_px[..., 0])] > 0.5).all()


def test_mirror_images_are_answered_alike():
    """A network of random weights answers unlike for left and right; the mean over both ways treats them alike."""
    torch.manual_seed(1)
    net = Refiner(SMALL)
    torch.nn.init.normal_(net.out.weight, std=0.3)
    maps, box = draw(TWO[:1]), Letterbox.fit(512, 320, 512, 320)
    image = Maps(
        maps.heatmaps[FLIP_ORDER].flip(-1), maps.centre.flip(-1), mirrored_fields(maps.pafs), mirrored_bones(maps.locations),
        maps.depth.flip(-1), maps.stride, box,
    )  # fmt: skip
    before = grouped(maps)
    other = dataclasses.replace(
        before, joints_px=before.joints_px[:, FLIP] * (-1, 1) + (511, 0), joint_score=before.joint_score[:, FLIP]
    )
    for both_ways in (True, False):
        network = RefineNetwork(net, RefiningConfig(mirrored=both_ways, least_score=0.0))
        here, there = network(before, maps).joints_px, network(other, image).joints_px[:, FLIP] * (-1, 1) + (511, 0)
        away = np.nanmax(np.abs(here - there))
        assert away < 0.5 if both_ways else away > 0.5


def test_who_is_there_and_how_sure_grouping_was_does_not_change():
    maps = draw(TWO)
    before = grouped(maps)
    copy = {f.name: getattr(before, f.name).copy() for f in dataclasses.fields(People)}
    after = refiner()(before, maps)
    changed = {"joints_px", "joint_score", "locations_ray_m", "bones_ray_m"}
    for name, value in copy.items():
        np.testing.assert_array_equal(getattr(before, name), value, "its input is left as it was")
        assert getattr(after, name).dtype == value.dtype and getattr(after, name).shape == value.shape
        if name not in changed:
            np.testing.assert_array_equal(getattr(after, name), value)
    assert set(after.ids) == {7, 8}


FAINT = [
    # how hot the joint is that grouping misses (it wants 0.1), whether it is found
    (0.08, True),
    (0.04, True),
    (1e-4, False),  # as cold as everywhere
]


@pytest.mark.parametrize(("heat", "is_found"), FAINT)
def test_a_faint_joint_is_found_at_second_sight(heat, is_found):
    faint = [INDEX["l_wrist"], INDEX["l_hand"]]
    maps = draw(TWO[:1])
    maps.heatmaps[faint] = (maps.heatmaps[faint] * heat / 0.9).clamp_min(1e-4)
    before = grouped(maps)
    assert np.isnan(before.joints_px[0, faint]).all() and np.isnan(before.bones_ray_m[0, INDEX["l_hand"]]).all()
    after = refiner()(before, maps)
    if not is_found:
        assert np.isnan(after.joints_px[0, faint]).all() and (after.joint_score[0, faint] == 0).all()
        return
    assert np.abs(after.joints_px[0, faint] - to_px(TWO[0])[faint]).max() < 8
    bone = bones_of(0)
    for j in faint:  # their bones are read there
        np.testing.assert_allclose(after.bones_ray_m[0, j], bone[j], atol=1e-3)
        np.testing.assert_allclose(after.locations_ray_m[0, j, :, j], bone[j], atol=1e-3)


@pytest.mark.parametrize(("least", "is_found"), [(0.1, True), (0.4, True), (0.6, False)])
def test_a_joint_that_scores_too_little_is_not_found(least, is_found):
    """The ankle is in two places, each of them half as probable as a sure joint."""
    j, away = INDEX["r_ankle"], 12
    maps = draw(TWO[:1])
    before = grouped(maps)
    maps.heatmaps[j] = torch.maximum(maps.heatmaps[j], maps.heatmaps[j].roll((-away, away), (0, 1)))
    after = refiner(least_score=least)(before, maps)
    assert np.isfinite(after.joints_px[0, j]).all() == is_found
    assert after.joint_score[0, j] == (pytest.approx(0.5, abs=0.1) if is_found else 0)
    others = [k for k in range(NUM_JOINTS) if k != j]
    np.testing.assert_array_equal(np.isfinite(after.joints_px[0, others]), np.isfinite(before.joints_px[0, others]))
    # What hangs on it is read at its other end, and at the joint itself nothing.
    assert np.isfinite(after.bones_ray_m[0, j]).all() and np.isfinite(after.locations_ray_m[0, j]).any() == is_found


def test_bones_are_read_where_joints_have_moved_to():
    maps, j = draw(TWO), INDEX["r_knee"]
    before = grouped(maps)
    wrong = dataclasses.replace(before, joints_px=before.joints_px.copy(), bones_ray_m=np.full_like(before.bones_ray_m, 9))
    wrong.joints_px[:, j] += 30
    after = refiner()(wrong, maps)
    np.testing.assert_allclose(after.joints_px, before.joints_px, atol=8)
    order = np.argsort(after.joints_px[:, ROOT, 0])
    others = [k for k in range(NUM_JOINTS) if k != ROOT]
    for number, row in enumerate(order):
        np.testing.assert_allclose(after.bones_ray_m[row, others], bones_of(number)[others], atol=0.02)
    assert np.isnan(after.bones_ray_m[:, ROOT]).all()


def test_nobody_passes():
    people = People.empty()
    assert len(refiner()(people, draw([]))) == 0


JUNK = [
    # which map, how much of it, filled with what
    ("heatmaps", slice(None), np.nan), ("heatmaps", slice(0, 5), np.inf), ("pafs", slice(None), np.nan),
    ("pafs", slice(3, 9), 1e30), ("locations", slice(None), np.nan), ("locations", slice(0, 30), -np.inf),
]  # fmt: skip


@pytest.mark.parametrize(("name", "part", "value"), JUNK)
def test_maps_that_are_no_numbers_do_no_harm(name, part, value):
    maps = draw(TWO)
    before = grouped(maps)
    getattr(maps, name)[part] = value
    after = refiner()(before, maps)
    assert len(after) == 2 and np.isfinite(after.joint_score).all()
    found = np.isfinite(after.joints_px).all(-1)
    np.testing.assert_array_equal(found, after.joint_score > 0)
    for field in dataclasses.fields(People):
        assert not np.isinf(getattr(after, field.name)).any(), field.name


@given(seed=st.integers(0, 1000), share=st.floats(0, 0.9), size=st.floats(0.01, 3))
@settings(max_examples=15, deadline=None)
def test_whoever_comes_in_goes_out_finite_and_near_where_he_was(seed, share, size):
    rng = np.random.default_rng(seed)
    maps, people = draw(TWO), People.empty(3)
    people.joints_px[:] = rng.uniform(0, 500, (3, 1, 2)) + size * rng.normal(0, 60, (3, NUM_JOINTS, 2))
    people.joint_score[:] = rng.uniform(0.1, 1, (3, NUM_JOINTS))
    lost = rng.random((3, NUM_JOINTS)) < share
    lost[:, ROOT] = False
    people.joints_px[lost], people.joint_score[lost] = np.nan, 0
    after = REFINER(people, maps)
    found = np.isfinite(after.joints_px[..., 0])
    np.testing.assert_array_equal(found, after.joint_score > 0)
    low, high = np.nanmin(people.joints_px, 1), np.nanmax(people.joints_px, 1)
    reach = 0.5 * np.maximum(1.4 * (high - low).max(-1), 32) + 8
    away = np.abs(after.joints_px - (low + high)[:, None] / 2).max(-1)
    assert (away[found] <= np.broadcast_to(reach[:, None], found.shape)[found]).all()
    assert (after.joint_score >= 0).all() and (after.joint_score <= 1).all()


REFINER = refiner()


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(1)
    net = Refiner(SMALL)
    torch.nn.init.normal_(net.out.weight)
    path = tmp_path / "mine.safetensors"
    save_weights(path, net.state_dict(), net.arch)
    return path


def test_a_file_comes_back_as_the_network_it_was(file):
    net = load_refiner(file)
    assert not net.training and net.arch["refiner"] == list(SMALL)
    torch.manual_seed(1)
    first = Refiner(SMALL)
    torch.nn.init.normal_(first.out.weight)
    torch.testing.assert_close(net.state_dict()["out.weight"], first.out.weight.data, atol=2e-3, rtol=2e-3)


def test_without_weights_or_by_wish_people_stay_as_they_are(file, tmp_path, monkeypatch):
    empty = tmp_path / "folder"
    empty.mkdir()
    monkeypatch.setattr("xnect_lite.inference.weight_search.search_folders", lambda: [tmp_path / "none", empty])
    assert open_refine(RefiningConfig()) is unrefined and find_refiner() is None
    people = grouped(draw(TWO))
    assert unrefined(people, draw(TWO)) is people
    (empty / FILE_NAME).write_bytes(file.read_bytes())
    assert find_refiner() == empty / FILE_NAME
    assert isinstance(open_refine(RefiningConfig()), RefineNetwork)
    assert open_refine(RefiningConfig(network=False)) is unrefined
    assert open_refine(RefiningConfig(network=False, weights=str(tmp_path / "not there"))) is unrefined
    assert isinstance(open_refine(RefiningConfig(weights=str(file))), RefineNetwork)


OTHERS = [
    # what the file says of itself, whether it holds a small refiner, and what is said of it
    ({"lifter": 0.5, "encoding": 1}, False, "holds .*lifter.*not a refiner of encoding 1"),
    ({"backbone": "selecsls60", "stride": 8, "encoding": 1}, False, "not a refiner"),
    ({}, True, "holds an unnamed network"),
    ({"refiner": [8, 12, 16], "encoding": 99}, True, "not a refiner of encoding 1"),
    ({"refiner": [8, 12], "encoding": 1}, True, "not a refiner"),
    ({"refiner": [8, 12, 10**9], "encoding": 1}, True, "not a refiner"),
    ({"refiner": [8, 12, 0], "encoding": 1}, True, "not a refiner"),
    ({"refiner": "wide", "encoding": 1}, True, "not a refiner"),
    ({"refiner": [8, 12, 16], "encoding": 1}, False, "tensors missing"),
    ({"refiner": [8, 16, 16], "encoding": 1}, True, "does not fit"),
]


@pytest.mark.parametrize(("arch", "is_refiner", "message"), OTHERS)
def test_other_files_are_refused(arch, is_refiner, message, tmp_path):
    net = Refiner(SMALL) if is_refiner else Lifter(0.5)
    save_weights(tmp_path / "w.safetensors", net.state_dict(), arch)
    with pytest.raises(XnectError, match=rf"w\.safetensors.*{message}"):
        open_refine(RefiningConfig(weights=str(tmp_path / "w.safetensors")))


def test_missing_cut_off_and_damaged_files_are_refused(file):
    with pytest.raises(XnectError, match=r"none\.safetensors: no such weight file.*refining\.weights"):
        open_refine(RefiningConfig(weights=str(file.with_name("none.safetensors"))))
    (file.parent / "manifest.json").write_text(json.dumps({"files": {file.name: {"sha256": "0" * 64}}}))
    with pytest.raises(XnectError, match="is damaged"):
        open_refine(RefiningConfig(weights=str(file)))
    (file.parent / "manifest.json").unlink()
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(XnectError, match="is no safetensors file"):
        open_refine(RefiningConfig(weights=str(file)))
