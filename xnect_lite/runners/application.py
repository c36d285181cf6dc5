"""A pipeline, or its network alone, for a program that has its process to itself: the app and the command line."""

from __future__ import annotations

import dataclasses

import torch
from threadpoolctl import threadpool_limits

from xnect_lite.config import NetworkConfig, PipelineConfig
from xnect_lite.pipeline import Pipeline
from xnect_lite.stages.mirrored import MirroredNetwork
from xnect_lite.stages.network import Predictor

_OWN_THREADS = ("openvino", "onnxruntime")


def open_pipeline(config: PipelineConfig) -> Pipeline:
    """The pipeline, with the cores left to whatever runs its network."""
    if config.whole_clip.quality == "best":
        refining = dataclasses.replace(config.refining, mirrored=True)
        network = MirroredNetwork(Predictor(config.network))
        pipeline = Pipeline(dataclasses.replace(config, refining=refining), network)
    else:
        pipeline = Pipeline(config)
    _leave_cores_to(pipeline.runs_on.backend)
    return pipeline


def open_predictor(config: NetworkConfig) -> Predictor:
    """The network alone, with the cores left to whatever runs it."""
    predictor = Predictor(config)
    _leave_cores_to(predictor.runs_on.backend)
    return predictor


def _leave_cores_to(backend: str) -> None:
    """Hold what comes after the network to one thread. This is for the whole process, so the library does not do it.

    Where torch does not run the network, it only reads joints off small maps. Its second thread wins nothing there and, on a
    busy machine, waits for a core: 3 ms became 200. NumPy's matrix products are small as well, and after each its second thread
    spins for a while on the core that the network wants: 30 ms became 54 on two cores.
    """
    threadpool_limits(1, user_api="blas")
    if backend in _OWN_THREADS:
        torch.set_num_threads(1)
