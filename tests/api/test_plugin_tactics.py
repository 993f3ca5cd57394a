"""Several ways to run a plugin: tactics are timed, and types are those that it takes."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

import minirt as trt
import minirt.plugin as trtp
from minirt.build.load import Package
from minirt.plan.plan import CallStep
from minirt.plugin import _lib
from tests.api.nets import Keeper

X = np.arange(12, dtype=np.float32).reshape(3, 4)


class Sleeper(trt.IPluginV3, trt.IPluginV3OneCore, trt.IPluginV3OneBuild, trt.IPluginV3OneRuntime):  # type: ignore[misc]
    """a + b, in several ways, each with its milliseconds; None raises. It takes ``types`` of a, b and the sum."""

    ways: ClassVar[dict[int, float | None]] = {}
    types: ClassVar[list[tuple[Any, Any, Any]]] = []
    ran: ClassVar[list[int]] = []
    tactic = 0

    def __init__(self) -> None:
        for kind in (trt.IPluginV3, trt.IPluginV3OneCore, trt.IPluginV3OneBuild, trt.IPluginV3OneRuntime):
            kind.__init__(self)
        self.num_outputs = 1
        self.plugin_name, self.plugin_version, self.plugin_namespace = "Sleeper", "1", "work"

    def get_capability_interface(self, type: Any) -> Any:
        return self

    def get_output_data_types(self, input_types: Any) -> Any:
        return [next((out for a, b, out in self.types if [a, b] == list(input_types)), input_types[0])]

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, builder: Any) -> Any:
        return [inputs[0]]

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        given = [d.desc.type for d in in_out[: pos + 1]]
        return any(given == list(row[: pos + 1]) for row in self.types)

    def configure_plugin(self, inp: Any, out: Any) -> None:
        pass

    def get_valid_tactics(self) -> list[int]:
        return list(self.ways)

    def get_fields_to_serialize(self) -> Any:
        return trt.PluginFieldCollection()

    def set_tactic(self, tactic: int) -> None:
        self.tactic = tactic

    def enqueue(
        self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, workspace: int, stream: int
    ) -> None:
        self.ran.append(self.tactic)
        sleep = self.ways.get(self.tactic, 0)
        if sleep is None:
            raise OSError("asked to")
        time.sleep(sleep / 1e3)
        count = int(np.prod(tuple(input_desc[0].dims)))
        descs = [*input_desc, *output_desc]
        kinds: list[Any] = [np.float16 if d.type == trt.float16 else np.float32 for d in descs]
        held: list[Any] = [
            np.ctypeslib.as_array((ctypes.c_uint8 * (count * np.dtype(k).itemsize)).from_address(p)).view(k)
            for p, k in zip([*inputs, *outputs], kinds, strict=True)
        ]
        held[2][...] = held[0] + held[1]


class SleeperCreator(trt.IPluginCreatorV3One):  # type: ignore[misc]
    def __init__(self) -> None:
        trt.IPluginCreatorV3One.__init__(self)
        self.name, self.plugin_version, self.plugin_namespace = "Sleeper", "1", "work"
        self.field_names = trt.PluginFieldCollection()

    def create_plugin(self, name: str, fields: Any, phase: Any) -> Sleeper:
        return Sleeper()


FLOATS = (trt.float32, trt.float32, trt.float32)
HALVES = (trt.float16, trt.float16, trt.float16)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    monkeypatch.setenv("MINIRT_TUNE", "1")
    creator: Any = SleeperCreator()
    Sleeper.ways, Sleeper.types = {}, [FLOATS]
    Sleeper.ran.clear()
    assert trt.get_plugin_registry().register_creator(creator, "work")
    yield
    trt.get_plugin_registry().deregister_creator(creator)
    _lib.QDP_REGISTRY.clear()


def built(level: int = 3, many: int = 1, logger: Any = None) -> Any:
    """Return an engine's bytes: the sum of an input and itself by the plugin, so many times over."""
    builder = trt.Builder(logger or Keeper())
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (-1, 4))
    for _ in range(many):
        x = net.add_plugin_v3([x, x], [], Sleeper()).get_output(0)
    out = net.add_identity(x).get_output(0)
    out.name = "y"
    net.mark_output(out)
    config = builder.create_builder_config()
    config.builder_optimization_level = level
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 4), (3, 4), (8, 4))
    config.add_optimization_profile(profile)
    return builder.build_serialized_network(net, config)


def tactics_of(data: Any) -> list[int]:
    return [s.tactic for s in Package(bytes(data)).stored_plan("cpu/0").steps if isinstance(s, CallStep)]


