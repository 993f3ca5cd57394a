"""Exported transformers for a GPU, which is not needed: one step an attention, on views of the projections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

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


@pytest.mark.parametrize("name", SHAPES)
def test_float32_is_one_step_where_tf32_is_allowed(name: str) -> None:
    graph = optimize(import_graph(read_model((DATA / f"{name}.onnx").read_bytes())))
    made = target_of("cuda:sm_90a")
    shape = (2, 3, 32, 32) if name == "vit-tiny" else (2, 40)
    profile = Profile({label: (shape, shape, shape) for label in SHAPES[name]})
    for tf32 in (True, False):
        plan = lower(graph, made, Options((made,), (profile,), tf32=tf32)).run()
        kernels = [step.choices[0].kernel for step in plan.steps if isinstance(step, KernelStep)]
        assert len(kernels) == len(plan.steps), "a step runs on the host"
        assert sum(k.startswith("Attention") for k in kernels) == (2 if tf32 else 0)
        assert not tf32 or not any(k.startswith(("Softmax", "Move")) for k in kernels), kernels


def test_heads_that_are_not_known_to_divide_stay_products() -> None:
    """Keys whose number of heads is what a reshape leaves over: the model holds them equal, nothing proves it."""
    nodes = [
        helper.make_node("Shape", ["q"], ["shape"], start=2, end=3),
        helper.make_node("Concat", ["batch", "shape", "width"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["x", "wanted"], ["k"]),
        helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["q", "kt"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["weights"], axis=-1),
        helper.make_node("MatMul", ["weights", "k"], ["y"]),
    ]
    inputs = [helper.make_tensor_value_info("q", TensorProto.FLOAT, [2, 4, "s", 16])]
    inputs.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, "t", 64]))
    held = [numpy_helper.from_array(np.array(n), name) for name, n in (("batch", [2, -1]), ("width", [16]))]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 4)
    graph = helper.make_graph(nodes, "g", inputs, [output], held)
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    made = target_of("cuda:sm_90a")
    profile = Profile({"q": ((2, 4, 8, 16), (2, 4, 8, 16), (2, 4, 64, 16)), "x": ((2, 8, 64), (2, 8, 64), (2, 64, 64))})
    plan = lower(optimize(import_graph(read_model(data))), made, Options((made,), (profile,), permitted=("f16",))).run()
    kernels = [step.choices[0].kernel for step in plan.steps if isinstance(step, KernelStep)]
    assert len(kernels) == len(plan.steps) and not any(k.startswith("Attention") for k in kernels)
