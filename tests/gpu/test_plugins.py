"""Plugins on a CUDA device: kernels in five languages, on the caller's stream, in the engine's graph and in others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minirt as trt
import minirt.plugin as trtp
from examples import plugin_kernels as kernels
from minirt.plan.plan import HostStep
from minirt.plugin import _lib

cp = pytest.importorskip("cupy")
pytestmark = pytest.mark.gpu
LANGUAGES = [name for name in kernels.LANGUAGES if name != "NumPy"]
BYTES = 4 * 8 * 100


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)
    creators: list[Any] = [kernels.ShrinkCreator(), DoubleCreator(), PositivesCreator()]
    for creator in creators:
        assert trt.get_plugin_registry().register_creator(creator, creator.plugin_namespace)
    yield
    for creator in creators:
        trt.get_plugin_registry().deregister_creator(creator)
    _lib.QDP_REGISTRY.clear()


class Bound:
    """A context with memory of CuPy, on a stream of its own."""

    def __init__(self, engine: Any, rows: int = 8) -> None:
        assert engine is not None
        self.context = engine.create_execution_context()
        self.stream = cp.cuda.Stream(non_blocking=True)
        self.x = cp.zeros((rows, 100), cp.float32)
        self.y = cp.zeros((rows, 100), cp.float32)
        cp.cuda.Device().synchronize()
        self.context.set_input_shape("x", self.x.shape)
        self.context.set_tensor_address("x", self.x)
        self.context.set_tensor_address("y", self.y)

    def fill(self, seed: int) -> Any:
        """Give the input new numbers, and return them."""
        x = np.random.default_rng(seed).normal(size=self.x.shape).astype(np.float32)
        self.x.set(x)
        self.y.fill(-7)
        cp.cuda.Device().synchronize()
        return x

    def run(self) -> Any:
        """Run, wait, and return the output."""
        assert self.context.execute_async_v3(self.stream.ptr)
        self.stream.synchronize()
        return self.y.get()


def built(add: Any, logger: Any = None) -> Any:
    """Return the engine of a network of an input of up to 8 rows that `add(network, x)` adds layers to."""
    builder = trt.Builder(logger or trt.Logger(trt.Logger.ERROR))
    net = builder.create_network()
    out = add(net, net.add_input("x", trt.float32, (-1, 100))).get_output(0)
    out.name = "y"
    net.mark_output(out)
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 100), (4, 100), (8, 100))
    config.add_optimization_profile(profile)
    return builder.build_engine_with_config(net, config)


def close(got: Any, want: Any) -> None:
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("capturable", [True, False])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_kernel_in_a_language(language: str, capturable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not kernels.usable(language):
        pytest.skip(f"{language} is not installed")
    monkeypatch.setattr(kernels.Shrink, "capturable", capturable)
    bound = Bound(kernels.engine_of(language))
    executor = bound.context._state.executor
    assert not any(isinstance(s, HostStep) for s in executor.plan.steps)
    for seed in range(4):
        x = bound.fill(seed)
        close(bound.run(), kernels.wanted(x))
        recording = executor.frame.recording
        assert (recording is not None and recording.graph is not None) == (capturable and seed > 0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_kernel_in_the_callers_graph(language: str) -> None:
    if not kernels.usable(language):
        pytest.skip(f"{language} is not installed")
    bound = Bound(kernels.engine_of(language))
    bound.fill(0)
    bound.run()
    with bound.stream:
        bound.stream.begin_capture()
        assert bound.context.execute_async_v3(bound.stream.ptr)
        graph = bound.stream.end_capture()
    for seed in range(3):
        x = bound.fill(seed)
        graph.launch(bound.stream)
        bound.stream.synchronize()
        close(bound.y.get(), kernels.wanted(x))


class Double(trt.IPluginV2DynamicExt):  # type: ignore[misc]
    """Doubles by copies through scratch memory; raises, or waits for the stream, when told to."""

    mode = ""
    capturable = True

    def __init__(self) -> None:
        trt.IPluginV2DynamicExt.__init__(self)
        self.num_outputs = 1
        self.plugin_type, self.plugin_version, self.plugin_namespace = "Double", "1", "gpu"

    def get_output_datatype(self, index: int, input_types: Any) -> Any:
        return input_types[0]

    def get_output_dimensions(self, output_index: int, inputs: Any, expr_builder: Any) -> Any:
        return inputs[0]

    def serialize(self) -> bytes:
        return b""

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        return bool(in_out[pos].type == trt.float32)

    def get_workspace_size(self, inp: Any, out: Any) -> int:  # type: ignore[override]
        return 4 * int(np.prod(tuple(inp[0].dims)))

    def enqueue(self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, work: int, stream: int) -> None:
        if Double.mode == "raise":
            raise OSError("asked to")
        nbytes = 4 * int(np.prod(tuple(input_desc[0].dims)))
        cp.cuda.runtime.memcpyAsync(work, inputs[0], nbytes, 3, stream)
        if Double.mode == "wait":
            cp.cuda.runtime.streamSynchronize(stream)
        memory = [cp.cuda.UnownedMemory(p, nbytes, self) for p in (work, outputs[0])]
        scratch, out = (cp.ndarray(nbytes // 4, cp.float32, cp.cuda.MemoryPointer(m, 0)) for m in memory)
        with cp.cuda.ExternalStream(stream):
            cp.add(scratch, scratch, out=out)


class DoubleCreator(trt.IPluginCreator):  # type: ignore[misc]
    def __init__(self) -> None:
        trt.IPluginCreator.__init__(self)
        self.name, self.plugin_version, self.plugin_namespace = "Double", "1", "gpu"
        self.field_names = trt.PluginFieldCollection()

    def deserialize_plugin(self, name: str, data: bytes) -> Double:
        return Double()


def double_then_add_one(net: Any, x: Any) -> Any:
    inner = net.add_plugin_v2([x], Double()).get_output(0)
    one = net.add_constant((1, 1), np.ones((1, 1), np.float32)).get_output(0)
    return net.add_elementwise(inner, one, trt.ElementWiseOperation.SUM)


@pytest.mark.parametrize("mode", ["", "wait"])
def test_a_plugin_of_the_second_generation(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that waits for its stream cannot be recorded: it runs as it is."""
    monkeypatch.setattr(Double, "mode", mode)
    bound = Bound(built(double_then_add_one))
    assert bound.context.engine.device_memory_size_v2 >= BYTES
    for seed in range(4):
        x = bound.fill(seed)
        close(bound.run(), 2 * x + 1)
    recording = bound.context._state.executor.frame.recording
    assert recording.failed == (mode == "wait")


