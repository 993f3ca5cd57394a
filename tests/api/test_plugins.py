"""Plugins written in Python, on the CPU target: addresses are host addresses."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.api.nets import Keeper, same

Core: Any = trt.IPluginV3OneCore
Build: Any = trt.IPluginV3OneBuild
Run: Any = trt.IPluginV3OneRuntime
X = np.random.default_rng(9).normal(size=(3, 4)).astype(np.float32)


def at(address: int, desc: Any) -> Any:
    """Return a host address as an array of what a description says."""
    dtype = np.dtype(trt.nptype(desc.type))
    size = int(np.prod(tuple(desc.dims)))
    raw = (ctypes.c_uint8 * (size * dtype.itemsize)).from_address(address)
    return np.frombuffer(raw, dtype).reshape(tuple(desc.dims))


class Pad(trt.IPluginV3, Core, Build, Run):  # type: ignore[misc]
    """Appends `count` columns of a value."""

    def __init__(self, count: int, value: float) -> None:
        trt.IPluginV3.__init__(self)
        trt.IPluginV3OneCore.__init__(self)
        trt.IPluginV3OneBuild.__init__(self)
        trt.IPluginV3OneRuntime.__init__(self)
        self.count, self.value = count, value
        self.num_outputs = 1
        self.plugin_name, self.plugin_version, self.plugin_namespace = "Pad", "1", "test"

    def get_capability_interface(self, type: Any) -> Any:
        return self

    def get_output_data_types(self, input_types: Any) -> Any:
        return [input_types[0]]

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, builder: Any) -> Any:
        out = trt.DimsExprs(2)
        out[0] = inputs[0][0]
        out[1] = builder.operation(trt.DimensionOperation.SUM, inputs[0][1], builder.constant(self.count))
        return [out]

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        return bool(in_out[pos].desc.format == trt.TensorFormat.LINEAR and in_out[pos].desc.type == trt.float32)

    def configure_plugin(self, inp: Any, out: Any) -> None:
        assert len(inp) == len(out) == 1

    def get_fields_to_serialize(self) -> Any:
        return trt.PluginFieldCollection(
            [
                trt.PluginField("count", np.array([self.count], np.int32), trt.PluginFieldType.INT32),
                trt.PluginField("value", np.array([self.value], np.float32), trt.PluginFieldType.FLOAT32),
            ]
        )

    def on_shape_change(self, inp: Any, out: Any) -> None:
        self.columns = inp[0].dims[1]

    def enqueue(
        self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, workspace: int, stream: int
    ) -> None:
        x, y = at(inputs[0], input_desc[0]), at(outputs[0], output_desc[0])
        y[:, : self.columns] = x
        y[:, self.columns :] = self.value


class PadCreator(trt.IPluginCreatorV3One):  # type: ignore[misc]
    def __init__(self) -> None:
        trt.IPluginCreatorV3One.__init__(self)
        self.name, self.plugin_version, self.plugin_namespace = "Pad", "1", "test"
        self.field_names = trt.PluginFieldCollection(
            [trt.PluginField("count", np.array([]), trt.PluginFieldType.INT32)]
        )

    def create_plugin(self, name: str, fields: Any, phase: Any) -> Pad:
        values = {f.name: f.data[0] for f in fields}
        return Pad(int(values["count"]), float(values["value"]))


class Positives(Pad):
    """The positive elements, in order, and how many there are."""

    def __init__(self) -> None:
        super().__init__(0, 0.0)
        self.num_outputs = 2
        self.plugin_name = "Positives"

    def get_output_data_types(self, input_types: Any) -> Any:
        return [input_types[0], trt.int64]

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, builder: Any) -> Any:
        most = builder.operation(trt.DimensionOperation.PROD, inputs[0][0], inputs[0][1])
        out, count = trt.DimsExprs(1), trt.DimsExprs(0)
        out[0] = builder.declare_size_tensor(1, most, most)
        return [out, count]

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        return True

    def configure_plugin(self, inp: Any, out: Any) -> None:
        pass

    def get_fields_to_serialize(self) -> Any:
        return trt.PluginFieldCollection()

    def enqueue(
        self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, workspace: int, stream: int
    ) -> None:
        x = at(inputs[0], input_desc[0])
        found = x[x > 0]
        at(outputs[0], output_desc[0])[: found.size] = found
        at(outputs[1], output_desc[1])[...] = found.size


class PositivesCreator(PadCreator):
    def __init__(self) -> None:
        super().__init__()
        self.name = "Positives"

    def create_plugin(self, name: str, fields: Any, phase: Any) -> Pad:
        assert phase == trt.TensorRTPhase.RUNTIME
        return Positives()


class Twice(trt.IPluginV2DynamicExt):  # type: ignore[misc]
    """Two times the input, by the second generation of interfaces."""

    def __init__(self, factor: float) -> None:
        trt.IPluginV2DynamicExt.__init__(self)
        self.factor = factor
        self.num_outputs = 1
        self.plugin_type, self.plugin_version, self.plugin_namespace = "Twice", "2", ""

    def get_output_datatype(self, index: int, input_types: Any) -> Any:
        return input_types[0]

    def get_output_dimensions(self, output_index: int, inputs: Any, expr_builder: Any) -> Any:
        return inputs[0]

    def serialize(self) -> bytes:
        return np.float32(self.factor).tobytes()

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        return bool(in_out[pos].type == trt.float32)

    def enqueue(
        self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, workspace: int, stream: int
    ) -> None:
        if self.factor < 0:
            raise ValueError("a negative factor")
        at(outputs[0], output_desc[0])[...] = at(inputs[0], input_desc[0]) * self.factor


class TwiceCreator(trt.IPluginCreator):  # type: ignore[misc]
    def __init__(self) -> None:
        trt.IPluginCreator.__init__(self)
        self.name, self.plugin_version, self.field_names = "Twice", "2", trt.PluginFieldCollection()

    def deserialize_plugin(self, name: str, data: bytes) -> Twice:
        return Twice(float(np.frombuffer(data, np.float32)[0]))


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    creators: list[Any] = [PadCreator(), PositivesCreator(), TwiceCreator()]
    for creator in creators:
        assert trt.get_plugin_registry().register_creator(creator, creator.plugin_namespace)
    yield
    for creator in creators:
        assert trt.get_plugin_registry().deregister_creator(creator)


def built(logger: Keeper, add: Any, shape: tuple[int, ...] = (-1, 4), flags: int = 0) -> Any:
    """Return the engine of a network that `add(network, x)` adds one layer to."""
    builder = trt.Builder(logger)
    net = builder.create_network(flags)
    layer = add(net, net.add_input("x", trt.float32, shape))
    for i in range(layer.num_outputs):
        layer.get_output(i).name = f"y{i}"
        net.mark_output(layer.get_output(i))
    data = builder.build_serialized_network(net, builder.create_builder_config())
    return None if data is None else trt.Runtime(logger).deserialize_cuda_engine(data)


def test_a_plugin_of_the_third_generation() -> None:
    net = trt.Builder(Keeper()).create_network()
    layer = net.add_plugin_v3([net.add_input("x", trt.float32, (-1, 4))], [], Pad(2, 7.0))
    assert layer.type == trt.LayerType.PLUGIN_V3
    assert layer.get_output(0).shape == (-1, 6)
    assert isinstance(layer.plugin, Pad)
    engine = built(Keeper(), lambda net, x: net.add_plugin_v3([x], [], Pad(2, 7.0)))
    assert engine.get_tensor_shape("y0") == (-1, 6)
    context = engine.create_execution_context()
    for rows in (3, 1, 3):
        wanted = np.concatenate([X[:rows], np.full((rows, 2), 7, np.float32)], 1)
        same(context.run({"x": X[:rows]})["y0"], wanted)
    y = np.empty((3, 6), np.float32)
    context.set_input_shape("x", X.shape)
    assert context.get_tensor_shape("y0") == (3, 6)
    context.set_tensor_address("x", X)
    context.set_tensor_address("y0", y)
    assert context.execute_async_v3(0)
    same(y[:, :4], X)


def test_a_plugin_whose_output_depends_on_its_data() -> None:
    engine = built(Keeper(), lambda net, x: net.add_plugin_v3([x], [], Positives()))
    got = engine.create_execution_context().run({"x": X})
    same(got["y0"], X[X > 0])
    assert int(got["y1"]) == (X > 0).sum()


def test_a_plugin_of_the_second_generation() -> None:
    engine = built(Keeper(), lambda net, x: net.add_plugin_v2([x], Twice(2.5)))
    same(engine.create_execution_context().run({"x": X})["y0"], 2.5 * X)


def test_the_second_generation_is_initialized_and_terminated(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(Twice, "initialize", lambda self: heard.append("initialize"))
    monkeypatch.setattr(Twice, "terminate", lambda self: heard.append("terminate"))
    context = built(Keeper(), lambda net, x: net.add_plugin_v2([x], Twice(1.5))).create_execution_context()
    for _ in range(2):
        assert context.run({"x": X}) is not None
    assert heard == ["initialize"]
    del context
    assert heard == ["initialize", "terminate"]


def test_the_second_generation_is_configured_for_the_shapes_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[int, ...]] = []
    monkeypatch.setattr(Twice, "configure_plugin", lambda self, inp, out: heard.append(tuple(inp[0].desc.dims)))
    context = built(Keeper(), lambda net, x: net.add_plugin_v2([x], Twice(1.5))).create_execution_context()
    assert set(heard) == {(-1, 4)}
    heard.clear()
    for rows in (3, 3, 2):
        same(context.run({"x": X[:rows]})["y0"], 1.5 * X[:rows])
    assert heard == [(3, 4), (2, 4)]


def test_a_plugin_that_raises_fails_that_call_only(capsys: pytest.CaptureFixture[str]) -> None:
    logger = Keeper()
    engine = built(logger, lambda net, x: net.add_plugin_v2([x], Twice(-1)))
    context = engine.create_execution_context()
    assert context.run({"x": X}) is None
    assert "ValueError: a negative factor" in capsys.readouterr().err
    assert "a negative factor" in logger.errors[-1]
    assert context.run({"x": X}) is None


def test_a_plugin_that_takes_no_such_type_is_refused() -> None:
    logger = Keeper()

    def add(net: Any, x: Any) -> Any:
        return net.add_plugin_v3([net.add_cast(x, trt.int32).get_output(0)], [], Pad(1, 0.0))

    assert built(logger, add) is None
    assert "row-major INT32" in logger.errors[-1]


@pytest.mark.parametrize("kind", ["HALF", "BF16"])
def test_a_plugin_that_takes_float32_gets_it_unless_types_are_strong(kind: str) -> None:
    logger = Keeper()

    def add(net: Any, x: Any) -> Any:
        return net.add_plugin_v3([net.add_cast(x, getattr(trt.DataType, kind)).get_output(0)], [], Pad(1, 0.5))

    engine = built(logger, add)
    assert engine.get_tensor_dtype("y0") == getattr(trt.DataType, kind)
    got = engine.create_execution_context().run({"x": X})["y0"].astype(np.float32)
    np.testing.assert_allclose(got, np.concatenate([X, np.full((3, 1), 0.5, np.float32)], 1), rtol=1e-2)
    strong = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    assert built(logger, add, flags=strong) is None
    assert "row-major" in logger.errors[-1]


def test_the_registry() -> None:
    registry = trt.get_plugin_registry()
    creator = registry.get_creator("Pad", "1", "test")
    assert isinstance(creator, PadCreator)
    assert registry.register_creator(PadCreator(), "test") is False
    assert registry.get_creator("Pad", "9", "test") is None
    assert registry.get_plugin_creator("Pad", "1", "test") is None
    assert isinstance(registry.get_plugin_creator("Twice", "2", ""), TwiceCreator)
    assert len([c for c in registry.all_creators if not type(c).__module__.startswith("minirt")]) == 3
    assert trt.init_libnvinfer_plugins(None, "")
    with pytest.raises(TypeError):
        registry.register_creator("creator", "")  # type: ignore[arg-type]


def test_an_unregistered_creator_is_named() -> None:
    logger = Keeper()
    engine = built(logger, lambda net, x: net.add_plugin_v2([x], Twice(1.5)))
    registry = trt.get_plugin_registry()
    creator = registry.get_creator("Twice", "2", "")
    registry.deregister_creator(creator)
    assert engine.create_execution_context().run({"x": X}) is None
    assert "'Twice'" in logger.errors[-1]
    logger.messages.clear()
    assert trt.Runtime(logger).deserialize_cuda_engine(engine.serialize()) is None
    assert "'Twice'" in logger.errors[-1] and "node" in logger.errors[-1]
    registry.register_creator(creator, "")
    again = trt.Runtime(logger).deserialize_cuda_engine(engine.serialize())
    same(again.create_execution_context().run({"x": X})["y0"], np.float32(1.5) * X)


def test_dims_of_plugins_are_expressions() -> None:
    builder = trt.IExprBuilder()
    seven, two = builder.constant(7), builder.constant(2)
    op = trt.DimensionOperation
    pairs = {"SUM": 9, "PROD": 14, "SUB": 5, "MAX": 7, "MIN": 2, "FLOOR_DIV": 3, "CEIL_DIV": 4, "EQUAL": 0, "LESS": 0}
    for name, wanted in pairs.items():
        assert builder.operation(getattr(op, name), seven, two).get_constant_value() == wanted


class Rotate(Pad):
    """Rolls its rows in place: the output is the input's memory."""

    def __init__(self) -> None:
        super().__init__(0, 0.0)
        self.plugin_name = "Rotate"

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, builder: Any) -> Any:
        return [inputs[0]]

    def enqueue(
        self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, workspace: int, stream: int
    ) -> None:
        assert inputs[0] == outputs[0]
        x = at(inputs[0], input_desc[0])
        x[...] = np.roll(x, 1, 0)


