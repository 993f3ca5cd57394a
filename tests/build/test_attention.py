"""Exported transformers for a GPU, which is not needed: one step an attention, on views of the projections."""

from __future__ import annotations

from pathlib import Path

import pytest

from minirt.build.build import lower, optimize
from minirt.build.options import Options, Profile
from minirt.build.targets import target_of
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.plan.plan import KernelStep

DATA = Path(__file__).parents[1] / "data"
SHAPES = {
    "bert-tiny": ("input_ids", "attention_mask"),
    "gpt2-tiny": ("input_ids",),
    "vit-tiny": ("image",),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("target", ["cuda:sm_80", "cuda:sm_90a"])
def test_attention_is_one_step(name: str, fixed: bool, target: str) -> None:
    graph = optimize(import_graph(read_model((DATA / f"{name}.onnx").read_bytes())))
    high = (2, 3, 32, 32) if name == "vit-tiny" else (2, 40)
    low = high if fixed else (1, *high[1:]) if name == "vit-tiny" else (1, 1)
    profile = Profile({label: (low, high, high) for label in SHAPES[name]})
    made = target_of(target)
    plan = lower(graph, made, Options((made,), (profile,), permitted=("f16",))).run()
    kernels = [step.choices[0].kernel for step in plan.steps if isinstance(step, KernelStep)]
    assert len(kernels) == len(plan.steps), "a step runs on the host"
    assert sum(k.startswith("Attention") for k in kernels) == 2
    assert not any(k.startswith(("Softmax", "Move")) for k in kernels), kernels


def test_float32_that_stays_keeps_its_softmax() -> None:
    graph = optimize(import_graph(read_model((DATA / "vit-tiny.onnx").read_bytes())))
    made = target_of("cuda:sm_90a")
    shape = (1, 3, 32, 32)
    plan = lower(graph, made, Options((made,), (Profile({"image": (shape, shape, shape)}),))).run()
    kernels = [step.choices[0].kernel for step in plan.steps if isinstance(step, KernelStep)]
    assert not any(k.startswith("Attention") for k in kernels)
