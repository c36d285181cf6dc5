"""``xnect-lite eval imagenet``: accuracy of a classifier; the published evaluate_imagenet.py."""

from __future__ import annotations

import argparse
from typing import Any

from xnect_lite.cli.parsers.classifier_options import add_classifier_options, add_switch
from xnect_lite.cli.parsers.later import Later

_SIMULATED = (
    "set small gammas to zero instead of cutting channels out; betas stay, so that both come to the same (the published script "
    "zeroes them too, and its pruning drops what ReLU(beta) passes on)"
)


def add(kinds: argparse._SubParsersAction, **more: Any) -> None:
    """Register it."""
    imagenet = kinds.add_parser("imagenet", **more)
    imagenet.add_argument(
        "--data",
        "--imagenet_base_path",
        required=True,
        metavar="DIR",
        help="folder of class folders, or the one above its 'val'",
    )
    add_classifier_options(imagenet, gamma_threshold=1e-4)
    add_switch(imagenet, "--simulate-pruning", _SIMULATED)
    imagenet.add_argument("--class-order", metavar="FILE", help="class folders by output, one a line (default: sorted)")
    imagenet.add_argument("--resize", type=int, default=256, metavar="PX", help="shorter side (default 256)")
    imagenet.add_argument("--crop", type=int, default=224, metavar="PX", help="middle square (default 224)")
    imagenet.add_argument("--interpolation", choices=["bilinear", "bicubic"], default="bilinear", help="default: bilinear")
    imagenet.add_argument("--batch", type=int, default=100, metavar="N", help="pictures per pass (default 100)")
    imagenet.add_argument("--workers", type=int, metavar="N", help="processes that read (default: one per core, at most 8)")
    imagenet.add_argument("--precision", default="fp32", help="fp32 (default), fp16, bf16 or auto")
    imagenet.add_argument("--json", action="store_true", help="print the figures as JSON")
    imagenet.set_defaults(run=Later("evaluate_imagenet.run_imagenet"))