def test_a_plugin_that_raises_fails_that_run_only(capfd: pytest.CaptureFixture[str]) -> None:
    bound = Bound(built(double_then_add_one, trt.Logger(trt.Logger.INTERNAL_ERROR)))
    Double.mode = "raise"
    try:
        assert not bound.context.execute_async_v3(bound.stream.ptr)
    finally:
        Double.mode = ""
    assert "OSError: asked to" in capfd.readouterr().err
    for seed in range(3):
        x = bound.fill(seed)
        close(bound.run(), 2 * x + 1)


class Positives(kernels.Shrink):
    """The positive numbers, and how many there are."""

    def __init__(self) -> None:
        super().__init__("CuPy", 0.0)
        self.num_outputs = 2
        self.plugin_name, self.plugin_namespace = "Positives", "gpu"

    def get_output_data_types(self, input_types: Any) -> Any:
        return [input_types[0], trt.int64]

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, expr_builder: Any) -> Any:
        most = expr_builder.operation(trt.DimensionOperation.PROD, inputs[0][0], inputs[0][1])
        return [trt.DimsExprs([expr_builder.declare_size_tensor(1, most, most)]), trt.DimsExprs(0)]

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        return True

    def attach_to_context(self, resource_context: Any) -> Any:
        return self

    def get_fields_to_serialize(self) -> Any:
        return trt.PluginFieldCollection()

    def enqueue(self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, space: int, stream: int) -> None:
        count = int(np.prod(tuple(input_desc[0].dims)))
        places = [(inputs[0], count, cp.float32), (outputs[0], count, cp.float32), (outputs[1], 1, cp.int64)]
        held = [(cp.cuda.UnownedMemory(p, n * np.dtype(t).itemsize, self), n, t) for p, n, t in places]
        x, y, size = (cp.ndarray(n, t, cp.cuda.MemoryPointer(m, 0)) for m, n, t in held)
        with cp.cuda.ExternalStream(stream):
            found = x[x > 0]
            y[: found.size] = found
            size.fill(found.size)


