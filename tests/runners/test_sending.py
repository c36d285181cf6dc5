"""Results are sent on while the settings ask for it, and receivers hear when it ends."""

from __future__ import annotations

import socket

import pytest
from recorded import walking_result

osc_packet = pytest.importorskip("pythonosc.osc_packet")

from xnect_lite.errors import XnectError  # noqa: E402
from xnect_lite.runners.sending import Sending  # noqa: E402


def addresses(receiver: socket.socket) -> set[str]:
    packet = osc_packet.OscPacket(receiver.recv(65536))
    return {timed.message.address for timed in packet.messages}


def test_sending_begins_changes_and_ends():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(2.0)
        port = receiver.getsockname()[1]
        sending = Sending()
        sending.send(walking_result(0, (1,)))  # to nobody
        if port > 65000:
            pytest.skip("the system gave a port at the very end")
        sending.to_port(port)
        sending.send(walking_result(1, (1,)))
        assert sending.port == port and "/VMC/Ext/Bone/Pos" in addresses(receiver)
        sending.to_port(0)
        assert addresses(receiver) == {"/VMC/Ext/OK"} and sending.port == 0
        sending.send(walking_result(2, (1,)))
        receiver.settimeout(0.2)
        with pytest.raises(TimeoutError):
            receiver.recv(10)


def test_a_port_that_cannot_be_is_told_and_nothing_is_sent():
    sending = Sending()
    with pytest.raises(XnectError, match="OSC port"):
        sending.to_port(65535)
    assert sending.port == 0
    assert "OSC port 65535: is not possible" in sending.wish_port(65535) and sending.wish_port(0) == ""
