"""The inference thread: states, newest frame wins, what is dropped is counted, errors are reported."""

from __future__ import annotations

import threading
import time

import pytest
from gui_fakes import FakePipeline, FakeRecorder, FakeSource
from take_fakes import make_film

from xnect_lite.config import GroupingConfig, PipelineConfig, load_config
from xnect_lite.errors import XnectError
from xnect_lite.gui.worker import InferenceWorker, WorkerState
from xnect_lite.record.take_folder import load_take
from xnect_lite.runners.file_run import FileJob
from xnect_lite.runners.session import RecordingState, Session

NO_CAMERA = XnectError("camera 0", "cannot be opened", "Plug it in")
NO_SIGNAL = XnectError("camera 0", "sent no picture", "Check its cable")


@pytest.fixture
def make_worker(qtbot):
    """Builds workers, remembers their sessions and signals, and ends their threads."""
    workers = []

    def make(pipeline=None, source=None, make_pipeline=None):
        session = Session(FakeRecorder)
        worker = InferenceWorker(
            session,
            PipelineConfig(),
            make_pipeline or (lambda config: pipeline or FakePipeline()),
            source if callable(source) else (lambda spec: source),
        )
        worker.states = []
        worker.state_changed.connect(lambda state, text: worker.states.append(state))
        workers.append((worker, session))
        return worker, session

    yield make
    for worker, session in workers:
        assert worker.shutdown(5.0)
        session.close()


def test_a_clip_plays_to_its_end(qtbot, make_worker):
    worker, session = make_worker(source=FakeSource(20))
    with qtbot.waitSignals([worker.loaded, worker.result_ready, worker.ended], timeout=20000) as signals:
        worker.play("clip.mp4")
    assert "End of clip" in signals.all_signals_and_args[-1].args[0]
    assert not worker.is_active and worker.state is WorkerState.STOPPED
    assert worker.states == [WorkerState.LOADING, WorkerState.LOADING, WorkerState.RUNNING, WorkerState.STOPPED]
    assert worker.pipeline_name == "fake device · fake engine · fp32 · fakenet"
    assert session.latency().received == 20


def test_a_slow_pipeline_gets_the_newest_frame_and_the_others_are_counted(qtbot, make_worker):
    source = FakeSource(40, period_s=0.01)  # 0.4 s of frames
    worker, session = make_worker(FakePipeline(work_s=0.05), source)
    with qtbot.waitSignal(worker.ended, timeout=20000):
        worker.play("clip.mp4")
    report = session.latency()
    assert report.processed + report.dropped == report.received == 40
    assert report.dropped > 20
    assert worker.take_newest().result.frame.index == 39  # the last one is not lost


def test_results_that_the_window_has_no_time_for_do_not_queue_up(qtbot, make_worker):
    worker, _ = make_worker(source=FakeSource(20))
    signals = []
    worker.result_ready.connect(lambda: signals.append(1))  # but nobody takes the result
    with qtbot.waitSignal(worker.ended, timeout=20000):
        worker.play("clip.mp4")
    assert len(signals) == 1
    assert worker.take_newest() is not None and worker.take_newest() is None


def test_a_camera_that_is_lost_for_a_moment_is_told_once(qtbot, make_worker):
    source = FakeSource(live=True)
    worker, _ = make_worker(source=source)
    told = []
    worker.warned.connect(told.append)
    with qtbot.waitSignal(worker.result_ready, timeout=20000):
        worker.play("camera 0")
    for text in ("camera 0 is gone; trying to get it back", "camera 0 was gone once and came back"):
        with qtbot.waitSignal(worker.warned, timeout=20000):
            source.warning = text
    qtbot.wait(50)
    assert told == ["camera 0 is gone; trying to get it back", "camera 0 was gone once and came back"]
    worker.stop()


def test_stop_closes_the_source_and_the_pipeline_is_loaded_once(qtbot, make_worker):
    sources, pipeline = [], FakePipeline()

    def open_source(spec):
        sources.append(FakeSource(live=True))
        return sources[-1]

    worker, session = make_worker(pipeline, open_source)
    for _ in range(2):
        with qtbot.waitSignal(worker.result_ready, timeout=20000):
            worker.play("0")
        worker.stop()
        qtbot.waitUntil(lambda: worker.state is WorkerState.STOPPED, timeout=20000)
        assert sources[-1].closed.is_set() and session.latency().processed > 0
        worker.take_newest()
    assert len(sources) == 2 and pipeline.resets == 2
    qtbot.waitUntil(lambda: worker.states.count(WorkerState.LOADING) == 3, timeout=20000)  # network, source, source


