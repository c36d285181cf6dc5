"""Who runs the jobs of a batch: this process, several processes of this machine, or a Ray cluster. One flag apart."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import torch

from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError, install
from xnect_lite.pipeline import Pipeline
from xnect_lite.runners.application import open_pipeline
from xnect_lite.runners.batch import Job, Outcome, Progress, run_job
from xnect_lite.signals import WorkerEnd

ENGINES = ("processes", "ray")
_POLL_S = 0.2
_SAVING_S, _GONE_S = 60.0, 1.0  # for a worker to save what it has, and to be gone then


def run_here(
    jobs: Sequence[Job], progress: Progress, on_pipeline: Callable[[Pipeline], None]
) -> Generator[Outcome, None, None]:
    """One file after the other in this process. ``on_pipeline`` is told once the network is loaded."""
    pipeline: Pipeline | None = None
    for job in jobs:
        if pipeline is None:
            pipeline = open_pipeline(job.config)
            on_pipeline(pipeline)
        yield run_job(job, pipeline, progress)


# -- processes -------------------------------------------------------------------------------------------------------

_pipeline: Pipeline | None = None  # of a worker process
_progress: Any = None
_asked = WorkerEnd()


def run_in_processes(jobs: Sequence[Job], progress: Progress, count: int) -> Generator[Outcome, None, None]:
    """``count`` files at a time, each worker with a network and a share of the cores of its own. Outcomes as they come."""
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks of torch and OpenCV
    messages, number = context.Queue(), context.Value("i", 0)
    pool = ProcessPoolExecutor(count, context, _start_worker, (messages, number, count))
    try:
        waiting = {pool.submit(_run_in_worker, job): job for job in jobs}
        while waiting:
            done, _ = wait(waiting, _POLL_S, FIRST_COMPLETED)
            _drain(messages, progress)
            for future in done:
                job = waiting.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    yield Outcome(job.shown, "failed", error=f"{job.shown}: its process was killed. Try fewer with --jobs")
                except XnectError as error:
                    yield Outcome(job.shown, "failed", error=str(error))
        _drain(messages, progress)
    except BaseException as error:
        kept = _end_workers(pool, list(waiting))
        if isinstance(error, KeyboardInterrupt) and kept:  # a worker that heard the interrupt first may have told already
            raise KeyboardInterrupt("; ".join(filter(None, (str(error), *kept)))) from None
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _end_workers(pool: ProcessPoolExecutor, futures: list[Future[Outcome]]) -> list[str]:
    """Ask the workers to end, wait until they have saved what they have, and return what they say of it.

    A second interrupt, or a minute, ends them at once.
    """
    for future in futures:
        future.cancel()
    # The pool has no public word for its processes before Python 3.14.
    processes = list((getattr(pool, "_processes", None) or {}).values())
    try:
        for process in processes:
            process.terminate()
        running = [future for future in futures if not future.cancelled()]
        wait(running, _SAVING_S)
        errors = [future.exception() for future in running if future.done()]
        return [str(error) for error in errors if isinstance(error, KeyboardInterrupt) and str(error)]
    finally:
        for process in processes:
            process.join(_GONE_S)
            process.kill()


def _start_worker(messages: Any, number: Any, count: int) -> None:
    global _progress
    _progress = messages
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _asked)
    with number.get_lock():
        number.value, mine = number.value + 1, number.value
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, set(cores[mine % count :: count]) or set(cores))

    torch.set_num_threads(max(1, torch.get_num_threads() // count))


def _run_in_worker(job: Job) -> Outcome:
    with _asked.busy():
        return run_job(job, _own_pipeline(job.config), lambda frames, total: _progress.put((frames, total)))


def _own_pipeline(config: PipelineConfig) -> Pipeline:
    """This worker's pipeline: loading a network takes longer than a short clip does."""
    global _pipeline
    if _pipeline is None or _pipeline.config != config:
        _pipeline = open_pipeline(config)
    return _pipeline


def _drain(messages: Any, progress: Progress) -> None:
    while True:
        try:
            progress(*messages.get_nowait())
        except queue.Empty:
            return


# -- Ray -------------------------------------------------------------------------------------------------------------


def run_on_ray(jobs: Sequence[Job], progress: Progress, count: int) -> Generator[Outcome, None, None]:
    """As `run_in_processes`, on the cluster of $RAY_ADDRESS, or on this machine. Paths must mean the same on every node.

    Progress comes file by file. Raises XnectError without the `cluster` extra.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before its import: it would report to its makers
    try:
        import ray
        from ray.util import ActorPool
    except ImportError as error:
        raise XnectError("--engine ray", f"Ray cannot be imported ({error})", install("cluster")) from error

    is_ours = not ray.is_initialized()
    if is_ours:
        ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    try:
        cores = max(1, int(ray.cluster_resources().get("CPU", 1)) // count)
        actor = ray.remote(num_cpus=cores)(_RayWorker)
        pool = ActorPool([actor.remote() for _ in range(count)])
        frames = pool.map_unordered(lambda worker, job: worker.run.remote(job), list(jobs))
        while pool.has_next():
            try:
                outcome: Outcome = next(frames)
            except ray.exceptions.RayError as error:
                raise XnectError("--engine ray", f"a worker died ({error})", "Run it again: finished files are kept") from error
            done = (outcome.report or {}).get("frames", 0)
            progress(done, done)
            yield outcome
    finally:
        if is_ours:
            ray.shutdown()


class _RayWorker:
    """Runs jobs on a node of a cluster."""

    def run(self, job: Job) -> Outcome:
        try:
            return run_job(job, _own_pipeline(job.config), lambda frames, total: None)
        except XnectError as error:
            return Outcome(job.shown, "failed", error=str(error))
