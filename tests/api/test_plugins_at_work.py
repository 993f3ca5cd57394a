"""What plugins are told and given: ranges, scratch memory, tactics, memory of the caller; kernels made beforehand."""

from __future__ import annotations

import base64
import ctypes
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cuda.bindings import nvrtc

import minirt as trt
import minirt.plugin as trtp
from minirt.api import plugin_runs
from minirt.build.load import Package
from minirt.plan.plan import CallStep, KernelStep
from minirt.plugin import _lib
from tests.api.nets import Keeper, same

Core: Any = trt.IPluginV3OneCore
Build: Any = trt.IPluginV3OneBuild
Run: Any = trt.IPluginV3OneRuntime
X = np.random.default_rng(3).normal(size=(3, 4)).astype(np.float32)


def floats(address: int, count: int) -> Any:
    return np.frombuffer((ctypes.c_uint8 * (4 * count)).from_address(address), np.float32)  # type: ignore[call-overload]


class Twice(trt.IPluginV3, Core, Build, Run):  # type: ignore[misc]
    """Doubles through scratch memory, and keeps what it heard."""

    heard: dict[str, Any] = {}

    def __init__(self) -> None:
        for kind in (trt.IPluginV3, Core, Build, Run):
            kind.__init__(self)
        self.num_outputs = 1
        self.plugin_name, self.plugin_version, self.plugin_namespace = "Twice", "1", "work"

    def get_capability_interface(self, type: Any) -> Any:
        return self

    def get_output_data_types(self, input_types: Any) -> Any:
        return [input_types[0]]

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, builder: Any) -> Any:
        return [inputs[0]]

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        return bool(in_out[pos].desc.type == trt.float32)

    def configure_plugin(self, inp: Any, out: Any) -> None:
        self.heard["ranges"] = tuple(inp[0].min), tuple(inp[0].opt), tuple(inp[0].max), tuple(inp[0].desc.dims)

    def get_workspace_size(self, inp: Any, out: Any) -> int:
        return 4 * int(np.prod(tuple(inp[0].max)))

    def get_valid_tactics(self) -> list[int]:
        return [7, 3]

    def get_fields_to_serialize(self) -> Any:
        return trt.PluginFieldCollection()

    def attach_to_context(self, context: Any) -> Any:
        self.heard["attached"] = self.heard.get("attached", 0) + 1
        self.heard["resources"] = context
        assert isinstance(context.gpu_allocator, trt.IGpuAllocator)
        place = context.gpu_allocator.allocate(64, 64, 0)
        floats(place, 16)[:] = 1
        assert place % 64 == 0 and context.gpu_allocator.deallocate(place)
        assert not context.gpu_allocator.deallocate(place)
        return Twice()

    def set_tactic(self, tactic: int) -> None:
        self.tactic = tactic

    def on_shape_change(self, inp: Any, out: Any) -> None:
        self.heard.setdefault("shapes", []).append(tuple(inp[0].dims))

    def enqueue(
        self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, workspace: int, stream: int
    ) -> None:
        count = int(np.prod(tuple(input_desc[0].dims)))
        self.heard["run"] = inputs[0], outputs[0], self.tactic, stream
        if self.heard.get("raise"):
            raise OSError("asked to")
        work = floats(workspace, count)
        work[:] = floats(inputs[0], count)
        floats(outputs[0], count)[:] = 2 * work


class TwiceCreator(trt.IPluginCreatorV3One):  # type: ignore[misc]
    def __init__(self) -> None:
        trt.IPluginCreatorV3One.__init__(self)
        self.name, self.plugin_version, self.plugin_namespace = "Twice", "1", "work"
        self.field_names = trt.PluginFieldCollection()

    def create_plugin(self, name: str, fields: Any, phase: Any) -> Twice:
        return Twice()


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    creator: Any = TwiceCreator()
    Twice.heard = {}
    assert trt.get_plugin_registry().register_creator(creator, "work")
    yield
    trt.get_plugin_registry().deregister_creator(creator)
    _lib.QDP_REGISTRY.clear()


