"""Builds as a whole: bytes that repeat, long chains, dynamic shapes, engines that threads share, other targets."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from minirt.build.build import build, lower, optimize
from minirt.build.checking import check_pass
from minirt.build.load import Loaded, Package
from minirt.build.options import Options, Profile
from minirt.errors import EngineFormatError, GraphError, MinirtError, ShapeError
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import apply
from minirt.kernels.kernel import Target
from minirt.ops.activation import Relu, Sigmoid
from minirt.ops.arithmetic import Add
from minirt.ops.evaluate import evaluate
from minirt.ops.gemm import Gemm
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.plan.launch import Address, TensorMap
from minirt.plan.plan import KernelStep
from minirt.types.dim import symbol
from minirt.types.dtype import Array, f32
from minirt.types.tensor import Tensor
from tests.gpu.session import Session

CPU = Target("cpu")
ROOT = Path(__file__).parents[2]
DIGEST = """
import hashlib, sys
from minirt.build.build import build, lower, optimize
from minirt.build.options import Options
from minirt.kernels.kernel import Target
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
graph = import_graph(read_model(sys.argv[1]))
print(hashlib.sha256(build(graph, Options((Target("cpu"),)))).hexdigest())
"""


def mlp() -> Graph:
    rng = np.random.default_rng(0)
    x = apply(Input("x", Tensor(f32, (symbol("N"), 24))))
    w, b = constant(rng.normal(size=(24, 10)), f32), constant(rng.normal(size=10), f32)
    hidden = apply(Relu(), apply(Add(), apply(Gemm(), x, w), b))
    return Graph("mlp", [x], [hidden, apply(Sigmoid(), hidden)], ["hidden", "y"])


def chain(length: int) -> Graph:
    names = ["Relu", "Sigmoid", "Neg"]
    nodes = [helper.make_node(names[i % 3], [f"t{i}"], [f"t{i + 1}"]) for i in range(length)]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 5]) for n in ("t0", f"t{length}")]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:])
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    return import_graph(read_model(model.SerializeToString()))


@pytest.mark.parametrize("name", ["bert-tiny", "lstm-gru-tiny"])
def test_the_same_model_gives_the_same_bytes_in_every_process(name: str) -> None:
    path = str(ROOT / "tests" / "data" / f"{name}.onnx")
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST, path], cwd=ROOT, text=True, capture_output=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    for _ in range(2):
        data = build(import_graph(read_model(path)), Options((CPU,)))
        digests.add(hashlib.sha256(data).hexdigest() + "\n")
    assert len(digests) == 1


def test_a_chain_of_twenty_thousand_nodes_builds_and_runs() -> None:
    graph = chain(20_000)
    session = Session(graph, CPU)
    feeds = {"t0": np.linspace(-2, 2, 15, dtype=np.float32).reshape(3, 5)}
    np.testing.assert_allclose(session.run(feeds)[0], evaluate(graph, feeds)[0], rtol=1e-5)


def test_an_engine_fits_every_size_in_its_profile_and_refuses_others() -> None:
    session = Session(mlp(), CPU, Profile({"x": ((1, 24), (4, 24), (33, 24))}))
    rng = np.random.default_rng(1)
    for rows in (1, 33, 4, 7, 33):
        feeds: dict[str, Array] = {"x": rng.normal(size=(rows, 24)).astype(np.float32)}
        for got, want in zip(session.run(feeds), evaluate(mlp(), feeds), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    with pytest.raises(ShapeError, match="outside the profile's range 1 to 33"):
        session.bind({"x": np.zeros((34, 24), np.float32)})
    with pytest.raises(ShapeError, match="input 'x'"):
        session.bind({"x": np.zeros((4, 23), np.float32)})


def test_contexts_of_one_engine_run_in_threads_at_once() -> None:
    first = Session(mlp(), CPU)
    sessions = [first, first.another()]
    wrong: list[str] = []

    def work(session: Session, seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(150):
            feeds: dict[str, Array] = {"x": rng.normal(size=(1 + seed * 40, 24)).astype(np.float32)}
            got, want = session.run(feeds), evaluate(mlp(), feeds)
            if any(not np.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(got, want, strict=True)):
                wrong.append(f"seed {seed}")

    threads = [threading.Thread(target=work, args=(s, i)) for i, s in enumerate(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_engine_for_another_target_is_lowered_when_loaded() -> None:
    data = build(mlp(), Options((Target("cuda:sm_80", 108),)))
    package = Package(data)
    assert package.about["plans"] == ["cuda:sm_80/0"]
    plan = Loaded(package, CPU).plans[0]
    assert plan.target == "cpu" and all(isinstance(s, KernelStep) for s in plan.steps)


def test_one_engine_holds_plans_for_several_targets() -> None:
    data = build(mlp(), Options((CPU, Target("cuda:sm_80", 108), Target("cuda:sm_90a", 132))))
    assert Package(data).about["plans"] == ["cpu/0", "cuda:sm_80/0", "cuda:sm_90a/0"]


def test_damage_anywhere_in_an_engine_is_refused_by_name() -> None:
    data = build(mlp(), Options((CPU,)))
    rng = np.random.default_rng(3)
    for place in rng.integers(0, len(data), 300):
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(EngineFormatError):
            Package(bytes(damaged))
    for size in (0, 7, 48, len(data) // 2, len(data) - 1):
        with pytest.raises(EngineFormatError):
            Package(bytes(data[:size]))


def test_a_graph_without_outputs_is_refused() -> None:
    with pytest.raises(GraphError, match="no output"):
        build(Graph("empty", mlp().inputs, [], []), Options((CPU,)))


def test_a_wrong_pass_is_named_when_checking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_CHECK", "1")
    build(mlp(), Options((CPU,)))
    graph = mlp()
    wrong = graph.with_outputs([graph.outputs[0], graph.outputs[0]])
    with pytest.raises(MinirtError, match="pass 'swap' changes output 'y'"):
        check_pass("swap", graph, wrong)


@pytest.mark.parametrize("target", [CPU, Target("cuda:sm_80", 108), Target("cuda:sm_90a", 132, 232448)])
@pytest.mark.parametrize("name", ["bert-tiny", "mobilenetv3-tiny", "unet-tiny", "lstm-gru-tiny"])
def test_launches_read_only_memory_that_a_plan_holds(name: str, target: Target) -> None:
    """Every address is of a weight that is held, or of a buffer with a place."""
    graph = optimize(import_graph(read_model(str(ROOT / "tests" / "data" / f"{name}.onnx"))))
    plan = lower(graph, target, Options((target,))).run()
    launches = [launch for step in plan.steps if isinstance(step, KernelStep) for launch in step.choices[0].launches]
    addresses = [a for launch in launches for a in launch.args if isinstance(a, Address)]
    addresses += [a.address for launch in launches for a in launch.args if isinstance(a, TensorMap)]
    assert addresses
    for address in addresses:
        buffer = plan.buffers[address.index]
        assert buffer.kind != "weight" or 0 <= buffer.weight < len(plan.weights)
        assert buffer.kind != "arena" or buffer.offset >= 0
