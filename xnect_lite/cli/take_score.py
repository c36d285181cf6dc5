"""``xnect-lite take score`` and ``take steadiness``: how good takes are. Apart from the others, as scoring imports torch."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from xnect_lite.cli.figures import print_figures, without_nan
from xnect_lite.evaluate.identity import read_truths, score_take
from xnect_lite.evaluate.steadiness import steadiness
from xnect_lite.record.take_folder import load_take

_LEAST_FRAMES = 30  # of a person whose steadiness is worth a row


def run_score(options: argparse.Namespace) -> int:
    figures = score_take(load_take(options.take), read_truths(options.truth))
    print_figures(figures, options.json, digits=3)
    return 0


def run_steadiness(options: argparse.Namespace) -> int:
    takes = [load_take(folder) for folder in options.takes]
    found = [(take.folder.name, asdict(steadiness(take, identity))) for take in takes for identity in take.ids]
    rows = [{"take": name, "id": row.pop("identity"), **row} for name, row in found if row["frames"] >= _LEAST_FRAMES]
    if options.json:
        print(json.dumps(without_nan(rows), indent=2))
        return 0
    titles = (("root jitter", "mm/s2"), ("joint jitter", "mm/s2"), ("bone spread", "mm"), ("foot slide", "mm/s"))
    print(f"{'take':<40}{'id':>4}{'frames':>8}" + "".join(f"{title:>14}" for title, _ in titles))
    print(" " * 52 + "".join(f"{unit:>14}" for _, unit in titles))
    for row in rows:
        root, joint, bone, foot = list(row.values())[-4:]
        name = f"{row['take'][-39:]:<40}{row['id']:>4}{row['frames']:>8}"
        print(f"{name}{root:>14.0f}{joint:>14.0f}{bone:>14.2f}{foot:>14.0f}")
    return 0
