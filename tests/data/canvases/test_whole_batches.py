"""What is made for a whole batch at once is what canvas by canvas gives."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import torch
from crowd import crowd_picture
from literal_canvases import PEOPLE_FIELDS, literal_composites, literal_people
from literal_targets import literal_targets

from xnect_lite.data.archives.packed import PackedSet, pack
from xnect_lite.data.canvases.canvas import CanvasPeople, canvas_people, canvas_pixels, to_labels
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.data.canvases.paste import Paster
from xnect_lite.data.canvases.paste_pixels import paint
from xnect_lite.data.canvases.sampler import CanvasSampler
from xnect_lite.data.canvases.views import Subjects, draw_plan
from xnect_lite.data.labels import Labels
from xnect_lite.data.targets import Targets, encode

SIZE = (160, 128)


@pytest.fixture(scope="module")
def packed() -> PackedSet:
    return pack([crowd_picture(seed) for seed in range(24)])


def plan_of(packed: PackedSet, count: int, seed: int, **changes):
    rng = np.random.default_rng(seed)
    return draw_plan(Subjects.of(packed), AugmentConfig(**changes), rng, lambda n: rng.integers(0, len(packed), n), count, SIZE)


def assert_same_people(one: CanvasPeople, other: CanvasPeople) -> None:
    assert one.canvas.tolist() == other.canvas.tolist() and one.row.tolist() == other.row.tolist()
    for name in PEOPLE_FIELDS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-6, atol=1e-9, err_msg=name)


VIEWS = {
    "as it comes": {},
    "mosaics": {"mosaic": 1.0},
    "turned": {"any_rotation": 1.0, "aspect": 0.3},
    "flipped": {"flip": 1.0},
}


@pytest.mark.parametrize("changes", VIEWS.values(), ids=VIEWS.keys())
def test_people_are_those_of_canvas_after_canvas(packed, changes):
    plan = plan_of(packed, 40, 1, **changes)
    found = canvas_people(packed, plan)
    assert len(found) > 30 and np.isfinite(found.log_depth).any() and np.isnan(found.bones_m).any()
    assert_same_people(found, literal_people(packed, plan))


def test_composites_are_those_of_canvas_after_canvas(packed):
    """Nobody, one or two pasted, before and behind others, half hidden, wholly hidden, beyond the border."""
    config = AugmentConfig(paste=0.8)
    plan = plan_of(packed, 60, 2, mosaic=0.1)
    people, paster = canvas_people(packed, plan), Paster(packed)
    pastes = paster.draw(people, plan, config, np.random.default_rng(0))
    image = canvas_pixels(packed, plan)
    expected = image.clone()
    found = paster.compose(people, plan, pastes)
    paint(packed, image, found.layers)
    everyone, hidden = literal_composites(packed, expected, people, plan, pastes)
    assert_same_people(found.people, everyone)
    np.testing.assert_allclose(np.column_stack([found.hidden_on, found.hidden_xyxy]), hidden, rtol=1e-6)
    assert len(hidden) > 2 and len(found.layers.turns()) == 2
    nearer = [(found.layers.nearer_than(turn) & ~found.layers.pasted).sum(1).max() for turn in found.layers.turns()]
    assert max(nearer) >= 2, "two of the picture's own people before one that was pasted"
    assert (image - canvas_pixels(packed, plan)).abs().amax((1, 2, 3)).count_nonzero() > 20
    torch.testing.assert_close(image, expected, atol=0.02, rtol=0)


def test_in_another_order_everybody_stays_on_their_canvas(packed):
    plan = plan_of(packed, 30, 3, mosaic=0.2)
    people, paster = canvas_people(packed, plan), Paster(packed)
    pastes = paster.draw(people, plan, AugmentConfig(paste=1.0), np.random.default_rng(0))
    order = np.random.default_rng(1).permutation(30)
    plain = paster.compose(people, plan, pastes)
    moved, image = plain.renumbered(np.argsort(order)), canvas_pixels(packed, plan.canvases(order))
    paint(packed, image, moved.layers)
    expected = canvas_pixels(packed, plan)
    paint(packed, expected, plain.layers)
    torch.testing.assert_close(image, expected[order])
    np.testing.assert_array_equal(moved.hidden((30, 16, 20), 8), plain.hidden((30, 16, 20), 8)[order])
    for new, old in enumerate(order):
        np.testing.assert_array_equal(
            moved.people.row[moved.people.canvas == new], plain.people.row[plain.people.canvas == old]
        )


def test_labels_say_how_many_canvases_have_a_kth_person(packed):
    people = canvas_people(packed, plan_of(packed, 12, 4))
    cells = torch.zeros(12, 16, 20)
    counts = people.counts(12)
    numbers = np.argsort(np.argsort(-counts, kind="stable"))
    labels = to_labels(people.renumbered(numbers), cells > 0, cells)
    assert labels.canvases_with == tuple(int((counts > k).sum()) for k in range(counts.max()))
    assert labels.present.sum(0).tolist() == list(labels.canvases_with)
    assert to_labels(people.renumbered(numbers[::-1]), cells > 0, cells).canvases_with is None, "fewest people first"


@pytest.mark.parametrize("sorted_first", [True, False], ids=["most people first", "in any order"])
@pytest.mark.parametrize("paste", [0.0, 1.0])
def test_targets_are_those_of_person_after_person_bit_for_bit(packed, paste, sorted_first):
    """Of canvases with none to many people, composites, ignored areas, unknown joints, bones and distances."""
    config = AugmentConfig(paste=paste, mosaic=0.3, background=0.2)
    _, labels = CanvasSampler(packed, config, 8, np.random.default_rng(5)).batch(12, *SIZE)
    assert labels.present.sum(1).tolist() == sorted(labels.present.sum(1).tolist(), reverse=True)
    assert labels.present.sum(1).min() <= paste and labels.present.sum(1).max() > 5 and (labels.layer is None) == (paste == 0)
    if not sorted_first:
        tensors = {f.name: getattr(labels, f.name) for f in fields(Labels) if isinstance(getattr(labels, f.name), torch.Tensor)}
        labels = Labels(**{name: value.flip(0) for name, value in tensors.items()})
    found, expected = encode(labels, 8, *SIZE), literal_targets(labels, 8, *SIZE)
    for f in fields(Targets):
        assert torch.equal(getattr(found, f.name), getattr(expected, f.name)), f.name
    assert found.depth_weight.any() and found.location_weight.any() and found.paf_on.any()


def test_a_canvas_of_a_large_batch_costs_the_host_a_fraction(packed):
    """Of what one planned and labelled alone costs: far less than a quarter (seen: a twentieth), on a noisy machine too."""
    people_of = {
        count: cpu_s(lambda count=count: canvas_people(packed, plan_of(packed, count, 0))) / count for count in (1, 180)
    }
    assert people_of[180] < people_of[1] / 4


def cpu_s(act: Callable[[], object]) -> float:
    """Seconds of processor time, the least of some tries."""
    act()
    seconds = []
    for _ in range(5):
        begin = time.process_time()
        act()
        seconds.append(time.process_time() - begin)
    return min(seconds)
