"""The command line: ``xnect-lite VERB``. Results go to standard output, messages to standard error.

Exit codes: 0 done, 1 interrupted, 2 something the user can mend. Heavy imports happen inside the verbs, so that
``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from xnect_lite import __version__
from xnect_lite.errors import XnectError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except XnectError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; what was recorded so far is kept", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="xnect-lite", description="3D motion capture of several people from one camera.")
    parser.add_argument("--version", action="version", version=f"xnect-lite {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    process = verbs.add_parser("process", help="a video into a take: poses, one BVH per person, overlay video")
    process.add_argument("source", help="video file, image folder or pattern, stream URL or camera")
    process.add_argument(
        "-o", "--output", default="takes", metavar="TAKES", help="folder that takes are put in (default: takes)"
    )
    process.add_argument("--start", type=float, metavar="S", help="skip the first S seconds")
    process.add_argument("--end", type=float, metavar="S", help="stop at second S")
    process.add_argument("--no-overlay", action="store_true", help="do not write overlay.mp4")
    process.add_argument("--json", action="store_true", help="print the summary as JSON")
    add_pipeline_options(process)
    process.set_defaults(run=_process)

    evaluate = verbs.add_parser("eval", help="accuracy on labelled data")
    evaluate.add_argument("dataset", choices=["photos"], help="photos: the photo kit's validation split")
    evaluate.add_argument("--data", required=True, help="folder of the data set")
    evaluate.add_argument("--limit", type=int, default=0, help="use only every n-th picture so that about LIMIT remain")
    evaluate.add_argument("--json", action="store_true", help="print the figures as JSON")
    add_pipeline_options(evaluate)
    evaluate.set_defaults(run=_evaluate)

    data = verbs.add_parser("data", help="training data")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    packing = actions.add_parser("pack", help="put pictures and fused labels into one file, to train on another machine")
    packing.add_argument("--photos", required=True, metavar="DIR", help="folder of the photo kit's sets")
    packing.add_argument("--backgrounds", metavar="DIR", help="folder of pictures without people")
    packing.add_argument("-o", "--output", required=True, metavar="FILE", help="the archive to write (.npz)")
    packing.set_defaults(run=_data_pack)

    weights = verbs.add_parser("weights", help="list or verify the weight files")
    weights.add_argument("action", choices=["list", "verify"])
    weights.set_defaults(run=_weights)
    return parser


def add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    """The options every verb that runs the pipeline shares."""
    group = parser.add_argument_group("pipeline")
    group.add_argument("--backbone", default=None, help="selecsls60 (default), another SelecSLS, or resnet50")
    group.add_argument("--weights", default=None, metavar="FILE", help="Stage I weights (safetensors)")
    group.add_argument("--device", default=None, help="auto (default), cpu, cuda or cuda:N")
    group.add_argument("--precision", default=None, help="auto (default), fp32, fp16 or bf16")
    group.add_argument("--max-people", type=int, default=None, metavar="N", help="track at most N people (default 10)")
    group.add_argument(
        "--stature", type=float, default=None, metavar="M", help="assumed height of a person, metres (default 1.70)"
    )
    group.add_argument(
        "--focal", type=float, default=None, metavar="PX", help="focal length in source pixels (default: longer side)"
    )
    group.add_argument("--config", default=None, metavar="FILE", help="YAML file of overrides")
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one value; may be repeated")


def pipeline_config(options: argparse.Namespace):
    """The PipelineConfig that the options of `add_pipeline_options` describe."""
    from xnect_lite.config import PipelineConfig, check_pipeline, load_config

    flags = {
        "network.backbone": options.backbone, "network.weights": options.weights, "network.device": options.device,
        "network.precision": options.precision, "grouping.max_people": options.max_people,
        "camera.stature_m": options.stature, "camera.focal_px": options.focal,
    }  # fmt: skip
    overrides = [f"{key}={json.dumps(value)}" for key, value in flags.items() if value is not None]
    return check_pipeline(load_config(PipelineConfig, options.config, [*options.set, *overrides]))


def _process(options: argparse.Namespace) -> int:
    config = pipeline_config(options)
    from tqdm import tqdm

    from xnect_lite.capture import open_source
    from xnect_lite.pipeline import Pipeline
    from xnect_lite.record.take_folder import new_take_folder
    from xnect_lite.runtime.offline import process_source

    with open_source(options.source, start_s=options.start, end_s=options.end) as source:
        pipeline = Pipeline(config)
        print(f"{pipeline.backbone} on {pipeline.device_name}, {pipeline.precision}", file=sys.stderr)
        folder = new_take_folder(options.output, Path(options.source).stem)
        with tqdm(total=source.frame_count, unit="frame", desc=Path(options.source).name) as bar:
            report = process_source(source, pipeline, folder, overlay=not options.no_overlay, on_frame=lambda _: bar.update())
    if report.warning:
        print(f"{options.source}: {report.warning}", file=sys.stderr)
    if options.json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        _print_report(report)
    return 0


def _print_report(report) -> None:
    print(f"{report.take.folder}")
    for file in report.files:
        print(f"  {file.name}")
    print(f"{report.frames} frames, {report.frames_with_people} with people, {report.frames_per_s:.1f} frames/s")
    print(f"{'stage':<12}{'median ms':>10}{'p95 ms':>10}   {report.backbone}, {report.device}, {report.precision}")
    for name, row in report.stages.items():
        print(f"{name:<12}{row.p50_ms:>10.1f}{row.p95_ms:>10.1f}")


def _evaluate(options: argparse.Namespace) -> int:
    config = pipeline_config(options)
    from xnect_lite.data.photokit import read_photokit
    from xnect_lite.evaluate.keypoints import per_joint_pck
    from xnect_lite.evaluate.photos import score_photos
    from xnect_lite.network import Predictor

    samples = list(read_photokit(options.data, "val"))
    if options.limit:
        samples = samples[:: max(1, len(samples) // options.limit)]
    predictor = Predictor(config.network)
    score = score_photos(predictor, samples, config.grouping, progress=True)
    figures = {
        **score.figures(), "images": len(samples), "pck_per_joint": per_joint_pck(score),
        "backbone": config.network.backbone, "device": predictor.device_name, "precision": predictor.precision,
    }  # fmt: skip
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:<18} {value if not isinstance(value, float) else round(value, 3)}")
    return 0


def _data_pack(options: argparse.Namespace) -> int:
    from xnect_lite.data.archive import SPLITS, write_archive
    from xnect_lite.data.photokit import read_backgrounds, read_photokit

    splits = {split: list(read_photokit(options.photos, split)) for split in SPLITS}
    if options.backgrounds:
        splits["train"] += read_backgrounds(options.backgrounds, "train")
    try:
        counts = write_archive(options.output, splits)
    except OSError as error:
        raise XnectError(options.output, f"cannot be written ({error.strerror})", "Choose another file") from error
    print(f"{options.output}: {counts['train']} training and {counts['val']} validation pictures")
    return 0


def _weights(options: argparse.Namespace) -> int:
    from xnect_lite.weights import manifest, search_folders, verify

    found = False
    for folder in search_folders():
        for name, entry in manifest(folder).items():
            if not (folder / name).is_file():
                continue
            found = True
            if options.action == "verify":
                verify(folder / name)
                print(f"{folder / name}: as in the manifest")
            else:
                print(folder / name, *(f"{key}: {entry[key]}" for key in ("arch", "licence", "accuracy")), sep="\n  ")
    if not found:
        looked = ", ".join(map(str, search_folders()))
        raise XnectError("weights", f"none found in: {looked}", "Train with train_pose.py stage1, or set XNECT_WEIGHTS")
    return 0


if __name__ == "__main__":
    sys.exit(main())
