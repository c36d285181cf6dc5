"""What others published, as they published it: to stand beside our figures, never among them. Each with where it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """Figures of other systems under one protocol, of several sources. rows: system -> column -> figure or words."""

    protocol: str
    source: str
    rows: Mapping[str, Mapping[str, float | str]]


_SMAP_TABLES = "tables 7 and 9 of SMAP (Zhen et al., ECCV 2020) and its supplement"
_SURVEY = "table 7 of 'Deep Learning-Based Human Pose Estimation: A Survey'"


_MEAN = "mean of sequences"


def _mupots(all_people: float, matched: float | str = "", aggregation: str = "") -> dict[str, float | str]:
    return {"3DPCK all": all_people, "3DPCK matched": matched, "aggregation": aggregation}


def _by_sequence(figures: str) -> dict[str, float | str]:
    return {f"TS{number}": float(value) for number, value in enumerate(figures.split(), 1)}


PUBLISHED: tuple[Published, ...] = (
    Published(
        "MuPoTS-3D protocol", _SMAP_TABLES,
        {
            "XNect (Stage II)": _mupots(70.4, 75.8, "its authors' total; its sequences' mean would be 71.1 and 76.2"),
            "ORPM (Mehta 2018)": _mupots(65.0, 69.8, "its authors' total; its sequences' mean would be 65.8 and 70.0"),
            "SMAP": _mupots(73.5, 80.5, _MEAN), "LCR-Net": _mupots(53.8, 62.4), "LCR-Net++": _mupots(70.6, 74.0, _MEAN),
            "HG-RCNN (Dabral 2019)": _mupots(71.3, 74.2, _MEAN), "3DMPPE (Moon 2019, top-down)": _mupots(81.8, 82.5, _MEAN),
        },
    ),
    Published(
        "MuPoTS-3D protocol", _SURVEY,
        {
            "PandaNet": _mupots(72.0), "CRMH": _mupots(69.1, 72.2), "HMOR (top-down)": _mupots(82.0), "DAS": _mupots(82.7),
            "GnTCN (top-down, video)": _mupots(87.5),
        },
    ),
    Published(
        "MuPoTS-3D protocol", "MeTRAbs' model zoo (EfficientNetV2-L to MobileNetV3-S, YOLOv4 boxes, five crops a person)",
        {"MeTRAbs, largest": _mupots(90.6), "MeTRAbs, smallest": _mupots(81.8)},
    ),
    Published(
        "MPI-INF-3DHP protocol, root-relative", "table 2 of ORPM (Mehta et al. 2018)",
        {
            "VNect": {"3DPCK": 76.6, "AUC": 40.4}, "Mehta 2017": {"3DPCK": 75.7, "AUC": 39.3},
            "ORPM, trained on several people": {"3DPCK": 73.4, "AUC": 36.2}, "Zhou": {"3DPCK": 69.2, "AUC": 32.5},
            "LCR-Net": {"3DPCK": 59.7, "AUC": 27.6},
        },
    ),
    Published(
        "PCKh, official rule (at most)", "README of DynConv (Verelst and Tuytelaars 2020), target 0.125; its 0.1 is 0.11",
        {
            "DynConv s0125": {
                "head": 95.9, "shoulder": 94.2, "elbow": 87.0, "wrist": 80.5, "hip": 86.8, "knee": 81.3, "ankle": 76.7,
                "mean": 86.7, "mean_at_0.11": 34.4, "m_parameters": 6.9, "gmacs": 1.7,
            },
        },
    ),
    Published(
        "PCKh, official rule (at most)", "README of PoseNFS (Yang et al. 2019), costs as its own summary counts them",
        {"PNFS, HRNet-W32 and CNF x 5": {"mean": 90.1, "m_parameters": 16.4, "gmacs": 9.4}},
    ),
    Published(
        "PCKh, official rule (at most)", "README of pytorch-pose, which asks for less than, not at most, and means over joints",
        {"stacked hourglass, 2": {"mean": 86.95}, "stacked hourglass, 8": {"mean": 88.78}},
    ),
    Published(
        "MuPoTS-3D by sequence, 3DPCK", _SMAP_TABLES,
        {
            "XNect (Stage II), all": _by_sequence(
                "88.4 65.1 68.2 72.5 76.2 46.2 65.8 64.1 75.1 82.4 74.1 72.4 64.4 58.8 73.7 80.4 84.3 67.2 74.3 67.8"
            ),
            "SMAP, all": _by_sequence(
                "88.8 71.2 77.4 77.7 80.6 49.9 86.6 51.3 70.3 89.2 72.3 81.7 63.6 44.8 79.7 86.9 81.0 75.2 73.6 67.2"
            ),
            "XNect (Stage II), matched": _by_sequence(
                "88.4 70.4 68.3 73.6 82.4 46.4 66.1 83.4 75.1 82.4 76.5 73.0 72.4 73.8 74.0 83.6 84.3 73.9 85.7 90.6"
            ),
            "SMAP, matched": _by_sequence(
                "89.9 88.3 78.9 78.2 87.6 51.0 88.5 71.6 70.3 89.2 76.3 82.0 70.8 65.2 80.4 91.6 90.4 83.4 84.3 91.2"
            ),
        },
    ),
    Published(
        "Speed", "XNect (Mehta et al. 2020), 512 x 320 pixels, ten people",
        {
            "XNect, GTX 1080 Ti": {"what": "more than 30 frames/s"},
            "XNect, laptop with GTX 1080 Max-Q": {"what": "Stage I 21.5 ms, association 1, Stage II 1, Stage III about 9"},
        },
    ),
    Published(
        "Speed", "supplement of SMAP",
        {
            "SMAP": {"what": "network 57 ms; association 4.5 ms for 3 people, 8.8 for 20"},
            "3DMPPE (Moon 2019)": {"what": "detector 120 ms; poses and roots 27.7 ms for 3 people, 130.7 for 20"},
        },
    ),
    Published("Speed", "README of mmpose", {"RTMO s, m, l": {"what": "8.9, 12.4, 19.1 ms a picture on a GPU, 2D only"}}),
    Published(
        "Speed", "README of SAM3DBody-cpp, which runs SAM 3D Body",
        {"SAM 3D Body": {"what": "5 to 15 s per person and picture on a laptop's processor"}},
    ),
)  # fmt: skip
