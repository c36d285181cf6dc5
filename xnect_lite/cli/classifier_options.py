"""Options that the published scripts share, under their names: which network, its weights, which GPU, pruning."""

from __future__ import annotations

import argparse

from xnect_lite.errors import XnectError

CLASSES = ("selecsls", "resnet", "vovnet")


def add_classifier_options(parser: argparse.ArgumentParser, gamma_threshold: float) -> None:
    """Every option in both spellings: with hyphens, and with underscores as published."""
    group = parser.add_argument_group("network")
    group.add_argument("--model-class", "--model_class", choices=[*CLASSES, "all"], default="all", help="family of networks")
    group.add_argument(
        "--model-config", "--model_config", metavar="NAME", help="SelecSLS60, SelecSLS42_B, ..., ResNet50, VoVNet39"
    )
    group.add_argument(
        "--model-weights",
        "--model_weights",
        metavar="FILE",
        help="published .pth, timm's or torchvision's file, or safetensors",
    )
    add_switch(group, "--pruned-and-fused", "cut out channels whose norm has a small gamma, fuse norms")
    group.add_argument(
        "--gamma-thresh", "--gamma_thresh", type=float, default=gamma_threshold, metavar="G",
        help=f"largest gamma that counts as small (default {gamma_threshold:g}; -1 only fuses)",
    )  # fmt: skip
    group.add_argument("--gpu-id", "--gpu_id", type=int, metavar="N", help="number of the GPU; as --device cuda:N")
    group.add_argument("--device", help="auto (default), cpu, cuda or cuda:N")


def add_switch(group, flag: str, text: str) -> None:
    """An option given alone or, as published, with True or False."""
    names = (flag, "--" + flag[2:].replace("-", "_"))
    group.add_argument(*names, type=_yes_no, nargs="?", const=True, default=False, metavar="True|False", help=text)


def _yes_no(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"'{text}' is neither True nor False")
    return text.lower() == "true"


def network_names(options: argparse.Namespace) -> list[str]:
    """The networks that --model-class and --model-config name (separated by commas); all of the class without the latter."""
    from xnect_lite.models.classifiers import CLASSIFIERS

    of_class = [n for n in CLASSIFIERS if options.model_class == "all" or n.startswith(options.model_class)]
    if options.model_config is None:
        return of_class
    names = [name.strip().lower().replace("_", "").replace("-", "") for name in options.model_config.split(",")]
    for name in names:
        if name not in of_class:
            cause = f"is unknown{'' if options.model_class == 'all' else f' in class {options.model_class}'}"
            raise XnectError(f"--model-config {options.model_config}", cause, f"Known: {', '.join(of_class)}")
    return list(dict.fromkeys(names))


def gpu_name(options: argparse.Namespace) -> str | None:
    """The --device that --gpu-id stands for; None without it."""
    if options.gpu_id is not None and options.device is not None:
        raise XnectError("--gpu-id and --device", "both name a device", "Give one of them")
    return None if options.gpu_id is None else f"cuda:{options.gpu_id}"
