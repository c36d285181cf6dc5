"""What is held back from training: bodies, clothes, motion, backgrounds that only validation and benchmark show."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def share(items: Sequence[T], held_out: bool, one_in: int = 8) -> list[T]:
    """The held-out last ``one_in``-th of the items, at least one of two or more; or all the others, to train on."""
    held = 0 if len(items) < 2 else max(len(items) // one_in, 1)
    return list(items[len(items) - held :] if held_out else items[: len(items) - held])


def is_held_out(name: str) -> bool:
    """One in eight names: for lists too long, or too likely to grow, to be divided by position."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[0] in "01"
