"""Those who watch an engine: inspector, profiler, listener, and givers of memory."""

from __future__ import annotations

import ctypes
import gc
import json
from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.api.nets import Keeper, same
from tests.api.small_engine import RNG, plan, wanted

pytestmark = pytest.mark.usefixtures("cpu")


def test_inspector_tells_names_or_details(logger: Keeper) -> None:
    for verbosity in ("LAYER_NAMES_ONLY", "DETAILED", "NONE"):
        builder = trt.Builder(logger)
        net = builder.create_network()
        layer = net.add_softmax(net.add_input("x", trt.float32, (2, 3, 4)))
        layer.name = "soft"
        net.mark_output(layer.get_output(0))
        config = builder.create_builder_config()
        config.profiling_verbosity = getattr(trt.ProfilingVerbosity, verbosity)
        data = builder.build_serialized_network(net, config)
        engine = trt.Runtime(logger).deserialize_cuda_engine(data)
        assert engine.profiling_verbosity.name == verbosity
        inspector = engine.create_engine_inspector()
        whole = json.loads(inspector.get_engine_information(trt.LayerInformationFormat.JSON))
        assert whole["Bindings"] == ["x", "soft_output"]
        if verbosity == "NONE":
            assert whole["Layers"] == []
            continue
        line = inspector.get_layer_information(0, trt.LayerInformationFormat.ONELINE)
        assert "soft" in line
        if verbosity == "DETAILED":
            assert whole["Layers"][0]["Inputs"][0]["Dimensions"] == [2, 3, 4]
            assert whole["Layers"][0]["TacticName"]
        else:
            assert whole["Layers"][0] == line
        assert inspector.get_layer_information(99, trt.LayerInformationFormat.ONELINE) is None


def test_a_profiler_hears_each_layer(engine: Any) -> None:
    class Times(trt.IProfiler):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProfiler.__init__(self)
            self.rows: list[tuple[str, float]] = []

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            self.rows.append((layer_name, ms))

    context, times = engine.create_execution_context(), Times()
    x = RNG.normal(size=(6, 4)).astype(np.float32)
    assert context.report_to_profiler() is False
    context.profiler = times
    assert context.profiler is times
    y = np.empty((6, 5), np.float32)
    context.set_input_shape("x", x.shape)
    assert context.execute_v2([x.ctypes.data, y.ctypes.data])
    same(y, wanted(x))
    assert len(times.rows) == engine.num_layers
    assert all(name and ms >= 0 for name, ms in times.rows)
    times.rows.clear()
    context.enqueue_emits_profile = False
    assert context.execute_v2([x.ctypes.data, y.ctypes.data])
    assert not times.rows
    assert context.report_to_profiler()
    assert times.rows


def test_a_listener_sees_debug_tensors(logger: Keeper) -> None:
    builder = trt.Builder(logger)
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (-1, 4))
    inner = net.add_unary(x, trt.UnaryOperation.ABS).get_output(0)
    inner.name = "inner"
    out = net.add_unary(inner, trt.UnaryOperation.SQRT).get_output(0)
    out.name = "y"
    net.mark_output(out)
    assert net.mark_debug(inner)
    assert net.is_debug_tensor(inner)
    engine = builder.build_engine_with_config(net, builder.create_builder_config())
    assert list(engine) == ["x", "y"]
    assert engine.is_debug_tensor("inner")

    class Listener(trt.IDebugListener):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IDebugListener.__init__(self)
            self.seen: list[tuple[str, Any]] = []

        def process_debug_tensor(self, addr: int, location: Any, type: Any, shape: Any, name: str, stream: int) -> bool:
            count = int(np.prod(tuple(shape)))
            raw = (ctypes.c_float * count).from_address(addr)
            self.seen.append((name, np.array(raw).reshape(tuple(shape))))
            return True

    context, listener = engine.create_execution_context(), Listener()
    a = RNG.normal(size=(3, 4)).astype(np.float32)
    assert context.set_debug_listener(listener)
    same(context.run({"x": a})["y"], np.sqrt(abs(a)))
    assert not listener.seen
    assert context.set_tensor_debug_state("inner", True)
    assert not context.set_tensor_debug_state("y", True)
    same(context.run({"x": a})["y"], np.sqrt(abs(a)))
    assert [name for name, _ in listener.seen] == ["inner"]
    same(listener.seen[0][1], abs(a))
    assert context.set_all_tensors_debug_state(False)
    assert not context.get_debug_state("inner")


def test_scratch_memory_of_the_caller(logger: Keeper) -> None:
    builder = trt.Builder(logger)
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (64, 64))
    for _ in range(3):
        product = net.add_matrix_multiply(x, trt.MatrixOperation.NONE, x, trt.MatrixOperation.NONE)
        x = net.add_softmax(product.get_output(0)).get_output(0)
    x.name = "y"
    net.mark_output(x)
    engine = builder.build_engine_with_config(net, builder.create_builder_config())
    a = RNG.normal(size=(64, 64)).astype(np.float32)
    expected = engine.create_execution_context().run({"x": a})["y"]
    context = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
    size = engine.device_memory_size_v2
    assert size > 0
    y = np.empty((64, 64), np.float32)
    assert context.execute_v2([a.ctypes.data, y.ctypes.data]) is False
    assert "set_device_memory" in logger.errors[-1]
    memory = np.zeros(size + 256, np.uint8)
    address = memory.ctypes.data + -memory.ctypes.data % 256
    context.set_device_memory(address, size - 1)
    assert "fewer" in logger.errors[-1]
    context.set_device_memory(address, size)
    assert context.execute_v2([a.ctypes.data, y.ctypes.data])
    same(y, expected)
    assert memory.any()


@pytest.mark.parametrize("base", [trt.IGpuAllocator, trt.IGpuAsyncAllocator])
def test_an_allocator_gives_all_memory(base: Any, logger: Keeper) -> None:
    class Allocator(base):  # type: ignore[misc]
        def __init__(self) -> None:
            base.__init__(self)
            self.held: dict[int, Any] = {}
            self.given, self.broken = 0, False

        def allocate(self, size: int, alignment: int, flags: int) -> int | None:
            if self.broken:
                return None
            block = np.empty(size + alignment, np.uint8)
            address = int(block.ctypes.data) + -int(block.ctypes.data) % alignment
            self.held[address] = block
            self.given += 1
            return address

        def allocate_async(self, size: int, alignment: int, stream: int, flags: int) -> int | None:
            return self.allocate(size, alignment, flags)

        def deallocate(self, memory: int) -> bool:
            return self.held.pop(memory, None) is not None

        def deallocate_async(self, memory: int, stream: int) -> bool:
            return self.deallocate(memory)

    runtime, allocator, data = trt.Runtime(logger), Allocator(), plan(logger)
    runtime.gpu_allocator = allocator
    with pytest.raises(AttributeError):
        getattr(runtime, "gpu_allocator")  # noqa: B009
    engine = runtime.deserialize_cuda_engine(data)
    context = engine.create_execution_context()
    x = RNG.normal(size=(6, 4)).astype(np.float32)
    same(context.run({"x": x})["y"], wanted(x))
    assert allocator.given >= 1
    assert allocator.held
    del context, engine
    gc.collect()
    assert not allocator.held
    allocator.broken = True
    assert runtime.deserialize_cuda_engine(data) is None
    assert "gave no memory" in logger.errors[-1]