def test_another_source_takes_over(qtbot, make_worker):
    opened = []

    def open_source(spec):
        opened.append(spec)
        return FakeSource(live=True)

    worker, _ = make_worker(source=open_source)
    with qtbot.waitSignal(worker.result_ready, timeout=20000):
        worker.play("a")
    worker.play("b")
    qtbot.waitUntil(lambda: opened == ["a", "b"] and worker.state is WorkerState.RUNNING, timeout=20000)


def _fails(error):
    def fail(*_):
        raise error

    return fail


@pytest.mark.parametrize(
    ("options", "is_expected", "said"),
    [
        ({"make_pipeline": _fails(XnectError("weights", "found nowhere", "Train some"))}, True, "found nowhere"),
        ({"source": _fails(NO_CAMERA)}, True, "Plug it in"),
        ({"source": lambda spec: FakeSource(5, error=NO_SIGNAL)}, True, "cable"),
        ({"source": lambda spec: FakeSource(), "pipeline": FakePipeline(error=ValueError("a bug"))}, False, "a bug"),
        ({"make_pipeline": _fails(RuntimeError("out of memory"))}, False, "out of memory"),
    ],
)
def test_errors_are_reported_and_the_worker_lives_on(qtbot, make_worker, options, is_expected, said):
    worker, _ = make_worker(**options)
    with qtbot.waitSignal(worker.faulted, timeout=20000) as signal:
        worker.play("x")
    (fault,) = signal.args
    assert fault.is_expected == is_expected and said in fault.text
    assert ("Traceback" in fault.details) != is_expected
    assert worker.state is WorkerState.FAULTED and not worker.is_active
    with qtbot.waitSignal(worker.faulted, timeout=20000):  # trying again is possible
        worker.play("x")


@pytest.mark.parametrize("pipelined", ["always", "never"])
@pytest.mark.parametrize("error", [None, NO_CAMERA])
def test_every_frame_that_was_taken_is_in_the_take_when_the_source_ends_or_fails(qtbot, make_worker, pipelined, error):
    worker, session = make_worker(source=FakeSource(8, period_s=0.02, error=error))
    worker.configure(load_config(PipelineConfig, overrides=[f"network.pipelined={pipelined}"]))
    session.start_recording()
    with qtbot.waitSignal(worker.faulted if error else worker.ended, timeout=20000):
        worker.play("0")
    report = session.latency()
    assert report.processed + report.dropped == report.received == session.recorded_frames + report.dropped == 8


def test_a_frame_that_is_being_looked_at_when_stop_is_pressed_is_in_the_take(qtbot, make_worker):
    pipeline, looked_at = FakePipeline(), []
    detect = pipeline.detect

    def slow_detect(frame):
        looked_at.append(frame.index)
        time.sleep(0.03)
        return detect(frame)

    pipeline.detect = slow_detect
    worker, session = make_worker(pipeline, FakeSource(live=True))
    worker.configure(load_config(PipelineConfig, overrides=["network.pipelined=always"]))
    session.start_recording()
    worker.play("0")
    qtbot.waitUntil(lambda: len(looked_at) >= 5, timeout=20000)
    worker.stop()
    qtbot.waitUntil(lambda: worker.state is WorkerState.STOPPED, timeout=20000)
    assert session.recorded_frames == len(looked_at)


def test_a_fault_ends_the_take_and_saves_it(qtbot, make_worker):
    worker, session = make_worker(source=FakeSource(5, error=NO_CAMERA))
    session.start_recording()
    with qtbot.waitSignal(worker.faulted, timeout=20000):
        worker.play("0")
    session.close()
    assert session.recording is RecordingState.OFF
    assert "Take saved" in session.notices()[0].text


