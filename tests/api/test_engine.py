"""From a network to results: building, engines, contexts, on the CPU target."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.api.nets import Keeper, same
from tests.api.small_engine import RNG, plan, wanted

pytestmark = pytest.mark.usefixtures("cpu")


def test_engine_tells_its_tensors(engine: Any) -> None:
    assert [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)] == ["x", "y"] == list(engine)
    assert engine.get_tensor_mode("x") == trt.TensorIOMode.INPUT
    assert engine.get_tensor_mode("y") == trt.TensorIOMode.OUTPUT
    assert engine.get_tensor_mode("z") == trt.TensorIOMode.NONE
    assert engine.get_tensor_dtype("y") == trt.float32
    assert engine.get_tensor_shape("x") == (-1, 4)
    assert engine.get_tensor_shape("y") == (-1, 5)
    assert engine.get_tensor_profile_shape("x", 0) == [(1, 4), (4, 4), (8, 4)]
    assert engine.get_tensor_location("x") == trt.TensorLocation.DEVICE
    assert engine.get_tensor_bytes_per_component("x") == 4
    assert engine.num_optimization_profiles == 1
    assert not hasattr(engine, "num_bindings")
    assert not hasattr(engine, "__len__")
    with pytest.raises(IndexError):
        engine[2]


def test_run_by_names_at_several_shapes(engine: Any) -> None:
    context = engine.create_execution_context()
    assert context.infer_shapes() == ["x"]
    assert context.get_max_output_size("y") == 8 * 5 * 4
    assert context.get_tensor_shape("y") == (-1, 5)
    for rows in (3, 8, 1, 3):
        x = RNG.normal(size=(rows, 4)).astype(np.float32)
        y = np.empty((rows, 5), np.float32)
        assert context.set_input_shape("x", x.shape)
        assert context.get_tensor_shape("y") == (rows, 5)
        assert context.infer_shapes() == []
        assert context.set_tensor_address("x", x.ctypes.data)
        assert context.set_tensor_address("y", y.ctypes.data)
        assert context.execute_async_v3(0)
        same(y, wanted(x))
        y[:] = 0
        assert context.execute_v2([x.ctypes.data, y.ctypes.data])
        same(y, wanted(x))


def test_arrays_are_taken_where_addresses_are(engine: Any) -> None:
    context = engine.create_execution_context()
    x, y = RNG.normal(size=(2, 4)).astype(np.float32), np.empty((2, 5), np.float32)

    class ByInterface:
        __array_interface__ = x.__array_interface__

    class ByDlpack:
        def __dlpack__(self) -> object:
            return x.__dlpack__()

    context.set_input_shape("x", [2, 4])
    for array in (x, ByInterface(), ByDlpack(), ctypes.c_void_p(x.ctypes.data), np.int64(x.ctypes.data)):
        y[:] = 0
        assert context.set_tensor_address("x", array)
        assert context.set_tensor_address("y", y)
        assert context.get_tensor_address("x") == x.ctypes.data
        assert context.execute_async_v3(0)
        same(y, wanted(x))
    assert context.set_tensor_address("x", np.zeros((4, 2), np.float32).T) is False


def test_run_in_one_call(engine: Any) -> None:
    x = RNG.normal(size=(6, 4)).astype(np.float32)
    same(engine.create_execution_context().run({"x": x})["y"], wanted(x))


def test_mistakes_are_logged_and_answered_by_false(engine: Any, logger: Keeper) -> None:
    context = engine.create_execution_context()
    assert context.set_input_shape("x", (9, 4)) is False
    assert context.set_input_shape("x", (2, 3)) is False
    assert context.set_input_shape("nope", (2, 3)) is False
    assert context.execute_async_v3(0) is False
    assert len(logger.errors) == 4
    assert "nope" in logger.errors[2]
    assert "call set_input_shape" in logger.errors[3]
    with pytest.raises(RuntimeError):
        context.set_optimization_profile_async(3, 0)


@pytest.mark.parametrize("data", [b"", b"junk", b"x" * 5000])
def test_foreign_bytes_give_none(data: bytes, logger: Keeper) -> None:
    assert trt.Runtime(logger).deserialize_cuda_engine(data) is None
    assert len(logger.errors) == 1
    with pytest.raises(TypeError):
        trt.Runtime(logger).deserialize_cuda_engine("path")


def test_every_kind_of_buffer_and_stream(logger: Keeper) -> None:
    memory = plan(logger)
    data = bytes(memory)
    runtime = trt.Runtime(logger)

    class Reader(trt.IStreamReader):  # type: ignore[misc]
        at = 0

        def read(self, size: int) -> bytes:  # type: ignore[override]
            self.at += size
            return data[self.at - size : self.at]

    class ReaderV2(trt.IStreamReaderV2):  # type: ignore[misc]
        at = 0

        def read(self, num_bytes: int, stream: int) -> bytes:  # type: ignore[override]
            self.at += num_bytes
            return data[self.at - num_bytes : self.at]

        def seek(self, offset: int, where: Any) -> bool:
            self.at = offset
            return bool(where == trt.SeekPosition.SET)

    for source in (memory, data, bytearray(data), memoryview(data), Reader(), ReaderV2()):
        engine = runtime.deserialize_cuda_engine(source)
        assert engine is not None
        assert bytes(engine.serialize()) == data


def test_builds_repeat_byte_for_byte(logger: Keeper) -> None:
    assert bytes(plan(logger)) == bytes(plan(logger))


def test_stream_writer_gets_all(logger: Keeper) -> None:
    builder = trt.Builder(logger)
    net = builder.create_network()
    net.mark_output(net.add_identity(net.add_input("x", trt.float32, (2,))).get_output(0))

    class Writer(trt.IStreamWriter):  # type: ignore[misc]
        data = b""

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += data
            return len(data)

    writer = Writer()
    assert builder.build_serialized_network_to_stream(net, builder.create_builder_config(), writer)
    assert trt.Runtime(logger).deserialize_cuda_engine(writer.data) is not None


def test_the_classic_script(logger: Keeper) -> None:
    with trt.Builder(logger) as builder, builder.create_network() as net:
        builder.max_workspace_size = 1 << 30
        x = net.add_input("x", trt.float32, (2,))
        net.mark_output(net.add_unary(x, trt.UnaryOperation.NEG).get_output(0))
        engine = builder.build_cuda_engine(net)
    with engine, engine.create_execution_context() as context:
        x = np.array([1, 2], np.float32)
        out = np.empty_like(x)
        assert context.execute_v2([x.ctypes.data, out.ctypes.data])
    assert out.tolist() == [-1, -2]


def test_a_monitor_hears_phases_and_may_cancel(logger: Keeper) -> None:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self, go: bool) -> None:
            trt.IProgressMonitor.__init__(self)
            self.go, self.events = go, []  # type: ignore[var-annotated]
            self.phases: list[tuple[str, int]] = []

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self.events.append(("start", phase_name))
            self.phases.append((phase_name, num_steps))
            assert (parent_phase is None) == (len(self.phases) == 1)
            assert parent_phase in (None, self.phases[0][0])

        def step_complete(self, phase_name: str, step: int) -> bool:
            self.events.append(("step", phase_name))
            return self.go

        def phase_finish(self, phase_name: str) -> None:
            self.events.append(("finish", phase_name))

    builder = trt.Builder(logger)
    net = builder.create_network()
    net.mark_output(net.add_identity(net.add_input("x", trt.float32, (2,))).get_output(0))
    for go in (True, False):
        config = builder.create_builder_config()
        config.progress_monitor = Monitor(go)
        made = builder.build_serialized_network(net, config)
        events = config.progress_monitor.events
        assert (made is not None) == go
        started, finished = ([n for k, n in events if k == kind] for kind in ("start", "finish"))
        assert finished == [*started[1:], started[0]]
        steps = [phase for kind, phase in events if kind == "step"]
        if go:
            assert [steps.count(phase) for phase, _ in config.progress_monitor.phases] == [
                count for _, count in config.progress_monitor.phases
            ]
        else:
            assert len(steps) == 1


def test_dynamic_inputs_without_a_profile_are_warned_of(logger: Keeper) -> None:
    builder = trt.Builder(logger)
    net, config = builder.create_network(), builder.create_builder_config()
    x, y = net.add_input("x", trt.float32, (-1, 2)), net.add_input("fixed", trt.float32, (1, 2))
    net.mark_output(net.add_elementwise(x, y, trt.ElementWiseOperation.SUM).get_output(0))
    assert builder.build_serialized_network(net, config) is not None
    warnings = [text for severity, text in logger.messages if severity == trt.Logger.WARNING]
    assert len(warnings) == 1 and "'x'" in warnings[0] and "'fixed'" not in warnings[0]
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 2), (2, 2), (3, 2))
    config.add_optimization_profile(profile)
    logger.messages.clear()
    assert builder.build_serialized_network(net, config) is not None
    assert not [text for severity, text in logger.messages if severity == trt.Logger.WARNING]


def test_an_output_allocator_gets_data_dependent_outputs(logger: Keeper) -> None:
    builder = trt.Builder(logger)
    net = builder.create_network()
    net.mark_output(net.add_non_zero(net.add_input("x", trt.float32, (6,))).get_output(0))
    name = net.get_output(0).name
    engine = trt.Runtime(logger).deserialize_cuda_engine(
        builder.build_serialized_network(net, builder.create_builder_config())
    )

    class Allocator(trt.IOutputAllocator):  # type: ignore[misc]
        memory = np.empty(0, np.uint8)
        shape: tuple[int, ...] = ()

        def reallocate_output(self, tensor_name: str, memory: int, size: int, alignment: int) -> int:
            self.memory = np.empty(size, np.uint8)
            return int(self.memory.ctypes.data)

        def notify_shape(self, tensor_name: str, shape: Any) -> None:
            self.shape = tuple(shape)

    context, allocator = engine.create_execution_context(), Allocator()
    x = np.array([0, 3, 0, 0, 1, 2], np.float32)
    context.set_tensor_address("x", x)
    assert context.set_output_allocator(name, allocator)
    assert context.execute_async_v3(0)
    assert allocator.shape == (1, 3)
    assert allocator.memory.view(np.int32).tolist() == [1, 4, 5]
    most = np.full(6, -1, np.int32)
    assert context.get_max_output_size(name) == most.nbytes
    assert context.set_output_allocator(name, None)
    context.set_tensor_address(name, most)
    assert context.execute_async_v3(0)
    assert most.tolist() == [1, 4, 5, -1, -1, -1]


def test_a_context_refuses_two_threads_at_once(engine: Any, logger: Keeper) -> None:
    context = engine.create_execution_context()
    x = np.ones((1, 4), np.float32)
    context.set_input_shape("x", x.shape)
    context.set_tensor_address("x", x)
    context.set_tensor_address("y", np.empty((1, 5), np.float32))
    results: list[bool] = []
    with context._state.lock:
        thread = threading.Thread(target=lambda: results.append(context.execute_async_v3(0)))
        thread.start()
        thread.join()
    assert results == [False]
    assert "another thread" in logger.errors[-1]
    assert context.execute_async_v3(0)


def test_an_incomplete_network_is_not_built(logger: Keeper) -> None:
    builder = trt.Builder(logger)
    net = builder.create_network()
    config = builder.create_builder_config()
    assert builder.build_serialized_network(net, config) is None
    x = net.add_input("x", trt.float32, (2, 3))
    y = net.add_input("y", trt.float32, (4, 5))
    layer = net.add_elementwise(x, y, trt.ElementWiseOperation.SUM)
    layer.name = "sum"
    net.mark_output(layer.get_output(0))
    assert builder.is_network_supported(net, config) is False
    assert builder.build_serialized_network(net, config) is None
    assert "no output" in logger.errors[0] or "output" in logger.errors[0]
    assert "sum" in logger.errors[-1]
