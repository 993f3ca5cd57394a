"""What a config and a context ask for, on a device: waits, events, int8 by ranges, plugin tactics, shared memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt.build.load import Package
from minirt.ops.quantize import Quantize
from minirt.plan.plan import CallStep, KernelStep
from tests.api import test_calibration as calibration
from tests.api.nets import Keeper

cp = pytest.importorskip("cupy")
pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
ROWS, WIDTH, TAIL = 1024, 1024, 24


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)


def chain(logger: Any, *flags: Any, shared: int = 0) -> Any:
    """Return the bytes of a chain of products, of which only the first reads the input."""
    builder = trt.Builder(logger)
    net, none = builder.create_network(), trt.MatrixOperation.NONE
    rng = np.random.default_rng(0)
    y = net.add_input("x", trt.float32, (ROWS, WIDTH))
    for number in range(TAIL):
        w = (rng.normal(size=(WIDTH, WIDTH)) / WIDTH**0.5).astype(np.float32)
        product = net.add_matrix_multiply(y, none, net.add_constant(w.shape, w).get_output(0), none)
        product.name = f"product {number}"
        soft = net.add_softmax(product.get_output(0))
        soft.axes = 2
        y = net.add_elementwise(soft.get_output(0), product.get_output(0), trt.ElementWiseOperation.SUM).get_output(0)
    y.name = "y"
    net.mark_output(y)
    config = builder.create_builder_config()
    config.builder_optimization_level = 1
    for flag in flags:
        config.set_flag(flag)
    if shared:
        config.set_memory_pool_limit(trt.MemoryPoolType.TACTIC_SHARED_MEMORY, shared)
    return builder.build_serialized_network(net, config)


class Bound:
    """A context of the chain with memory of CuPy, on a stream of its own."""

    def __init__(self, engine: Any) -> None:
        self.context = engine.create_execution_context()
        self.stream = cp.cuda.Stream(non_blocking=True)
        self.x = cp.random.default_rng(1).standard_normal((ROWS, WIDTH), dtype=cp.float32)
        self.kept = self.x.copy()
        self.y = cp.empty((ROWS, WIDTH), cp.float32)
        self.context.set_tensor_address("x", self.x.data.ptr)
        self.context.set_tensor_address("y", self.y.data.ptr)
        cp.cuda.Device().synchronize()

    def run(self) -> Any:
        assert self.context.execute_async_v3(self.stream.ptr)
        self.stream.synchronize()
        return self.y.get()


def layers_in(logger: Keeper) -> list[str]:
    heard = [text for severity, text in logger.messages if severity == trt.Logger.VERBOSE and text.endswith(" is done")]
    logger.messages.clear()
    return heard


@pytest.mark.parametrize("flagged", [False, True])
def test_each_layer_is_waited_for_and_told(flagged: bool) -> None:
    logger = Keeper()
    data = chain(logger, *([trt.BuilderFlag.DEBUG] if flagged else []))
    bound = Bound(trt.Runtime(logger).deserialize_cuda_engine(data))
    logger.messages.clear()
    bound.context.debug_sync = not flagged
    first = bound.run()
    told = layers_in(logger)
    assert all(any(f"product {number}" in text for text in told) for number in range(TAIL))
    for _ in range(3):
        np.testing.assert_array_equal(bound.run(), first)
    bound.context.debug_sync = False
    logger.messages.clear()
    for _ in range(3):
        np.testing.assert_array_equal(bound.run(), first)
    assert bool(layers_in(logger)) == flagged


@pytest.mark.parametrize("graphs", ["0", "1"])
def test_an_input_may_be_overwritten_after_its_event(graphs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_CUDA_GRAPH", graphs)
    engine = trt.Runtime(Keeper()).deserialize_cuda_engine(chain(Keeper()))
    bound = Bound(engine)
    wanted = bound.run()
    consumed, other = cp.cuda.Event(disable_timing=True), cp.cuda.Stream(non_blocking=True)
    assert bound.context.set_input_consumed_event(consumed.ptr)
    for _ in range(20):
        bound.x[...] = bound.kept
        cp.cuda.Device().synchronize()
        assert bound.context.execute_async_v3(bound.stream.ptr)
        other.wait_event(consumed)
        with other:
            bound.x.fill(cp.nan)
        bound.stream.synchronize()
        other.synchronize()
        np.testing.assert_array_equal(bound.y.get(), wanted)


def test_the_event_comes_before_the_end_in_plain_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_CUDA_GRAPH", "0")
    bound = Bound(trt.Runtime(Keeper()).deserialize_cuda_engine(chain(Keeper())))
    start, consumed, end = (cp.cuda.Event() for _ in range(3))
    assert bound.context.set_input_consumed_event(consumed.ptr)
    shares = []
    for _ in range(10):
        start.record(bound.stream)
        assert bound.context.execute_async_v3(bound.stream.ptr)
        end.record(bound.stream)
        end.synchronize()
        shares.append(cp.cuda.get_elapsed_time(start, consumed) / cp.cuda.get_elapsed_time(start, end))
    assert sorted(shares)[5] < 0.5, "the first of 24 products is all that reads the input"


@pytest.mark.parametrize("kind", calibration.KINDS)
def test_int8_by_batches_on_the_device(kind: str) -> None:
    held: list[Any] = []

    def put(batch: Any) -> int:
        held.append(cp.asarray(batch))
        return int(held[-1].data.ptr)

    builder = trt.Builder(Keeper())
    given = calibration.calibrator(trt, kind, put=put)
    data = builder.build_serialized_network(calibration.classifier(builder), calibration.config_of(builder, trt, given))
    assert data is not None
    assert sum(isinstance(node.op, Quantize) for node in Package(bytes(data)).graph().nodes) == 2
    assert abs(calibration.right(data) - calibration.exactly()) <= 0.02
    assert given.cache.startswith(b"TRT-")


def test_int8_and_half_precision_together() -> None:
    builder = trt.Builder(Keeper())
    put = [cp.asarray(calibration.drawn(32, 100)[0])]
    given = calibration.calibrator(trt, calibration.KINDS[2], put=lambda batch: int(put[0].data.ptr))
    config = calibration.config_of(builder, trt, given)
    config.set_flag(trt.BuilderFlag.FP16)
    data = builder.build_serialized_network(calibration.classifier(builder), config)
    assert abs(calibration.right(data) - calibration.exactly()) <= 0.03


class Slow(trt.IPluginV3, trt.IPluginV3OneCore, trt.IPluginV3OneBuild, trt.IPluginV3OneRuntime):  # type: ignore[misc]
    """2 * x by CuPy: tactic 1 does it 200 times, tactic 2 once, tactic 3 raises."""

    tactic = 0

    def __init__(self) -> None:
        for kind in (trt.IPluginV3, trt.IPluginV3OneCore, trt.IPluginV3OneBuild, trt.IPluginV3OneRuntime):
            kind.__init__(self)
        self.num_outputs = 1
        self.plugin_name, self.plugin_version, self.plugin_namespace = "Slow", "1", "limits"

    def get_capability_interface(self, type: Any) -> Any:
        return self

    def get_output_data_types(self, input_types: Any) -> Any:
        return [input_types[0]]

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, builder: Any) -> Any:
        return [inputs[0]]

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        return bool(in_out[pos].desc.type == trt.float32)

    def configure_plugin(self, inp: Any, out: Any) -> None:
        pass

    def get_valid_tactics(self) -> list[int]:
        return [1, 3, 2]

    def get_fields_to_serialize(self) -> Any:
        return trt.PluginFieldCollection()

    def set_tactic(self, tactic: int) -> None:
        self.tactic = tactic

    def enqueue(
        self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, workspace: int, stream: int
    ) -> None:
        if self.tactic == 3:
            raise OSError("asked to")
        shape = tuple(input_desc[0].dims)

        def array(address: int) -> Any:
            memory = cp.cuda.UnownedMemory(address, 4 * int(np.prod(shape)), self)
            return cp.ndarray(shape, cp.float32, cp.cuda.MemoryPointer(memory, 0))

        with cp.cuda.ExternalStream(stream):
            for _ in range(200 if self.tactic == 1 else 1):
                cp.multiply(array(inputs[0]), cp.float32(2), out=array(outputs[0]))


class SlowCreator(trt.IPluginCreatorV3One):  # type: ignore[misc]
    def __init__(self) -> None:
        trt.IPluginCreatorV3One.__init__(self)
        self.name, self.plugin_version, self.plugin_namespace = "Slow", "1", "limits"
        self.field_names = trt.PluginFieldCollection()

    def create_plugin(self, name: str, fields: Any, phase: Any) -> Slow:
        return Slow()


@pytest.fixture
def registered() -> Iterator[None]:
    creator: Any = SlowCreator()
    assert trt.get_plugin_registry().register_creator(creator, "limits")
    yield
    trt.get_plugin_registry().deregister_creator(creator)


@pytest.mark.usefixtures("registered")
def test_the_fastest_tactic_of_a_plugin_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TUNE", "1")
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    y = net.add_plugin_v3([net.add_input("x", trt.float32, (64, 64))], [], Slow()).get_output(0)
    y.name = "y"
    net.mark_output(y)
    data = builder.build_serialized_network(net, builder.create_builder_config())
    package = Package(bytes(data))
    (step,) = package.stored_plan(package.about["plans"][0]).steps
    assert isinstance(step, CallStep)
    assert step.tactic == 2
    x = np.ones((64, 64), np.float32)
    context = trt.Runtime(Keeper()).deserialize_cuda_engine(data).create_execution_context()
    np.testing.assert_array_equal(context.run({"x": x})["y"], 2 * x)


def test_less_shared_memory_gives_the_same_numbers() -> None:
    found, most = [], []
    for limit in (0, 40 << 10):
        data = chain(Keeper(), shared=limit)
        package = Package(bytes(data))
        steps = package.stored_plan(package.about["plans"][0]).steps
        assert all(isinstance(s, KernelStep) for s in steps)
        most.append(max(x.shared for s in steps if isinstance(s, KernelStep) for c in s.choices for x in c.launches))
        found.append(Bound(trt.Runtime(Keeper()).deserialize_cuda_engine(data)).run())
    assert most[0] > 40 << 10 >= most[1]
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=2e-2 * float(np.abs(found[0]).max()))


def test_memory_of_a_build_is_told_of_host_and_device() -> None:
    logger = Keeper()
    assert chain(logger, trt.BuilderFlag.MONITOR_MEMORY) is not None
    told = [text for _, text in logger.messages if text.startswith("[MemUsageChange]")]
    assert len(told) == 1
    assert "GPU" in told[0]
