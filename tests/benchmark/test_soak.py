"""The soak: what grows is seen, what stays is not called growth."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from untrained import untrained_weights

from xnect_lite.benchmark.soak import Sample, trends
from xnect_lite.cli.main import main
from xnect_lite.errors import XnectError


def test_slopes_are_per_hour():
    rng = np.random.default_rng(0)
    samples = [Sample(30.0 * k, 500 + 0.5 * k, 12, 9 + k % 2, 40 + rng.normal()) for k in range(120)]
    memory, files, threads, frame = trends(samples)
    assert memory.name == "memory_mib" and memory.per_hour == pytest.approx(60.0)
    assert (memory.first, memory.last) == (507.25, 552.25)
    assert files.per_hour == pytest.approx(0.0, abs=1e-9)
    assert abs(threads.per_hour) < 0.1 and abs(frame.per_hour) < 1.0


def test_few_samples_say_nothing():
    with pytest.raises(XnectError, match="more --minutes"):
        trends([Sample(1, 1, 1, 1, 1)] * 3)


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf"])
def test_times_that_are_none(minutes, capsys):
    assert main(["bench", "soak", "--minutes", minutes]) == 2
    assert "is no time" in capsys.readouterr().err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_short_soak(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    weights = untrained_weights(tmp_path)
    words = ["--backbone", "selecsls42", "--weights", weights, "--device", "cpu", "--backend", "torch"]
    words += ["--set", "network.long_side_net_px=64", "--set", "network.short_side_net_px=32", "--json"]
    assert main(["bench", "soak", "--minutes", "0.04", *map(str, words)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert [trend["name"] for trend in figures["trends"]] == ["memory_mib", "open_files", "threads", "frame_ms"]
    assert figures["samples"] >= 4 and figures["trends"][0]["first"] > 50
    assert not list(tmp_path.glob("xnect-soak-*")), "its takes are removed"