def run(data: Any) -> Any:
    return trt.Runtime(Keeper()).deserialize_cuda_engine(data).create_execution_context().run({"x": X})["y"]


def test_the_fastest_tactic_is_taken() -> None:
    Sleeper.ways = {7: 4.0, 3: 0.0, 5: 2.0}
    data = built()
    assert tactics_of(data) == [3]
    assert {7, 3, 5} == set(Sleeper.ran)
    Sleeper.ran.clear()
    np.testing.assert_allclose(run(data), 2 * X)
    assert Sleeper.ran == [3]


def test_equal_plugins_are_timed_once() -> None:
    Sleeper.ways = {7: 4.0, 3: 1.0}
    assert tactics_of(built()) == [3]
    once = len(Sleeper.ran)
    Sleeper.ran.clear()
    assert tactics_of(built(many=3)) == [3, 3, 3]
    assert len(Sleeper.ran) < 2 * once


def test_below_level_three_and_without_timing_the_first_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    Sleeper.ways = {7: 4.0, 3: 0.0}
    assert tactics_of(built(2)) == [7]
    monkeypatch.setenv("MINIRT_TUNE", "0")
    assert tactics_of(built(5)) == [7]
    assert not Sleeper.ran


def test_tactics_that_fail_are_left_out() -> None:
    Sleeper.ways = {1: None, 7: 4.0, 3: 1.0}
    assert tactics_of(built()) == [3]
    Sleeper.ways = {1: None, 2: None}
    logger = Keeper()
    assert built(logger=logger) is None
    assert "asked to" in logger.errors[-1]


def test_tactics_of_quick_plugins() -> None:
    @trtp.register("work::slow")
    def slow_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.like()

    @trtp.autotune("work::slow")
    def slow_tune(inp: trtp.TensorDesc, outputs: Any) -> list[trtp.AutoTuneCombination]:
        half = trtp.AutoTuneCombination("FP16, FP16", "LINEAR", [1])
        return [half, *(trtp.AutoTuneCombination("FP32, FP32", "LINEAR", tactics) for tactics in ([9, 4], [6]))]

    @trtp.impl("work::slow")
    def slow_impl(inp: trtp.Tensor, outputs: Any, stream: int, tactic: int) -> None:
        time.sleep({9: 5e-3, 4: 3e-3, 6: 1e-3}[tactic])
        np.asarray(outputs[0])[...] = np.from_dlpack(inp)  # type: ignore[arg-type]

    builder = trt.Builder(Keeper())
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (3, 4))
    net.mark_output(net.add_plugin(trtp.op.work.slow(x)).get_output(0))
    assert tactics_of(builder.build_serialized_network(net, builder.create_builder_config())) == [6]


def test_types_of_quick_plugins() -> None:
    heard: list[str] = []

    @trtp.register("work::half")
    def half_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.like()

    @trtp.autotune("work::half")
    def half_tune(inp: trtp.TensorDesc, outputs: Any) -> list[trtp.AutoTuneCombination]:
        return [trtp.AutoTuneCombination("FP16, FP16", "LINEAR", [1])]

    @trtp.impl("work::half")
    def half_impl(inp: trtp.Tensor, outputs: Any, stream: int) -> None:
        heard.append(str(inp.dtype))
        np.asarray(outputs[0])[...] = np.from_dlpack(inp)  # type: ignore[arg-type]

    builder = trt.Builder(Keeper())
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (3, 4))
    y = net.add_plugin(trtp.op.work.half(x)).get_output(0)
    y.name = "y"
    net.mark_output(y)
    data = builder.build_serialized_network(net, builder.create_builder_config())
    assert run(data).dtype == np.float32
    np.testing.assert_allclose(run(data), X)
    assert set(heard) == {"DataType.HALF"}


@pytest.mark.parametrize(
    "types",
    [
        [HALVES],
        [(trt.float16, trt.float32, trt.float32)],
        [(trt.float32, trt.float16, trt.float16)],
        [(trt.int32, trt.int32, trt.int32), (trt.float16, trt.float32, trt.float16)],
    ],
)
def test_types_are_those_that_the_plugin_takes(types: Any) -> None:
    Sleeper.types = types
    data = built()
    np.testing.assert_allclose(run(data), 2 * X, rtol=1e-3)
    logger = Keeper()
    Sleeper.types = [(trt.int8, trt.int8, trt.int8)]
    assert built(logger=logger) is None
    assert "row-major" in logger.errors[-1]
