"""The enums of the API, each member with its integer from a TensorRT major on (see `minirt.api.enum`).

`FP16=0,11:-` is 0 from TensorRT 7 on and gone in 11; `TF32=7,10:6` is 7, and 6 from 10 on; `BF16=10:7` is new in 10.
"""

from __future__ import annotations

from minirt.api.enum import Enum

_BYTES = {
    **dict.fromkeys(("INT64",), 8),
    **dict.fromkeys(("FLOAT", "INT32"), 4),
    **dict.fromkeys(("HALF", "BF16"), 2),
    **dict.fromkeys(("INT8", "UINT8", "BOOL", "FP8"), 1),
    **dict.fromkeys(("INT4", "FP4"), 0.5),
}


class APILanguage(Enum, members="CPP=10:0 PYTHON=10:1", since=10):
    """The language in which an interface is implemented."""


class AllocatorFlag(Enum, members="RESIZABLE=8:0", arithmetic=True, since=8):
    """What memory that an allocator is asked for must be able to do."""


class BuilderFlag(
    Enum,
    members="FP16=0,11:- INT8=1,11:- DEBUG=2 GPU_FALLBACK=3 STRICT_TYPES=4,10:- REFIT=5,10:4 "
    "DISABLE_TIMING_CACHE=6,10:5 TF32=7,10:6 SPARSE_WEIGHTS=8:8,10:7 SAFETY_SCOPE=8:9,10:8 "
    "OBEY_PRECISION_CONSTRAINTS=8:10,10:9,11:- PREFER_PRECISION_CONSTRAINTS=8:11,10:10,11:- "
    "DIRECT_IO=8:12,10:11 REJECT_EMPTY_ALGORITHMS=8:13,10:12,11:- ENABLE_TACTIC_HEURISTIC=8:14,10:- "
    "VERSION_COMPATIBLE=8:15,10:13,11:12 EXCLUDE_LEAN_RUNTIME=8:16,10:14,11:13 "
    "ERROR_ON_TIMING_CACHE_MISS=10:16,11:15 FP8=8:17,10:15,11:- BF16=10:17,11:- "
    "DISABLE_COMPILATION_CACHE=10:18,11:17 STRIP_PLAN=10:19,11:18 WEIGHTLESS=10:19,11:- "
    "REFIT_IDENTICAL=10:20,11:19 WEIGHT_STREAMING=10:21,11:20 INT4=10:22,11:- "
    "REFIT_INDIVIDUAL=10:23,11:22 STRICT_NANS=10:24,11:23 MONITOR_MEMORY=10:25,11:24 FP4=10:26,11:- "
    "EDITABLE_TIMING_CACHE=10:27,11:26 DISTRIBUTIVE_INDEPENDENCE=10:28,11:27",
    arithmetic=True,
):
    """Switches of a builder config; `flags` has bit `1 << int(flag)` for each that is set."""


class CalibrationAlgoType(
    Enum,
    members="LEGACY_CALIBRATION=0 ENTROPY_CALIBRATION=1 ENTROPY_CALIBRATION_2=2 MINMAX_CALIBRATION=3",
    until=10,
):
    """How a calibrator chooses int8 scales."""


class DLAWorkspaceAllocationStrategy(Enum, members="DEFAULT=11:0 SHARED_STATIC=11:1", arithmetic=True, since=11):
    """Where DLA workspace is allocated."""


class DataType(
    Enum,
    members="FLOAT=0 HALF=1 INT8=2 INT32=3 BOOL=4 UINT8=8:5 FP8=8:6 BF16=10:7 INT64=10:8 INT4=10:9 FP4=10:10 "
    "E8M0=10:11",
):
    """Types of the elements of tensors and weights."""

    @property
    def itemsize(self) -> float | None:
        """Bytes of one element, a half for 4-bit types, None for those without a size of their own."""
        return _BYTES.get(self.name)


class DeviceType(Enum, members="GPU=0 DLA=1"):
    """The processors on which a layer may run."""


class DimensionOperation(
    Enum,
    members="SUM=10:0 PROD=10:1 MAX=10:2 MIN=10:3 SUB=10:4 EQUAL=10:5 LESS=10:6 FLOOR_DIV=10:7 CEIL_DIV=10:8",
    arithmetic=True,
    since=10,
):
    """Arithmetic on the dims of plugins."""


class DimensionType(Enum, members="SPATIAL=0 CHANNEL=1 INDEX=2 SEQUENCE=3", until=7):
    """What a dim stands for."""


