"""Options that the published scripts share, under their names: which network, its weights, which GPU, pruning."""

from __future__ import annotations

import argparse

CLASSES = ("selecsls", "resnet", "vovnet")


def add_classifier_options(parser: argparse.ArgumentParser, gamma_threshold: float) -> None:
    """Every option in both spellings: with hyphens, and with underscores as published."""
    group = parser.add_argument_group("network")
    group.add_argument("--model-class", "--model_class", choices=[*CLASSES, "all"], default="all", help="family of networks")
    group.add_argument(
        "--backbone", "--model-config", "--model_config", dest="model_config", metavar="NAME",
        help="SelecSLS60, SelecSLS42_B, ..., ResNet50, VoVNet39",
    )  # fmt: skip
    group.add_argument(
        "--weights", "--model-weights", "--model_weights", dest="model_weights", metavar="FILE",
        help="published .pth, timm's or torchvision's file, or safetensors",
    )  # fmt: skip
    add_switch(group, "--pruned-and-fused", "cut out channels whose norm has a small gamma, fuse norms")
    group.add_argument(
        "--gamma-thresh", "--gamma_thresh", type=float, default=gamma_threshold, metavar="G",
        help=f"largest gamma that counts as small (default {gamma_threshold:g}; -1 only fuses)",
    )  # fmt: skip
    group.add_argument("--gpu-id", "--gpu_id", type=int, metavar="N", help="number of the GPU, or the CPU where there is none")
    group.add_argument("--device", help="auto (default), cpu, cuda or cuda:N")


def add_switch(group, flag: str, text: str) -> None:
    """An option given alone or, as published, with True or False."""
    names = (flag, "--" + flag[2:].replace("-", "_"))
    group.add_argument(*names, type=_yes_no, nargs="?", const=True, default=False, metavar="True|False", help=text)


def _yes_no(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"'{text}' is neither True nor False")
    return text.lower() == "true"
