"""Products whose operands repeat along different batch axes: no kernel for a GPU takes them as they lie."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import minirt as trt
from minirt.build.build import lower, optimize
from minirt.build.options import Options, Profile
from minirt.build.targets import CPU, target_of
from minirt.kernels.cpu.gemm import GemmTiled
from minirt.kernels.cpu.plain import GemmPlain
from minirt.kernels.kernel import Problem
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.plan.plan import KernelStep

SHAPES = {"q": (2, 3, 5, 4, 8), "k": (2, 1, 5, 6, 8), "mask": (1, 3, 1, 4, 6), "v": (2, 3, 1, 6, 8)}


def model(fixed: bool) -> bytes:
    """(q kᵀ + mask) v, each operand without other axes; batch and blocks have names where they are not fixed."""
    nodes = [
        helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 1, 2, 4, 3]),
        helper.make_node("MatMul", ["q", "kt"], ["scores"], "product"),
        helper.make_node("Add", ["scores", "mask"], ["masked"]),
        helper.make_node("MatMul", ["masked", "v"], ["y"]),
    ]
    named = {0: "batch", 2: "blocks"}
    inputs = []
    for name, shape in SHAPES.items():
        dims = [d if fixed or d == 1 else named.get(axis, d) for axis, d in enumerate(shape)]
        inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, dims))
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 5)
    graph = helper.make_graph(nodes, "blocks", inputs, [output])
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())


def profile() -> dict[str, tuple[tuple[int, ...], ...]]:
    """Least, best and greatest shapes."""
    least = {name: tuple(1 if axis in (0, 2) else d for axis, d in enumerate(s)) for name, s in SHAPES.items()}
    return {name: (least[name], shape, shape) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_nothing_runs_on_the_host(fixed: bool, half: bool) -> None:
    graph, made = optimize(import_graph(read_model(model(fixed)))), target_of("cuda:sm_90a")
    shapes = Profile() if fixed else Profile(profile())  # type: ignore[arg-type]
    plan = lower(graph, made, Options((made,), (shapes,), permitted=("f16",) if half else ())).run()
    assert all(isinstance(step, KernelStep) for step in plan.steps)


@pytest.mark.parametrize("fixed", [False, True])
def test_copies_give_the_same(fixed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU, its kernels being made as particular about batch axes as those of a GPU."""
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    refused = []

    def particular(kind: type) -> None:
        plain = kind.rejects  # type: ignore[attr-defined]

        def rejects(self: object, problem: Problem) -> str:
            whole = problem.outputs[0].shape[:-2]
            if any(o.shape[:-2] != whole for o in problem.inputs):
                refused.append(problem.label)
                return "its operands repeat"
            return str(plain(self, problem))

        monkeypatch.setattr(kind, "rejects", rejects)

    particular(GemmTiled)
    particular(GemmPlain)
    shapes = Profile() if fixed else Profile(profile())  # type: ignore[arg-type]
    plan = lower(optimize(import_graph(read_model(model(fixed)))), CPU, Options((CPU,), (shapes,))).run()
    assert all(isinstance(step, KernelStep) for step in plan.steps)
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network()
    assert trt.OnnxParser(network, logger).parse(model(fixed))
    config = builder.create_builder_config()
    if not fixed:
        ranges = builder.create_optimization_profile()
        for name, (least, best, most) in profile().items():
            if -1 in tuple(next(t for t in map(network.get_input, range(4)) if t.name == name).shape):
                ranges.set_shape(name, least, best, most)
        config.add_optimization_profile(ranges)
    engine = builder.build_engine_with_config(network, config)
    assert "product" in " ".join(refused)
    rng = np.random.default_rng(0)
    feeds = {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
    found = engine.create_execution_context().run(feeds)["y"]
    q, k, mask, v = (feeds[name].astype(np.float64) for name in SHAPES)
    np.testing.assert_allclose(found, (q @ k.swapaxes(-1, -2) + mask) @ v, atol=1e-4)


def test_a_length_that_one_operand_alone_tells() -> None:
    """Rows of a are of a length that only b, a constant, tells: what packs b must know it."""
    weight = np.ones((24, 7), np.float32)
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["rows"]),
        helper.make_node("MatMul", ["rows", "w"], ["y"]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "heads", "m"])]
    held = [onnx.numpy_helper.from_array(weight, "w"), onnx.numpy_helper.from_array(np.array([0, -1]), "shape")]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 7])
    graph = helper.make_graph(nodes, "lengths", inputs, [output], held)
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    made = target_of("cuda:sm_90a")
    shapes = Profile({"x": ((1, 1, 4), (2, 4, 6), (8, 6, 24))})
    plan = lower(optimize(import_graph(read_model(data))), made, Options((made,), (shapes,))).run()
    assert all(isinstance(step, KernelStep) for step in plan.steps)
