"""What a reader left out of a data set: counted by name, with the first place of each, so that nothing is dropped silently."""

from __future__ import annotations

from collections import Counter
from enum import Enum

from xnect_lite.errors import printable


class Reason(str, Enum):
    """Why something was left out. The word before the colon says what: the rest of the picture stays in use."""

    PICTURE_MISSING = "picture: missing"
    PICTURE_CORRUPT = "picture: corrupt or cut short"
    PICTURE_SIZE = "picture: not the size its labels say"
    PICTURE_EMPTY = "picture: nobody labelled"
    RECORD = "record: fields missing or of the wrong shape"
    FRAME = "frame: without labels"
    PERSON_EMPTY = "person: no labelled joint"
    PERSON_POINT = "person: all joints on one spot"
    JOINT_NAN = "joint: not a number"
    JOINT_FAR = "joint: far outside the picture"
    BOX = "box: absurd"
    BODY_NAN = "3D: limbs not a number"
    BODY_SIZE = "3D: not the size of a human"
    BODY_BEHIND = "3D: behind the camera"
    BODY_OFF = "3D: does not project onto the 2D joints"


class Tally:
    """Counts what is left out while a data set is read. One per reading; pass it down.

    counts: how often, per reason.
    first:  where it happened first, per reason.
    """

    def __init__(self) -> None:
        self.counts: Counter[Reason] = Counter()
        self.first: dict[Reason, str] = {}

    def add(self, reason: Reason, where: str, times: int = 1) -> None:
        """Count ``reason`` at ``where`` (a file, a person in it)."""
        if times > 0:
            self.counts[reason] += times
            self.first.setdefault(reason, where)

    def as_dict(self) -> dict[str, int]:
        """Counts by the reasons' own words, most frequent first."""
        return {reason.value: count for reason, count in self.counts.most_common()}

    def summary(self) -> str:
        """A line per reason, or one that says that nothing was left out."""
        if not self.counts:
            return "left out: nothing"
        lines = (
            f"  {count:>8} {reason.value} (first: {printable(self.first[reason])})"
            for reason, count in self.counts.most_common()
        )
        return "\n".join(("left out:", *lines))
