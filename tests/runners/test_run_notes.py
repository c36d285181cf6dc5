"""GPU memory and skipped work in words."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from xnect_lite.runners.run_notes import effort_words, gpu_words


def _torch(available=True, initialised=True):
    cuda = SimpleNamespace(
        is_available=lambda: available,
        is_initialized=lambda: initialised,
        mem_get_info=lambda: (60_000_000_000, 80_000_000_000),
    )
    return SimpleNamespace(cuda=cuda)


@pytest.mark.parametrize(
    ("torch", "words"),
    [
        (None, ""),  # not imported: nobody computes with it
        (_torch(available=False), ""),
        (_torch(initialised=False), ""),  # a GPU is there, but another device is used
        (_torch(), "GPU memory 20.0 of 80.0 GB"),
    ],
)
def test_gpu_memory(torch, words):
    assert gpu_words(torch) == words


def test_work_of_a_network_that_skips():
    assert effort_words(SimpleNamespace(executed_macs=4.84e9, dense_macs=11.3e9)) == "4.8 of 11.3 GMACs computed"
    assert effort_words(None) == ""
