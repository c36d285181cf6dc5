"""The layer that shows where a network with masks computed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PyQt6")

from xnect_lite.gui.actions import ACTIONS
from xnect_lite.gui.view2d import View2D, compose
from xnect_lite.runners.run_notes import notes_of
from xnect_lite.types import Effort, Frame, Letterbox, People, PoseResult


def result(effort: bool = True) -> PoseResult:
    """A grey picture, computed in its left half alone."""
    ponder = np.zeros((16, 24), np.float32)
    ponder[:, :12] = 3
    spent = Effort(4_800_000_000, 11_300_000_000, ponder, 3, Letterbox.fit(96, 64, 96, 64)) if effort else None
    frame = Frame(np.full((64, 96, 3), 100, np.uint8), 0.0, 0)
    return PoseResult(frame, People.empty(), 96.0, {"network": 1.0}, None, spent)


def test_what_was_computed_is_bright_and_the_rest_is_dark():
    painted = compose(result(), 96, 64, ponder=True)
    assert painted[:, :40].mean() > painted[:, 56:].mean() + 20
    plain = compose(result(), 96, 64)
    assert (plain == 100).all()


def test_of_a_network_that_does_not_skip_there_is_nothing_to_show():
    assert (compose(result(effort=False), 96, 64, ponder=True) == 100).all()


def test_the_view_shows_it_when_it_is_ticked(qtbot):
    view = View2D()
    qtbot.addWidget(view)
    view.resize(240, 180)
    view.show_result(result())
    plain = view.grab().toImage()
    view.set_layers(skeletons=True, ids=True, ponder=True)
    assert view.grab().toImage() != plain
    view.set_layers(skeletons=True, ids=True)
    assert view.grab().toImage() == plain


def test_it_can_be_ticked_and_the_latency_panel_says_what_was_computed():
    (action,) = (action for action in ACTIONS if action.name == "ponder")
    assert action.is_toggle and not action.is_on
    assert "4.8 of 11.3 GMACs computed" in notes_of(result())
