"""Everybody's motion live to avatar programs: OSC messages of the Virtual Motion Capture protocol, one port per person.

What receives them (VSeeFace, Warudo, Unity with EVMC4U, ...) listens on one port for one avatar. Bones have the names of
Unity's humanoid, rotations are those from a T-pose, axes are Unity's: metres, y up, z forward, left-handed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from xnect_lite.errors import XnectError
from xnect_lite.record.bvh_skeleton import bone_lengths_mm, make_skeleton
from xnect_lite.record.formats.files import library
from xnect_lite.record.rotations import solve_rotations
from xnect_lite.record.scene import FEET, Scene, levelling, world_from_cam_cm
from xnect_lite.stages.fitting.tree import TREE
from xnect_lite.types import PoseResult

DEFAULT_PORT = 39539
"""Of the first person: where this protocol expects an avatar to listen."""
MOST_PEOPLE = 10
_FOLLOW = 0.05  # of the way to the lowest foot of this frame
_FORGET_S = 2.0  # a port whose person was not seen for longer is somebody else's

_RENAMED = {
    "LowerBack": "Spine", "Spine": "Chest",
} | {
    f"{side}{ours}": f"{side}{theirs}"
    for side in ("Left", "Right")
    for ours, theirs in (
        ("Arm", "UpperArm"), ("ForeArm", "LowerArm"), ("UpLeg", "UpperLeg"), ("Leg", "LowerLeg"), ("ToeBase", "Toes"),
    )
}  # fmt: skip
UNITY_NAMES = [_RENAMED.get(joint.name, joint.name) for joint in TREE]
"""(J,) of the joints of `TREE`."""


class VmcSender:
    """Sends every result's people.

    host: who receives; this machine unless told otherwise.
    port: of the first person; the others follow, ``most`` in all. Id 1 is sent to the first port, id 2 to the second and so on;
          who has a higher number takes the first port that is free.

    Raises XnectError without python-osc, and for a host or port that cannot be.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = DEFAULT_PORT, most: int = MOST_PEOPLE) -> None:
        udp: Any = library("pythonosc.udp_client", "OSC")
        self._messages: Any = library("pythonosc.osc_message_builder", "OSC")
        self._bundles: Any = library("pythonosc.osc_bundle_builder", "OSC")
        if not 1 <= port <= 65535 - most + 1:
            raise XnectError(f"OSC port {port}", "is not possible", f"Choose one from 1024 to {65535 - most + 1}")
        try:
            self._clients = [udp.SimpleUDPClient(host, port + n) for n in range(most)]
        except (OSError, UnicodeError) as error:
            raise XnectError(f"OSC receiver {host}", f"cannot be found ({error})", "Give a host's name or address") from error
        self.host, self.port = host, port
        self.error = ""
        """Why the last messages were not sent; "" = they were."""
        self._slots: dict[int, int] = {}  # id -> number of the port
        self._seen_s: dict[int, float] = {}
        self._floor_cm: float | None = None

    def send(self, result: PoseResult) -> None:
        """Everybody of this frame, each to their port. What the network refuses is kept in `error`, and no reason to stop."""
        t_s, people = result.frame.t_s, result.people
        self._forget(t_s)
        scene = self._scene(result)
        for row, identity in enumerate(people.ids.tolist()):
            if identity <= 0 or not np.isfinite(people.root_cam_mm[row]).all() or (slot := self._slot(identity)) is None:
                continue
            self._seen_s[identity] = t_s
            local, lengths_mm = people.rotations[row], people.bone_lengths_mm[row]
            if not np.isfinite(local).all() or not np.isfinite(lengths_mm).all():
                if not np.isfinite(people.joints_mm[row]).any():
                    continue
                local, lengths_mm = _unfitted(people.joints_mm[row])
            self._send(slot, self._bundle(identity, t_s, people.root_cam_mm[row], local, lengths_mm, scene))

    def _scene(self, result: PoseResult) -> Scene:
        """Levelled, with the floor at y = 0: as high as the camera is known to hang, else where feet have lately been."""
        floor = result.floor
        up_cam = None if floor is None else (float(floor.up_cam[0]), float(floor.up_cam[1]), float(floor.up_cam[2]))
        if floor is not None and np.isfinite(floor.height_mm):
            self._floor_cm = -float(floor.height_mm) / 10
        else:
            feet_mm = result.people.joints_mm[:, FEET] + result.people.root_cam_mm[:, None]
            heights_cm = world_from_cam_cm(feet_mm, up_cam)[..., 1]
            if np.isfinite(heights_cm).any():
                lowest_cm = float(np.nanmin(heights_cm))
                self._floor_cm = (
                    lowest_cm if self._floor_cm is None else self._floor_cm + _FOLLOW * (lowest_cm - self._floor_cm)
                )
        return Scene(up_cam, np.array([0.0, self._floor_cm or 0.0, 0.0]))

    def close(self) -> None:
        """Tell every receiver that nobody is there any more."""
        for identity in list(self._slots):
            self._leave(identity)

    def _bundle(
        self, identity: int, t_s: float, root_cam_mm: np.ndarray, local: np.ndarray, lengths_mm: np.ndarray, scene: Scene
    ) -> Any:
        turns = Rotation.from_matrix(np.concatenate([(levelling(scene.up_cam) @ local[0])[None], local[1:]]))
        places_m = make_skeleton(lengths_mm).offsets_cm / 100
        places_m[0] = scene.place_cm(root_cam_mm) / 100
        places_m, quaternions = places_m * (-1, 1, 1), turns.as_quat() * (1, -1, -1, 1)
        bundle = self._bundles.OscBundleBuilder(self._bundles.IMMEDIATELY)
        contents: list[tuple[str, list[Any]]] = [
            ("/VMC/Ext/OK", [1]), ("/VMC/Ext/T", [float(t_s)]), ("/xnect_lite/Person", [identity]),
            ("/VMC/Ext/Root/Pos", ["root", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]),
        ]  # fmt: skip
        contents += [
            ("/VMC/Ext/Bone/Pos", [name, *place, *quaternion])
            for name, place, quaternion in zip(UNITY_NAMES, places_m.tolist(), quaternions.tolist(), strict=True)
        ]
        for address, values in contents:
            message = self._messages.OscMessageBuilder(address)
            for value in values:
                message.add_arg(value)
            bundle.add_content(message.build())
        return bundle.build()

    def _send(self, slot: int, content: Any) -> None:
        try:
            self._clients[slot].send(content)
            self.error = ""
        except OSError as error:
            self.error = f"OSC to {self.host}: {error.strerror or error}"

    def _slot(self, identity: int) -> int | None:
        """The number of this person's port; None if all are taken."""
        if identity not in self._slots:
            free = [n for n in range(len(self._clients)) if n not in self._slots.values()]
            if not free:
                return None
            self._slots[identity] = identity - 1 if identity - 1 in free else free[0]
        return self._slots[identity]

    def _forget(self, t_s: float) -> None:
        for identity, seen_s in list(self._seen_s.items()):
            if not -_FORGET_S <= t_s - seen_s <= _FORGET_S:  # also where another source begins
                self._leave(identity)

    def _leave(self, identity: int) -> None:
        self._seen_s.pop(identity, None)
        message = self._messages.OscMessageBuilder("/VMC/Ext/OK")
        message.add_arg(0)
        self._send(self._slots.pop(identity), message.build())


def parse_osc(text: str) -> tuple[str, int]:
    """``39539``, ``HOST`` or ``HOST:39539`` -> host and port. Raises XnectError."""
    host, separator, port = text.rpartition(":")
    if not separator and text and not text.isdigit():
        host, port = text, str(DEFAULT_PORT)
    host = host.strip("[]") or "127.0.0.1"
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise XnectError(f"--osc {text}", "names no port", "Write for instance 39539, or 192.168.0.5:39539")
    return host, int(port)


def _unfitted(joints_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (J, 3, 3) and bone lengths (24,) of one pose that no skeleton was fitted to."""
    turns, _ = solve_rotations(np.zeros(1), world_from_cam_cm(joints_mm[None]), 0.0)
    return np.concatenate([turn.as_matrix() for turn in turns]), bone_lengths_mm(joints_mm[None])
