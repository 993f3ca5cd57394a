"""IBuilderConfig: how an engine is to be built."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from minirt.api.boundary import Sink
from minirt.api.calibration import IAlgorithmSelector, IInt8Calibrator
from minirt.api.callbacks import IProgressMonitor
from minirt.api.declare import attr, method, plain
from minirt.api.dialect import dialect_of, wrap
from minirt.api.enum import EnumType, member
from minirt.api.enums import (
    BuilderFlag,
    DeviceType,
    EngineCapability,
    HardwareCompatibilityLevel,
    MemoryPoolType,
    PreviewFeature,
    ProfilingVerbosity,
    QuantizationFlag,
    RuntimePlatform,
    TacticSource,
    TilingOptimizationLevel,
)
from minirt.api.layer import ILayer
from minirt.api.logger import Managed
from minirt.api.profile import IOptimizationProfile
from minirt.api.timing_cache import CacheState, ITimingCache, read_cache
from minirt.build.bench import device_here
from minirt.errors import ApiError

_UNHONOURED = {
    "SPARSE_WEIGHTS": "weights are multiplied as if they were dense",
    "DIRECT_IO": "copies between an input or output and its first or last layer are not ruled out",
    "SAFETY_SCOPE": "no engine is restricted to a safe runtime",
    "DISTRIBUTIVE_INDEPENDENCE": "kernels are not chosen by it",
}
_NO_DLA = "there is no DLA; layers run on the GPU, or on the CPU where there is none"


@dataclass
class ConfigState:
    """What a config holds; enum members by name, objects of the script as they are."""

    sink: Sink
    flags: set[str] = field(default_factory=lambda: {"TF32"})
    warned: set[str] = field(default_factory=set)
    quantization: set[str] = field(default_factory=lambda: {"CALIBRATE_BEFORE_FUSION"})
    tactics: int | None = None
    pools: dict[str, int] = field(default_factory=dict)
    previews: set[str] = field(default_factory=lambda: {"PROFILE_SHARING_0806", "RUNTIME_ACTIVATION_RESIZE_10_10"})
    profiles: list[IOptimizationProfile] = field(default_factory=list)
    devices: dict[int, str] = field(default_factory=dict)
    enums: dict[str, str] = field(default_factory=dict)
    cache: ITimingCache | None = None
    trusts_cache: bool = False
    level: int = 3
    min_timing_iterations: int = 1
    avg_timing_iterations: int = 1
    max_aux_streams: int = -1
    max_num_tactics: int = -1
    l2_limit_for_tiling: int = 0
    DLA_core: int = -1
    profile_stream: int = 0
    plugins_to_serialize: list[str] = field(default_factory=list)
    progress_monitor: Any = None
    algorithm_selector: Any = None
    int8_calibrator: Any = None
    calibration_profile: Any = None
    remote_auto_tuning_config: str = ""
    build_route: str = ""


def bits_of(kind: EnumType, names: set[str], owner: object) -> int:
    """Return names of members as bits, in the dialect of an object."""
    members = kind.in_dialect(dialect_of(owner)).__members__
    return sum(1 << value for value in {int(m) for name, m in members.items() if name in names})


def names_of(kind: EnumType, bits: int, owner: object) -> set[str]:
    """Return the names of the members whose bits are set, in the dialect of an object."""
    members = kind.in_dialect(dialect_of(owner)).__members__
    return {name for name, m in members.items() if bits >> int(m) & 1}


def _choice(name: str, kind: EnumType, default: str, doc: str, **spans: Any) -> Any:
    """Declare an attribute that is a member of an enum."""

    def put(self: Any, value: Any) -> None:
        self._state.enums[name] = value.name

    return attr(
        lambda self: member(kind, self._state.enums.get(name, default), dialect_of(self)), put, kind, doc, **spans
    )


def _put_level(config: IBuilderConfig, level: int) -> None:
    if level < 0:
        raise ApiError(f"{level} is below 0", "builder_optimization_level", "use 0 to 5")
    config._state.level = min(level, 5)


def _put_flags(config: IBuilderConfig, bits: int) -> None:
    names = names_of(BuilderFlag, bits, config)
    config._state.flags = names
    for name in sorted(names):
        _warn(config, f"BuilderFlag.{name}", _UNHONOURED.get(name, ""))


def _warn(config: IBuilderConfig, what: str, why: str) -> None:
    """Say once in the log that something cannot be honoured, and why; "" says nothing."""
    state = config._state
    if why and what not in state.warned:
        state.warned.add(what)
        state.sink.log("WARNING", f"{what}: {why}")


def _put_core(config: IBuilderConfig, core: int) -> None:
    config._state.DLA_core = core
    _warn(config, "IBuilderConfig.DLA_core", _NO_DLA if core >= 0 else "")


def _put_device(config: IBuilderConfig, device: Any) -> None:
    config._state.enums["device"] = device.name
    _warn(config, "DeviceType.DLA", _NO_DLA if device.name == "DLA" else "")


def _put_quantization(config: IBuilderConfig, bits: int) -> None:
    config._state.quantization = names_of(QuantizationFlag, bits, config)


def _workspace(config: IBuilderConfig) -> int:
    return config._state.pools.get("WORKSPACE", 0)


def _put_pool(config: IBuilderConfig, pool: str, size: int) -> None:
    if size < 0:
        raise ApiError(f"{size} is below 0", f"memory pool {pool}", "use a number of bytes")
    config._state.pools[pool] = size


def _put_workspace(config: IBuilderConfig, size: int) -> None:
    _put_pool(config, "WORKSPACE", size)


_POOL = "set_memory_pool_limit"
_TIMES = "avg_timing_iterations"
_EDITABLE = "an editable timing cache"
_EXPLICIT = "quantize and dequantize layers"


class IBuilderConfig(Managed):
    """How an engine is to be built: flags, profiles, memory limits, precision, what to measure."""

    _state: ConfigState
    flags = attr(lambda self: bits_of(BuilderFlag, self._state.flags, self), _put_flags, int, "Flags, a bit each.")
    quantization_flags = attr(
        lambda self: bits_of(QuantizationFlag, self._state.quantization, self),
        _put_quantization,
        int,
        "Flags of calibration, a bit each.",
        until=10,
    )
    builder_optimization_level = attr(
        lambda self: self._state.level, _put_level, int, "How hard to look for fast kernels: 0 to 5.", since=8
    )
    avg_timing_iterations = plain("avg_timing_iterations", int, "How many timings are averaged.")
    min_timing_iterations = plain(
        "min_timing_iterations", int, "How often a kernel is timed.", until=8, instead=_TIMES, warns=(8,)
    )
    max_aux_streams = plain("max_aux_streams", int, "How many streams may be used besides, -1 for any.", since=8)
    max_num_tactics = plain("max_num_tactics", int, "How many tactics may be timed, -1 for any.", since=10)
    l2_limit_for_tiling = plain("l2_limit_for_tiling", int, "How much of L2 tiling may aim at.", since=10)
    tiling_optimization_level = _choice(
        "tiling", TilingOptimizationLevel, "NONE", "How long to look for tilings.", since=10
    )
    DLA_core = attr(lambda self: self._state.DLA_core, _put_core, int, "The DLA core; there is none.")
    default_device_type = attr(
        lambda self: member(DeviceType, self._state.enums.get("device", "GPU"), dialect_of(self)),
        _put_device,
        DeviceType,
        "Where layers run.",
    )
    engine_capability = _choice("capability", EngineCapability, "STANDARD", "Which runtime it is for.", since=8)
    profiling_verbosity = _choice("verbosity", ProfilingVerbosity, "LAYER_NAMES_ONLY", "What the inspector may tell.")
    hardware_compatibility_level = _choice(
        "hardware", HardwareCompatibilityLevel, "NONE", "On which GPUs the engine may run.", since=8
    )
    runtime_platform = _choice("platform", RuntimePlatform, "SAME_AS_BUILD", "Where the engine will run.", since=10)
    plugins_to_serialize = plain("plugins_to_serialize", list[str], "Plugin libraries to put into the engine.", since=8)
    profile_stream = plain("profile_stream", int, "The stream that measurements run on.")
    progress_monitor = plain("progress_monitor", IProgressMonitor | None, "Who hears of progress.", since=10)
    algorithm_selector = plain(
        "algorithm_selector", IAlgorithmSelector | None, "Who selects kernels.", until=10, instead=_EDITABLE
    )
    int8_calibrator = plain(
        "int8_calibrator",
        IInt8Calibrator | None,
        "Who gives batches to find ranges by, or keeps ranges, where BuilderFlag.INT8 is set.",
        until=10,
        instead=_EXPLICIT,
    )
    remote_auto_tuning_config = plain("remote_auto_tuning_config", str, "Where to measure instead of here.", since=10)
    build_route = plain("build_route", str, "Which route of building is taken.", since=11)
    all_build_routes = attr(lambda self: "", doc="The routes of building that there are.", since=11)
    max_workspace_size = attr(
        _workspace, _put_workspace, int, "Limit of scratch memory.", until=8, instead=_POOL, warns=(8,)
    )
    num_optimization_profiles = attr(lambda self: len(self._state.profiles), doc="How many profiles were added.")

    @method()
    def set_flag(self, flag: BuilderFlag) -> None:
        """Set a flag; one that cannot be honoured is said so once, in the log."""
        _warn(self, f"BuilderFlag.{flag.name}", _UNHONOURED.get(flag.name, ""))
        self._state.flags.add(flag.name)

    @method()
    def clear_flag(self, flag: BuilderFlag) -> None:
        """Clear a flag."""
        self._state.flags.discard(flag.name)

    @method()
    def get_flag(self, flag: BuilderFlag) -> bool:
        """Return whether a flag is set."""
        return flag.name in self._state.flags

    @method(until=10)
    def set_quantization_flag(self, flag: QuantizationFlag) -> None:
        """Set a flag of calibration."""
        self._state.quantization.add(flag.name)

    @method(until=10)
    def clear_quantization_flag(self, flag: QuantizationFlag) -> None:
        """Clear a flag of calibration."""
        self._state.quantization.discard(flag.name)

    @method(until=10)
    def get_quantization_flag(self, flag: QuantizationFlag) -> bool:
        """Return whether a flag of calibration is set."""
        return flag.name in self._state.quantization

    @method(since=8)
    def set_memory_pool_limit(self, pool: MemoryPoolType, pool_size: int) -> None:
        """Limit a pool of memory, in bytes."""
        _put_pool(self, pool.name, pool_size)

    @method(since=8)
    def get_memory_pool_limit(self, pool: MemoryPoolType) -> int:
        """Return the limit of a pool of memory, in bytes."""
        return self._state.pools.get(pool.name, _POOLS.get(pool.name, 0))

    @method(fail=-1)
    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        """Add a profile and return its place; -1 for one whose shapes are out of order."""
        if not profile:
            raise ApiError("min, opt and max shapes are not in order", "optimization profile", "use min <= opt <= max")
        self._state.profiles.append(profile)
        return len(self._state.profiles) - 1

    @method(until=10, instead=_EXPLICIT)
    def set_calibration_profile(self, profile: IOptimizationProfile) -> bool:
        """Set the profile that calibration uses."""
        self._state.calibration_profile = profile
        return True

    @method(until=10, instead=_EXPLICIT)
    def get_calibration_profile(self) -> Any:
        """Return the profile that calibration uses."""
        return self._state.calibration_profile

    @method()
    def set_device_type(self, layer: ILayer, device_type: DeviceType) -> None:
        """Set where a layer runs; on DLA it cannot, there is none."""
        _warn(self, "DeviceType.DLA", _NO_DLA if device_type.name == "DLA" else "")
        self._state.devices[id(layer._state)] = device_type.name

    @method()
    def get_device_type(self, layer: ILayer) -> DeviceType:
        """Return where a layer runs."""
        name = self._state.devices.get(id(layer._state), self._state.enums.get("device", "GPU"))
        return member(DeviceType, name, dialect_of(self))  # type: ignore[no-any-return]

    @method()
    def is_device_type_set(self, layer: ILayer) -> bool:
        """Return whether it was set where a layer runs."""
        return id(layer._state) in self._state.devices

    @method()
    def reset_device_type(self, layer: ILayer) -> None:
        """Let a layer run where the others do."""
        self._state.devices.pop(id(layer._state), None)

    @method()
    def can_run_on_DLA(self, layer: ILayer) -> bool:  # noqa: N802 - TensorRT's name
        """Return False: there is no DLA."""
        return False

    @method()
    def set_tactic_sources(self, tactic_sources: int) -> bool:
        """Set which libraries kernels may come from; none does, so that one that is ruled out is never used."""
        self._state.tactics = tactic_sources
        return True

    @method()
    def get_tactic_sources(self) -> int:
        """Return which libraries kernels may come from."""
        kept = self._state.tactics
        everything = {"EDGE_MASK_CONVOLUTIONS", "JIT_CONVOLUTIONS"}
        return bits_of(TacticSource, everything, self) if kept is None else kept

    @method(since=8)
    def create_timing_cache(self, serialized_timing_cache: Any) -> ITimingCache | None:
        """Return a timing cache of serialized bytes, an empty one for no bytes, None for foreign ones."""
        return wrap(ITimingCache, CacheState(read_cache(serialized_timing_cache), self._state.sink), dialect_of(self))

    @method(since=8, fail=False)
    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        """Build with a timing cache, and add to it; False, logged, for one of another device unless that is ignored."""
        measured, here = cache._state.timings.device, device_here()
        if measured and here and measured != here and not ignore_mismatch:
            what = f"the timing cache was measured on {measured}; this is {here}"
            raise ApiError(what, "set_timing_cache", "pass ignore_mismatch=True to use it all the same")
        self._state.cache, self._state.trusts_cache = cache, ignore_mismatch
        return True

    @method(since=8)
    def get_timing_cache(self) -> ITimingCache | None:
        """Return the timing cache that was set."""
        return self._state.cache

    @method(since=8)
    def set_preview_feature(self, feature: PreviewFeature, enable: bool) -> None:
        """Switch a preview feature."""
        (self._state.previews.add if enable else self._state.previews.discard)(feature.name)

    @method(since=8)
    def get_preview_feature(self, feature: PreviewFeature) -> bool:
        """Return whether a preview feature is on."""
        return feature.name in self._state.previews

    @method()
    def reset(self) -> None:
        """Go back to a fresh config."""
        self._state = ConfigState(self._state.sink)


_POOLS = {
    "WORKSPACE": 1 << 36,
    "DLA_MANAGED_SRAM": 1 << 20,
    "DLA_LOCAL_DRAM": 1 << 30,
    "DLA_GLOBAL_DRAM": 1 << 29,
    "TACTIC_DRAM": 1 << 36,
    "TACTIC_SHARED_MEMORY": 1 << 30,
}