def bytes_of(add: Any, logger: Any = None, profiled: bool = True, workspace: int = 0) -> Any:
    """Return the engine, as bytes, of a network of an input of 1 to 8 rows that `add(network, x)` adds layers to."""
    builder = trt.Builder(logger or Keeper())
    net = builder.create_network()
    out = add(net, net.add_input("x", trt.float32, (-1, 4))).get_output(0)
    out.name = "y"
    net.mark_output(out)
    config = builder.create_builder_config()
    if workspace:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
    if profiled:
        profile = builder.create_optimization_profile()
        profile.set_shape("x", (1, 4), (2, 4), (8, 4))
        config.add_optimization_profile(profile)
    return builder.build_serialized_network(net, config)


def engine_of(add: Any) -> Any:
    return trt.Runtime(Keeper()).deserialize_cuda_engine(bytes_of(add))


def test_a_plugin_works_on_the_callers_memory_and_has_scratch_memory() -> None:
    engine = engine_of(lambda net, x: net.add_plugin_v3([x], [], Twice()))
    assert Twice.heard["ranges"] == ((1, 4), (2, 4), (8, 4), (-1, 4))
    assert engine.device_memory_size_v2 >= 8 * 4 * 4
    contexts = [engine.create_execution_context() for _ in range(2)]
    y = np.zeros_like(X)
    for context in contexts:
        context.set_input_shape("x", X.shape)
        context.set_tensor_address("x", X)
        context.set_tensor_address("y", y)
        for _ in range(2):
            assert context.execute_async_v3(0)
            same(y, 2 * X)
            assert Twice.heard["run"] == (X.ctypes.data, y.ctypes.data, 7, 0)
    assert Twice.heard["attached"] == 2
    assert Twice.heard["shapes"] == [(3, 4), (3, 4)]


def test_the_engine_is_usable_after_a_plugin_raised(capsys: pytest.CaptureFixture[str]) -> None:
    context = engine_of(lambda net, x: net.add_plugin_v3([x], [], Twice())).create_execution_context()
    Twice.heard["raise"] = True
    assert context.run({"x": X}) is None
    assert "OSError: asked to" in capsys.readouterr().err
    Twice.heard["raise"] = False
    same(context.run({"x": X})["y"], 2 * X)


def test_scratch_memory_without_a_bound_is_refused() -> None:
    logger = Keeper()
    assert bytes_of(lambda net, x: net.add_plugin_v3([x], [], Twice()), logger, profiled=False) is None
    assert "optimization profile" in logger.errors[-1]


def test_scratch_memory_is_limited() -> None:
    logger = Keeper()

    def add(net: Any, x: Any) -> Any:
        return net.add_plugin_v3([x], [], Twice())

    assert bytes_of(add, logger, workspace=8 * 4 * 4) is not None
    assert bytes_of(add, logger, workspace=8 * 4 * 4 - 1) is None
    assert "set_memory_pool_limit" in logger.errors[-1]


def test_a_transposed_operand_is_made_row_major() -> None:
    def add(net: Any, x: Any) -> Any:
        turned = net.add_shuffle(x)
        turned.first_transpose = (1, 0)
        return net.add_plugin_v3([turned.get_output(0)], [], Twice())

    same(engine_of(add).create_execution_context().run({"x": X})["y"], 2 * X.T)


def test_autotune_gives_the_tactic() -> None:
    heard: list[int] = []

    @trtp.register("work::plain")
    def plain_desc(inp: trtp.TensorDesc, factor: float) -> trtp.TensorDesc:
        return inp.like()

    @trtp.autotune("work::plain")
    def plain_tune(inp: trtp.TensorDesc, factor: float, outputs: Any) -> list[trtp.AutoTuneCombination]:
        half = trtp.AutoTuneCombination("FP16, FP16", "LINEAR", [1])
        both = trtp.AutoTuneCombination()
        both.pos([0, 1], "FP16|FP32", "HWC|LINEAR")
        both.tactics([5, 6])
        return [half, both]

    @trtp.impl("work::plain")
    def plain_impl(inp: trtp.Tensor, factor: float, outputs: Any, stream: int, tactic: int) -> None:
        heard.append(tactic)
        np.asarray(outputs[0])[...] = np.from_dlpack(inp) * factor  # type: ignore[arg-type, operator]

    got = engine_of(lambda net, x: net.add_plugin(trtp.op.work.plain(x, factor=3.0)))
    same(got.create_execution_context().run({"x": X})["y"], 3 * X)
    assert heard == [5]
    logger = Keeper()
    as_ints = bytes_of(
        lambda net, x: net.add_plugin(trtp.op.work.plain(net.add_cast(x, trt.int32).get_output(0), factor=3.0)), logger
    )
    assert as_ints is None
    assert "no combination of INT32" in logger.errors[-1]


