"""The bar's clock."""

from __future__ import annotations

import io
import time

from xnect_lite.progress import progress_bar


def test_a_clock_that_is_set_back_by_days_shows_no_negative_time(monkeypatch):
    shown = io.StringIO()
    with progress_bar(total=10, file=shown, mininterval=0) as bar:
        monkeypatch.setattr("tqdm.std.time", lambda: time.time() - 3 * 86400)
        monkeypatch.setattr(time, "time", lambda: 1.0)
        bar.update(3)
        bar.update(4)
    assert "7/10" in shown.getvalue() and "-" not in shown.getvalue().replace("|", "")
