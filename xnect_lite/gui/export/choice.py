"""What is to be written of a take, as it was last chosen; and how each tool reads it. No Qt."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection
from typing import Any

from xnect_lite.record.export import FORMATS, PRESETS, ExportOptions
from xnect_lite.record.presence import GapRule

RATES = (0.0, 24.0, 25.0, 30.0, 50.0, 60.0, 120.0)
PEOPLE = ("ticked", "main", "all")

TOOLS = {
    "": "None: as it was recorded",
    "blender": "Blender",
    "motionbuilder": "MotionBuilder",
    "unreal": "Unreal Engine",
    "unity": "Unity",
    "rokoko": "Rokoko Studio",
    "mixamo": "Mixamo names",
}
GAPS = {
    GapRule.EASE.value: "Ease out and in",
    GapRule.HOLD.value: "Hold the last pose",
    GapRule.CUT.value: "Cut into files",
    GapRule.HIDE.value: "Hide below the floor",
}

_BVH_IN_BLENDER = (
    "In Blender: File → Import → Motion Capture (.bvh). Scale 0.01; leave Forward −Z and Up Y; tick Update Scene FPS and "
    "Update Scene Duration, or it plays at the scene's speed."
)
_RECIPES = {
    "": "BVH files are in centimetres, Y up, and begin in a T-pose when all rotations are zero. All files share frame 0.",
    "blender": _BVH_IN_BLENDER,
    "motionbuilder": "In MotionBuilder: File → Motion File Import. Frame 0 is the T-pose: characterise there, then go on.",
    "unreal": f"Unreal reads no BVH. {_BVH_IN_BLENDER} Then export FBX with Add Leaf Bones off, and import that.",
    "unity": f"Unity reads no BVH. {_BVH_IN_BLENDER} Then export FBX with Add Leaf Bones off; set the rig to Humanoid.",
    "rokoko": "In Rokoko Studio or its Blender add-on: import the BVH; frame 0 is the T-pose that retargeting asks for.",
    "mixamo": "The trunk is Spine, Spine1, Spine2, as Mixamo's characters have it: retargeters map these names by themselves.",
}
_OF_FORMATS = {
    "glb": "GLB: drag it into any glTF viewer, or File → Import → glTF 2.0 in Blender.",
    "trc": "TRC: in OpenSim, File → Preview Experimental Data, or give it to the scale and inverse kinematics tools.",
    "c3d": "C3D: opens in Mokka, Visual3D, or with ezc3d; markers are in millimetres.",
    "csv": "CSV: a row per person and frame; the columns and their units are in its first line.",
    "coco": "COCO keypoints: read them with pycocotools.",
}


@dataclasses.dataclass(frozen=True)
class ExportChoice:
    """What the dialog is set to. ``between_marks``: only that part; where there are no marks, all of it.

    people: of `PEOPLE`: those ticked in the list, those there most, everybody.
    """

    formats: tuple[str, ...] = ("bvh",)
    tool: str = "blender"
    people: str = "ticked"
    fps: float = 0.0
    between_marks: bool = True
    t_pose: bool = False
    gaps: str = GapRule.EASE.value

    def as_text(self) -> str:
        """For the settings."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_text(cls, text: str) -> ExportChoice:
        """As it was kept; the defaults where that cannot be understood."""
        try:
            kept = json.loads(text) if text else {}
            choice = cls(**(kept | ({"formats": tuple(kept["formats"])} if "formats" in kept else {})))
            return choice if choice.is_known else cls()
        except (ValueError, TypeError, RecursionError):
            return cls()

    @property
    def is_known(self) -> bool:
        """Whether every word is one that there is."""
        return (
            all(isinstance(name, str) and name in FORMATS for name in self.formats)
            and self.tool in TOOLS
            and self.people in PEOPLE
            and self.fps in RATES
            and self.gaps in GAPS
            and isinstance(self.between_marks, bool)
            and isinstance(self.t_pose, bool)
        )

    def options(self, ticked: Collection[int], marks_s: tuple[float, float] | None) -> ExportOptions:
        """For `record.export`. ``marks_s``: seconds of the marks, None = there are none."""
        first_s, last_s = marks_s if marks_s and self.between_marks else (None, None)
        changes: dict[str, Any] = {"gaps": self.gaps}
        if self.t_pose or not PRESETS.get(self.tool, {}).get("t_pose_first"):
            changes["t_pose_first"] = self.t_pose
        return ExportOptions(
            formats=self.formats,
            people=tuple(sorted(ticked)) if self.people == "ticked" else self.people,
            fps=self.fps or None,
            in_s=first_s,
            out_s=last_s,
            preset=self.tool or None,
            changes=changes,
        )


def recipe(choice: ExportChoice) -> str:
    """How to read what was written, in the tool it was written for."""
    parts = [_RECIPES[choice.tool]] if {"bvh"} & set(choice.formats) else []
    return "\n\n".join([*parts, *(_OF_FORMATS[name] for name in choice.formats if name in _OF_FORMATS)])
