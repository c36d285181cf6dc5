"""People in the joints of data sets, and the flip test: what is put where, and what a mirror leaves unchanged."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from labelled_people import scene

from xnect_lite.evaluate.joint_lists import COCO, LSP, MPII, MUPOTS
from xnect_lite.skeleton import FLIP, INDEX, LIMBS, NUM_JOINTS, NUM_LIMBS
from xnect_lite.stages.mirrored import mean_of_mirrored, mirror
from xnect_lite.types import Letterbox, Maps, People

SHOWN = scene(1)


@pytest.mark.parametrize("joints", [COCO, MPII, LSP, MUPOTS], ids=["coco", "mpii", "lsp", "mupots"])
def test_every_joint_of_a_data_set_is_filled_and_named_ones_are_ours(joints):
    out = joints.of(SHOWN.joints_px)
    assert out.shape == (1, len(joints.names), 2) and np.isfinite(out).all()
    for i, j in enumerate(joints.joints.xnect):
        if j >= 0 and joints.names[i] not in ("neck",):
            np.testing.assert_array_equal(out[0, i], SHOWN.joints_px[0, j])


def test_eyes_lie_on_their_sides_above_the_nose():
    """A face seen from in front: ears 80 px apart, level with the nose, shoulders 100 px below."""
    ours = np.full((1, NUM_JOINTS, 2), np.nan)
    places = {"nose": (0, 0), "r_ear": (-40, 0), "l_ear": (40, 0), "r_shoulder": (-90, 100), "l_shoulder": (90, 100)}
    for name, xy in places.items():
        ours[0, INDEX[name]] = xy
    out = dict(zip(COCO.names, COCO.of(ours)[0].tolist(), strict=True))
    assert out["l_eye"] == pytest.approx([17.8, -16.5], abs=0.1) and out["r_eye"] == pytest.approx([-17.8, -16.5], abs=0.1)


def test_the_upper_neck_lies_between_shoulders_and_head_top():
    ours = np.full((1, NUM_JOINTS, 2), np.nan)
    ours[0, INDEX["neck"]], ours[0, INDEX["head_top"]] = (0, 0), (0, -100)
    assert MPII.of(ours)[0, MPII.names.index("upper_neck")].tolist() == [0, -11]
    assert LSP.of(ours)[0, LSP.names.index("neck")].tolist() == [0, -18]


def test_what_was_not_found_is_missing_and_not_sure():
    people = People.empty(1)
    people.joints_px[:], people.joint_score[:], people.person_score[:] = SHOWN.joints_px, 0.75, 0.5
    people.joints_px[0, INDEX["nose"]], people.joint_score[0, INDEX["nose"]] = np.nan, 0.0
    found = dict(zip(COCO.names, COCO.found(people, with_3d=False).joint_scores[0], strict=True))
    assert found["nose"] == found["l_eye"] == 0.0 and found["l_hip"] == 0.75
    assert MPII.found(people, with_3d=False).joint_scores[0, MPII.names.index("upper_neck")] == 0.5


# -- the flip test --------------------------------------------------------------------------------------------------------


def random_maps(seed: int) -> Maps:
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, 5, 8, generator=generator)  # noqa: E731
    return Maps(draw(NUM_JOINTS), draw(), draw(2 * NUM_LIMBS), draw(3 * NUM_JOINTS), draw(), 8, Letterbox.fit(64, 40, 64, 40))


def test_the_mirror_of_the_mirror_is_the_thing_itself():
    maps = random_maps(0)
    twice = mirror(mirror(maps))
    for field in ("heatmaps", "centre", "pafs", "locations", "depth"):
        torch.testing.assert_close(getattr(twice, field), getattr(maps, field))


def test_a_mirror_changes_sides_and_what_points_to_them():
    maps = random_maps(1)
    seen = mirror(maps)
    wrist, other = INDEX["r_wrist"], INDEX["l_wrist"]
    assert FLIP[wrist] == other
    torch.testing.assert_close(seen.heatmaps[wrist, 2, 1], maps.heatmaps[other, 2, 6])
    forearms = [k for k, (_, end) in enumerate(LIMBS) if end in (wrist, other)]
    x, y = (seen.pafs[2 * forearms[0] + axis, 2, 1] for axis in (0, 1))
    torch.testing.assert_close(torch.stack([-x, y]), maps.pafs[2 * forearms[1] : 2 * forearms[1] + 2, 2, 6])
    bones = [seen.locations[axis * NUM_JOINTS + wrist, 2, 1] for axis in range(3)]
    there = [maps.locations[axis * NUM_JOINTS + other, 2, 6] for axis in range(3)]
    torch.testing.assert_close(torch.stack([-bones[0], *bones[1:]]), torch.stack(there))


def test_a_network_that_treats_both_sides_alike_gains_nothing_by_the_flip_test():
    maps = random_maps(2)
    mean = mean_of_mirrored(maps, mirror(maps))
    torch.testing.assert_close(mean.heatmaps, maps.heatmaps)
    torch.testing.assert_close(mean.pafs, maps.pafs)
    nothing = dataclasses.replace(maps, heatmaps=torch.zeros_like(maps.heatmaps))
    torch.testing.assert_close(mean_of_mirrored(maps, nothing).heatmaps, maps.heatmaps / 2)
