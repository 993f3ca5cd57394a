"""How classes that scripts subclass are called, and what becomes of what they raise, in every dialect."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt import v7, v8, v11
from minirt.errors import MinirtError
from tests.api.nets import Keeper, same
from tests.api.test_behaviour_running import engine_of

pytestmark = [pytest.mark.usefixtures("cpu"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
F = np.float32


def recorder_of(module: Any, broken: bool = False) -> Any:
    """Return an error recorder that keeps, or one that raises."""

    class Recorder(module.IErrorRecorder):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IErrorRecorder.__init__(self)
            self.errors: list[tuple[Any, str]] = []

        def report_error(self, code: Any, desc: str) -> bool:
            if broken:
                raise ValueError("the recorder is full")
            self.errors.append((code, desc))
            return False

        def get_num_errors(self) -> int:
            return len(self.errors)

        def get_error_code(self, error_idx: int) -> Any:
            return self.errors[error_idx][0]

        def get_error_desc(self, error_idx: int) -> str:
            return self.errors[error_idx][1]

        def has_overflowed(self) -> bool:
            return False

        def clear(self) -> None:
            self.errors.clear()

    return Recorder()


@pytest.mark.parametrize("module", [v8, trt, v11])
def test_error_recorders_hear_on_every_object(module: Any) -> None:
    logger = module.Logger(module.Logger.INTERNAL_ERROR)
    builder, runtime = module.Builder(logger), module.Runtime(logger)
    explicit = 1 << int(module.NetworkDefinitionCreationFlag.EXPLICIT_BATCH) if module is v8 else 0
    network = builder.create_network(explicit)
    engine = engine_of(module)
    context = engine.create_execution_context()
    inspector = engine.create_engine_inspector()
    failing: dict[Any, Callable[[], Any]] = {
        builder: lambda: builder.create_network(1 << 30),
        runtime: lambda: runtime.deserialize_cuda_engine(b"garbage"),
        network: lambda: network.get_layer(3),
        engine: lambda: engine.get_tensor_dtype("nothing"),
        context: lambda: context.set_input_shape("nothing", (1,)),
        inspector: lambda: inspector.get_layer_information(99, module.LayerInformationFormat.ONELINE),
    }
    for owner, fail in failing.items():
        recorder = recorder_of(module)
        assert owner.error_recorder is None
        owner.error_recorder = recorder
        assert owner.error_recorder is recorder
        fail()
        assert recorder.num_errors() == 1, type(owner)
        code, text = recorder.errors[0]
        assert isinstance(code, module.ErrorCodeTRT)
        assert code != module.ErrorCodeTRT.SUCCESS
        assert text
        owner.error_recorder = recorder_of(module, broken=True)
        fail()
        owner.error_recorder = None
        fail()
    with pytest.raises(TypeError):
        recorder_of(module).MAX_DESC_LENGTH  # noqa: B018


@pytest.mark.parametrize("module", [v8, trt, v11])
def test_the_registry_and_refitters_have_recorders(module: Any) -> None:
    registry, recorder = module.get_plugin_registry(), recorder_of(module)
    registry.error_recorder = recorder
    assert registry.load_library("/nowhere/libplugin.so") is None
    registry.error_recorder = None
    assert [code for code, _ in recorder.errors] == [module.ErrorCodeTRT.INVALID_ARGUMENT]
    logger = module.Logger(module.Logger.INTERNAL_ERROR)
    builder = module.Builder(logger)
    net = builder.create_network(int(module is v8))
    x = net.add_input("x", module.float32, (2, 4))
    w = net.add_constant((4, 4), np.ones((4, 4), F))
    none = module.MatrixOperation.NONE
    net.mark_output(net.add_matrix_multiply(x, none, w.get_output(0), none).get_output(0))
    config = builder.create_builder_config()
    config.set_flag(module.BuilderFlag.REFIT)
    plan = builder.build_serialized_network(net, config)
    refitter = module.Refitter(module.Runtime(logger).deserialize_cuda_engine(plan), logger)
    refitter.error_recorder = recorder_of(module)
    assert refitter.set_named_weights("nothing", module.Weights(np.ones(3, F))) is False
    assert refitter.error_recorder.num_errors() == 1


@pytest.mark.parametrize("module", [v7, v8, trt, v11])
def test_what_callbacks_raise_is_printed_and_counts_as_failure(module: Any, capfd: pytest.CaptureFixture[str]) -> None:
    class Logger(module.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, msg: str) -> None:
            raise ValueError("the logger is broken")

    builder = module.Builder(Logger())
    assert builder.create_network(1 << 30) is None
    assert "[ERROR] Exception caught in Logger.log()" in capfd.readouterr().err

    class Silent(module.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)

    if module is not v7:
        assert module.Builder(Silent()).create_network(1 << 30) is None
        assert "was not overridden" in capfd.readouterr().err


@pytest.mark.parametrize("module", [trt, v11])
def test_broken_monitors_cancel_and_broken_writers_fail(module: Any, capfd: pytest.CaptureFixture[str]) -> None:
    class Monitor(module.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            raise ValueError("start")

        def step_complete(self, phase_name: str, step: int) -> bool:
            raise ValueError("step")

        def phase_finish(self, phase_name: str) -> None:
            raise ValueError("finish")

    class Writer(module.IStreamWriter):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IStreamWriter.__init__(self)

        def write(self, data: bytes) -> int:
            assert isinstance(data, bytes)
            raise ValueError("the disk is full")

    builder = module.Builder(module.Logger(module.Logger.INTERNAL_ERROR))
    net = builder.create_network()
    net.mark_output(net.add_identity(net.add_input("x", module.float32, (2,))).get_output(0))
    config = builder.create_builder_config()
    assert builder.build_serialized_network_to_stream(net, config, Writer()) is False
    config.progress_monitor = Monitor()
    assert builder.build_serialized_network(net, config) is None
    heard = capfd.readouterr().err
    for text in ("the disk is full", "Monitor.phase_start()", "Monitor.phase_finish()"):
        assert text in heard
    assert "Monitor.step_complete()" not in heard
    config.progress_monitor = None
    assert builder.build_serialized_network(net, config) is not None


@pytest.mark.parametrize("broken", ["phase_start", "step_complete", "phase_finish"])
def test_what_a_monitor_raises_reaches_the_caller(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.calls: list[str] = []

        def take(self, name: str) -> bool:
            self.calls.append(name)
            if name == broken:
                raise ValueError(f"{name} is broken")
            return True

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self.take("phase_start")

        def step_complete(self, phase_name: str, step: int) -> bool:
            return self.take("step_complete")

        def phase_finish(self, phase_name: str) -> None:
            self.take("phase_finish")

    logger = Keeper()
    builder = trt.Builder(logger)
    net = builder.create_network()
    net.mark_output(net.add_identity(net.add_input("x", trt.float32, (2,))).get_output(0))
    config = builder.create_builder_config()
    config.progress_monitor = Monitor()
    assert builder.build_serialized_network(net, config) is None
    assert f"ValueError: {broken} is broken" in logger.errors[-1]
    calls = config.progress_monitor.calls
    assert calls.count("phase_start") == calls.count("phase_finish")
    assert calls.count(broken) == 1 or broken == "phase_finish"
    monkeypatch.setenv("MINIRT_RAISE", "1")
    with pytest.raises(MinirtError, match=f"{broken} is broken") as caught:
        builder.build_serialized_network(net, config)
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("module", [v8, trt, v11])
def test_broken_profilers_and_output_allocators(module: Any, capfd: pytest.CaptureFixture[str]) -> None:
    class Profiler(module.IProfiler):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IProfiler.__init__(self)

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            raise ValueError("no clock")

    class Allocator(module.IOutputAllocator):  # type: ignore[misc]
        def __init__(self, works: bool) -> None:
            module.IOutputAllocator.__init__(self)
            self.works = works
            self.shape: Any = None
            self.held = (ctypes.c_float * 64)()

        def reallocate_output(self, tensor_name: str, memory: int, size: int, alignment: int) -> int:
            if not self.works:
                raise MemoryError("none left")
            assert (tensor_name, alignment > 0) == ("y", True)
            return ctypes.addressof(self.held) if size <= 256 else 0

        def notify_shape(self, tensor_name: str, shape: Any) -> None:
            self.shape = tuple(shape)

    context = engine_of(module).create_execution_context()
    context.profiler = Profiler()
    context.set_input_shape("x", (3, 2))
    x = np.arange(6, dtype=F).reshape(3, 2)
    context.set_tensor_address("x", x.ctypes.data)
    broken, working = Allocator(False), Allocator(True)
    assert context.set_output_allocator("y", broken) is True
    assert context.get_output_allocator("y") is broken
    assert context.execute_async_v3(0) is False
    assert "none left" in capfd.readouterr().err
    assert context.set_output_allocator("y", working) is True
    assert context.execute_async_v3(0) is True
    assert "no clock" in capfd.readouterr().err
    assert working.shape == (3, 2)
    same(np.array(working.held[:6], F).reshape(3, 2), -x)
    assert context.set_output_allocator("x", working) is False


@pytest.mark.parametrize("module", [v7, v8, trt])
def test_calibrators_know_their_algorithm(module: Any) -> None:
    for name, wanted in (
        ("IInt8LegacyCalibrator", "LEGACY_CALIBRATION"),
        ("IInt8EntropyCalibrator", "ENTROPY_CALIBRATION"),
        ("IInt8EntropyCalibrator2", "ENTROPY_CALIBRATION_2"),
        ("IInt8MinMaxCalibrator", "MINMAX_CALIBRATION"),
    ):
        base = getattr(module, name)
        made = type("Mine", (base,), {"__init__": lambda self, base=base: base.__init__(self)})()
        assert made.get_algorithm() == module.CalibrationAlgoType.__members__[wanted]
    plain = type("Mine", (module.IInt8Calibrator,), {"__init__": lambda self: module.IInt8Calibrator.__init__(self)})()
    with pytest.raises(NotImplementedError):
        plain.get_algorithm()


@pytest.mark.parametrize("module", [trt, v11])
def test_plugins_of_one_class_and_creators(module: Any, capfd: pytest.CaptureFixture[str]) -> None:
    class Plugin(module.IPluginV3, module.IPluginV3OneCore, module.IPluginV3OneBuild, module.IPluginV3OneRuntime):  # type: ignore[misc]
        def __init__(self) -> None:
            for base in Plugin.__bases__:
                base.__init__(self)

    plugin = Plugin()
    assert plugin.format_combination_limit == 100
    capfd.readouterr()
    assert (plugin.num_outputs, plugin.plugin_name) == (-1, None)
    assert capfd.readouterr().err
    plugin.num_outputs, plugin.plugin_name = 2, "mine"
    assert (plugin.num_outputs, plugin.plugin_name) == (2, "mine")

    class Creator(module.IPluginCreatorV3One):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IPluginCreatorV3One.__init__(self)
            self.name, self.plugin_namespace, self.plugin_version = f"Behaves{id(module)}", "", "1"
            self.field_names = module.PluginFieldCollection([])

    registry, creator = module.get_plugin_registry(), Creator()
    assert registry.get_creator(creator.name, "1", "") is None
    assert registry.register_creator(creator, "") is True
    assert registry.register_creator(creator, "") is False
    assert registry.get_creator(creator.name, "1", "") is creator
    assert registry.deregister_creator(creator) is True


def test_a_listener_sees_what_fusion_leaves() -> None:
    """x @ w, ReLU, softmax, the best: the ReLU is part of the product's step, its result is what is left of both."""
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (3, 4))
    w = np.arange(16, dtype=F).reshape(4, 4) / 8 - 1
    none = trt.MatrixOperation.NONE
    product = net.add_matrix_multiply(x, none, net.add_constant((4, 4), w).get_output(0), none)
    relu = net.add_activation(product.get_output(0), trt.ActivationType.RELU)
    soft = net.add_softmax(relu.get_output(0))
    soft.axes = 1 << 1
    top = net.add_topk(soft.get_output(0), trt.TopKOperation.MAX, 2, 1 << 1)
    for layer, name in ((product, "product"), (relu, "relu"), (soft, "soft"), (top, "top")):
        layer.get_output(0).name = name
    net.mark_output(top.get_output(0))
    config = builder.create_builder_config()
    plain = builder.build_engine_with_config(net, config)
    assert net.mark_unfused_tensors_as_debug_tensors()
    engine = builder.build_engine_with_config(net, config)
    assert list(engine) == ["x", "top"]
    assert [n for n in ("product", "relu", "soft", "top") if engine.is_debug_tensor(n)] == ["relu", "soft"]
    assert not plain.is_debug_tensor("relu")

    class Listener(trt.IDebugListener):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IDebugListener.__init__(self)
            self.seen: dict[str, Any] = {}

        def process_debug_tensor(self, addr: int, location: Any, type: Any, shape: Any, name: str, stream: int) -> bool:
            count = int(np.prod(tuple(shape)))
            self.seen[name] = np.array((ctypes.c_float * count).from_address(addr)).reshape(tuple(shape))
            return True

    context, listener = engine.create_execution_context(), Listener()
    assert context.set_debug_listener(listener)
    a = np.linspace(-1, 1, 12, dtype=F).reshape(3, 4)
    context.run({"x": a})
    assert not listener.seen
    assert context.unfused_tensors_debug_state is False
    context.unfused_tensors_debug_state = True
    context.run({"x": a})
    assert listener.seen.keys() & {"x", "product", "relu", "soft", "top"} == {"relu", "soft"}
    wanted = np.maximum(a @ w, 0)
    same(listener.seen["relu"], wanted)
    same(listener.seen["soft"], np.exp(wanted) / np.exp(wanted).sum(1, keepdims=True))
    assert net.unmark_unfused_tensors_as_debug_tensors()
    assert not builder.build_engine_with_config(net, config).is_debug_tensor("relu")