TEXT = b"""extern "C" __global__ void axpb(const float* x, int n, int rows, float* y) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = 2 * x[i] + rows;
}"""


def ptx() -> bytes:
    _, program = nvrtc.nvrtcCreateProgram(TEXT, b"axpb.cu", 0, [], [])
    assert not int(nvrtc.nvrtcCompileProgram(program, 1, [b"--gpu-architecture=compute_80"])[0])
    code = bytes(nvrtc.nvrtcGetPTXSize(program)[1])
    nvrtc.nvrtcGetPTX(program, code)
    return code


def test_a_kernel_compiled_ahead_of_time_is_a_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    @trtp.register("work::axpb")
    def axpb_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.like()

    @trtp.aot_impl("work::axpb")
    def axpb_ahead(inp: trtp.TensorDesc, outputs: Any, tactic: int) -> Any:
        params = trtp.KernelLaunchParams()
        params.grid_x, params.block_x = trtp.cdiv(inp.shape_expr.numel(), 64), 64
        extra = trtp.SymIntExprs.from_tuple([inp.shape_expr.numel(), inp.shape_expr[0]])
        return "axpb", ptx(), params, extra

    def add(net: Any, x: Any) -> Any:
        inner = net.add_plugin(trtp.op.work.axpb(x), aot=True).get_output(0)
        return net.add_activation(inner, trt.ActivationType.RELU)

    logger = Keeper()
    assert engine_of(add).create_execution_context().run({"x": X}) is None  # the CPU has no impl to run
    monkeypatch.setenv("MINIRT_TARGET", "cuda:sm_90")
    data = bytes_of(add, logger)
    assert data is not None, logger.errors
    plan = Package(bytes(data)).stored_plan("cuda:sm_90a/0")
    assert all(isinstance(s, KernelStep) for s in plan.steps)
    launch = plan.steps[0].choices[0].launches[0]  # type: ignore[union-attr]
    assert launch.unit.kernel == "UserKernel"
    assert base64.b64decode(launch.unit.spec["image"])[:4] == b"\x7fELF"
    assert [type(a).__name__ for a in launch.args[:4]] == ["Address", "Integer", "Integer", "Address"]
    assert str(launch.grid[0]) and launch.block == (64, 1, 1)


def test_a_plugin_for_cuda_is_a_call_between_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cuda:sm_90")

    def add(net: Any, x: Any) -> Any:
        double = net.add_elementwise(x, x, trt.ElementWiseOperation.SUM).get_output(0)
        return net.add_unary(net.add_plugin_v3([double], [], Twice()).get_output(0), trt.UnaryOperation.ABS)

    plan = Package(bytes(bytes_of(add))).stored_plan("cuda:sm_90a/0")
    assert [type(s) for s in plan.steps] == [KernelStep, CallStep, KernelStep]
    call = plan.steps[1]
    assert isinstance(call, CallStep)
    assert (call.tactic, plan.buffers[call.work].bytes) == (7, 8 * 4 * 4)
    assert not any(b.host for b in plan.buffers)


def test_plugins_in_loops_and_branches() -> None:
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (3, 4))
    loop = net.add_loop()
    loop.add_trip_limit(net.add_input("n", trt.int32, ()), trt.TripLimit.COUNT)
    state = loop.add_recurrence(x)
    state.set_input(1, net.add_plugin_v3([state.get_output(0)], [], Twice()).get_output(0))
    last = loop.add_loop_output(state.get_output(0), trt.LoopOutput.LAST_VALUE).get_output(0)
    choice = net.add_if_conditional()
    choice.set_condition(net.add_input("flag", trt.bool, ()))
    inner = choice.add_input(last).get_output(0)
    doubled = net.add_plugin_v3([inner], [], Twice()).get_output(0)
    out = choice.add_output(doubled, inner).get_output(0)
    out.name = "y"
    net.mark_output(out)
    data = builder.build_serialized_network(net, builder.create_builder_config())
    context = trt.Runtime(Keeper()).deserialize_cuda_engine(data).create_execution_context()
    for trips, flag in ((3, True), (0, False), (1, True), (2, False)):
        got = context.run({"x": X, "n": np.array(trips, np.int32), "flag": np.array(flag)})
        same(got["y"], 2 ** (trips + flag) * X)


