"""Builder: networks, configs, and engines made of both."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from minirt.api.algorithms import Asking
from minirt.api.allocation import lending
from minirt.api.boundary import Sink, call_back
from minirt.api.calibrating import Asked, in_int8
from minirt.api.callbacks import IGpuAllocator, IStreamWriter
from minirt.api.config import ConfigState, IBuilderConfig, names_of
from minirt.api.declare import attr, method, plain
from minirt.api.dialect import dialect_of, wrap
from minirt.api.engine import ICudaEngine, load_engine
from minirt.api.enums import NetworkDefinitionCreationFlag
from minirt.api.host_memory import IHostMemory, host_memory
from minirt.api.logger import IErrorRecorder, ILogger, Managed
from minirt.api.memory_usage import monitored
from minirt.api.network import INetworkDefinition
from minirt.api.plugin_registry import IPluginRegistry, registry_dialect
from minirt.api.profile import IOptimizationProfile, ProfileState, core_profile
from minirt.api.runtime import logger_of, put_threads
from minirt.api.watch import Watch
from minirt.build.build import build_into
from minirt.build.fixing import fixed_sizes
from minirt.build.freeze import freeze, value_of
from minirt.build.io_formats import formats_in, profiles_inside
from minirt.build.layer_precision import honoured, wide_layers
from minirt.build.load import Loaded, Package
from minirt.build.network import NetworkCells
from minirt.build.options import Options, Profile
from minirt.build.parameters import Parameters, frozen, table_of
from minirt.build.shape_inputs import read_by_host
from minirt.build.targets import default_target
from minirt.build.tuning import Tuning
from minirt.build.unfused import unfused_watched
from minirt.errors import ApiError, MinirtError
from minirt.flags import flags
from minirt.limits import limited
from minirt.trace import Progress, no_progress
from minirt.types.dtype import DType, bf16, f16, i8, i32, i64

_CHUNK = 1 << 24
_PERMITTED = {"FP16": "f16", "BF16": "bf16"}
_BATCH = "explicit batch dims"
_STRIP = {"STRIP_PLAN", "WEIGHTLESS"}
_CONSTRAINED = {"OBEY_PRECISION_CONSTRAINTS", "PREFER_PRECISION_CONSTRAINTS", "STRICT_TYPES"}
_REFIT = {"REFIT", "REFIT_IDENTICAL"}


@dataclass
class BuilderState:
    """What a builder holds; the last lines are what TensorRT 7 kept here instead of in a config."""

    logger: ILogger
    sink: Sink
    allocator: Any = None
    max_threads: int = 1
    threads: int = 0
    max_batch_size: int = 1
    max_workspace_size: int = 0
    fp16_mode: bool = False
    int8_mode: bool = False
    int8_calibrator: Any = None
    strict_type_constraints: bool = False
    refittable: bool = False
    debug_sync: bool = False
    min_find_iterations: int = 2
    average_find_iterations: int = 1
    networks: int = 0


def _parameters(cells: NetworkCells, flags: set[str]) -> Parameters | None:
    """Return what gathers the weights that flags ask to be refittable: all, or those marked; None for none."""
    if "REFIT_INDIVIDUAL" in flags and not _REFIT & flags:
        return Parameters(only=frozenset(cells.extras.get("refittable", ())))
    return Parameters() if (_REFIT | _STRIP) & flags else None


def _tuning(config: ConfigState) -> Tuning:
    """Return how a config wants tactics timed."""
    cached = "DISABLE_TIMING_CACHE" not in config.flags
    return Tuning(
        timings=config.cache._state.timings if config.cache is not None and cached else None,
        trusted=config.trusts_cache,
        cached=cached,
        editable="EDITABLE_TIMING_CACHE" in config.flags,
        complete="ERROR_ON_TIMING_CACHE_MISS" in config.flags and config.cache is not None,
        most=config.max_num_tactics,
        rounds=max(1, config.avg_timing_iterations),
        least=max(1, config.min_timing_iterations),
        stream=config.profile_stream or next((s for p in config.profiles if (s := p._state.profile_stream)), 0),
        budget=flags().budget or inf,
        say=lambda line: config.sink.log("VERBOSE", line),
    )


def _put_allocator(builder: Builder, allocator: Any) -> None:
    builder._state.allocator = allocator


def _v7(name: str, kind: Any, doc: str, **spans: Any) -> Any:
    return plain(name, kind, doc, **({"until": 7} | spans))


class Builder(Managed):
    """Makes networks, configs and profiles, and builds engines of them."""

    _state: BuilderState
    logger = attr(lambda self: self._state.logger, doc="The logger.", since=8)
    gpu_allocator = attr(None, _put_allocator, IGpuAllocator | None, "Who allocates device memory.")
    max_threads = attr(
        lambda self: self._state.max_threads,
        put_threads,
        int,
        "How many threads or processes a build may use; until it is set, as many as there are cores.",
        since=8,
    )
    max_DLA_batch_size = attr(lambda self: 0, doc="The greatest batch of a DLA: there is none.", since=8)  # noqa: N815
    num_DLA_cores = attr(lambda self: 0, doc="How many DLA cores there are: none.", since=8)  # noqa: N815
    platform_has_fast_fp16 = attr(lambda self: default_target().kind == "cuda", doc="Whether f16 is fast.", until=10)
    platform_has_fast_int8 = attr(lambda self: default_target().kind == "cuda", doc="Whether int8 is fast.", until=10)
    platform_has_tf32 = attr(lambda self: default_target().capability >= 80, doc="Whether there is TF32.", until=10)
    max_batch_size = plain("max_batch_size", int, "The greatest implicit batch.", until=8, instead=_BATCH, warns=(8,))
    max_workspace_size = _v7("max_workspace_size", int, "Limit of scratch memory in bytes.", also=(10,))
    fp16_mode = _v7("fp16_mode", bool, "Whether f16 is permitted.")
    int8_mode = _v7("int8_mode", bool, "Whether int8 is permitted.")
    int8_calibrator = attr(
        None, lambda self, v: setattr(self._state, "int8_calibrator", v), Any, "Who calibrates.", until=7
    )
    strict_type_constraints = _v7("strict_type_constraints", bool, "Whether wished precisions must be kept.")
    refittable = _v7("refittable", bool, "Whether weights can be replaced later.")
    debug_sync = _v7("debug_sync", bool, "Whether to wait after each kernel.")
    min_find_iterations = _v7("min_find_iterations", int, "How often a kernel is timed at least.")
    average_find_iterations = _v7("average_find_iterations", int, "How many timings are averaged.")
    error_recorder = attr(
        lambda self: self._state.sink.recorder,
        lambda self, value: setattr(self._state.sink, "recorder", value),
        IErrorRecorder | None,
        "The error recorder.",
    )

    def __init__(self, logger: ILogger) -> None:
        kept = logger_of(logger, "Builder")
        self._state = BuilderState(kept, Sink(kept))

    @method()
    def create_network(self, flags: int = 0) -> INetworkDefinition | None:
        """Return an empty network; `flags` has bit `1 << int(flag)` for each NetworkDefinitionCreationFlag."""
        dialect = dialect_of(self)
        names = names_of(NetworkDefinitionCreationFlag, flags, self)
        known = NetworkDefinitionCreationFlag.in_dialect(dialect).__members__.values()
        if flags & ~sum(1 << v for v in {int(m) for m in known}):
            raise ApiError(f"flags {flags:#b} have bits that mean nothing", "create_network")
        if dialect == 11:
            names = names | {"STRONGLY_TYPED"}
        cells = NetworkCells(
            Sink(self._state.logger, self._state.sink.recorder), f"Unnamed Network {self._state.networks}"
        )
        cells.flags = frozenset(names)
        cells.implicit_batch = dialect < 10 and "EXPLICIT_BATCH" not in names
        cells.extras["builder"] = weakref.ref(self)
        cells.extras["outer"] = {i64: i32} if dialect < 10 else {}
        self._state.networks += 1
        return wrap(INetworkDefinition, cells, dialect)

    @method()
    def create_builder_config(self) -> IBuilderConfig:
        """Return a fresh config."""
        return wrap(IBuilderConfig, ConfigState(Sink(self._state.logger, self._state.sink.recorder)), dialect_of(self))

    @method()
    def create_optimization_profile(self) -> IOptimizationProfile:
        """Return an empty profile."""
        return wrap(IOptimizationProfile, ProfileState(), dialect_of(self))

    def _build(self, network: INetworkDefinition, config: ConfigState) -> IHostMemory:
        """Return an engine's bytes; raises MinirtError."""
        with limited(self._state.threads), monitored(self._state.sink, "MONITOR_MEMORY" in config.flags):
            return Builder._built(self, network, config)

    def _built(self, network: INetworkDefinition, config: ConfigState) -> IHostMemory:
        cells = network._state
        monitor = config.progress_monitor
        watch: Progress = no_progress if monitor is None else Watch(monitor)
        options = self._options(cells, config, watch)
        self._state.sink.log("VERBOSE", f"building '{cells.name}' for {options.targets[0].name}")
        try:
            with fixed_sizes(cells, options.profiles), read_by_host(cells, options.profiles):
                parameters = _parameters(cells, config.flags)
                formats = formats_in(cells, value_of)
                inside = profiles_inside(options.profiles, formats)
                kinds = {name: (f.name, f.channels) for name, f in formats.items()}
                options = replace(options, profiles=inside, formats=kinds)
                with honoured(cells, self._narrow_types(cells, config)), unfused_watched(cells, options) as names:
                    graph = freeze(cells) if parameters is None else frozen(cells, parameters)
                    if "INT8" in config.flags and "STRONGLY_TYPED" not in cells.flags:
                        asked = Asked(config.int8_calibrator, config.calibration_profile, self._state.sink)
                        graph = in_int8(cells, graph, asked, options)
                options = replace(options, unfused=tuple(names))
            data = host_memory(dialect=dialect_of(self))
            build_into(data, graph, options, None if parameters is None else table_of(parameters))
        except MinirtError:
            if isinstance(watch, Watch):
                watch.close(False)
            raise
        if isinstance(watch, Watch):
            watch.close(True)
        return data

    def _options(self, cells: NetworkCells, config: ConfigState, watch: Progress) -> Options:
        """Return what a config asks for."""
        strong = "STRONGLY_TYPED" in cells.flags
        permitted = () if strong else tuple(t for f, t in _PERMITTED.items() if f in config.flags)
        options = Options(
            (default_target(),),
            tuple(core_profile(p) for p in config.profiles) or (self._plain_profile(cells),),
            permitted,
            "TF32" in config.flags,
            cells.name,
            config.level,
            watch,
            config.enums.get("verbosity", "LAYER_NAMES_ONLY"),
            bool(_STRIP & config.flags),
            "WEIGHT_STREAMING" in config.flags,
        )
        chooses = config.algorithm_selector
        told = {layer.name: layer.metadata for layer in cells.layers if layer.metadata}
        return replace(
            options,
            tuning=_tuning(config),
            wide=wide_layers(cells) if permitted else (),
            workspace=config.pools.get("WORKSPACE", 0),
            shared=config.pools.get("TACTIC_SHARED_MEMORY", 0),
            streams=config.max_aux_streams,
            debug="DEBUG" in config.flags,
            selector=None if chooses is None else lambda profile: Asking(chooses, config.flags, dialect_of(self)),
            hosted=tuple(t.name for t in cells.shape_outputs),
            metadata=told if options.verbosity in ("DETAILED", "VERBOSE") else {},
        )

    def _narrow_types(self, cells: NetworkCells, config: ConfigState) -> list[DType]:
        """Return the narrow types that single layers may be told to compute in: permitted, or constraints are kept."""
        if "STRONGLY_TYPED" in cells.flags:
            return []
        kept = self._state.strict_type_constraints or bool(_CONSTRAINED & config.flags)
        for layer in cells.layers:
            if layer.extras.get("precision") is i8 and "INT8" not in config.flags:
                what = "its precision is int8, which BuilderFlag.INT8 does not permit"
                self._state.sink.log("WARNING", f"layer '{layer.name}': {what}")
        return [t for f, t in (("FP16", f16), ("BF16", bf16)) if kept or f in config.flags]

    def _plain_profile(self, cells: NetworkCells) -> Profile:
        """Return the profile of a config that has none: batches up to the greatest where shapes leave them out.

        TensorRT refuses dynamic inputs then; here they take any size, and a warning names them.
        """
        most = max(1, self._state.max_batch_size)
        if not cells.implicit_batch:
            names = ", ".join(repr(t.name) for t in cells.inputs if -1 in t.shape)
            if names:
                what = f"no optimization profile bounds the dynamic inputs {names}: they take any size"
                fix = "TensorRT itself would refuse to build; call IBuilderConfig.add_optimization_profile"
                self._state.sink.log("WARNING", f"{what}; {fix}")
            return Profile()
        return Profile({t.name: ((1, *t.shape), (most, *t.shape), (most, *t.shape)) for t in cells.inputs})

    @method(since=8)
    def build_serialized_network(
        self, network: INetworkDefinition, config: IBuilderConfig, kernel_text: Any = None
    ) -> IHostMemory | None:
        """Return an engine as bytes; None, logged, where the network cannot be built."""
        return Builder._build(self, network, config._state)

    @method(since=10, fail=False)
    def build_serialized_network_to_stream(
        self, network: INetworkDefinition, config: IBuilderConfig, writer: IStreamWriter
    ) -> bool:
        """Write an engine to a stream; False where it cannot be built or written."""
        data = memoryview(Builder._build(self, network, config._state))
        for start in range(0, len(data), _CHUNK):
            part = bytes(data[start : start + _CHUNK])
            if call_back(writer, "write", -1, part) != len(part):
                raise ApiError("the stream writer did not take all bytes", "build_serialized_network_to_stream")
        return True

    def _engine(self, network: INetworkDefinition, config: ConfigState) -> ICudaEngine:
        data = Builder._build(self, network, config)
        with limited(self._state.threads):
            loaded = Loaded(Package(data), default_target(), lend=lending(self._state.allocator))
        return load_engine(data, loaded, Sink(self._state.logger, self._state.sink.recorder), dialect_of(self))

    @method(since=10)
    def build_engine_with_config(self, network: INetworkDefinition, config: IBuilderConfig) -> ICudaEngine | None:
        """Return an engine; None, logged, where the network cannot be built."""
        return Builder._engine(self, network, config._state)

    @method(until=8, instead="build_serialized_network", warns=(8,))
    def build_engine(self, network: INetworkDefinition, config: IBuilderConfig) -> ICudaEngine | None:
        """Return an engine; None, logged, where the network cannot be built."""
        return Builder._engine(self, network, config._state)

    @method(until=7, also=(10,))
    def build_cuda_engine(self, network: INetworkDefinition) -> ICudaEngine | None:
        """Return an engine built by the builder's own attributes; None, logged, where that fails."""
        config = ConfigState(self._state.sink)
        state = self._state
        config.int8_calibrator = state.int8_calibrator
        config.min_timing_iterations = state.min_find_iterations
        config.avg_timing_iterations = state.average_find_iterations
        asked = {"FP16": state.fp16_mode, "INT8": state.int8_mode, "REFIT": state.refittable, "DEBUG": state.debug_sync}
        config.flags |= {name for name, on in asked.items() if on}
        if self._state.max_workspace_size:
            config.pools["WORKSPACE"] = self._state.max_workspace_size
        return Builder._engine(self, network, config)

    @method(since=8, fail=False)
    def is_network_supported(self, network: INetworkDefinition, config: IBuilderConfig) -> bool:
        """Return whether a network is complete and well-typed, so that a build can be tried."""
        try:
            freeze(network._state)
        except MinirtError as error:
            self._state.sink.error(error)
            return False
        return True

    @method(since=8)
    def reset(self) -> None:
        """Forget the error recorder and allocator."""
        self._state.sink.recorder = None
        self._state.allocator = None

    @method(since=8)
    def get_plugin_registry(self) -> IPluginRegistry:
        """Return the plugin registry."""
        return registry_dialect(self)
