"""The demo that the first screen offers is there: in the package, or in the checkout."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import pytest

from xnect_lite.errors import XnectError
from xnect_lite.gui import demo


def test_the_clip_is_found_in_the_checkout():
    assert demo.demo_clip().stat().st_size > 100_000


def test_the_package_goes_first_and_a_missing_clip_is_told(monkeypatch, tmp_path):
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    (tmp_path / "demo.mp4").touch()
    assert demo.demo_clip() == tmp_path / "demo.mp4"
    monkeypatch.setattr(demo, "_NAME", "none.mp4")
    with pytest.raises(XnectError, match="Reinstall"):
        demo.demo_clip()
