"""A pipeline for a program that has its process to itself: the app and the command line."""

from __future__ import annotations

import torch

from xnect_lite.config import PipelineConfig
from xnect_lite.pipeline import Pipeline

_OWN_THREADS = ("openvino", "onnxruntime")


def open_pipeline(config: PipelineConfig) -> Pipeline:
    """The pipeline, with the cores left to whatever runs its network.

    Where that is not torch, torch only reads joints off small maps. Its second thread wins nothing there and, on a busy
    machine, waits for a core: 3 ms became 200. The setting holds for the whole process, so the library does not make it.
    """
    pipeline = Pipeline(config)
    if pipeline.backend in _OWN_THREADS:
        torch.set_num_threads(1)
    return pipeline
