"""Live OSC: a receiver that places bones as Unity does gets everybody where they are, each on a port of their own."""

from __future__ import annotations

import socket

import numpy as np
import pytest
from recorded import walking_result
from scipy.spatial.transform import Rotation

osc_packet = pytest.importorskip("pythonosc.osc_packet")

from xnect_lite.errors import XnectError  # noqa: E402
from xnect_lite.record.vmc import VmcSender, parse_osc  # noqa: E402
from xnect_lite.skeleton import INDEX  # noqa: E402

PARENTS = {
    "Hips": None, "Spine": "Hips", "Chest": "Spine", "Neck": "Chest", "Head": "Neck",
    **{f"{s}{bone}": f"{s}{over}" if own else over for s in ("Left", "Right") for bone, over, own in (
        ("Shoulder", "Chest", False), ("UpperArm", "Shoulder", True), ("LowerArm", "UpperArm", True),
        ("Hand", "LowerArm", True), ("UpperLeg", "Hips", False),
        ("LowerLeg", "UpperLeg", True), ("Foot", "LowerLeg", True), ("Toes", "Foot", True),
    )},
}  # fmt: skip
JOINT_OF = {
    "Hips": "pelvis", "Chest": "spine", "Neck": "neck", "Head": "head", "LeftUpperArm": "l_shoulder", "LeftLowerArm": "l_elbow",
    "LeftHand": "l_wrist", "RightLowerLeg": "r_knee", "RightFoot": "r_ankle", "RightToes": "r_toe", "LeftUpperLeg": "l_hip",
}  # fmt: skip


@pytest.fixture
def receivers():
    """Three neighbouring ports of this machine, and what comes in at each."""
    for _ in range(50):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
        try:
            sockets[0].bind(("127.0.0.1", 0))
            first = sockets[0].getsockname()[1]
            for n in (1, 2):
                sockets[n].bind(("127.0.0.1", first + n))
            break
        except (OSError, OverflowError):
            for one in sockets:
                one.close()
    for one in sockets:
        one.settimeout(0.3)
    yield first, sockets
    for one in sockets:
        one.close()


def messages(receiver: socket.socket) -> list[tuple[str, list]]:
    """All that one datagram holds; nothing if none comes."""
    try:
        packet = osc_packet.OscPacket(receiver.recv(65536))
    except TimeoutError:
        return []
    return [(timed.message.address, timed.message.params) for timed in packet.messages]


def place_as_unity(received: list[tuple[str, list]]) -> dict[str, np.ndarray]:
    """Bone -> place in metres, from local places and rotations, in Unity's left-handed axes."""
    bones = {
        values[0]: (np.array(values[1:4]), Rotation.from_quat(values[4:8])) for a, values in received if a.endswith("Bone/Pos")
    }
    placed: dict[str, tuple[np.ndarray, Rotation]] = {}
    for name, parent in PARENTS.items():
        place, turn = bones[name]
        # A left-handed frame turns by the same quaternion formulas: x' = q x q*.
        placed[name] = (
            (place, turn) if parent is None else (placed[parent][0] + placed[parent][1].apply(place), placed[parent][1] * turn)
        )
    return {name: place for name, (place, _) in placed.items()}


def test_everybody_is_where_they_are_on_a_port_of_their_own(receivers):
    port, sockets = receivers
    sender = VmcSender(port=port, most=3)
    result = walking_result(7, (1, 3))
    sender.send(result)
    for row, number in ((0, 0), (1, 2)):
        received = messages(sockets[number])
        assert ("/VMC/Ext/OK", [1]) in received and ("/xnect_lite/Person", [(1, 3)[row]]) in received
        placed = place_as_unity(received)
        assert set(placed) == set(PARENTS)
        cam_mm = result.people.joints_mm[row] + result.people.root_cam_mm[row]
        for bone, joint in JOINT_OF.items():
            x, y, z = cam_mm[INDEX[joint]] / 1000
            # Unity's x is mirrored against ours; the camera hangs one metre above the toes.
            assert placed[bone] == pytest.approx([-x, 1.0 - y, -z], abs=2e-3), bone
    assert messages(sockets[1]) == [], "nobody is number 2"


def test_who_faces_the_camera_has_the_left_hand_at_minus_x(receivers):
    """As Unity's avatars, which look along +z with the right hand at +x."""
    port, sockets = receivers
    VmcSender(port=port, most=1).send(walking_result(0, (1,)))
    placed = place_as_unity(messages(sockets[0]))
    assert placed["LeftHand"][0] < placed["RightHand"][0] and placed["LeftToes"][2] > placed["LeftFoot"][2]


def test_ports_are_given_on_when_somebody_is_gone_and_never_shared(receivers):
    port, sockets = receivers
    sender = VmcSender(port=port, most=2)
    sender.send(walking_result(0, (1, 7, 9)))
    assert ("/xnect_lite/Person", [7]) in messages(sockets[1]), "the first that is free"
    messages(sockets[0])
    sender.send(walking_result(30, (1, 9)))
    assert messages(sockets[1]) == [], "7 may come back within two seconds"
    messages(sockets[0])
    sender.send(walking_result(90, (1, 9)))
    assert messages(sockets[1]) == [("/VMC/Ext/OK", [0])], "a receiver is told that nobody is there"
    assert ("/xnect_lite/Person", [9]) in messages(sockets[1])
    messages(sockets[0])
    sender.close()
    assert messages(sockets[0]) == [("/VMC/Ext/OK", [0])] == messages(sockets[1])


ADDRESSES = [
    ("39600", ("127.0.0.1", 39600)), ("192.168.0.5:4000", ("192.168.0.5", 4000)), ("studio", ("studio", 39539)),
    ("[::1]:39541", ("::1", 39541)), (":39600", ("127.0.0.1", 39600)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ADDRESSES, ids=[a[0] for a in ADDRESSES])
def test_addresses(text, expected):
    assert parse_osc(text) == expected


@pytest.mark.parametrize("text", ["", "host:", "host:x", "0", "70000", "host:²"])
def test_addresses_that_are_none(text):
    with pytest.raises(XnectError, match="names no port"):
        parse_osc(text)


def test_a_host_that_is_not_there():
    with pytest.raises(XnectError, match="cannot be found"):
        VmcSender("no.such.host.invalid", 39539, 1)
