"""What is secret in a stream's address is shown and kept nowhere; a stream that breaks is told, and found again."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from played_pictures import FakeCapture, MjpegHandler

from xnect_lite.capture import LiveSource, open_source
from xnect_lite.cli.run import _warnings_of
from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError, shown_address, without_secrets
from xnect_lite.pipeline import Detection
from xnect_lite.record.take_folder import new_take_folder
from xnect_lite.runners.batch import Job, make_jobs, run_job
from xnect_lite.types import People, PoseResult

ADDRESSES = [
    ("rtsp://cam:s3cretPw@10.0.0.5:554/live", "rtsp://10.0.0.5:554/live"),
    ("http://h/video?token=TOK123#x", "http://h/video"),
    ("http://cam:pa/ss@w0rd@h/video", "http://h/video"),
    ("rtsp://h/user=admin&password=s3cret&channel=1/x", "rtsp://h/user=…&password=…&channel=1/x"),
    ("RTSP://CAM:S3CRET@H/a", "RTSP://H/a"),
    ("http://[::1]:80/a", "http://[::1]:80/a"),
    ("C:\\films\\a.mp4", "C:\\films\\a.mp4"),
    ("a@b.mp4", "a@b.mp4"),
    ("camera:Front?", "camera:Front?"),
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_what_is_shown_of_an_address(address, shown):
    assert shown_address(address) == shown
    if "://" in address:
        assert without_secrets(f"could not read '{address}' (timeout)") == f"could not read '{shown}' (timeout)"
        assert shown in str(XnectError(address, f"lost {address}", "Wait"))


class Guarded(MjpegHandler):
    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(b"cam:s3cretPw").decode()
        if self.path.startswith("/none"):
            self.send_error(404)
        elif self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()
        else:
            super().do_GET()


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{found.server_port}"
        found.shutdown()


@pytest.mark.parametrize(
    ("user", "path", "words"),
    [("cam:wrongPw@", "video?token=TOK123", "user or password refused"), ("", "none?token=TOK123", "nothing of that name")],
)
def test_why_a_stream_is_refused(server, user, path, words, capfd):
    with pytest.raises(XnectError, match=words) as said:
        open_source(f"http://{user}{server}/{path}", timeout_s=3)
    printed = "".join(capfd.readouterr())
    assert "wrongPw" not in str(said.value) + printed and "TOK" not in str(said.value) + printed
    assert printed == "", "FFmpeg and OpenCV say nothing of their own"


class Nobody:
    """A pipeline that finds nobody."""

    config = PipelineConfig()
    device_name = backend = precision = backbone = "none"

    def reset(self) -> None:
        pass

    def detect(self, frame) -> Detection:
        return Detection(frame, People.empty(0), {})

    def lift(self, people, frame_size) -> People:
        return people

    def follow(self, detection, clothes=None) -> PoseResult:
        return PoseResult(detection.frame, People.empty(0), focal_px=100.0)


def test_no_secret_is_in_a_take_or_in_what_is_said_of_it(server, tmp_path, monkeypatch):
    monkeypatch.setattr("xnect_lite.inference.weights.find_weights", lambda *_: Path(__file__))
    (job,) = make_jobs([f"http://cam:s3cretPw@{server}/auth/video?token=TOK123"], tmp_path, PipelineConfig(), end_s=0.05)
    outcome = run_job(job, Nobody(), lambda *_: None)
    assert outcome.status == "done", outcome.error
    kept = json.dumps(outcome.as_dict(), default=str)
    for path in tmp_path.rglob("*"):
        kept += str(path) + (path.read_text(encoding="latin-1") if path.is_file() else "")
    assert "s3cret" not in kept and "TOK123" not in kept and f"http://{server}/auth/video" in kept
    assert outcome.folder.endswith("_video")


def test_an_unexpected_error_tells_no_secret(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no route to rtsp://cam:s3cret@h/a?b=TOK")

    monkeypatch.setattr("xnect_lite.capture.open_source", fail)
    outcome = run_job(Job("rtsp://cam:s3cret@h/a?b=TOK", "a", str(tmp_path), PipelineConfig()), Nobody(), lambda *_: None)
    said = repr(outcome)
    assert outcome.status == "failed" and "s3cret" not in said and "TOK" not in said and "rtsp://h/a" in said


def test_a_stream_that_stalls_again_and_again_is_found_again_and_it_is_told(monkeypatch, capsys):
    """Each connection gives three pictures, then nothing for as long as its reader waits."""
    monkeypatch.setattr("xnect_lite.capture.live._LOST_S", 0.05)
    monkeypatch.setattr("xnect_lite.capture.live._REOPEN_S", 0.02)

    class Stalling(FakeCapture):
        def grab(self) -> bool:
            if self.taken >= 3:
                time.sleep(0.25)  # OpenCV's own limit, a moment longer than ours
                return False
            return super().grab()

    with LiveSource("film", Stalling, can_end=True, timeout_s=0.2, reconnect_s=2.0) as source, _warnings_of(source):
        frames = [source.read() for _ in range(12)]
        time.sleep(0.3)
    assert [f.index for f in frames] == list(range(12)) and (np.diff([f.t_s for f in frames]) > 0).all()
    told = capsys.readouterr().err
    assert told.splitlines()[-1] == "film was gone 3 times and came back"


def test_the_names_of_folders(tmp_path):
    assert new_take_folder(tmp_path, "ä" * 200).name.endswith("ä" * 40)
    assert new_take_folder(tmp_path, "caf\udce9").name.endswith("_caf")
