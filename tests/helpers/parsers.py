"""What reads files that anybody may have made: for each a whole file to begin with, and how it is read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from coco_files import annotation
from kit import write_kit
from labelled_people import cell, struct, write_mat5, write_mat73
from people import walking_person
from safetensors.torch import save_file

from xnect_lite.camera.intrinsics import load_intrinsics
from xnect_lite.capture import open_source
from xnect_lite.config import PipelineConfig, load_config
from xnect_lite.data.readers.coco import read_annotations
from xnect_lite.data.readers.lsp import read_joints
from xnect_lite.data.readers.mpii import read_json
from xnect_lite.data.readers.muco import read_annotations as read_muco
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.data.tally import Tally
from xnect_lite.files.picture_file import read_picture
from xnect_lite.inference.weights import manifest, read_weights
from xnect_lite.record.export import ExportOptions, export_files
from xnect_lite.record.take import TakeRecorder, export_take
from xnect_lite.record.take_folder import load_take, read_info, write_info
from xnect_lite.stages.lifting.network import load_lifter
from xnect_lite.types import Frame, People, PoseResult


@dataclasses.dataclass(frozen=True)
class Parser:
    """name:  of the file that is attacked.
    make:  writes whole files into a folder.
    read:  of that folder; raises XnectError, or ValueError where its caller is to say which file it was.
    """

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]


def recorder(folder: Path) -> TakeRecorder:
    one = TakeRecorder(folder, source="a film", fps=30.0)
    for number in range(20):
        joints_mm, root_cam_mm = walking_person(np.array([number / 30]), start_cam_mm=(0.0, 4000.0))
        people = dataclasses.replace(
            People.empty(1),
            joints_mm=joints_mm.astype(np.float32),
            root_cam_mm=root_cam_mm.astype(np.float32),
            ids=np.array([1]),
        )
        one.add(PoseResult(Frame(np.zeros((4, 4, 3), np.uint8), number / 30, number), people, focal_px=100.0))
    return one


def take(folder: Path) -> None:
    """With all that take.json may say."""
    recorder(folder).close()
    steps = [{"op": "rename", "person": 1, "name": "Bo"}, {"op": "cut", "person": 1, "at_s": 0.3, "new": 4}]
    said = {"names": {"1": "Anna"}, "steps": steps, "undone": [{"op": "trim", "from_s": 0.1, "to_s": 0.5}], "wanted": "main"}
    film = {"file": "video.mp4", "start_s": 0.0, "frames": 20, "lost": 1}
    write_info(folder, read_info(folder) | said | {"video": film, "min_person_s": 0.2})


def journal(folder: Path) -> None:
    recorder(folder)._journal.close()


def read_take(folder: Path) -> None:
    load_take(folder)
    export_take(folder, folder / "out")
    export_files(folder, folder / "out", ExportOptions(formats=["csv"]))


def text(name: str, content: object) -> Callable[[Path], object]:
    words = content if isinstance(content, str) else json.dumps(content)
    return lambda folder: (folder / name).write_text(words)


def film(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for k in range(6):
                picture = np.full((48, 64, 3), 40 * k, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())

    return make


def read_film(name: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        with open_source(folder / name) as source:
            for _, frame in zip(range(40), source, strict=False):
                assert frame.image.ndim == 3 and np.isfinite(frame.t_s)

    return read


def mat(write: Callable) -> Callable[[Path], None]:
    values = {
        "joints": np.arange(84.0).reshape(14, 3, 2),
        "one": struct([{"a": 1.0, "b": "x"}]),
        "c": cell([np.ones((1, 2)), "y"], (1, 2)),
    }
    return lambda folder: write(folder / "a.mat", values)


def weights(folder: Path) -> None:
    save_file(
        {"a.weight": torch.zeros(4, 3), "b": torch.zeros(2)}, folder / "a.safetensors", metadata={"arch": '{"lifter": 0.1}'}
    )


def read_all_weights(folder: Path) -> None:
    read_weights(folder / "a.safetensors")
    load_lifter(folder / "a.safetensors")


def picture(suffix: str) -> Callable[[Path], object]:
    data = cv2.imencode(suffix, np.random.default_rng(0).integers(0, 255, (24, 32, 3)).astype(np.uint8))[1].tobytes()
    return lambda folder: (folder / f"a{suffix}").write_bytes(data)


COCO = {"images": [{"id": 1, "file_name": "1.jpg", "width": 64, "height": 48}], "annotations": [annotation(1, 1)]}
MPII = [{"image": "1.jpg", "joints": [[1.5, 2]] * 16, "joints_vis": [1] * 16, "center": [3, 4], "scale": 2.5}]
MUCO = {
    "images": [{"id": 1, "file_name": "a/1.jpg", "width": 64, "height": 48, "f": [1, 1], "c": [2, 2]}],
    "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4], "keypoints_img": [[1, 2]] * 21, "keypoints_cam": [[1, 2, 3]] * 21}],
}
SETTINGS = (
    "network: {device: cpu, long_side_net_px: 512}\ncamera:\n  fov_deg: 61.5\n  stature_of: [[1, 1.8], [2, 1.6]]\n"
    "fitting: {enabled: no}\n"
)
CAMERA = "width: 64\nheight: 48\nfx: 60.5\nfy: 60\ncx: 31.5\ncy: 23.5\ndistortion: [0.1, 0.01, 0.001, 0.0]\n"
MANIFEST = {"files": {"a.safetensors": {"sha256": "00", "arch": {"backbone": "x"}, "made_from": None}}}


def read_kit(folder: Path) -> None:
    list(read_photokit(folder, "train", ("lspet",)))


def as_whole(reader: Callable, name: str) -> Callable[[Path], object]:
    return lambda folder: reader(folder / name, Tally())


PARSERS = {
    "take.json": Parser("take.json", take, read_take),
    "poses.npz": Parser("poses.npz", take, read_take),
    "journal": Parser("poses.journal", journal, read_take),
    "settings": Parser("a.yaml", text("a.yaml", SETTINGS), lambda f: load_config(PipelineConfig, f / "a.yaml")),
    "override": Parser("a.txt", text("a.txt", "camera.fov_deg=61.5"), lambda f: load_config(
        PipelineConfig, None, [(f / "a.txt").read_bytes().decode("utf-8", "surrogateescape")])),
    "calibration": Parser("a.yaml", text("a.yaml", CAMERA), lambda f: load_intrinsics(f / "a.yaml")),
    "coco": Parser("a.json", text("a.json", COCO), as_whole(read_annotations, "a.json")),
    "mpii": Parser("a.json", text("a.json", MPII), as_whole(read_json, "a.json")),
    "muco": Parser("a.json", text("a.json", MUCO), as_whole(read_muco, "a.json")),
    "photo kit": Parser("lspet/labels.jsonl", lambda f: write_kit(f, train=2, val=1), read_kit),
    "mat v5": Parser("a.mat", mat(write_mat5), lambda f: read_joints(f / "a.mat", extended=True)),
    "mat v7.3": Parser("a.mat", mat(write_mat73), lambda f: read_joints(f / "a.mat", extended=True)),
    "weights": Parser("a.safetensors", weights, read_all_weights),
    "manifest": Parser("manifest.json", text("manifest.json", MANIFEST), manifest),
    "png": Parser("a.png", picture(".png"), lambda f: read_picture(f / "a.png")),
    "jpeg": Parser("a.jpg", picture(".jpg"), lambda f: read_picture(f / "a.jpg")),
    "webp": Parser("a.webp", picture(".webp"), lambda f: read_picture(f / "a.webp")),
    "tiff": Parser("a.tif", picture(".tif"), lambda f: read_picture(f / "a.tif")),
    "mp4": Parser("a.mp4", film("a.mp4"), read_film("a.mp4")),
    "mkv": Parser("a.mkv", film("a.mkv"), read_film("a.mkv")),
    "avi": Parser("a.avi", film("a.avi"), read_film("a.avi")),
}  # fmt: skip
