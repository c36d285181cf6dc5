"""Stage II: whole poses from partial evidence, whatever is missing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.models.lifter import EVIDENCE, LIMBS, TORSO, Lifter, evidence
from xnect_lite.skeleton import INDEX, NUM_JOINTS, ROOT

NAN = float("nan")


def _net(seed: int = 0, width: float = 1.0) -> Lifter:
    """A network with outputs of some size and norms with some statistics."""
    torch.manual_seed(seed)
    net = Lifter(width)
    for module in net.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=0.1)
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    return net.eval()


def _values(people: int, seed: int = 0, share: float = 0.7) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(people, NUM_JOINTS, EVIDENCE, generator=generator)
    values[..., 2] = torch.rand(people, NUM_JOINTS, generator=generator)
    return values * (torch.rand(people, NUM_JOINTS, 1, generator=generator) < share)


def test_the_parts_cover_the_skeleton_once():
    found = [j for rows in LIMBS.values() for j in rows[1:]]
    assert sorted(TORSO + found) == list(range(NUM_JOINTS))
    assert all(rows[0] in TORSO for rows in LIMBS.values())


@pytest.mark.parametrize("people", [0, 1, 10])
@torch.inference_mode()
def test_shapes_for_any_number_of_people(people):
    out = _net()(_values(people))
    assert out.joints_m.shape == out.part_m.shape == out.full_m.shape == (people, NUM_JOINTS, 3)
    assert out.spread_m.shape == (people, NUM_JOINTS) and out.scale_m.shape == (people, 1)
    assert (out.joints_m[:, ROOT] == 0).all()
    assert (out.spread_m > 0).all() and (out.scale_m > 0).all()


def test_size():
    count = sum(p.numel() for p in Lifter().parameters()) / 1e6
    assert 2 <= count <= 5
    assert sum(p.numel() for p in Lifter(1.0).parameters()) / 1e6 < 1


@torch.inference_mode()
def test_people_do_not_see_one_another():
    net, values = _net(), _values(5)
    together = net(values).joints_m
    for p in range(5):
        torch.testing.assert_close(net(values[p : p + 1]).joints_m[0], together[p], atol=1e-5, rtol=1e-4)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), junk=st.sampled_from([NAN, float("inf"), 1e6]), share=st.floats(0, 1))
@torch.inference_mode()
def test_what_was_not_detected_is_not_looked_at(seed, junk, share):
    values = _values(3, seed, share)
    spoilt = torch.where(values[..., 2:3] > 0, values, junk)
    spoilt[..., 2] = values[..., 2]
    clean, found = NET(values), NET(spoilt)
    assert torch.isfinite(clean.joints_m).all() and torch.isfinite(clean.spread_m).all()
    torch.testing.assert_close(found.joints_m, clean.joints_m)


NET = _net()

READERS = [
    # a joint whose evidence changes, a joint whose part-wise answer must change, one whose answer must not
    ("r_wrist", "r_elbow", "l_wrist"),  # a limb sees its own joints only
    ("l_ankle", "l_toe", "r_ankle"),
    ("r_wrist", "r_hand", "neck"),  # and the torso sees no wrist
    ("neck", "l_wrist", None),  # but every limb hears of the torso
]


@pytest.mark.parametrize(("changed", "moves", "stays"), READERS)
@torch.inference_mode()
def test_branches_see_what_they_should(changed, moves, stays):
    values = _values(1, share=1.0)
    other = values.clone()
    other[:, INDEX[changed], 3:] += 3.0
    before, after = NET(values), NET(other)
    away = (after.part_m / after.scale_m[..., None] - before.part_m / before.scale_m[..., None]).abs().amax((0, 2))
    assert away[INDEX[moves]] > 1e-4
    assert stays is None or away[INDEX[stays]] < 1e-6
    assert ((after.full_m - before.full_m).abs().amax((0, 2)) > 1e-6).sum() == NUM_JOINTS - 1  # the full branch sees all


@torch.inference_mode()
def test_the_answer_lies_between_the_branches():
    out = NET(_values(4))
    low, high = torch.minimum(out.part_m, out.full_m), torch.maximum(out.part_m, out.full_m)
    assert ((out.joints_m >= low - 1e-6) & (out.joints_m <= high + 1e-6)).all()
    assert (out.part_m - out.full_m).abs().max() > 0.01


def test_it_learns_to_copy_what_the_evidence_says():
    """A body whose joints are written in the evidence can be learnt in a few steps: every joint gets a gradient."""
    torch.manual_seed(0)
    net, truth = Lifter(1.0), 0.3 * torch.randn(64, NUM_JOINTS, 3)
    truth[:, ROOT] = 0
    values = torch.zeros(64, NUM_JOINTS, EVIDENCE)
    values[..., 2], values[..., 3:6] = 1.0, truth
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    errors = []
    for _ in range(60):
        out = net(values)
        error = (out.joints_m - truth).abs().mean((0, 2))
        errors.append(error.detach())
        optimizer.zero_grad()
        (error.mean() + (out.part_m - truth).abs().mean() + (out.full_m - truth).abs().mean()).backward()
        optimizer.step()
    others = [j for j in range(NUM_JOINTS) if j != ROOT]
    assert (errors[-1][others] < 0.5 * errors[0][others]).all()


# -- evidence --------------------------------------------------------------------------------------------------------


def _person(**joints: tuple[float, float]) -> torch.Tensor:
    xy = torch.full((1, NUM_JOINTS, 2), NAN)
    for name, point in joints.items():
        xy[0, INDEX[name]] = torch.tensor(point)
    return xy


ORIGINS = [
    # joints found, which of them, and where it lies in the evidence
    ({"neck": (10, 10), "r_ankle": (10, 60)}, "r_ankle", (0, 1)),  # from the neck, in units of the box's longer side
    ({"neck": (10, 10), "r_ankle": (10, 60)}, "neck", (0, 0)),
    ({"r_shoulder": (0, 0), "l_shoulder": (20, 0), "r_hip": (0, 40)}, "r_hip", (-0.25, 1)),  # no neck: between the shoulders
    ({"l_shoulder": (9, 9), "r_hip": (0, 40), "l_hip": (20, 40)}, "l_hip", (10 / 31, 0)),  # one shoulder: between the hips
    ({"r_knee": (0, 0), "r_ankle": (0, 50)}, "r_knee", (0, -0.5)),  # neither: from the mean of what was found
    ({"nose": (5, 5)}, "nose", (0, 0)),  # a single joint has no size
]


@pytest.mark.parametrize(("joints", "name", "expected"), ORIGINS)
def test_evidence_is_relative_to_the_body(joints, name, expected):
    xy = _person(**joints)
    confidence = torch.isfinite(xy[..., 0]).float() * 0.5
    values = evidence(xy, confidence, torch.ones(1, NUM_JOINTS, EVIDENCE - 3))
    assert values[0, INDEX[name], :2].tolist() == pytest.approx(expected, abs=1e-5)
    assert values[0, INDEX[name], 2] == 0.5 and (values[0, INDEX[name], 3:] == 1).all()
    missing = [INDEX[n] for n in INDEX if n not in joints]
    assert (values[0, missing] == 0).all()


def test_evidence_does_not_change_with_place_and_size():
    torch.manual_seed(0)
    xy, confidence, locations = torch.rand(2, NUM_JOINTS, 2) * 100, torch.rand(2, NUM_JOINTS), torch.randn(2, NUM_JOINTS, 72)
    here = evidence(xy, confidence, locations)
    torch.testing.assert_close(evidence(3 * xy + 70, confidence, locations), here, atol=1e-5, rtol=1e-4)


def test_nobody_and_nothing_give_finite_evidence():
    assert evidence(torch.zeros(0, NUM_JOINTS, 2), torch.zeros(0, NUM_JOINTS), torch.zeros(0, NUM_JOINTS, 72)).shape[0] == 0
    nothing = evidence(torch.full((1, NUM_JOINTS, 2), NAN), torch.ones(1, NUM_JOINTS), torch.full((1, NUM_JOINTS, 72), NAN))
    assert (nothing == 0).all()
