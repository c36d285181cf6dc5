"""Many files, one take each: what is to be done, what is done already, and one file's turn."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnect_lite import __version__
from xnect_lite.capture import open_source
from xnect_lite.capture.names import as_named
from xnect_lite.config import PipelineConfig, as_dict
from xnect_lite.errors import XnectError, shown_address, without_secrets
from xnect_lite.files.locks import held
from xnect_lite.inference.weight_search import find_weights
from xnect_lite.record.journal import has_frames, is_being_recorded
from xnect_lite.record.take_folder import JOURNAL_FILE, POSES_FILE, film_of, new_take_folder, read_info, refused, remove_take
from xnect_lite.runners.offline import process_source

if TYPE_CHECKING:
    from xnect_lite.pipeline import Pipeline

_KEY_CHARACTERS = 20

Progress = Callable[[int, int | None], None]
"""(frames done since the last call, frames the file has if known) -> nothing."""


@dataclasses.dataclass(frozen=True)
class Job:
    """One file to process.

    name: of the take.
    video, names, people: see `offline.process_source`.
    key:  the same whenever file, excerpt, settings and weights are; "" = never recognised.
    """

    source: str
    name: str
    takes: str
    config: PipelineConfig
    start_s: float | None = None
    end_s: float | None = None
    overlay: bool = True
    key: str = ""
    video: bool = True
    names: tuple[tuple[int, str], ...] = ()
    people: str | tuple[int, ...] = "all"

    @property
    def shown(self) -> str:
        """The source as it may be shown and kept, without what is secret in an address."""
        return shown_address(self.source)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one file.

    status: done | recognised (done earlier) | failed.
    report: ProcessReport.as_dict() of what was done now.   folder: of the take.   error: why it failed, for the user.
    details: traceback of what should not have happened.
    """

    source: str
    status: str
    folder: str = ""
    report: dict[str, Any] | None = None
    error: str = ""
    details: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for --json: the report's among the rest."""
        plain = {"source": self.source, "status": self.status, "folder": self.folder}
        return plain | (self.report or {}) | ({"error": self.error} if self.error else {})


def make_jobs(
    sources: Sequence[str],
    takes: str | Path,
    config: PipelineConfig,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    overlay: bool = True,
    video: bool = True,
    names: Mapping[int, str] | None = None,
    people: str | tuple[int, ...] = "all",
) -> list[Job]:
    """A job for each source, in their order; a source named twice is processed once. A take stands for its film.

    Raises XnectError if there are no weights for the backbone asked for.
    """

    weights = _stamp(find_weights(config.network.backbone, config.network.weights))
    jobs: dict[str, Job] = {}
    for source in dict.fromkeys(sources):
        named = as_named(source)
        title = Path(shown_address(named)).stem
        if film := film_of(os.path.expanduser(named)):
            title, source, named = _title_of(film.parent), str(film), str(film)
        path = Path(os.path.expanduser(named))
        key = ""
        if os.path.isfile(path):  # pathlib's own would raise for a name that is too long
            facts: list[Any] = [_stamp(path), start_s, end_s, overlay, as_dict(config), weights, __version__]
            facts += [sorted(names.items())] if names else []
            facts += [people] if people != "all" else []
            key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:_KEY_CHARACTERS]
        named_people = tuple(sorted((names or {}).items()))
        job = Job(source, title, str(takes), config, start_s, end_s, overlay, key, video, named_people, people)
        jobs.setdefault(key or source, job)
    return list(jobs.values())


def _title_of(take: Path) -> str:
    """What a take was called, without its date."""
    return re.sub(r"^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_?", "", take.resolve().name) or "take"


def _stamp(path: Path) -> list[Any]:
    """What changes when the file does."""
    state = path.stat()
    return [str(path.resolve()), state.st_size, state.st_mtime_ns]


def takes_of(takes: str | Path) -> dict[str, tuple[Path, bool]]:
    """Job key -> (take folder, whether it is complete) of what lies in a folder of takes; complete ones win."""
    found: dict[str, tuple[Path, bool]] = {}
    for path in sorted(Path(takes).glob("*/take.json")):
        try:
            job = read_info(path.parent).get("job")
        except XnectError:
            continue  # not ours to judge
        if isinstance(job, dict) and isinstance(job.get("key"), str) and job["key"]:
            complete = job.get("complete") is True
            if complete or job["key"] not in found:
                found[job["key"]] = (path.parent, complete)
    return found


def run_job(job: Job, pipeline: Pipeline, progress: Progress) -> Outcome:
    """Process one file into a new take. What goes wrong is told in the outcome, but for an interrupt.

    A take that an earlier, interrupted run left half-done is removed once the new one is whole; one that is complete, or
    being recorded, never is.
    """
    try:
        with _alone(job):
            left = takes_of(job.takes).get(job.key) if job.key else None
            outcome = _make_take(job, pipeline, progress)
            if outcome.status == "done" and left and not left[1] and not is_being_recorded(left[0] / JOURNAL_FILE):
                remove_take(left[0])
        return outcome
    except XnectError as error:
        return Outcome(job.shown, "failed", error=str(error))


@contextlib.contextmanager
def _alone(job: Job) -> Iterator[None]:
    """While nobody else processes this file into this folder. Raises XnectError if somebody does."""
    if not job.key:
        yield
        return
    takes = Path(job.takes)
    is_new = not takes.exists()
    try:
        takes.mkdir(parents=True, exist_ok=True)
        with held(takes / f".{job.key}.lock") as is_ours:
            if not is_ours:
                raise XnectError(job.shown, "is being processed by another program", "Wait for it, or choose another -o")
            yield
    except OSError as error:
        raise refused(takes, error) from error
    finally:
        if is_new:
            with contextlib.suppress(OSError):
                takes.rmdir()  # nothing came of it


def _make_take(job: Job, pipeline: Pipeline, progress: Progress) -> Outcome:

    folder: Path | None = None
    try:
        with open_source(job.source, start_s=job.start_s, end_s=job.end_s) as source:
            progress(0, source.frame_count)
            folder = new_take_folder(job.takes, job.name)
            note = {"key": job.key, "source": str(Path(as_named(job.source)).expanduser().resolve())} if job.key else None
            report = process_source(
                source, pipeline, folder, overlay=job.overlay, on_frame=lambda _: progress(1, None), job=note,
                video=job.video, names=dict(job.names), people=job.people,
            )  # fmt: skip
        return Outcome(job.shown, "done", str(folder), report.as_dict())
    except XnectError as error:
        return Outcome(job.shown, "failed", _kept(folder), error=str(error))
    except Exception as error:  # a file of which nobody thought must not end the batch
        words = f"{job.shown}: unexpected error {error!r}. Please report it"
        details = without_secrets(traceback.format_exc())
        return Outcome(job.shown, "failed", _kept(folder), error=without_secrets(words), details=details)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{kept} holds what was recorded so far" if (kept := _kept(folder)) else "") from None
    except BaseException:
        _kept(folder)
        raise


def _kept(folder: Path | None) -> str:
    """The folder if anything was recorded into it; else it is removed."""
    if folder is None or not folder.exists():
        return ""
    if not has_frames(folder / JOURNAL_FILE) and (not (folder / POSES_FILE).exists() or _holds_nothing(folder)):
        remove_take(folder)
    return str(folder) if folder.exists() else ""


def _holds_nothing(folder: Path) -> bool:
    """Whether a take says that it has no frame."""
    try:
        return read_info(folder).get("frames", {}).get("recorded") == 0
    except XnectError:
        return False
