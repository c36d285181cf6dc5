"""A trained network as teacher: what its answers teach, and what it must not touch."""

from __future__ import annotations

import pytest
import torch
from test_losses import CONFIG, blank_maps, perfect_maps, random_targets
from toy_run import arguments

import train_pose
from xnect_lite.errors import XnectError
from xnect_lite.inference.weights import load_network, save_weights
from xnect_lite.models.xnect import XNect
from xnect_lite.train.checkpoint import load_state
from xnect_lite.train.stage1.losses import stage1_losses
from xnect_lite.train.stage1.teacher import Teacher, answered


def test_a_student_that_says_what_the_teacher_says_has_nothing_to_learn_whatever_the_labels_say():
    labels, teacher = random_targets(seed=0), perfect_maps(random_targets(seed=1))
    assert max(stage1_losses(teacher, answered(teacher, labels), CONFIG).values()) < 1e-4
    assert max(stage1_losses(teacher, labels, CONFIG).values()) > 0.1


def test_the_teacher_knows_heat_and_fields_where_labels_do_not_and_locations_only_on_labelled_people():
    labels, teacher = random_targets(seed=0), perfect_maps(random_targets(seed=1))
    student = blank_maps(labels)
    sum(stage1_losses(student, answered(teacher, labels), CONFIG).values()).backward()
    moved = {name: (maps.grad != 0).float().mean().item() for name, maps in student.items()}
    assert min(moved[name] for name in ("heatmaps", "centre", "pafs")) > 0.95
    unlabelled = labels.location_weight.repeat(1, 3, 1, 1) == 0
    assert (student["locations"].grad[unlabelled] == 0).all() and moved["locations"] > 0.3


@pytest.fixture
def teacher(tmp_path):
    torch.manual_seed(5)
    net = XNect("selecsls42")
    save_weights(tmp_path / "teacher.safetensors", net.state_dict(), net.arch)
    return tmp_path / "teacher.safetensors"


def test_a_run_with_a_teacher_of_another_backbone_leaves_it_alone_and_learns_otherwise(photos, tmp_path, teacher):
    states, before = {}, teacher.read_bytes()
    for name, values in {"alone": (), "taught": (f"teacher={teacher}", "teacher_share=1.0")}.items():
        assert train_pose.main(arguments(photos, tmp_path / name, "steps=2", "backbone=vovnet39", *values)) == 0
        states[name] = load_state(tmp_path / name / "state.pt")["net"]
    assert not any(torch.equal(states["alone"][k], v) for k, v in states["taught"].items() if k.endswith("conv.weight"))
    assert teacher.read_bytes() == before


def test_a_teacher_answers_as_in_use_and_keeps_no_gradient(teacher):
    labels, image = random_targets(1), torch.rand(1, 3, 48, 64) * 255
    taught = Teacher(str(teacher), 8, torch.device("cpu"))
    before = {k: v.clone() for k, v in taught.net.state_dict().items()}
    answers = taught.targets(image, labels)
    with torch.no_grad():
        maps = load_network(teacher, "selecsls42")(image)
    assert torch.allclose(answers.heat[:, :24], maps["heatmaps"].sigmoid(), atol=1e-5) and not answers.pafs.requires_grad
    assert all(torch.equal(before[k], v) for k, v in taught.net.state_dict().items()), "its norms do not move"


def test_a_teacher_of_another_stride_is_refused(teacher):
    with pytest.raises(XnectError, match="stride 8"):
        Teacher(str(teacher), 4, torch.device("cpu"))


def test_a_teacher_that_is_not_there_is_named(photos, tmp_path, capsys):
    assert train_pose.main(arguments(photos, tmp_path / "run", "steps=1", "teacher=nowhere.safetensors")) == 2
    assert "nowhere.safetensors" in capsys.readouterr().err
