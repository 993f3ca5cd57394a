"""Int8 by calibration: a trained classifier stays right, ranges go round through caches, layers keep their wishes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt import v7, v8
from minirt.api.calibrating import read_table, table
from minirt.build.load import Package
from minirt.ir.graph import Constant
from minirt.ops.quantize import Dequantize, Quantize
from tests.api.nets import Keeper

pytestmark = [pytest.mark.usefixtures("cpu"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
RNG = np.random.default_rng(11)
CLASSES, SIDE, FILTERS = 10, 12, 24
PATTERNS = RNG.normal(size=(CLASSES, 1, SIDE, SIDE)).astype(np.float32)
KERNEL = RNG.normal(size=(FILTERS, 1, 3, 3)).astype(np.float32) * np.exp2(RNG.integers(-3, 4, (FILTERS, 1, 1, 1)))
KERNEL = KERNEL.astype(np.float32)


def drawn(count: int, seed: int) -> tuple[Any, Any]:
    """Return noisy pictures of classes, and the classes."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, CLASSES, count)
    return (PATTERNS[kinds] + 1.6 * rng.normal(size=(count, 1, SIDE, SIDE))).astype(np.float32), kinds


def features(x: Any) -> Any:
    """Return what the first layers make of pictures: relu(conv), the mean of each 2 x 2, flat."""
    windows = np.lib.stride_tricks.sliding_window_view(x[:, 0], (3, 3), (1, 2))
    made = np.maximum(np.einsum("nhwij,oij->nohw", windows, KERNEL[:, 0]), 0)
    return made.reshape(len(x), FILTERS, 5, 2, 5, 2).mean((3, 5)).reshape(len(x), -1)


def trained() -> Any:
    """Return the last layer's weights: fitted by least squares to 1,000 pictures."""
    x, kinds = drawn(1000, 1)
    made = features(x).astype(np.float64)
    gram = made.T @ made + 30 * np.eye(made.shape[1])
    return np.linalg.solve(gram, made.T @ (np.eye(CLASSES)[kinds] - 0.1)).astype(np.float32)


READOUT = trained()


def classifier(builder: Any, module: Any = trt, implicit: bool = False) -> Any:
    """Return the network of the classifier."""
    flags = 0 if implicit or module is trt else 1 << int(module.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)
    net = builder.create_network(flags)
    x = net.add_input("x", module.float32, ((1,) if implicit else (-1, 1)) + (SIDE, SIDE))
    conv = net.add_convolution_nd(x, FILTERS, (3, 3), KERNEL, np.zeros(FILTERS, np.float32))
    conv.name = "conv"
    relu = net.add_activation(conv.get_output(0), module.ActivationType.RELU).get_output(0)
    pool = net.add_pooling_nd(relu, module.PoolingType.AVERAGE, (2, 2))
    pool.stride_nd = (2, 2)
    flat = net.add_shuffle(pool.get_output(0))
    flat.reshape_dims = (1, -1) if implicit else (0, -1)
    flat.get_output(0).name = "flat"
    held = net.add_constant(READOUT.shape, READOUT).get_output(0)
    none = module.MatrixOperation.NONE
    product = net.add_matrix_multiply(flat.get_output(0), none, held, none)
    product.name = "readout"
    product.get_output(0).name = "y"
    net.mark_output(product.get_output(0))
    return net


def calibrator(module: Any, kind: str, batches: int = 6, size: int = 32, put: Any = None) -> Any:
    """Return a calibrator of a kind, which keeps its cache; ``put`` gives the address of a batch on a device."""

    class Calibrator(getattr(module, kind)):  # type: ignore[misc]
        def __init__(self) -> None:
            getattr(module, kind).__init__(self)
            self.left = batches
            self.cache: Any = None
            self.asked: list[Any] = []
            self.memory = np.empty((size, 1, SIDE, SIDE), np.float32)

        def get_batch_size(self) -> int:
            return size

        def get_algorithm(self) -> Any:
            return (
                module.CalibrationAlgoType.MINMAX_CALIBRATION if kind == "IInt8Calibrator" else super().get_algorithm()
            )

        def get_batch(self, names: Any) -> Any:
            self.asked.append(names)
            if not self.left:
                return None
            self.left -= 1
            self.memory[...] = drawn(size, 100 + self.left)[0]
            return [self.memory.ctypes.data if put is None else put(self.memory)]

        def read_calibration_cache(self) -> Any:
            return self.cache

        def write_calibration_cache(self, cache: Any) -> None:
            self.cache = bytes(cache)

    return Calibrator()


