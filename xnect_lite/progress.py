"""A progress bar whose clock never goes back."""

from __future__ import annotations

import time
from typing import Any, cast

from tqdm import tqdm


def progress_bar(*arguments: Any, **options: Any) -> tqdm:
    """A `tqdm` that counts by the monotonic clock: its own would show negative times when the computer's is set back."""
    bar = tqdm(*arguments, **options)
    cast(Any, bar)._time = time.monotonic  # an attribute that its types leave out
    bar.start_t = bar.last_print_t = time.monotonic()
    return bar
