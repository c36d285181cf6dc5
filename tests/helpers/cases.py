"""Files that once brought the program down: in ``$XNECT_CASES``, or in ``shared/cases`` beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CASES = Path(os.environ.get("XNECT_CASES") or Path(__file__).parents[3] / "shared" / "cases")
ATTACKS = CASES / "attacks"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"no such files in {CASES} (set $XNECT_CASES)")


def attacks(pattern: str) -> list[str]:
    """Names of what was found to bring a parser down."""
    return [path.name for path in sorted(ATTACKS.glob(pattern))]