class PositivesCreator(kernels.ShrinkCreator):
    def __init__(self) -> None:
        super().__init__()
        self.name, self.plugin_namespace = "Positives", "gpu"

    def create_plugin(self, name: str, fields: Any, phase: Any) -> Positives:
        return Positives()


def test_an_output_whose_size_the_plugin_writes() -> None:
    def add(net: Any, x: Any) -> Any:
        found = net.add_plugin_v3([x], [], Positives()).get_output(0)
        return net.add_elementwise(found, found, trt.ElementWiseOperation.SUM)

    context = built(add).create_execution_context()
    for seed in range(4):
        x = np.random.default_rng(seed).normal(size=(1 + seed % 3, 100)).astype(np.float32)
        close(context.run({"x": x})["y"], 2 * x[x > 0])


def test_quick_plugins_with_an_impl(monkeypatch: pytest.MonkeyPatch) -> None:
    @trtp.register("gpu::turn")
    def turn_desc(inp: trtp.TensorDesc, by: int) -> trtp.TensorDesc:
        return inp.like()

    @trtp.impl("gpu::turn")
    def turn(inp: trtp.Tensor, by: int, outputs: Any, stream: int) -> None:
        with cp.cuda.ExternalStream(stream):
            x, y = cp.asarray(inp), cp.from_dlpack(outputs[0])
            y[by:] = x[:-by]
            y[:by] = x[-by:]

    @trtp.register("gpu::increase")
    def increase_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.aliased()

    @trtp.impl("gpu::increase")
    def increase(inp: trtp.Tensor, outputs: Any, stream: int) -> None:
        assert outputs[0].data_ptr == inp.data_ptr
        with cp.cuda.ExternalStream(stream):
            x = cp.asarray(inp)
            x += 1

    def add(net: Any, x: Any) -> Any:
        turned = net.add_plugin(trtp.op.gpu.turn(x, by=3)).get_output(0)
        return net.add_plugin(trtp.op.gpu.increase(turned))

    bound = Bound(built(add))
    for seed in range(3):
        x = bound.fill(seed)
        close(bound.run(), np.roll(x, 3, 0) + 1)


def test_addresses_are_those_of_the_caller() -> None:
    """No copies: what a plugin at both ends gets is the memory that the context was given."""
    heard: list[int] = []

    @trtp.register("gpu::look")
    def look_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.like()

    @trtp.impl("gpu::look")
    def look(inp: trtp.Tensor, outputs: Any, stream: int) -> None:
        heard[:] = [inp.data_ptr, outputs[0].data_ptr, stream]
        cp.cuda.runtime.memcpyAsync(outputs[0].data_ptr, inp.data_ptr, 4 * inp.numel(), 3, stream)

    bound = Bound(built(lambda net, x: net.add_plugin(trtp.op.gpu.look(x))))
    x = bound.fill(1)
    close(bound.run(), x)
    assert heard == [bound.x.data.ptr, bound.y.data.ptr, bound.stream.ptr]
