"""Types that single layers are told to compute in, flags that cannot be honoured, and what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt import v7, v8
from minirt.build.build import lower, optimize
from minirt.build.freeze import freeze
from minirt.build.layer_precision import honoured
from minirt.build.options import Options
from minirt.kernels.kernel import Target
from minirt.types.dtype import f16
from tests.api.nets import Keeper, same

RNG = np.random.default_rng(4)
W = RNG.normal(size=(64, 48)).astype(np.float32)
pytestmark = [pytest.mark.usefixtures("cpu"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def _network(builder: Any, module: Any = trt) -> tuple[Any, list[Any]]:
    """Return x @ W, then exp(y / 8), and the two layers."""
    explicit = 1 << int(module.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)
    net = builder.create_network(0 if module is trt else explicit)
    x = net.add_input("x", module.float32, (5, 64))
    none = module.MatrixOperation.NONE
    product = net.add_matrix_multiply(x, none, net.add_constant(W.shape, W).get_output(0), none)
    eighth = net.add_constant((1, 1), np.full((1, 1), 0.125, np.float32)).get_output(0)
    scaled = net.add_elementwise(product.get_output(0), eighth, module.ElementWiseOperation.PROD)
    power = net.add_unary(scaled.get_output(0), module.UnaryOperation.EXP)
    power.get_output(0).name = "y"
    net.mark_output(power.get_output(0))
    product.name, power.name = "product", "power"
    return net, [product, power]


def _run(builder: Any, net: Any, config: Any) -> Any:
    engine = trt.Runtime(Keeper()).deserialize_cuda_engine(builder.build_serialized_network(net, config))
    x = RNG.normal(size=(5, 64)).astype(np.float32)
    return x, engine.create_execution_context().run({"x": x})["y"]


def _halved(x: Any) -> Any:
    """Return what comes out where the product is one of numbers rounded to f16, and is rounded itself."""
    product = (x.astype(np.float16).astype(np.float64) @ W.astype(np.float16).astype(np.float64)).astype(np.float16)
    return np.exp(product.astype(np.float64) / 8)


@pytest.mark.parametrize("flag", ["OBEY_PRECISION_CONSTRAINTS", "PREFER_PRECISION_CONSTRAINTS", "FP16", ""])
def test_a_layer_in_half_precision(flag: str) -> None:
    builder = trt.Builder(Keeper())
    net, (product, _) = _network(builder)
    product.precision = trt.float16
    assert product.precision_is_set
    config = builder.create_builder_config()
    if flag:
        config.set_flag(getattr(trt.BuilderFlag, flag))
    x, y = _run(builder, net, config)
    assert y.dtype == np.float32
    exact = np.exp(x.astype(np.float64) @ W / 8)
    if flag:
        assert np.abs(y / _halved(x) - 1).max() < 1e-3, "rounded once more at most"
        assert np.abs(y / exact - 1).max() > 1e-4
    else:
        same(y, exact, 1e-5)
    assert product.get_output(0).dtype == trt.float32


def test_an_output_type_is_kept() -> None:
    builder = trt.Builder(Keeper())
    net, (product, power) = _network(builder)
    product.precision = trt.float16
    power.set_output_type(0, trt.float16)
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
    x, y = _run(builder, net, config)
    assert y.dtype == np.float16
    assert np.abs(y / _halved(x) - 1).max() < 2e-3
    product.reset_precision()
    config.clear_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
    x, y = _run(builder, net, config)
    assert np.abs(y / np.exp(x.astype(np.float64) @ W / 8) - 1).max() < 6e-4


def test_layers_that_stay_wide_where_narrow_types_are_permitted() -> None:
    """Lowered for a GPU: the layer told to compute in float32 gives float32, the other float16."""
    builder = trt.Builder(Keeper())
    net, _ = _network(builder)
    target = Target("cuda:sm_90a", "cuda", 900)  # type: ignore[arg-type]
    graph = optimize(freeze(net._state))
    found = {}
    for wide in ((), ("product",)):
        lowering = lower(graph, target, Options((target,), permitted=("f16",), wide=wide))
        made = next(v for v in lowering.graph.nodes if v.op.name == "Gemm")
        found[wide] = made.inputs[1].dtype.name
    assert found == {(): "f16", ("product",): "f32"}


def test_strong_types_leave_no_wishes() -> None:
    builder = trt.Builder(Keeper())
    net = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    layer = net.add_unary(net.add_input("x", trt.float32, (5, 64)), trt.UnaryOperation.EXP)
    layer.precision = trt.float16
    layer.get_output(0).name = "y"
    net.mark_output(layer.get_output(0))
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
    x, y = _run(builder, net, config)
    same(y, np.exp(x), 1e-5)


def test_cells_are_as_before_after_a_build() -> None:
    net, (product, _) = _network(trt.Builder(Keeper()))
    product.precision = trt.float16
    before = freeze(net._state).outputs[0].node.inputs[0].dtype
    with honoured(net._state, [f16]):
        inside = freeze(net._state)
    assert freeze(net._state).outputs[0].node.inputs[0].dtype is before
    assert any(v.dtype is f16 for node in inside.nodes for v in node.outputs)
    assert not any(v.dtype is f16 for node in freeze(net._state).nodes for v in node.outputs)


UNHONOURED = ["SPARSE_WEIGHTS", "DIRECT_IO", "SAFETY_SCOPE", "DISTRIBUTIVE_INDEPENDENCE"]


def test_flags_that_cannot_be_honoured_are_named_once() -> None:
    for name, flag in trt.BuilderFlag.__members__.items():
        logger = Keeper()
        config = trt.Builder(logger).create_builder_config()
        for _ in range(2):
            config.set_flag(flag)
            config.clear_flag(flag)
            config.flags = 1 << int(flag)
        heard = [text for severity, text in logger.messages if severity == trt.Logger.WARNING]
        assert len(heard) == (name in UNHONOURED), name
        assert all(text.startswith(f"BuilderFlag.{name}: ") for text in heard)


@pytest.mark.parametrize("module", [v7, v8, trt])
def test_what_else_cannot_be_honoured(module: Any) -> None:
    class Deaf(module.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)
            self.heard: list[str] = []

        def log(self, severity: Any, msg: str) -> None:
            self.heard.append(msg)

    class Calibrator(module.IInt8EntropyCalibrator2):  # type: ignore[misc]
        pass

    logger = Deaf()
    builder = module.Builder(logger)
    config = builder.create_builder_config()
    config.DLA_core = 0
    config.default_device_type = module.DeviceType.DLA
    config.int8_calibrator = Calibrator()
    net, (product, _) = _network(builder, module)
    config.set_device_type(product, module.DeviceType.DLA)
    assert [text.partition(":")[0] for text in logger.heard] == [
        "IBuilderConfig.DLA_core",
        "DeviceType.DLA",
    ]
    assert config.get_device_type(product) == module.DeviceType.DLA
    assert not config.can_run_on_DLA(product)
    product.precision = module.int8
    if module is not v7:
        assert builder.build_serialized_network(net, config) is not None
        assert any("'product'" in text for text in logger.heard)