def test_stopping_while_the_network_loads(qtbot, make_worker):
    may_load, opened = threading.Event(), []

    def make_pipeline(config):
        may_load.wait(5)
        return FakePipeline()

    worker, _ = make_worker(make_pipeline=make_pipeline, source=lambda spec: opened.append(spec) or FakeSource(5))
    worker.play("0")
    qtbot.waitUntil(lambda: worker.state is WorkerState.LOADING, timeout=20000)
    worker.stop()
    may_load.set()
    qtbot.waitUntil(lambda: worker.state is WorkerState.STOPPED, timeout=20000)
    assert not opened
    with qtbot.waitSignal(worker.ended, timeout=20000):
        worker.play("0")


def test_shutdown_twice_and_before_anything_was_played(make_worker):
    worker, _ = make_worker()
    assert worker.shutdown(5) and worker.shutdown(5)


def test_a_file_that_plays_is_held_and_goes_on_without_losing_frames(qtbot, make_worker):
    worker, session = make_worker(source=FakeSource(100, period_s=0.01))
    with qtbot.waitSignal(worker.result_ready, timeout=20000):
        worker.play("clip.mp4")
    worker.pause(True)
    qtbot.wait(150)
    held = session.latency().received
    qtbot.wait(300)
    assert worker.is_paused and worker.is_active and session.latency().received <= held + 1 < 100
    with qtbot.waitSignal(worker.ended, timeout=20000):
        worker.pause(False)
    assert session.latency().received == 100


def test_other_settings_take_over_while_a_camera_plays(qtbot, make_worker):
    made = []

    def make_pipeline(config):
        if config.grouping.max_people == 99:
            raise XnectError("device cuda", "is not there", "Choose cpu")
        made.append(config)
        return FakePipeline()

    worker, _ = make_worker(make_pipeline=make_pipeline, source=lambda spec: FakeSource(live=True))
    with qtbot.waitSignal(worker.result_ready, timeout=20000):
        worker.play("0")
    other, wrong = (PipelineConfig(grouping=GroupingConfig(max_people=n)) for n in (3, 99))
    with qtbot.waitSignal(worker.loaded, timeout=20000):
        worker.configure(other)
    assert made == [PipelineConfig(), other] and worker.state is WorkerState.RUNNING
    with qtbot.waitSignal(worker.refused, timeout=20000) as signal:
        worker.configure(wrong)
    assert "Choose cpu" in signal.args[0].text and worker.state is WorkerState.RUNNING
    worker.stop()


def test_a_frame_is_followed_by_the_pipeline_that_looked_at_it_when_settings_change(qtbot, make_worker):
    strangers, made = [], []

    def make_pipeline(config):
        pipeline, seen = FakePipeline(config, work_s=0.005), set()
        detect, follow = pipeline.detect, pipeline.follow

        def watched_follow(detection, clothes=None):
            strangers.extend({detection.frame.index} - seen)
            worker.configure(PipelineConfig(grouping=GroupingConfig(max_people=len(made) % 7 + 1)))  # under its feet
            return follow(detection, clothes)

        pipeline.detect = lambda frame: seen.add(frame.index) or detect(frame)
        pipeline.follow = watched_follow
        made.append(config)
        return pipeline

    worker, _ = make_worker(make_pipeline=make_pipeline, source=FakeSource(30, period_s=0.005))
    with qtbot.waitSignal(worker.ended, timeout=20000):
        worker.play("clip.mp4")
    assert not strangers and len(made) > 3


@pytest.fixture
def clip(tmp_path):
    """A video of forty frames."""
    return str(make_film(tmp_path / "film.mp4"))


def _job(clip, tmp_path, **options):
    return FileJob(clip, tmp_path / "takes", **options)


def test_a_file_is_processed_frame_by_frame(qtbot, make_worker, clip, tmp_path):
    worker, session = make_worker()
    told = []
    worker.progressed.connect(told.append)
    with qtbot.waitSignal(worker.file_done, timeout=20000) as signal:
        worker.process(_job(clip, tmp_path))
    (outcome,) = signal.args
    take = load_take(outcome.folder)
    assert (outcome.frames, outcome.total, outcome.problem, outcome.is_cancelled) == (40, 40, "", False)
    assert take.every_frame_index.tolist() == list(range(40)) and take.ids == [1, 2]
    assert told[-1].is_finishing and session.latency().dropped == 0 and not worker.is_active


