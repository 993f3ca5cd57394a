"""How engines, contexts and memory behave where names alone do not say it, in every dialect."""

from __future__ import annotations

import io
import threading
import warnings
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt import v7, v8, v11
from tests.api.nets import same

ALL = (v7, v8, trt, v11)
pytestmark = [pytest.mark.usefixtures("cpu"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
F = np.float32


def engine_of(module: Any, profiles: int = 1) -> Any:
    """Return an engine of -x for x of 1 to 4 rows of two, and 5 to 8 in the second profile."""
    builder = module.Builder(module.Logger(module.Logger.INTERNAL_ERROR))
    old = module in (v7, v8)
    net = builder.create_network(1 << int(module.NetworkDefinitionCreationFlag.EXPLICIT_BATCH) if old else 0)
    x = net.add_input("x", module.float32, (-1, 2))
    y = net.add_unary(x, module.UnaryOperation.NEG).get_output(0)
    y.name = "y"
    net.mark_output(y)
    config = builder.create_builder_config()
    for low in (1, 5)[:profiles]:
        profile = builder.create_optimization_profile()
        profile.set_shape("x", (low, 2), (low + 1, 2), (low + 3, 2))
        config.add_optimization_profile(profile)
    return builder.build_engine(net, config) if old else builder.build_engine_with_config(net, config)


@pytest.mark.parametrize("module", ALL)
def test_engines_as_containers(module: Any) -> None:
    engine = engine_of(module)
    assert (engine[0], engine[1], list(engine)) == ("x", "y", ["x", "y"])
    with pytest.raises(IndexError):
        engine[2]
    if module in (v7, v8):
        assert (len(engine), engine["y"], engine.num_bindings) == (2, 1, 2)
    else:
        with pytest.raises(TypeError):
            len(engine)
        with pytest.raises(TypeError):
            engine["y"]
        assert not hasattr(engine, "num_bindings")
        assert "num_bindings" not in dir(engine)


@pytest.mark.parametrize("module", ALL)
def test_bytes_of_an_engine(module: Any) -> None:
    memory = engine_of(module).serialize()
    assert isinstance(memory, module.IHostMemory if module is trt else trt.IHostMemory)
    raw = bytes(memory)
    sink = io.BytesIO()
    sink.write(memory)
    assert raw == sink.getvalue() == bytes(memoryview(memory)) == np.frombuffer(memory, np.uint8).tobytes()  # type: ignore[arg-type]
    assert (memory.nbytes, memory.dtype) == (len(raw), module.int8)
    assert memoryview(memory).itemsize == 1
    assert not memoryview(memory).readonly
    for refused in (len, iter, lambda m: m[0]):
        with pytest.raises(TypeError):
            refused(memory)
    runtime = module.Runtime(module.Logger())
    for given in (raw, bytearray(raw), memoryview(raw), memory):
        assert runtime.deserialize_cuda_engine(given).name == "Unnamed Network 0"
    with pytest.raises(TypeError):
        runtime.deserialize_cuda_engine("engine.plan")


@pytest.mark.parametrize("module", [v8, trt, v11])
def test_what_engines_say_of_names_and_profiles_that_are_not_there(module: Any) -> None:
    engine = engine_of(module, 2)
    assert engine.get_tensor_dtype("nothing") == module.float32
    assert engine.get_tensor_format("nothing") == module.TensorFormat.LINEAR
    assert engine.get_tensor_format_desc("nothing") == ""
    assert engine.get_tensor_location("nothing") == module.TensorLocation.DEVICE
    assert engine.get_tensor_bytes_per_component("nothing") == engine.get_tensor_vectorized_dim("nothing") == -1
    assert not engine.get_tensor_profile_shape("x", 2) and not engine.get_tensor_profile_shape("x", -1)
    if module is v8:
        assert engine.get_profile_shape(0, "y") == [(-1, 2)] * 3
    else:
        assert not engine.get_tensor_profile_values(2, "x")
        assert engine.get_device_memory_size_for_profile_v2(2) == 0


@pytest.mark.parametrize("module", [v8, trt, v11])
def test_shapes_by_name(module: Any) -> None:
    engine = engine_of(module, 2)
    assert engine.get_tensor_profile_shape("x", 1) == [(5, 2), (6, 2), (8, 2)]
    assert (engine.get_tensor_mode("x"), engine.get_tensor_mode("z")) == (
        module.TensorIOMode.INPUT,
        module.TensorIOMode.NONE,
    )
    assert engine.get_tensor_dtype("y") == module.float32
    assert engine.get_tensor_location("x") == module.TensorLocation.DEVICE
    context = engine.create_execution_context()
    assert (context.infer_shapes(), context.all_binding_shapes_specified) == (["x"], False)
    assert context.get_tensor_shape("y") == (-1, 2)
    for shape in ((3, 2), [2, 2], module.Dims((4, 2))):
        assert context.set_input_shape("x", shape) is True
        assert context.get_tensor_shape("y") == tuple(shape)
    assert context.infer_shapes() == []
    for wrong in ((9, 2), (3,), (3, 3)):
        assert context.set_input_shape("x", wrong) is False
    assert context.set_input_shape("nothing", (3, 2)) is False
    with pytest.raises(TypeError):
        context.set_input_shape("x", 3)
    assert context.set_optimization_profile_async(1, 0) is True
    assert context.active_optimization_profile == 1
    assert context.set_input_shape("x", (8, 2)) is True
    with pytest.raises(RuntimeError):
        context.set_optimization_profile_async(2, 0)
    if module is v8:
        context.active_optimization_profile = 0
        assert context.active_optimization_profile == 0
    else:
        with pytest.raises(AttributeError):
            context.active_optimization_profile = 0


@pytest.mark.parametrize("module", [trt, v11])
def test_shapes_that_contradict_each_other_are_runtime_errors(module: Any) -> None:
    builder = module.Builder(module.Logger(module.Logger.INTERNAL_ERROR))
    net = builder.create_network()
    a, b = (net.add_input(name, module.float32, (-1,)) for name in "ab")
    a.set_dimension_name(0, "n")
    b.set_dimension_name(0, "n")
    y = net.add_elementwise(a, b, module.ElementWiseOperation.SUM).get_output(0)
    net.mark_output(y)
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    for name in "ab":
        profile.set_shape(name, (1,), (2,), (4,))
    config.add_optimization_profile(profile)
    context = builder.build_engine_with_config(net, config).create_execution_context()
    assert context.set_input_shape("a", (2,))
    assert context.set_input_shape("b", (3,))
    with pytest.raises(RuntimeError):
        context.infer_shapes()


@pytest.mark.parametrize("module", ALL)
def test_ways_to_run(module: Any) -> None:
    engine = engine_of(module)
    context = engine.create_execution_context()
    x, y = np.arange(6, dtype=F).reshape(3, 2), np.zeros((3, 2), F)
    places = [x.ctypes.data, y.ctypes.data]
    if module is v7:
        assert context.set_binding_shape(0, (3, 2))
        assert context.get_binding_shape(1) == (3, 2)
        assert context.get_strides(0) == (2, 1)
    else:
        assert context.set_input_shape("x", (3, 2))
    assert context.execute_v2(places) is True
    same(y, -x)
    if module in (v7, v8):
        y[:] = 0
        assert context.execute_async_v2(bindings=places, stream_handle=0) is True
        same(y, -x)
    if module is not v7:
        y[:] = 0
        for name, place in zip("xy", places, strict=True):
            assert context.set_tensor_address(name, place) is True
        assert context.get_tensor_address("x") == places[0]
        assert context.execute_async_v3(0) is True
        same(y, -x)
        assert context.set_tensor_address("nothing", 0) is False
    assert context.execute_v2(places[:1]) is False
    assert context.engine is engine


def test_addresses_that_are_none() -> None:
    """Memory at 0 would end the process; a tensor without elements needs none."""
    context = engine_of(trt).create_execution_context()
    context.set_input_shape("x", (2, 2))
    assert not context.execute_v2([0, 0])
    for wrong in (-1, 1 << 64, 1.5, None, "0x10"):
        with pytest.raises(TypeError):
            context.set_tensor_address("x", wrong)
        with pytest.raises(TypeError):
            context.execute_v2([wrong, 16])
    held, out = np.ones((2, 2), F), np.zeros((2, 2), F)
    assert context.execute_v2([held, out]) and (out == -1).all()
    for name in "xy":
        assert context.set_tensor_address(name, 0)
    assert not context.execute_async_v3(0)


@pytest.mark.parametrize("module", [v7, v8])
def test_bindings_of_profiles_by_number(module: Any) -> None:
    engine = engine_of(module, 2)
    assert (engine.num_bindings, len(engine)) == (4, 4)
    assert [engine.get_binding_name(i) for i in range(4)] == ["x", "y", "x [profile 1]", "y [profile 1]"]
    assert [engine.binding_is_input(i) for i in range(4)] == [True, False, True, False]
    assert (engine.get_binding_index("y [profile 1]"), engine.get_binding_index("z")) == (3, -1)
    assert engine.get_profile_shape(1, 2) == [(5, 2), (6, 2), (8, 2)]
    assert engine.get_profile_shape(profile_index=0, binding="x") == [(1, 2), (2, 2), (4, 2)]
    assert engine.get_location(0) == engine.get_location("y") == module.TensorLocation.DEVICE
    assert (engine.is_shape_binding(0), engine.is_execution_binding(0)) == (False, True)
    context = engine.create_execution_context()
    context.active_optimization_profile = 1
    assert context.set_binding_shape(2, (7, 2)) is True
    x, y = np.ones((7, 2), F), np.zeros((7, 2), F)
    assert context.execute_v2([0, 0, x.ctypes.data, y.ctypes.data]) is True
    same(y, -x)


@pytest.mark.parametrize("module", [trt, v11])
def test_contexts_by_strategy_and_config(module: Any) -> None:
    engine = engine_of(module)
    strategy = module.ExecutionContextAllocationStrategy
    for kind in strategy.__members__.values():
        context = engine.create_execution_context(kind)
        assert context.get_runtime_config().get_execution_context_allocation_strategy() == kind
    config = engine.create_runtime_config()
    assert config.get_execution_context_allocation_strategy() == strategy.STATIC
    config.set_execution_context_allocation_strategy(strategy.ON_PROFILE_CHANGE)
    made = engine.create_execution_context(runtime_config=config)
    assert made.get_runtime_config().get_execution_context_allocation_strategy() == strategy.ON_PROFILE_CHANGE
    with pytest.raises(AttributeError):
        made.device_memory  # noqa: B018


@pytest.mark.parametrize("module", ALL)
def test_engines_and_contexts_in_with_statements(module: Any) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with engine_of(module) as engine, engine.create_execution_context() as context, engine.serialize() as memory:
            assert memory.nbytes > 0
        assert context.name == ""
    assert engine[0] == "x"
    assert sum("Context managers" in str(w.message) for w in heard) == (0 if module is v7 else 3)


def test_two_contexts_in_two_threads() -> None:
    engine = engine_of(trt)
    wrong: list[int] = []

    def work(seed: int) -> None:
        context = engine.create_execution_context()
        x = np.random.default_rng(seed).normal(size=(4, 2)).astype(F)
        wrong.extend(i for i in range(50) if not np.array_equal(context.run({"x": x})["y"], -x))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