class RotateInPlace(Rotate, trt.IPluginV3OneBuildV2):  # type: ignore[misc]
    def get_aliased_input(self, output_index: int) -> int:  # type: ignore[override]
        return 0


class RotateCreator(PadCreator):
    def __init__(self) -> None:
        super().__init__()
        self.name = "Rotate"

    def create_plugin(self, name: str, fields: Any, phase: Any) -> Pad:
        return RotateInPlace()


def test_an_output_in_the_memory_of_an_input() -> None:
    creator: Any = RotateCreator()
    assert trt.get_plugin_registry().register_creator(creator, "test")
    engine = built(Keeper(), lambda net, x: net.add_plugin_v3([x], [], RotateInPlace()))
    context, given = engine.create_execution_context(), X.copy()
    for _ in range(2):
        same(context.run({"x": given})["y0"], np.roll(X, 1, 0))
    assert (given == X).all()
    assert trt.get_plugin_registry().deregister_creator(creator)


def test_an_output_of_another_type_shares_no_memory() -> None:
    class Wrong(RotateInPlace):
        def get_output_data_types(self, input_types: Any) -> Any:
            return [trt.int32]

        def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
            return True

    logger = Keeper()
    assert built(logger, lambda net, x: net.add_plugin_v3([x], [], Wrong())) is None
    assert "cannot share the memory" in logger.errors[-1]