class EngineCapability(
    Enum,
    members="DEFAULT=8:0,10:- STANDARD=8:0 SAFETY=8:1 SAFE_GPU=8:1,10:- DLA_STANDALONE=8:2 SAFE_DLA=8:2,10:-",
    arithmetic=True,
    since=8,
):
    """Which runtime an engine is restricted to."""


class EngineStat(Enum, members="TOTAL_WEIGHTS_SIZE=10:0 STRIPPED_WEIGHTS_SIZE=10:1", arithmetic=True, since=10):
    """What can be asked about an engine as a whole."""


class ErrorCode(
    Enum,
    members="SUCCESS=0 INTERNAL_ERROR=1 MEM_ALLOC_FAILED=2 MODEL_DESERIALIZE_FAILED=3 INVALID_VALUE=4 "
    "INVALID_GRAPH=5 INVALID_NODE=6 UNSUPPORTED_GRAPH=7 UNSUPPORTED_NODE=8 UNSUPPORTED_NODE_ATTR=10:9 "
    "UNSUPPORTED_NODE_INPUT=10:10 UNSUPPORTED_NODE_DATATYPE=10:11 UNSUPPORTED_NODE_DYNAMIC=10:12 "
    "UNSUPPORTED_NODE_SHAPE=10:13 REFIT_FAILED=10:14",
):
    """What a parser error is about."""


class ErrorCodeTRT(
    Enum,
    members="SUCCESS=0 UNSPECIFIED_ERROR=1 INTERNAL_ERROR=2 INVALID_ARGUMENT=3 INVALID_CONFIG=4 "
    "FAILED_ALLOCATION=5 FAILED_INITIALIZATION=6 FAILED_EXECUTION=7 FAILED_COMPUTATION=8 INVALID_STATE=9 "
    "UNSUPPORTED_STATE=10",
    arithmetic=True,
):
    """What an error reported to an error recorder is about."""


class ExecutionContextAllocationStrategy(
    Enum,
    members="STATIC=10:0 ON_PROFILE_CHANGE=10:1 USER_MANAGED=10:2",
    arithmetic=True,
    since=10,
):
    """When the device memory of a context is allocated, and by whom."""


class FieldType(Enum, members="FLOAT=0 INT32=1 CHAR=2 DIMS=4 DATATYPE=5 UNKNOWN=6", until=8):
    """Types of the fields of a plugin of a UFF model."""


class HardwareCompatibilityLevel(Enum, members="NONE=8:0 AMPERE_PLUS=8:1 SAME_COMPUTE_CAPABILITY=10:2", since=8):
    """On which GPUs an engine may run besides the one it was built for."""


class LayerInformationFormat(Enum, members="ONELINE=8:0 JSON=8:1", since=8):
    """How an engine inspector answers."""


class MemoryPoolType(
    Enum,
    members="WORKSPACE=8:0 DLA_MANAGED_SRAM=8:1 DLA_LOCAL_DRAM=8:2 DLA_GLOBAL_DRAM=8:3 TACTIC_DRAM=8:4 "
    "TACTIC_SHARED_MEMORY=10:5",
    since=8,
):
    """The pools of memory that a build may be limited in."""


class NetworkDefinitionCreationFlag(
    Enum,
    members="EXPLICIT_BATCH=0,11:- EXPLICIT_PRECISION=1,10:- STRONGLY_TYPED=10:1,11:0 "
    "PREFER_JIT_PYTHON_PLUGINS=10:2,11:1 PREFER_AOT_PYTHON_PLUGINS=10:3,11:2",
    arithmetic=True,
):
    """Switches of `create_network`; its `flags` has bit `1 << int(flag)` for each."""


class OnnxParserFlag(
    Enum,
    members="NATIVE_INSTANCENORM=8:0 ENABLE_UINT8_AND_ASYMMETRIC_QUANTIZATION_DLA=10:1 REPORT_CAPABILITY_DLA=10:2 "
    "ENABLE_PLUGIN_OVERRIDE=10:3 ADJUST_FOR_DLA=10:4",
    since=8,
):
    """Switches of the ONNX parser."""


class PluginArgDataType(Enum, members="INT8=10:0 INT16=10:1 INT32=10:2", arithmetic=True, since=10):
    """Types of the extra arguments of an ahead-of-time plugin kernel."""


class PluginArgType(Enum, members="INT=10:0", arithmetic=True, since=10):
    """Kinds of the extra arguments of an ahead-of-time plugin kernel."""


class PluginCapabilityType(Enum, members="CORE=10:0 BUILD=10:1 RUNTIME=10:2", arithmetic=True, since=10):
    """The capabilities of a plugin: core, build, runtime."""