def test_an_engine_for_another_target_asks_the_creator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cuda:sm_90")
    data = bytes_of(lambda net, x: net.add_plugin_v3([x], [], Twice()))
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    plugin_runs._built.clear()
    Twice.heard.clear()
    context = trt.Runtime(Keeper()).deserialize_cuda_engine(data).create_execution_context()
    same(context.run({"x": X})["y"], 2 * X)
    assert Twice.heard["ranges"] == ((1, 4), (2, 4), (8, 4), (-1, 4))


def test_permitted_types_leave_a_plugins_own_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cuda:sm_90")
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (16, 16))
    w = net.add_constant((16, 16), np.eye(16, dtype=np.float32)).get_output(0)
    none = trt.MatrixOperation.NONE
    inner = net.add_plugin_v3([net.add_matrix_multiply(x, none, w, none).get_output(0)], [], Twice()).get_output(0)
    out = net.add_matrix_multiply(inner, none, w, none).get_output(0)
    net.mark_output(out)
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.FP16)
    plan = Package(bytes(builder.build_serialized_network(net, config))).stored_plan("cuda:sm_90a/0")
    (call,) = (s for s in plan.steps if isinstance(s, CallStep))
    assert [v.type.dtype.name for v in (*call.reads, *call.writes)] == ["f32", "f32"]
    assert any(v.type.dtype.name == "f16" for s in plan.steps if isinstance(s, KernelStep) for v in s.reads)


def test_layers_after_a_size_that_the_data_tells_keep_their_names() -> None:
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    found = net.add_non_zero(net.add_input("x", trt.float32, (3, 4)))
    found.name = "found"
    out = net.add_unary(found.get_output(0), trt.UnaryOperation.NEG)
    out.name = "negated"
    net.mark_output(out.get_output(0))
    plan = Package(bytes(builder.build_serialized_network(net, builder.create_builder_config()))).stored_plan("cpu/0")
    assert {label for step in plan.steps for label in step.label.split(" + ")} == {"found", "negated"}


def test_the_inspector_knows_plugins() -> None:
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    layer = net.add_plugin_v3([net.add_input("x", trt.float32, (3, 4))], [], Twice())
    layer.name = "twice"
    net.mark_output(layer.get_output(0))
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    engine = trt.Runtime(Keeper()).deserialize_cuda_engine(builder.build_serialized_network(net, config))
    told = json.loads(engine.create_engine_inspector().get_layer_information(0, trt.LayerInformationFormat.JSON))
    assert (told["Name"], told["LayerType"]) == ("twice", "PluginV3")


class Lender(trt.IGpuAllocator):  # type: ignore[misc]
    """Host memory, kept until it is given back."""

    def __init__(self) -> None:
        trt.IGpuAllocator.__init__(self)
        self.lent: dict[int, Any] = {}

    def allocate(self, size: int, alignment: int, flags: int) -> int:
        memory = np.zeros(size + alignment, np.uint8)
        place = -(-memory.ctypes.data // alignment) * alignment
        self.lent[place] = memory
        return place

    def deallocate(self, memory: int) -> bool:
        return self.lent.pop(memory, None) is not None


class Recorder(trt.IErrorRecorder):  # type: ignore[misc]
    """Says that there are no errors."""

    def __init__(self) -> None:
        trt.IErrorRecorder.__init__(self)


def test_a_plugin_gets_the_allocator_of_the_runtime_and_the_recorder_of_the_context() -> None:
    data = bytes_of(lambda net, x: net.add_plugin_v3([x], [], Twice()))
    runtime: Any = trt.Runtime(Keeper())
    lender, recorder = Lender(), Recorder()
    runtime.gpu_allocator = lender
    engine = runtime.deserialize_cuda_engine(data)
    context = engine.create_execution_context()
    context.error_recorder = recorder
    np.testing.assert_allclose(context.run({"x": X})["y"], 2 * X)
    assert Twice.heard["resources"].gpu_allocator is lender
    assert Twice.heard["resources"].error_recorder is recorder
