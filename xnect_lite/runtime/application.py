"""A pipeline for a program that has its process to itself: the app and the command line."""

from __future__ import annotations

import torch
from threadpoolctl import threadpool_limits

from xnect_lite.config import PipelineConfig
from xnect_lite.pipeline import Pipeline

_OWN_THREADS = ("openvino", "onnxruntime")


def open_pipeline(config: PipelineConfig) -> Pipeline:
    """The pipeline, with the cores left to whatever runs its network.

    Where that is not torch, torch only reads joints off small maps. Its second thread wins nothing there and, on a busy
    machine, waits for a core: 3 ms became 200. These settings hold for the whole process, so the library does not make them.

    NumPy's matrix products are small as well, and after each its second thread spins for a while on the core that the network
    wants: 30 ms became 54 on two cores.
    """
    pipeline = Pipeline(config)
    threadpool_limits(1, user_api="blas")
    if pipeline.backend in _OWN_THREADS:
        torch.set_num_threads(1)
    return pipeline