def config_of(builder: Any, module: Any, given: Any = None, profile: bool = True) -> Any:
    config = builder.create_builder_config()
    config.set_flag(module.BuilderFlag.INT8)
    if profile:
        made = builder.create_optimization_profile()
        made.set_shape("x", (1, 1, SIDE, SIDE), (32, 1, SIDE, SIDE), (500, 1, SIDE, SIDE))
        config.add_optimization_profile(made)
    config.int8_calibrator = given
    return config


def ops_of(data: Any) -> list[Any]:
    return [node.op for node in Package(bytes(data)).graph().nodes]


def right(data: Any, module: Any = trt) -> float:
    """Return how many of 500 other pictures an engine puts into their class."""
    x, kinds = drawn(500, 2)
    context = module.Runtime(module.Logger()).deserialize_cuda_engine(data).create_execution_context()
    return float((context.run({"x": x})["y"].reshape(500, -1).argmax(1) == kinds).mean())


def exactly() -> float:
    x, kinds = drawn(500, 2)
    return float(((features(x) @ READOUT).argmax(1) == kinds).mean())


KINDS = ["IInt8EntropyCalibrator2", "IInt8EntropyCalibrator", "IInt8MinMaxCalibrator", "IInt8LegacyCalibrator"]
KINDS += ["IInt8Calibrator"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_classifier_stays_right(kind: str) -> None:
    wanted = exactly()
    assert 0.8 < wanted < 0.999, "neither easy nor hopeless"
    logger = Keeper()
    builder = trt.Builder(logger)
    given = calibrator(trt, kind)
    data = builder.build_serialized_network(classifier(builder), config_of(builder, trt, given))
    assert data is not None, logger.errors
    assert given.asked == [["x"]] * 7
    made = ops_of(data)
    assert sum(isinstance(op, Quantize) for op in made) == 2
    assert sum(isinstance(op, Dequantize) for op in made) >= 2
    assert abs(right(data) - wanted) <= 0.02
    assert not [text for severity, text in logger.messages if severity == trt.Logger.WARNING]


def test_a_cache_goes_round() -> None:
    builder = trt.Builder(Keeper())
    first = calibrator(trt, KINDS[0])
    data = builder.build_serialized_network(classifier(builder), config_of(builder, trt, first))
    title, scales = read_table(first.cache)
    assert first.cache.startswith(b"TRT-101601-EntropyCalibration2\nx: ")
    assert (title, sorted(scales)) == ("EntropyCalibration2", ["flat", "x"])
    again = calibrator(trt, KINDS[0])
    again.cache = first.cache
    twin = trt.Builder(Keeper())
    assert bytes(twin.build_serialized_network(classifier(twin), config_of(twin, trt, again))) == bytes(data)
    assert not again.asked
    other = calibrator(trt, "IInt8MinMaxCalibrator")
    other.cache = first.cache
    assert builder.build_serialized_network(classifier(builder), config_of(builder, trt, other)) is not None
    assert other.asked and other.cache.startswith(b"TRT-101601-MinMaxCalibration\n")
    most = np.abs(np.concatenate([drawn(32, 100 + n)[0] for n in range(6)])).max()
    np.testing.assert_allclose(read_table(other.cache)[1]["x"], most / 127, rtol=1e-6)


def test_a_cache_of_tensorrt_is_read() -> None:
    text = b"TRT-8601-EntropyCalibration2\nx: 3d010a14\n(Unnamed Layer* 0) [Convolution]_output: 3ca94044\na: b: 3c01\n"
    title, scales = read_table(text)
    assert title == "EntropyCalibration2"
    assert scales["x"] == np.uint32(0x3D010A14).view(np.float32)
    assert "(Unnamed Layer* 0) [Convolution]_output" in scales and "a: b" in scales
    assert read_table(table(title, scales, 8)) == (title, scales)
    assert table(title, scales, 8).startswith(b"TRT-8601-")


def test_ranges_that_were_set_need_no_calibrator() -> None:
    builder = trt.Builder(Keeper())
    net = classifier(builder)
    net.get_input(0).dynamic_range = (-8, 8)
    flat = next(layer.get_output(0) for layer in net if layer.get_output(0).name == "flat")
    assert flat.set_dynamic_range(-12, 40)
    data = builder.build_serialized_network(net, config_of(builder, trt))
    graph = Package(bytes(data)).graph()
    scales = [n.inputs[1].op for n in graph.nodes if isinstance(n.op, Quantize)]
    assert sorted(float(op.data.array) for op in scales if isinstance(op, Constant)) == pytest.approx(
        [8 / 127, 40 / 127]
    )
    assert abs(right(data) - exactly()) <= 0.03


def test_what_has_no_range_or_another_type_stays_as_it_is() -> None:
    logger = Keeper()
    builder = trt.Builder(logger)
    net = classifier(builder)
    net.get_input(0).dynamic_range = (-8, 8)
    data = builder.build_serialized_network(net, config_of(builder, trt))
    assert sum(isinstance(op, Quantize) for op in ops_of(data)) == 1
    assert any("'readout'" in text and "'flat' has no range" in text for _, text in logger.messages)
    next(layer for layer in net if layer.name == "conv").precision = trt.float32
    logger.messages.clear()
    data = builder.build_serialized_network(net, config_of(builder, trt))
    assert not any(isinstance(op, Quantize) for op in ops_of(data))
    assert any("no calibrator" in text for _, text in logger.messages)


def test_networks_that_quantize_ask_nobody() -> None:
    logger = Keeper()
    builder = trt.Builder(logger)
    net = classifier(builder)
    scale = net.add_constant((), np.asarray(0.1, np.float32)).get_output(0)
    whole = net.add_quantize(net.get_input(0), scale).get_output(0)
    net.get_layer(0).set_input(0, net.add_dequantize(whole, scale).get_output(0))
    given = calibrator(trt, KINDS[0])
    assert builder.build_serialized_network(net, config_of(builder, trt, given)) is not None
    assert not given.asked
    assert any("the calibrator is not asked" in text for _, text in logger.messages)


def test_a_calibrator_that_gives_nothing_ends_the_build() -> None:
    logger = Keeper()
    builder = trt.Builder(logger)
    given = calibrator(trt, KINDS[0], batches=0)
    assert builder.build_serialized_network(classifier(builder), config_of(builder, trt, given)) is None
    assert "its batches and its cache are empty" in logger.errors[-1]


def test_older_dialects() -> None:
    builder: Any = v8.Builder(v8.Logger(v8.Logger.ERROR))
    given = calibrator(v8, KINDS[0])
    data = builder.build_serialized_network(classifier(builder, v8), config_of(builder, v8, given))
    assert given.cache.startswith(b"TRT-8601-EntropyCalibration2\n")
    assert abs(right(data, v8) - exactly()) <= 0.02
    old: Any = v7.Builder(v7.Logger(v7.Logger.ERROR))
    given = calibrator(v7, KINDS[2])
    old.max_batch_size, old.int8_mode, old.int8_calibrator = 500, True, given
    engine = old.build_cuda_engine(classifier(old, v7, implicit=True))
    assert given.cache.startswith(b"TRT-7203-MinMaxCalibration\n")
    x, kinds = drawn(500, 2)
    y = np.empty((500, CLASSES), np.float32)
    assert engine.create_execution_context().execute(500, [x.ctypes.data, y.ctypes.data])
    assert abs(float((y.argmax(1) == kinds).mean()) - exactly()) <= 0.02