class PluginCreatorVersion(Enum, members="V1=10:0 V1_PYTHON=10:64", since=10):
    """The generations of plugin creators."""


class PluginFieldType(
    Enum,
    members="FLOAT16=0 FLOAT32=1 FLOAT64=2 INT8=3 INT16=4 INT32=5 CHAR=6 DIMS=7 UNKNOWN=8 BF16=10:9 INT64=10:10 "
    "FP8=10:11 INT4=10:12 FP4=10:13",
):
    """Types of the fields of a plugin."""


class PreviewFeature(
    Enum,
    members="FASTER_DYNAMIC_SHAPES_0805=8:0,10:- DISABLE_EXTERNAL_TACTIC_SOURCES_FOR_CORE_0805=8:1,10:- "
    "ALIASED_PLUGIN_IO_10_03=10:1,11:0 PROFILE_SHARING_0806=8:2,10:0,11:- "
    "RUNTIME_ACTIVATION_RESIZE_10_10=10:2,11:1 MULTIDEVICE_RUNTIME_10_16=10:3,11:-",
    since=8,
):
    """Features that may be switched on before they are the default."""


class ProfilingVerbosity(Enum, members="DEFAULT=0,10:- LAYER_NAMES_ONLY=8:0 NONE=1 VERBOSE=2,10:- DETAILED=8:2"):
    """How much an engine keeps for its inspector and for profiles."""


class QuantizationFlag(Enum, members="CALIBRATE_BEFORE_FUSION=0", arithmetic=True, until=10):
    """Switches of int8 calibration."""


class QuickPluginCreationRequest(
    Enum,
    members="UNKNOWN=10:0 PREFER_JIT=10:1 PREFER_AOT=10:2 STRICT_JIT=10:3 STRICT_AOT=10:4",
    arithmetic=True,
    since=10,
):
    """Whether a decorated plugin runs compiled ahead of time or called from Python."""


class RuntimePlatform(Enum, members="SAME_AS_BUILD=10:0 WINDOWS_AMD64=10:1", since=10):
    """The platform on which an engine will run."""


class SeekPosition(Enum, members="SET=10:0 CUR=10:1 END=10:2", arithmetic=True, since=10):
    """What the offset of a seek counts from."""


class SerializationFlag(
    Enum,
    members="EXCLUDE_WEIGHTS=10:0 EXCLUDE_LEAN_RUNTIME=10:1 INCLUDE_REFIT=10:2",
    arithmetic=True,
    since=10,
):
    """Switches of a serialization config."""


class TacticSource(
    Enum,
    members="CUBLAS=0,11:- CUBLAS_LT=1,11:- CUDNN=8:2,11:- EDGE_MASK_CONVOLUTIONS=8:3,11:0 JIT_CONVOLUTIONS=8:4,11:1",
    arithmetic=True,
):
    """Libraries that kernels may come from."""


class TempfileControlFlag(Enum, members="ALLOW_IN_MEMORY_FILES=8:0 ALLOW_TEMPORARY_FILES=8:1", since=8):
    """Which temporary files a runtime may make."""


class TensorFormat(
    Enum,
    members="LINEAR=0 CHW2=1 HWC8=2 CHW4=3 CHW16=4 CHW32=5 DHWC8=6 CDHW32=7 HWC=8 DLA_LINEAR=9 DLA_HWC4=10 "
    "HWC16=8:11 DHWC=8:12",
    arithmetic=True,
):
    """Memory layouts of tensors."""


class TensorIOMode(Enum, members="NONE=8:0 INPUT=8:1 OUTPUT=8:2", since=8):
    """Whether a name of an engine is an input or an output."""


class TensorLocation(Enum, members="DEVICE=0 HOST=1"):
    """Whether a tensor is in host or device memory."""


class TensorRTPhase(Enum, members="BUILD=10:0 RUNTIME=10:1", arithmetic=True, since=10):
    """Whether a plugin is created for a build or for a runtime."""


class TilingOptimizationLevel(Enum, members="NONE=10:0 FAST=10:1 MODERATE=10:2 FULL=10:3", since=10):
    """How long a build may look for tilings."""


class UffInputOrder(Enum, members="NCHW=0 NHWC=1 NC=2", until=8):
    """The order of dims of an input of a UFF model."""


class WeightsRole(Enum, members="KERNEL=0 BIAS=1 SHIFT=2 SCALE=3 CONSTANT=4 ANY=8:5"):
    """What weights are to their layer."""