def test_a_file_that_is_cancelled_is_kept_as_far_as_it_is(qtbot, make_worker, clip, tmp_path):
    worker, _ = make_worker(FakePipeline(work_s=0.05))
    worker.progressed.connect(lambda progress: progress.done >= 20 and worker.stop())
    with qtbot.waitSignal(worker.file_done, timeout=20000) as signal:
        worker.process(_job(clip, tmp_path))
    (outcome,) = signal.args
    take = load_take(outcome.folder)
    assert outcome.is_cancelled and 20 <= outcome.frames < 40
    assert len(take.every_frame_t_s) == outcome.frames and take.info["state"] == "finished"
    assert (outcome.folder / "person01.bvh").exists()


def test_a_file_cancelled_while_the_network_loads_is_told_of(qtbot, make_worker, clip, tmp_path):
    may_load = threading.Event()

    def make_pipeline(config):
        may_load.wait(5)
        return FakePipeline()

    worker, _ = make_worker(make_pipeline=make_pipeline)
    worker.process(_job(clip, tmp_path))
    qtbot.waitUntil(lambda: worker.state is WorkerState.LOADING, timeout=20000)
    with qtbot.waitSignal(worker.file_done, timeout=20000) as signal:
        worker.stop()
        may_load.set()
    assert signal.args[0].is_cancelled and signal.args[0].folder is None
    assert worker.state is WorkerState.STOPPED and not (tmp_path / "takes").exists()


def test_a_file_cancelled_before_its_turn_is_told_of(qtbot, make_worker, clip, tmp_path):
    may_open = threading.Event()

    def open_source(spec):
        may_open.wait(5)
        return FakeSource(live=True)

    worker, _ = make_worker(source=open_source)
    with qtbot.waitSignal(worker.loaded, timeout=20000):
        worker.play("0")  # a camera that takes its time
    with qtbot.waitSignal(worker.file_done, timeout=20000) as signal:
        worker.process(_job(clip, tmp_path))
        worker.stop()
        may_open.set()
    assert signal.args[0].is_cancelled and signal.args[0].source == clip


def test_a_file_that_fails_on_the_way_is_told_and_what_was_done_is_kept(qtbot, make_worker, clip, tmp_path):
    pipeline = FakePipeline()
    detect = pipeline.detect

    def fail_at_ten(frame):
        if frame.index == 10:
            raise XnectError("frame 10", "is larger than the camera's calibration", "Leave it out")
        return detect(frame)

    pipeline.detect = fail_at_ten
    worker, _ = make_worker(pipeline)
    with qtbot.waitSignal(worker.file_done, timeout=20000) as signal:
        worker.process(_job(clip, tmp_path))
    (outcome,) = signal.args
    assert "calibration" in outcome.problem and len(load_take(outcome.folder).every_frame_t_s) == 10


@pytest.mark.parametrize("pipelined", ["always", "never"])
def test_the_next_frame_is_looked_at_while_this_one_is_followed(qtbot, make_worker, pipelined):
    """Following waits for the look at a later frame to begin, which on one thread would never come. Results stay in order."""
    pipeline, begun = FakePipeline(work_s=0.05), []
    detect, follow, overlapped, order = pipeline.detect, pipeline.follow, [], []

    def watched_detect(frame):
        begun.append(frame.index)
        return detect(frame)

    def watched_follow(detection, clothes=None):
        order.append(detection.frame.index)
        end_s = time.monotonic() + 0.3
        while begun[-1] == order[-1] and time.monotonic() < end_s:
            time.sleep(0.005)
        overlapped.append(begun[-1] > order[-1])
        return follow(detection, clothes)

    pipeline.detect, pipeline.follow = watched_detect, watched_follow
    worker, session = make_worker(pipeline, FakeSource(60, period_s=0.02))
    worker.configure(load_config(PipelineConfig, overrides=[f"network.pipelined={pipelined}"]))
    with qtbot.waitSignal(worker.ended, timeout=20000):
        worker.play("clip.mp4")
    assert any(overlapped) == (pipelined == "always")
    assert order == sorted(order) and order[-1] == 59
    assert len(order) + session.latency().dropped == 60
