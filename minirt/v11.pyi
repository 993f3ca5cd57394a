"""Stubs of minirt as TensorRT 11.4.0.0; written by `python -m minirt.tools.stubs`."""

import collections.abc
from builtins import bool as _bool
from typing import Any, ClassVar, Self, SupportsIndex, overload

import numpy as np

class _ApiType(type): ...
class _EnumType(type): ...

class _Indexed:
    """What Python iterates over by index, which type checkers do not know of."""
    def __iter__(self) -> collections.abc.Iterator[Any]: ...

class _Enum(metaclass=_EnumType):
    __members__: ClassVar[dict[str, Any]]
    def __init__(self, value: int) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object) -> _bool: ...

__version__: str
__all__ = ['APILanguage', 'ActivationType', 'AllocatorFlag', 'AttentionIOForm', 'AttentionNormalizationOp', 'BoundingBoxFormat', 'Builder', 'BuilderFlag', 'CausalMaskKind', 'CollectiveOperation', 'CumulativeOperation', 'DLAWorkspaceAllocationStrategy', 'DataType', 'DeviceType', 'DimensionOperation', 'Dims', 'Dims2', 'Dims3', 'Dims4', 'DimsExprs', 'DimsHW', 'DynamicPluginTensorDesc', 'ElementWiseOperation', 'EngineCapability', 'EngineInspector', 'EngineStat', 'ErrorCode', 'ErrorCodeTRT', 'ExecutionContextAllocationStrategy', 'FallbackString', 'FillOperation', 'GatherMode', 'HardwareCompatibilityLevel', 'IActivationLayer', 'IAssertionLayer', 'IAttention', 'IAttentionBoundaryLayer', 'IAttentionInputLayer', 'IAttentionOutputLayer', 'IBuilderConfig', 'ICastLayer', 'IConcatenationLayer', 'IConditionLayer', 'IConstantLayer', 'IConvolutionLayer', 'ICudaEngine', 'ICumulativeLayer', 'IDebugListener', 'IDeconvolutionLayer', 'IDequantizeLayer', 'IDimensionExpr', 'IDistCollectiveLayer', 'IDynamicQuantizeLayer', 'IEinsumLayer', 'IElementWiseLayer', 'IErrorRecorder', 'IExecutionContext', 'IExprBuilder', 'IFillLayer', 'IGatherLayer', 'IGpuAllocator', 'IGpuAsyncAllocator', 'IGridSampleLayer', 'IHostMemory', 'IIdentityLayer', 'IIfConditional', 'IIfConditionalBoundaryLayer', 'IIfConditionalInputLayer', 'IIfConditionalOutputLayer', 'IIteratorLayer', 'IKVCacheUpdateLayer', 'ILRNLayer', 'ILayer', 'ILogger', 'ILoop', 'ILoopBoundaryLayer', 'ILoopOutputLayer', 'IMatrixMultiplyLayer', 'IMoELayer', 'INMSLayer', 'INetworkDefinition', 'INonZeroLayer', 'INormalizationLayer', 'IOneHotLayer', 'IOptimizationProfile', 'IOutputAllocator', 'IPaddingLayer', 'IParametricReLULayer', 'IPluginCapability', 'IPluginCreator', 'IPluginCreatorInterface', 'IPluginCreatorV3One', 'IPluginCreatorV3Quick', 'IPluginRegistry', 'IPluginResource', 'IPluginResourceContext', 'IPluginV2', 'IPluginV2DynamicExt', 'IPluginV2DynamicExtBase', 'IPluginV2Ext', 'IPluginV2Layer', 'IPluginV3', 'IPluginV3Layer', 'IPluginV3OneBuild', 'IPluginV3OneBuildV2', 'IPluginV3OneCore', 'IPluginV3OneRuntime', 'IPluginV3QuickAOTBuild', 'IPluginV3QuickBuild', 'IPluginV3QuickCore', 'IPluginV3QuickRuntime', 'IPoolingLayer', 'IProfiler', 'IProgressMonitor', 'IQuantizeLayer', 'IRaggedSoftMaxLayer', 'IRecurrenceLayer', 'IReduceLayer', 'IResizeLayer', 'IReverseSequenceLayer', 'IRotaryEmbeddingLayer', 'IRuntimeConfig', 'IScaleLayer', 'IScatterLayer', 'ISelectLayer', 'ISerializationConfig', 'IShapeLayer', 'IShuffleLayer', 'ISliceLayer', 'ISoftMaxLayer', 'ISqueezeLayer', 'IStreamReaderV2', 'IStreamWriter', 'ISymExpr', 'ISymExprs', 'ITensor', 'ITimingCache', 'ITopKLayer', 'ITripLimitLayer', 'IUnaryLayer', 'IUnsqueezeLayer', 'IVersionedInterface', 'InterfaceInfo', 'InterpolationMode', 'KVCacheMode', 'KernelLaunchParams', 'LayerInformationFormat', 'LayerType', 'Logger', 'LoopOutput', 'MatrixOperation', 'MemoryPoolType', 'MoEActType', 'NetworkDefinitionCreationFlag', 'NodeIndices', 'OnnxParser', 'OnnxParserFlag', 'OnnxParserRefitter', 'PaddingMode', 'ParserError', 'Permutation', 'PluginArgDataType', 'PluginArgType', 'PluginCapabilityType', 'PluginCreatorVersion', 'PluginField', 'PluginFieldCollection', 'PluginFieldCollection_', 'PluginFieldType', 'PluginTensorDesc', 'PoolingType', 'PreviewFeature', 'Profiler', 'ProfilingVerbosity', 'QuickPluginCreationRequest', 'ReduceOperation', 'Refitter', 'ResizeCoordinateTransformation', 'ResizeRoundMode', 'ResizeSelector', 'Runtime', 'RuntimePlatform', 'SampleMode', 'ScaleMode', 'ScatterMode', 'SeekPosition', 'SerializationFlag', 'TacticSource', 'TempfileControlFlag', 'TensorFormat', 'TensorIOMode', 'TensorLocation', 'TensorRTPhase', 'TilingOptimizationLevel', 'TimingCacheKey', 'TimingCacheValue', 'TopKOperation', 'TripLimit', 'UnaryOperation', 'Weights', 'WeightsRole', 'bfloat16', 'bool', 'e8m0', 'float16', 'float32', 'fp4', 'fp8', 'get_builder_plugin_registry', 'get_nv_onnx_parser_version', 'get_plugin_registry', 'init_libnvinfer_plugins', 'int32', 'int4', 'int64', 'int8', 'nptype', 'uint8', 'volume']

class IHostMemory(bytearray):
    """Serialized data: `bytes(m)`, `memoryview(m)`, `file.write(m)` and `numpy.frombuffer(m, numpy.uint8)` read it."""
    def __init__(self, *_: object) -> None:
        ...
    @property
    def nbytes(self) -> int:
        """The size in bytes."""
    @property
    def dtype(self) -> Any:
        """The type of the elements: INT8."""
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    def __bool__(self) -> _bool:
        ...
    def __eq__(self, other: object) -> _bool:
        """Return self==value."""
    def __len__(self) -> int:
        """Return len(self)."""
    def __iter__(self) -> Any:
        """Implement iter(self)."""
    def __getitem__(self, index: object) -> Any:
        """Return self[key]."""
    def __str__(self) -> str:
        """Return repr(self)."""

class APILanguage(_Enum):
    """The language in which an interface is implemented."""
    CPP: ClassVar[APILanguage]
    PYTHON: ClassVar[APILanguage]

class AllocatorFlag(_Enum):
    """What memory that an allocator is asked for must be able to do."""
    RESIZABLE: ClassVar[AllocatorFlag]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class BuilderFlag(_Enum):
    """Switches of a builder config; `flags` has bit `1 << int(flag)` for each that is set."""
    DEBUG: ClassVar[BuilderFlag]
    GPU_FALLBACK: ClassVar[BuilderFlag]
    REFIT: ClassVar[BuilderFlag]
    DISABLE_TIMING_CACHE: ClassVar[BuilderFlag]
    TF32: ClassVar[BuilderFlag]
    SPARSE_WEIGHTS: ClassVar[BuilderFlag]
    SAFETY_SCOPE: ClassVar[BuilderFlag]
    DIRECT_IO: ClassVar[BuilderFlag]
    VERSION_COMPATIBLE: ClassVar[BuilderFlag]
    EXCLUDE_LEAN_RUNTIME: ClassVar[BuilderFlag]
    ERROR_ON_TIMING_CACHE_MISS: ClassVar[BuilderFlag]
    DISABLE_COMPILATION_CACHE: ClassVar[BuilderFlag]
    STRIP_PLAN: ClassVar[BuilderFlag]
    REFIT_IDENTICAL: ClassVar[BuilderFlag]
    WEIGHT_STREAMING: ClassVar[BuilderFlag]
    REFIT_INDIVIDUAL: ClassVar[BuilderFlag]
    STRICT_NANS: ClassVar[BuilderFlag]
    MONITOR_MEMORY: ClassVar[BuilderFlag]
    EDITABLE_TIMING_CACHE: ClassVar[BuilderFlag]
    DISTRIBUTIVE_INDEPENDENCE: ClassVar[BuilderFlag]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class DLAWorkspaceAllocationStrategy(_Enum):
    """Where DLA workspace is allocated."""
    DEFAULT: ClassVar[DLAWorkspaceAllocationStrategy]
    SHARED_STATIC: ClassVar[DLAWorkspaceAllocationStrategy]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class DataType(_Enum):
    """Types of the elements of tensors and weights."""
    FLOAT: ClassVar[DataType]
    HALF: ClassVar[DataType]
    INT8: ClassVar[DataType]
    INT32: ClassVar[DataType]
    BOOL: ClassVar[DataType]
    UINT8: ClassVar[DataType]
    FP8: ClassVar[DataType]
    BF16: ClassVar[DataType]
    INT64: ClassVar[DataType]
    INT4: ClassVar[DataType]
    FP4: ClassVar[DataType]
    E8M0: ClassVar[DataType]
    @property
    def itemsize(self) -> Any: ...

class DeviceType(_Enum):
    """The processors on which a layer may run."""
    GPU: ClassVar[DeviceType]
    DLA: ClassVar[DeviceType]

class DimensionOperation(_Enum):
    """Arithmetic on the dims of plugins."""
    SUM: ClassVar[DimensionOperation]
    PROD: ClassVar[DimensionOperation]
    MAX: ClassVar[DimensionOperation]
    MIN: ClassVar[DimensionOperation]
    SUB: ClassVar[DimensionOperation]
    EQUAL: ClassVar[DimensionOperation]
    LESS: ClassVar[DimensionOperation]
    FLOOR_DIV: ClassVar[DimensionOperation]
    CEIL_DIV: ClassVar[DimensionOperation]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class EngineCapability(_Enum):
    """Which runtime an engine is restricted to."""
    STANDARD: ClassVar[EngineCapability]
    SAFETY: ClassVar[EngineCapability]
    DLA_STANDALONE: ClassVar[EngineCapability]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class EngineStat(_Enum):
    """What can be asked about an engine as a whole."""
    TOTAL_WEIGHTS_SIZE: ClassVar[EngineStat]
    STRIPPED_WEIGHTS_SIZE: ClassVar[EngineStat]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class ErrorCode(_Enum):
    """What a parser error is about."""
    SUCCESS: ClassVar[ErrorCode]
    INTERNAL_ERROR: ClassVar[ErrorCode]
    MEM_ALLOC_FAILED: ClassVar[ErrorCode]
    MODEL_DESERIALIZE_FAILED: ClassVar[ErrorCode]
    INVALID_VALUE: ClassVar[ErrorCode]
    INVALID_GRAPH: ClassVar[ErrorCode]
    INVALID_NODE: ClassVar[ErrorCode]
    UNSUPPORTED_GRAPH: ClassVar[ErrorCode]
    UNSUPPORTED_NODE: ClassVar[ErrorCode]
    UNSUPPORTED_NODE_ATTR: ClassVar[ErrorCode]
    UNSUPPORTED_NODE_INPUT: ClassVar[ErrorCode]
    UNSUPPORTED_NODE_DATATYPE: ClassVar[ErrorCode]
    UNSUPPORTED_NODE_DYNAMIC: ClassVar[ErrorCode]
    UNSUPPORTED_NODE_SHAPE: ClassVar[ErrorCode]
    REFIT_FAILED: ClassVar[ErrorCode]

class ErrorCodeTRT(_Enum):
    """What an error reported to an error recorder is about."""
    SUCCESS: ClassVar[ErrorCodeTRT]
    UNSPECIFIED_ERROR: ClassVar[ErrorCodeTRT]
    INTERNAL_ERROR: ClassVar[ErrorCodeTRT]
    INVALID_ARGUMENT: ClassVar[ErrorCodeTRT]
    INVALID_CONFIG: ClassVar[ErrorCodeTRT]
    FAILED_ALLOCATION: ClassVar[ErrorCodeTRT]
    FAILED_INITIALIZATION: ClassVar[ErrorCodeTRT]
    FAILED_EXECUTION: ClassVar[ErrorCodeTRT]
    FAILED_COMPUTATION: ClassVar[ErrorCodeTRT]
    INVALID_STATE: ClassVar[ErrorCodeTRT]
    UNSUPPORTED_STATE: ClassVar[ErrorCodeTRT]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class ExecutionContextAllocationStrategy(_Enum):
    """When the device memory of a context is allocated, and by whom."""
    STATIC: ClassVar[ExecutionContextAllocationStrategy]
    ON_PROFILE_CHANGE: ClassVar[ExecutionContextAllocationStrategy]
    USER_MANAGED: ClassVar[ExecutionContextAllocationStrategy]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class HardwareCompatibilityLevel(_Enum):
    """On which GPUs an engine may run besides the one it was built for."""
    NONE: ClassVar[HardwareCompatibilityLevel]
    AMPERE_PLUS: ClassVar[HardwareCompatibilityLevel]
    SAME_COMPUTE_CAPABILITY: ClassVar[HardwareCompatibilityLevel]

class LayerInformationFormat(_Enum):
    """How an engine inspector answers."""
    ONELINE: ClassVar[LayerInformationFormat]
    JSON: ClassVar[LayerInformationFormat]

class MemoryPoolType(_Enum):
    """The pools of memory that a build may be limited in."""
    WORKSPACE: ClassVar[MemoryPoolType]
    DLA_MANAGED_SRAM: ClassVar[MemoryPoolType]
    DLA_LOCAL_DRAM: ClassVar[MemoryPoolType]
    DLA_GLOBAL_DRAM: ClassVar[MemoryPoolType]
    TACTIC_DRAM: ClassVar[MemoryPoolType]
    TACTIC_SHARED_MEMORY: ClassVar[MemoryPoolType]

class NetworkDefinitionCreationFlag(_Enum):
    """Switches of `create_network`; its `flags` has bit `1 << int(flag)` for each."""
    STRONGLY_TYPED: ClassVar[NetworkDefinitionCreationFlag]
    PREFER_JIT_PYTHON_PLUGINS: ClassVar[NetworkDefinitionCreationFlag]
    PREFER_AOT_PYTHON_PLUGINS: ClassVar[NetworkDefinitionCreationFlag]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class OnnxParserFlag(_Enum):
    """Switches of the ONNX parser."""
    NATIVE_INSTANCENORM: ClassVar[OnnxParserFlag]
    ENABLE_UINT8_AND_ASYMMETRIC_QUANTIZATION_DLA: ClassVar[OnnxParserFlag]
    REPORT_CAPABILITY_DLA: ClassVar[OnnxParserFlag]
    ENABLE_PLUGIN_OVERRIDE: ClassVar[OnnxParserFlag]
    ADJUST_FOR_DLA: ClassVar[OnnxParserFlag]

class PluginArgDataType(_Enum):
    """Types of the extra arguments of an ahead-of-time plugin kernel."""
    INT8: ClassVar[PluginArgDataType]
    INT16: ClassVar[PluginArgDataType]
    INT32: ClassVar[PluginArgDataType]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class PluginArgType(_Enum):
    """Kinds of the extra arguments of an ahead-of-time plugin kernel."""
    INT: ClassVar[PluginArgType]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class PluginCapabilityType(_Enum):
    """The capabilities of a plugin: core, build, runtime."""
    CORE: ClassVar[PluginCapabilityType]
    BUILD: ClassVar[PluginCapabilityType]
    RUNTIME: ClassVar[PluginCapabilityType]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class PluginCreatorVersion(_Enum):
    """The generations of plugin creators."""
    V1: ClassVar[PluginCreatorVersion]
    V1_PYTHON: ClassVar[PluginCreatorVersion]

class PluginFieldType(_Enum):
    """Types of the fields of a plugin."""
    FLOAT16: ClassVar[PluginFieldType]
    FLOAT32: ClassVar[PluginFieldType]
    FLOAT64: ClassVar[PluginFieldType]
    INT8: ClassVar[PluginFieldType]
    INT16: ClassVar[PluginFieldType]
    INT32: ClassVar[PluginFieldType]
    CHAR: ClassVar[PluginFieldType]
    DIMS: ClassVar[PluginFieldType]
    UNKNOWN: ClassVar[PluginFieldType]
    BF16: ClassVar[PluginFieldType]
    INT64: ClassVar[PluginFieldType]
    FP8: ClassVar[PluginFieldType]
    INT4: ClassVar[PluginFieldType]
    FP4: ClassVar[PluginFieldType]

class PreviewFeature(_Enum):
    """Features that may be switched on before they are the default."""
    ALIASED_PLUGIN_IO_10_03: ClassVar[PreviewFeature]
    RUNTIME_ACTIVATION_RESIZE_10_10: ClassVar[PreviewFeature]

class ProfilingVerbosity(_Enum):
    """How much an engine keeps for its inspector and for profiles."""
    LAYER_NAMES_ONLY: ClassVar[ProfilingVerbosity]
    NONE: ClassVar[ProfilingVerbosity]
    DETAILED: ClassVar[ProfilingVerbosity]

class QuickPluginCreationRequest(_Enum):
    """Whether a decorated plugin runs compiled ahead of time or called from Python."""
    UNKNOWN: ClassVar[QuickPluginCreationRequest]
    PREFER_JIT: ClassVar[QuickPluginCreationRequest]
    PREFER_AOT: ClassVar[QuickPluginCreationRequest]
    STRICT_JIT: ClassVar[QuickPluginCreationRequest]
    STRICT_AOT: ClassVar[QuickPluginCreationRequest]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class RuntimePlatform(_Enum):
    """The platform on which an engine will run."""
    SAME_AS_BUILD: ClassVar[RuntimePlatform]
    WINDOWS_AMD64: ClassVar[RuntimePlatform]

class SeekPosition(_Enum):
    """What the offset of a seek counts from."""
    SET: ClassVar[SeekPosition]
    CUR: ClassVar[SeekPosition]
    END: ClassVar[SeekPosition]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class SerializationFlag(_Enum):
    """Switches of a serialization config."""
    EXCLUDE_WEIGHTS: ClassVar[SerializationFlag]
    EXCLUDE_LEAN_RUNTIME: ClassVar[SerializationFlag]
    INCLUDE_REFIT: ClassVar[SerializationFlag]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class TacticSource(_Enum):
    """Libraries that kernels may come from."""
    EDGE_MASK_CONVOLUTIONS: ClassVar[TacticSource]
    JIT_CONVOLUTIONS: ClassVar[TacticSource]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class TempfileControlFlag(_Enum):
    """Which temporary files a runtime may make."""
    ALLOW_IN_MEMORY_FILES: ClassVar[TempfileControlFlag]
    ALLOW_TEMPORARY_FILES: ClassVar[TempfileControlFlag]

class TensorFormat(_Enum):
    """Memory layouts of tensors."""
    LINEAR: ClassVar[TensorFormat]
    CHW2: ClassVar[TensorFormat]
    HWC8: ClassVar[TensorFormat]
    CHW4: ClassVar[TensorFormat]
    CHW16: ClassVar[TensorFormat]
    CHW32: ClassVar[TensorFormat]
    DHWC8: ClassVar[TensorFormat]
    CDHW32: ClassVar[TensorFormat]
    HWC: ClassVar[TensorFormat]
    DLA_LINEAR: ClassVar[TensorFormat]
    DLA_HWC4: ClassVar[TensorFormat]
    HWC16: ClassVar[TensorFormat]
    DHWC: ClassVar[TensorFormat]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class TensorIOMode(_Enum):
    """Whether a name of an engine is an input or an output."""
    NONE: ClassVar[TensorIOMode]
    INPUT: ClassVar[TensorIOMode]
    OUTPUT: ClassVar[TensorIOMode]

class TensorLocation(_Enum):
    """Whether a tensor is in host or device memory."""
    DEVICE: ClassVar[TensorLocation]
    HOST: ClassVar[TensorLocation]

class TensorRTPhase(_Enum):
    """Whether a plugin is created for a build or for a runtime."""
    BUILD: ClassVar[TensorRTPhase]
    RUNTIME: ClassVar[TensorRTPhase]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class TilingOptimizationLevel(_Enum):
    """How long a build may look for tilings."""
    NONE: ClassVar[TilingOptimizationLevel]
    FAST: ClassVar[TilingOptimizationLevel]
    MODERATE: ClassVar[TilingOptimizationLevel]
    FULL: ClassVar[TilingOptimizationLevel]

class WeightsRole(_Enum):
    """What weights are to their layer."""
    KERNEL: ClassVar[WeightsRole]
    BIAS: ClassVar[WeightsRole]
    SHIFT: ClassVar[WeightsRole]
    SCALE: ClassVar[WeightsRole]
    CONSTANT: ClassVar[WeightsRole]
    ANY: ClassVar[WeightsRole]

class ActivationType(_Enum):
    """The functions of an activation layer."""
    RELU: ClassVar[ActivationType]
    SIGMOID: ClassVar[ActivationType]
    TANH: ClassVar[ActivationType]
    LEAKY_RELU: ClassVar[ActivationType]
    ELU: ClassVar[ActivationType]
    SELU: ClassVar[ActivationType]
    SOFTSIGN: ClassVar[ActivationType]
    SOFTPLUS: ClassVar[ActivationType]
    CLIP: ClassVar[ActivationType]
    HARD_SIGMOID: ClassVar[ActivationType]
    SCALED_TANH: ClassVar[ActivationType]
    THRESHOLDED_RELU: ClassVar[ActivationType]
    GELU_ERF: ClassVar[ActivationType]
    GELU_TANH: ClassVar[ActivationType]

class AttentionIOForm(_Enum):
    """How sequences lie in the inputs and outputs of attention: padded per batch, or packed."""
    PADDED_BHND: ClassVar[AttentionIOForm]
    PACKED_NHD: ClassVar[AttentionIOForm]

class AttentionNormalizationOp(_Enum):
    """How attention scores are normalized."""
    NONE: ClassVar[AttentionNormalizationOp]
    SOFTMAX: ClassVar[AttentionNormalizationOp]

class BoundingBoxFormat(_Enum):
    """How four numbers make a box: two corners, or a centre and sizes."""
    CORNER_PAIRS: ClassVar[BoundingBoxFormat]
    CENTER_SIZES: ClassVar[BoundingBoxFormat]

class CausalMaskKind(_Enum):
    """Which corner a causal mask starts from."""
    NONE: ClassVar[CausalMaskKind]
    UPPER_LEFT: ClassVar[CausalMaskKind]
    LOWER_RIGHT: ClassVar[CausalMaskKind]

class CollectiveOperation(_Enum):
    """What a collective over ranks does."""
    ALL_REDUCE: ClassVar[CollectiveOperation]
    ALL_GATHER: ClassVar[CollectiveOperation]
    BROADCAST: ClassVar[CollectiveOperation]
    REDUCE: ClassVar[CollectiveOperation]
    REDUCE_SCATTER: ClassVar[CollectiveOperation]
    ALL_TO_ALL: ClassVar[CollectiveOperation]
    GATHER: ClassVar[CollectiveOperation]
    SCATTER: ClassVar[CollectiveOperation]

class CumulativeOperation(_Enum):
    """What a cumulative layer accumulates by."""
    SUM: ClassVar[CumulativeOperation]

class ElementWiseOperation(_Enum):
    """The functions of two tensors, element by element."""
    SUM: ClassVar[ElementWiseOperation]
    PROD: ClassVar[ElementWiseOperation]
    MAX: ClassVar[ElementWiseOperation]
    MIN: ClassVar[ElementWiseOperation]
    SUB: ClassVar[ElementWiseOperation]
    DIV: ClassVar[ElementWiseOperation]
    POW: ClassVar[ElementWiseOperation]
    FLOOR_DIV: ClassVar[ElementWiseOperation]
    AND: ClassVar[ElementWiseOperation]
    OR: ClassVar[ElementWiseOperation]
    XOR: ClassVar[ElementWiseOperation]
    EQUAL: ClassVar[ElementWiseOperation]
    GREATER: ClassVar[ElementWiseOperation]
    LESS: ClassVar[ElementWiseOperation]

class FillOperation(_Enum):
    """How a fill layer makes its numbers."""
    LINSPACE: ClassVar[FillOperation]
    RANDOM_UNIFORM: ClassVar[FillOperation]
    RANDOM_NORMAL: ClassVar[FillOperation]

class GatherMode(_Enum):
    """What the indices of a gather select: slices, elements, or tuples."""
    DEFAULT: ClassVar[GatherMode]
    ELEMENT: ClassVar[GatherMode]
    ND: ClassVar[GatherMode]

class InterpolationMode(_Enum):
    """How a value between samples is found."""
    NEAREST: ClassVar[InterpolationMode]
    LINEAR: ClassVar[InterpolationMode]
    CUBIC: ClassVar[InterpolationMode]

class KVCacheMode(_Enum):
    """How a key-value cache is written."""
    LINEAR: ClassVar[KVCacheMode]

class LayerType(_Enum):
    """The kinds of layers."""
    CONVOLUTION: ClassVar[LayerType]
    CAST: ClassVar[LayerType]
    ACTIVATION: ClassVar[LayerType]
    POOLING: ClassVar[LayerType]
    LRN: ClassVar[LayerType]
    SCALE: ClassVar[LayerType]
    SOFTMAX: ClassVar[LayerType]
    DECONVOLUTION: ClassVar[LayerType]
    CONCATENATION: ClassVar[LayerType]
    ELEMENTWISE: ClassVar[LayerType]
    PLUGIN: ClassVar[LayerType]
    UNARY: ClassVar[LayerType]
    PADDING: ClassVar[LayerType]
    SHUFFLE: ClassVar[LayerType]
    REDUCE: ClassVar[LayerType]
    TOPK: ClassVar[LayerType]
    GATHER: ClassVar[LayerType]
    MATRIX_MULTIPLY: ClassVar[LayerType]
    RAGGED_SOFTMAX: ClassVar[LayerType]
    CONSTANT: ClassVar[LayerType]
    IDENTITY: ClassVar[LayerType]
    PLUGIN_V2: ClassVar[LayerType]
    SLICE: ClassVar[LayerType]
    SHAPE: ClassVar[LayerType]
    PARAMETRIC_RELU: ClassVar[LayerType]
    RESIZE: ClassVar[LayerType]
    TRIP_LIMIT: ClassVar[LayerType]
    RECURRENCE: ClassVar[LayerType]
    ITERATOR: ClassVar[LayerType]
    LOOP_OUTPUT: ClassVar[LayerType]
    SELECT: ClassVar[LayerType]
    FILL: ClassVar[LayerType]
    QUANTIZE: ClassVar[LayerType]
    DEQUANTIZE: ClassVar[LayerType]
    CONDITION: ClassVar[LayerType]
    CONDITIONAL_INPUT: ClassVar[LayerType]
    CONDITIONAL_OUTPUT: ClassVar[LayerType]
    SCATTER: ClassVar[LayerType]
    EINSUM: ClassVar[LayerType]
    ASSERTION: ClassVar[LayerType]
    ONE_HOT: ClassVar[LayerType]
    NON_ZERO: ClassVar[LayerType]
    GRID_SAMPLE: ClassVar[LayerType]
    NMS: ClassVar[LayerType]
    REVERSE_SEQUENCE: ClassVar[LayerType]
    NORMALIZATION: ClassVar[LayerType]
    PLUGIN_V3: ClassVar[LayerType]
    SQUEEZE: ClassVar[LayerType]
    UNSQUEEZE: ClassVar[LayerType]
    CUMULATIVE: ClassVar[LayerType]
    DYNAMIC_QUANTIZE: ClassVar[LayerType]
    ATTENTION_INPUT: ClassVar[LayerType]
    ATTENTION_OUTPUT: ClassVar[LayerType]
    ROTARY_EMBEDDING: ClassVar[LayerType]
    KV_CACHE_UPDATE: ClassVar[LayerType]
    MOE: ClassVar[LayerType]
    DIST_COLLECTIVE: ClassVar[LayerType]

class LoopOutput(_Enum):
    """What a loop returns of a value of its body."""
    LAST_VALUE: ClassVar[LoopOutput]
    CONCATENATE: ClassVar[LoopOutput]
    REVERSE: ClassVar[LoopOutput]

class MatrixOperation(_Enum):
    """What is done to an operand of a matrix product first."""
    NONE: ClassVar[MatrixOperation]
    TRANSPOSE: ClassVar[MatrixOperation]
    VECTOR: ClassVar[MatrixOperation]

class MoEActType(_Enum):
    """The activation between the two products of an expert."""
    NONE: ClassVar[MoEActType]
    SILU: ClassVar[MoEActType]

class PaddingMode(_Enum):
    """How padding and rounding of windows are chosen."""
    EXPLICIT_ROUND_DOWN: ClassVar[PaddingMode]
    EXPLICIT_ROUND_UP: ClassVar[PaddingMode]
    SAME_UPPER: ClassVar[PaddingMode]
    SAME_LOWER: ClassVar[PaddingMode]

class PoolingType(_Enum):
    """What a pooling window yields."""
    MAX: ClassVar[PoolingType]
    AVERAGE: ClassVar[PoolingType]
    MAX_AVERAGE_BLEND: ClassVar[PoolingType]

class ReduceOperation(_Enum):
    """What a reduction computes."""
    SUM: ClassVar[ReduceOperation]
    PROD: ClassVar[ReduceOperation]
    MAX: ClassVar[ReduceOperation]
    MIN: ClassVar[ReduceOperation]
    AVG: ClassVar[ReduceOperation]
    NONE: ClassVar[ReduceOperation]

class ResizeCoordinateTransformation(_Enum):
    """How the place of a resized sample maps to the original."""
    ALIGN_CORNERS: ClassVar[ResizeCoordinateTransformation]
    ASYMMETRIC: ClassVar[ResizeCoordinateTransformation]
    HALF_PIXEL: ClassVar[ResizeCoordinateTransformation]

class ResizeRoundMode(_Enum):
    """How nearest-neighbour places round."""
    HALF_UP: ClassVar[ResizeRoundMode]
    HALF_DOWN: ClassVar[ResizeRoundMode]
    FLOOR: ClassVar[ResizeRoundMode]
    CEIL: ClassVar[ResizeRoundMode]

class ResizeSelector(_Enum):
    """Where the sample of a one-wide output is taken."""
    FORMULA: ClassVar[ResizeSelector]
    UPPER: ClassVar[ResizeSelector]

class SampleMode(_Enum):
    """What reading outside of a tensor yields."""
    STRICT_BOUNDS: ClassVar[SampleMode]
    WRAP: ClassVar[SampleMode]
    CLAMP: ClassVar[SampleMode]
    FILL: ClassVar[SampleMode]
    REFLECT: ClassVar[SampleMode]

class ScaleMode(_Enum):
    """What the weights of a scale layer belong to: the whole, a channel, or an element."""
    UNIFORM: ClassVar[ScaleMode]
    CHANNEL: ClassVar[ScaleMode]
    ELEMENTWISE: ClassVar[ScaleMode]

class ScatterMode(_Enum):
    """What the indices of a scatter select: elements, or tuples."""
    ELEMENT: ClassVar[ScatterMode]
    ND: ClassVar[ScatterMode]

class TopKOperation(_Enum):
    """Whether the largest or the smallest are taken."""
    MAX: ClassVar[TopKOperation]
    MIN: ClassVar[TopKOperation]

class TripLimit(_Enum):
    """What ends a loop: a count, or a condition."""
    COUNT: ClassVar[TripLimit]
    WHILE: ClassVar[TripLimit]

class UnaryOperation(_Enum):
    """The functions of one tensor, element by element."""
    EXP: ClassVar[UnaryOperation]
    LOG: ClassVar[UnaryOperation]
    SQRT: ClassVar[UnaryOperation]
    RECIP: ClassVar[UnaryOperation]
    ABS: ClassVar[UnaryOperation]
    NEG: ClassVar[UnaryOperation]
    SIN: ClassVar[UnaryOperation]
    COS: ClassVar[UnaryOperation]
    TAN: ClassVar[UnaryOperation]
    SINH: ClassVar[UnaryOperation]
    COSH: ClassVar[UnaryOperation]
    ASIN: ClassVar[UnaryOperation]
    ACOS: ClassVar[UnaryOperation]
    ATAN: ClassVar[UnaryOperation]
    ASINH: ClassVar[UnaryOperation]
    ACOSH: ClassVar[UnaryOperation]
    ATANH: ClassVar[UnaryOperation]
    CEIL: ClassVar[UnaryOperation]
    FLOOR: ClassVar[UnaryOperation]
    ERF: ClassVar[UnaryOperation]
    NOT: ClassVar[UnaryOperation]
    SIGN: ClassVar[UnaryOperation]
    ROUND: ClassVar[UnaryOperation]
    ISINF: ClassVar[UnaryOperation]
    ISNAN: ClassVar[UnaryOperation]

class Dims(metaclass=_ApiType):
    """A shape of at most eight dims; equal to, indexed and printed like a tuple; -1 is a dim not known yet."""
    def __init__(self, shape: collections.abc.Iterable[SupportsIndex] = ...) -> None:
        ...
    MAX_DIMS: ClassVar[int]
    def __len__(self) -> int:
        ...
    def __getitem__(self, index: int | Any) -> Any:
        ...
    def __setitem__(self, index: int | Any, value: Any) -> None:
        ...
    def __iter__(self) -> collections.abc.Iterator[int]:
        ...
    def __eq__(self, other: object) -> _bool:
        """Return self==value."""

class Dims2(Dims, metaclass=_ApiType):
    """Two dims."""
    def __init__(self, *dims: Any, shape: Any = None) -> None:
        ...

class Dims3(Dims, metaclass=_ApiType):
    """Three dims."""
    def __init__(self, *dims: Any, shape: Any = None) -> None:
        ...

class Dims4(Dims, metaclass=_ApiType):
    """Four dims."""
    def __init__(self, *dims: Any, shape: Any = None) -> None:
        ...

class DimsHW(Dims2, metaclass=_ApiType):
    """A height and a width."""
    @property
    def h(self) -> int:
        """Height."""
    @h.setter
    def h(self, value: int) -> None: ...
    @property
    def w(self) -> int:
        """Width."""
    @w.setter
    def w(self, value: int) -> None: ...
    def __init__(self, *dims: Any, shape: Any = None, **named: Any) -> None:
        ...

class Permutation(metaclass=_ApiType):
    """An order of axes: eight entries always; those not given are zero."""
    def __init__(self, order: collections.abc.Iterable[int] = ...) -> None:
        ...
    def __len__(self) -> int:
        ...
    def __getitem__(self, index: int) -> int:
        ...
    def __setitem__(self, index: int, value: int) -> None:
        ...
    def __iter__(self) -> collections.abc.Iterator[int]:
        ...

class Weights(metaclass=_ApiType):
    """Numbers of a layer: flat, typed, and not copied; the array that they come from is kept alive."""
    def __init__(self, *args: Any, **named: Any) -> None:
        ...
    @property
    def dtype(self) -> Any:
        """The type of the numbers."""
    @property
    def size(self) -> Any:
        """How many numbers there are."""
    @property
    def nbytes(self) -> Any:
        """Their size in bytes."""
    def numpy(self) -> Any:
        """Return the numbers as a flat array, or these weights themselves where NumPy lacks their type."""
    def __len__(self) -> int:
        ...

class ILogger(metaclass=_ApiType):
    """Base of loggers: a subclass overrides `log`."""
    def __init__(self) -> None:
        ...
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    class Severity(_Enum):
        """How grave a message is; the lower the graver."""
        INTERNAL_ERROR: ClassVar[ILogger.Severity]
        ERROR: ClassVar[ILogger.Severity]
        WARNING: ClassVar[ILogger.Severity]
        INFO: ClassVar[ILogger.Severity]
        VERBOSE: ClassVar[ILogger.Severity]
        def __lt__(self, other: Self) -> _bool: ...
        def __le__(self, other: Self) -> _bool: ...
        def __gt__(self, other: Self) -> _bool: ...
        def __ge__(self, other: Self) -> _bool: ...
    INTERNAL_ERROR: ClassVar[ILogger.Severity]
    ERROR: ClassVar[ILogger.Severity]
    WARNING: ClassVar[ILogger.Severity]
    INFO: ClassVar[ILogger.Severity]
    VERBOSE: ClassVar[ILogger.Severity]
    def log(self, severity: Any, msg: Any) -> Any:
        """Take one message; subclasses override this."""

class Logger(ILogger, metaclass=_ApiType):
    """A logger that prints messages of a severity and graver ones."""
    @property
    def min_severity(self) -> ILogger.Severity:
        """The least grave severity that is printed."""
    @min_severity.setter
    def min_severity(self, value: ILogger.Severity) -> None: ...
    def __init__(self, min_severity: Any = None) -> None:
        ...
    def log(self, severity: Any, msg: Any) -> Any:
        """Print a message if it is grave enough: `[MM/DD/YYYY-HH:MM:SS] [TRT] [W] text`."""

class IErrorRecorder(metaclass=_ApiType):
    """Base of error recorders: a subclass overrides all of it, `get_num_errors` in place of `num_errors`."""
    def __init__(self) -> None:
        ...
    @property
    def MAX_DESC_LENGTH(self) -> int:
        """Longest description kept; not readable on an instance."""
    def num_errors(self) -> Any:
        """Return how many errors are held."""
    def get_num_errors(self) -> Any:
        """Return how many errors are held; subclasses override this."""
    def get_error_code(self, error_idx: Any, /) -> Any:
        """Return the code of an error; subclasses override this."""
    def get_error_desc(self, error_idx: Any, /) -> Any:
        """Return the description of an error; subclasses override this."""
    def has_overflowed(self) -> Any:
        """Return whether errors were dropped; subclasses override this."""
    def clear(self) -> Any:
        """Forget all errors; subclasses override this."""
    def report_error(self, code: Any, desc: Any, /) -> Any:
        """Take an error and return whether it was kept; subclasses override this."""

class InterfaceInfo(metaclass=_ApiType):
    """Which interface an object implements, and its version."""
    def __init__(self) -> None:
        ...
    @property
    def kind(self) -> str:
        """The interface's kind."""
    @kind.setter
    def kind(self, value: str) -> None: ...
    @property
    def major(self) -> int:
        """The major version."""
    @major.setter
    def major(self, value: int) -> None: ...
    @property
    def minor(self) -> int:
        """The minor version."""
    @minor.setter
    def minor(self, value: int) -> None: ...

class IVersionedInterface(metaclass=_ApiType):
    """Base of interfaces that carry a version."""
    def __init__(self) -> None:
        ...
    @property
    def api_language(self) -> Any:
        """The language that the object is written in: Python."""
    @property
    def interface_info(self) -> InterfaceInfo:
        """Which interface this is, and its version."""

class IGpuAllocator(IVersionedInterface, metaclass=_ApiType):
    """Base of allocators of device memory: a subclass returns addresses as ints, 0 or None when it cannot."""
    def __init__(self) -> None:
        ...
    def allocate(self, size: Any, alignment: Any, flags: Any) -> Any:
        """Return the address of `size` bytes; subclasses override this."""
    def deallocate(self, memory: Any) -> Any:
        """Give an address back and return whether that worked; subclasses override this."""
    def reallocate(self, address: Any, alignment: Any, new_size: Any) -> Any:
        """Grow an allocation; 0 or None where that cannot be done in place or by copy."""
    def allocate_async(self, size: Any, alignment: Any, flags: Any, stream: Any) -> Any:
        """Return the address of `size` bytes usable on a stream; by default as `allocate` does."""
    def deallocate_async(self, memory: Any, stream: Any) -> Any:
        """Give an address back in a stream's order; by default as `deallocate` does."""

class IGpuAsyncAllocator(IGpuAllocator, metaclass=_ApiType):
    """Base of stream-ordered allocators; `allocate_async` is called as (size, alignment, stream, flags)."""
    def allocate(self, size: Any, alignment: Any, flags: Any) -> Any:
        """Return the address of `size` bytes: the asynchronous call on the default stream."""
    def deallocate(self, memory: Any) -> Any:
        """Give an address back: the asynchronous call on the default stream."""
    def allocate_async(self, size: Any, alignment: Any, flags: Any, stream: Any) -> Any:
        """Return the address of `size` bytes usable on a stream; subclasses override this."""
    def deallocate_async(self, memory: Any, stream: Any) -> Any:
        """Give an address back in a stream's order; subclasses override this."""

class IOutputAllocator(metaclass=_ApiType):
    """Base of allocators of outputs whose sizes are known only while an engine runs."""
    def __init__(self) -> None:
        ...

class IProfiler(metaclass=_ApiType):
    """Base of profilers: a subclass overrides `report_layer_time`."""
    def __init__(self) -> None:
        ...
    def report_layer_time(self, layer_name: Any, ms: Any) -> Any:
        """Hear how long a layer took, in milliseconds; subclasses override this."""

class Profiler(IProfiler, metaclass=_ApiType):
    """A profiler that prints each layer's time."""
    def report_layer_time(self, layer_name: Any, ms: Any) -> Any:
        """Print how long a layer took."""

class IProgressMonitor(metaclass=_ApiType):
    """Base of progress monitors: a subclass hears of the phases of a build, and may cancel it."""
    def __init__(self) -> None:
        ...
    def phase_start(self, phase_name: Any, parent_phase: Any, num_steps: Any) -> Any:
        """Hear that a phase begins; `parent_phase` is None at the top; subclasses override this."""
    def step_complete(self, phase_name: Any, step: Any) -> Any:
        """Hear that a step is done; False cancels the build; subclasses override this."""
    def phase_finish(self, phase_name: Any) -> Any:
        """Hear that a phase is over; subclasses override this."""

class IDebugListener(metaclass=_ApiType):
    """Base of listeners to debug tensors: a subclass overrides `process_debug_tensor`."""
    def __init__(self) -> None:
        ...
    def process_debug_tensor(self, addr: Any, location: Any, type: Any, shape: Any, name: Any, stream: Any) -> Any:
        """Look at a tensor while an engine runs; subclasses override this."""

class IStreamReaderV2(metaclass=_ApiType):
    """Base of seekable readers of engines: a subclass overrides `read(num_bytes, stream) -> buffer` and `seek`."""
    def __init__(self) -> None:
        ...
    def read(self, destination: Any, num_bytes: Any = -1, stream: Any = 0) -> Any:
        """Return the next bytes; subclasses override this as `read(num_bytes, stream)`."""
    def seek(self, offset: Any, where: Any) -> Any:
        """Move to an offset and return whether that worked; subclasses override this."""

class IStreamWriter(metaclass=_ApiType):
    """Base of writers of engines: a subclass overrides `write(data) -> count`."""
    def __init__(self) -> None:
        ...
    def write(self, data: Any, size: Any = -1) -> Any:
        """Take bytes and return how many were written; subclasses override this as `write(data)`."""

class ILayer(metaclass=_ApiType):
    """A layer of a network definition."""
    def __init__(self) -> None:
        ...
    @property
    def name(self) -> str:
        """The name; default names of outputs follow it."""
    @name.setter
    def name(self, value: str) -> None: ...
    @property
    def metadata(self) -> str:
        """Free text for the inspector."""
    @metadata.setter
    def metadata(self, value: str) -> None: ...
    @property
    def type(self) -> Any:
        """The kind of layer."""
    @property
    def num_inputs(self) -> Any:
        """How many inputs it has."""
    @property
    def num_outputs(self) -> Any:
        """How many outputs it has."""
    @property
    def num_ranks(self) -> int:
        """How many ranks run it."""
    @num_ranks.setter
    def num_ranks(self, value: int) -> None: ...
    def get_input(self, index: int) -> ITensor | Any:
        """Return an input, None where there is none."""
    def get_output(self, index: int) -> ITensor | Any:
        """Return an output, None where there is none."""
    def set_input(self, index: int, tensor: ITensor) -> None:
        """Set an input."""
    def get_output_type(self, index: int) -> DataType:
        """Return the element type of an output."""

class DimsExprs(_Indexed, metaclass=_ApiType):
    """A shape of a plugin as expressions."""
    def __init__(self, dims: Any = ..., /) -> None:
        ...
    def __len__(self) -> int:
        ...
    def __getitem__(self, place: int) -> IDimensionExpr:
        ...
    def __setitem__(self, place: int, value: IDimensionExpr) -> None:
        ...

class DynamicPluginTensorDesc(metaclass=_ApiType):
    """A tensor of a plugin while its shape is a range."""
    def __init__(self) -> None:
        ...
    @property
    def desc(self) -> PluginTensorDesc:
        """What it is."""
    @desc.setter
    def desc(self, value: PluginTensorDesc) -> None: ...
    @property
    def min(self) -> Dims:
        """The least shape."""
    @min.setter
    def min(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def opt(self) -> Dims:
        """The usual shape."""
    @opt.setter
    def opt(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def max(self) -> Dims:
        """The greatest shape."""
    @max.setter
    def max(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...

class IExprBuilder(metaclass=_ApiType):
    """Makes expressions of the dims of a plugin."""
    def __init__(self) -> None:
        ...
    def constant(self, value: Any, /) -> Any:
        """Return a known dim."""
    def operation(self, op: Any, first: Any, second: Any, /) -> Any:
        """Return an operation of two dims; known operands give a known dim."""
    def declare_size_tensor(self, output_index: Any, opt: Any, upper: Any, /) -> Any:
        """Return a dim that the plugin writes into an output while it runs, of at most `upper`."""

class PluginTensorDesc(metaclass=_ApiType):
    """The shape, element type and layout of a tensor of a plugin."""
    def __init__(self) -> None:
        ...
    @property
    def dims(self) -> Dims:
        """The shape."""
    @dims.setter
    def dims(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def type(self) -> DataType:
        """The element type."""
    @type.setter
    def type(self, value: DataType) -> None: ...
    @property
    def format(self) -> TensorFormat:
        """The memory layout."""
    @format.setter
    def format(self, value: TensorFormat) -> None: ...
    @property
    def scale(self) -> float:
        """The int8 scale."""
    @scale.setter
    def scale(self, value: float) -> None: ...

class IPluginV2(metaclass=_ApiType):
    """Base of plugins of the second generation."""
    def __init__(self) -> None:
        ...
    @property
    def num_outputs(self) -> int:
        """How many outputs it has."""
    @num_outputs.setter
    def num_outputs(self, value: int) -> None: ...
    @property
    def plugin_type(self) -> str:
        """Its name."""
    @plugin_type.setter
    def plugin_type(self, value: str) -> None: ...
    @property
    def plugin_version(self) -> str:
        """Its version."""
    @plugin_version.setter
    def plugin_version(self, value: str) -> None: ...
    @property
    def plugin_namespace(self) -> str:
        """Its namespace."""
    @plugin_namespace.setter
    def plugin_namespace(self, value: str) -> None: ...
    @property
    def tensorrt_version(self) -> Any:
        """The version of the interface."""
    @property
    def serialization_size(self) -> Any:
        """How many bytes `serialize` gives."""
    def clone(self) -> Any:
        """Return a copy; subclasses override this."""
    def initialize(self) -> Any:
        """Prepare to run."""
    def terminate(self) -> Any:
        """Undo `initialize`."""
    def destroy(self) -> Any:
        """End its life."""
    def serialize(self) -> Any:
        """Return what its creator makes it from again; subclasses override this."""
    def get_output_shape(self, index: Any, input_shapes: Any) -> Any:
        """Return the shape of an output; subclasses override this."""
    def get_workspace_size(self, max_batch_size: Any) -> Any:
        """Return how much scratch memory it needs."""
    def supports_format(self, dtype: Any, format: Any) -> Any:
        """Return whether it takes an element type in a layout."""
    def configure_with_format(self, input_shapes: Any, output_shapes: Any, dtype: Any, format: Any, max_batch_size: Any) -> Any:
        """Hear what it will be run with."""
    def execute_async(self, batch_size: Any, inputs: Any, outputs: Any, workspace: Any, stream_handle: Any) -> Any:
        """Run; subclasses override this."""

class IPluginV2Ext(IPluginV2, metaclass=_ApiType):
    """Base of plugins of the second generation with element types."""
    def get_output_data_type(self, index: Any, input_types: Any) -> Any:
        """Return the element type of an output; subclasses override this."""
    def configure_plugin(self, input_shapes: Any, output_shapes: Any, input_types: Any, output_types: Any, input_is_broadcasted: Any, output_is_broacasted: Any, format: Any, max_batch_size: Any) -> Any:
        """Hear what it will be run with."""
    def attach_to_context(self, cudnn: Any, cublas: Any, allocator: Any) -> Any:
        """Hear that a context will run it."""
    def detach_from_context(self) -> Any:
        """Hear that no context will run it any more."""

class IPluginV2DynamicExtBase(IPluginV2, metaclass=_ApiType):
    """Base of IPluginV2DynamicExt."""

class IPluginV2DynamicExt(IPluginV2DynamicExtBase, metaclass=_ApiType):
    """Base of plugins of the second generation with dynamic shapes."""
    FORMAT_COMBINATION_LIMIT: ClassVar[int]
    def get_output_datatype(self, index: Any, input_types: Any) -> Any:
        """Return the element type of an output; subclasses override this."""
    def get_output_dimensions(self, output_index: Any, inputs: Any, expr_builder: Any) -> Any:
        """Return the shape of an output as expressions; subclasses override this."""
    def supports_format_combination(self, pos: Any, in_out: Any, num_inputs: Any) -> Any:
        """Return whether it takes the input or output at a place as described; subclasses override this."""
    def configure_plugin(self, pos: Any, in_out: Any) -> Any:
        """Hear what it will be run with: inputs, then outputs."""
    def get_workspace_size(self, *descs: Any, **named: Any) -> Any:
        """Return how much scratch memory it needs, for inputs and outputs."""
    def get_serialization_size(self) -> Any:
        """Return how many bytes `serialize` gives."""
    def enqueue(self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, workspace: Any, stream: Any) -> Any:
        """Run on addresses; subclasses override this."""

class IPluginV2Layer(ILayer, metaclass=_ApiType):
    """A plugin of the second generation."""
    @property
    def plugin(self) -> Any:
        """The plugin."""

class IPluginCapability(IVersionedInterface, metaclass=_ApiType):
    """Base of the capabilities of plugins of the third generation."""
    def __init__(self) -> None:
        ...

class IPluginResourceContext(metaclass=_ApiType):
    """What a plugin gets of the context that runs it."""
    def __init__(self) -> None:
        ...
    @property
    def gpu_allocator(self) -> Any:
        """Who allocates device memory."""
    @property
    def error_recorder(self) -> Any:
        """Who hears of errors."""

class IPluginV3(IVersionedInterface, metaclass=_ApiType):
    """Base of plugins of the third generation."""
    def __init__(self) -> None:
        ...
    def get_capability_interface(self, type: Any) -> Any:
        """Return the object that has a capability; subclasses override this."""
    def clone(self) -> Any:
        """Return a copy; subclasses override this."""
    def destroy(self) -> Any:
        """End its life."""

class IPluginV3Layer(ILayer, metaclass=_ApiType):
    """A plugin of the third generation."""
    @property
    def plugin(self) -> Any:
        """The plugin."""

class IPluginV3OneCore(IPluginCapability, metaclass=_ApiType):
    """The core capability: what a plugin is called."""
    @property
    def plugin_name(self) -> str:
        """Its name."""
    @plugin_name.setter
    def plugin_name(self, value: str) -> None: ...
    @property
    def plugin_version(self) -> str:
        """Its version."""
    @plugin_version.setter
    def plugin_version(self, value: str) -> None: ...
    @property
    def plugin_namespace(self) -> str:
        """Its namespace."""
    @plugin_namespace.setter
    def plugin_namespace(self, value: str) -> None: ...
    def __init__(self) -> None:
        ...

class IPluginV3OneBuild(IPluginCapability, metaclass=_ApiType):
    """The build capability: what a plugin makes of what."""
    DEFAULT_FORMAT_COMBINATION_LIMIT: ClassVar[int]
    @property
    def num_outputs(self) -> int:
        """How many outputs it has."""
    @num_outputs.setter
    def num_outputs(self, value: int) -> None: ...
    @property
    def format_combination_limit(self) -> int:
        """How many combinations are tried."""
    @format_combination_limit.setter
    def format_combination_limit(self, value: int) -> None: ...
    @property
    def metadata_string(self) -> str:
        """Free text for the inspector."""
    @metadata_string.setter
    def metadata_string(self, value: str) -> None: ...
    @property
    def timing_cache_id(self) -> str:
        """What measurements are kept by."""
    @timing_cache_id.setter
    def timing_cache_id(self, value: str) -> None: ...
    def __init__(self) -> None:
        ...
    def get_output_data_types(self, input_types: Any) -> Any:
        """Return the element types of the outputs; subclasses override this."""
    def get_output_shapes(self, inputs: Any, shape_inputs: Any, expr_builder: Any) -> Any:
        """Return the shapes of the outputs as expressions; subclasses override this."""
    def supports_format_combination(self, pos: Any, in_out: Any, num_inputs: Any) -> Any:
        """Return whether it takes the input or output at a place as described; subclasses override this."""
    def configure_plugin(self, *descs: Any, **named: Any) -> Any:
        """Hear what it will be run with: inputs, then outputs."""
    def get_workspace_size(self, *descs: Any, **named: Any) -> Any:
        """Return how much scratch memory it needs, for inputs and outputs."""
    def get_valid_tactics(self) -> Any:
        """Return the numbers of its tactics."""

class IPluginV3OneBuildV2(IPluginV3OneBuild, metaclass=_ApiType):
    """The build capability, with outputs that share an input's memory."""
    def get_aliased_input(self, output_index: Any = 0) -> Any:
        """Return which input an output shares memory with, -1 for none."""

class IPluginV3OneRuntime(IPluginCapability, metaclass=_ApiType):
    """The runtime capability: how a plugin runs."""
    def __init__(self) -> None:
        ...
    def get_fields_to_serialize(self) -> Any:
        """Return the fields that its creator makes it from again; subclasses override this."""
    def attach_to_context(self, resource_context: Any) -> Any:
        """Return the plugin that a context runs: a clone, or itself."""
    def set_tactic(self, tactic: Any) -> Any:
        """Hear which tactic was chosen."""
    def on_shape_change(self, *descs: Any, **named: Any) -> Any:
        """Hear the shapes of the next runs: inputs, then outputs."""
    def enqueue(self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, workspace: Any, stream: Any) -> Any:
        """Run on addresses; subclasses override this."""

class IPluginV3QuickCore(IPluginCapability, metaclass=_ApiType):
    """The core capability of a plugin that decorators define."""
    @property
    def plugin_name(self) -> str:
        """Its name."""
    @plugin_name.setter
    def plugin_name(self, value: str) -> None: ...
    @property
    def plugin_version(self) -> str:
        """Its version."""
    @plugin_version.setter
    def plugin_version(self, value: str) -> None: ...
    @property
    def plugin_namespace(self) -> str:
        """Its namespace."""
    @plugin_namespace.setter
    def plugin_namespace(self, value: str) -> None: ...
    def __init__(self) -> None:
        ...

class IPluginV3QuickBuild(IPluginCapability, metaclass=_ApiType):
    """The build capability of a plugin that decorators define."""
    def __init__(self) -> None:
        ...

class IPluginV3QuickAOTBuild(IPluginV3QuickBuild, metaclass=_ApiType):
    """The build capability of a plugin that is compiled ahead of time."""

class IPluginV3QuickRuntime(IPluginCapability, metaclass=_ApiType):
    """The runtime capability of a plugin that decorators define."""
    def __init__(self) -> None:
        ...

class FallbackString(metaclass=_ApiType):
    """A string, where the bindings take either kind of Python's strings."""
    def __init__(self, text: str | bytes, /) -> None:
        ...
    def __str__(self) -> str:
        """Return str(self)."""

class PluginField(metaclass=_ApiType):
    """One named value of a plugin: a buffer with an element type."""
    def __init__(self, name: Any = '', data: Any = None, type: PluginFieldType | Any = None) -> None:
        ...
    @property
    def name(self) -> Any:
        """Name."""
    @name.setter
    def name(self, value: Any) -> None: ...
    @property
    def data(self) -> Any:
        """The value: an array; bytes where the type is unknown."""
    @data.setter
    def data(self, value: Any) -> None: ...
    @property
    def type(self) -> PluginFieldType:
        """The type of the elements."""
    @type.setter
    def type(self, value: PluginFieldType) -> None: ...
    @property
    def size(self) -> int:
        """How many elements there are."""
    @size.setter
    def size(self, value: int) -> None: ...

class PluginFieldCollection(metaclass=_ApiType):
    """A list of plugin fields."""
    def __init__(self, fields: collections.abc.Iterable[PluginField] = ..., /) -> None:
        ...
    def append(self, x: Any) -> Any:
        """Add a field at the end."""
    def extend(self, L: Any) -> Any:
        """Add fields at the end."""
    def insert(self, i: Any, x: Any) -> Any:
        """Put a field at a place."""
    def pop(self, i: Any = -1) -> Any:
        """Take a field out and return it."""
    def clear(self) -> Any:
        """Take all fields out."""
    def __len__(self) -> int:
        ...
    def __bool__(self) -> _bool:
        ...
    def __iter__(self) -> Any:
        ...
    def __getitem__(self, s: Any) -> Any:
        ...
    def __setitem__(self, place: Any, value: Any) -> None:
        ...
    def __delitem__(self, place: Any) -> None:
        ...

class PluginFieldCollection_(_Indexed, metaclass=_ApiType):
    """What a creator is given: a collection of plugin fields, read only."""
    def __init__(self, fields: Any, /) -> None:
        ...
    def __len__(self) -> int:
        ...
    def __getitem__(self, place: int) -> PluginField:
        ...

class IDimensionExpr(metaclass=_ApiType):
    """A dim of a plugin as an expression."""
    def __init__(self) -> None:
        ...
    def is_constant(self) -> Any:
        """Return whether the dim is known."""
    def get_constant_value(self) -> Any:
        """Return the dim if it is known, a meaningless number otherwise."""
    def is_size_tensor(self) -> Any:
        """Return whether the dim is read from the plugin's data while it runs."""

class ISymExpr(metaclass=_ApiType):
    """An extra argument or launch size of an ahead-of-time plugin kernel, as an expression."""
    def __init__(self) -> None:
        ...
    @property
    def type(self) -> Any:
        """The kind of argument."""
    @type.setter
    def type(self, value: Any) -> None: ...
    @property
    def dtype(self) -> Any:
        """The type of argument."""
    @dtype.setter
    def dtype(self, value: Any) -> None: ...
    @property
    def expr(self) -> Any:
        """The expression."""
    @expr.setter
    def expr(self, value: Any) -> None: ...

class ISymExprs(_Indexed, metaclass=_ApiType):
    """The extra arguments of an ahead-of-time plugin kernel."""
    def __init__(self) -> None:
        ...
    @property
    def nbSymExprs(self) -> int:
        """How many there are."""
    @nbSymExprs.setter
    def nbSymExprs(self, value: int) -> None: ...
    def __len__(self) -> int:
        ...
    def __getitem__(self, place: int) -> Any:
        ...
    def __setitem__(self, place: int, value: ISymExpr) -> None:
        ...

class KernelLaunchParams(metaclass=_ApiType):
    """Launch sizes of an ahead-of-time plugin kernel, as expressions."""
    def __init__(self) -> None:
        ...
    @property
    def grid_x(self) -> Any:
        """Blocks along x."""
    @grid_x.setter
    def grid_x(self, value: Any) -> None: ...
    @property
    def grid_y(self) -> Any:
        """Blocks along y."""
    @grid_y.setter
    def grid_y(self, value: Any) -> None: ...
    @property
    def grid_z(self) -> Any:
        """Blocks along z."""
    @grid_z.setter
    def grid_z(self, value: Any) -> None: ...
    @property
    def block_x(self) -> Any:
        """Threads along x."""
    @block_x.setter
    def block_x(self, value: Any) -> None: ...
    @property
    def block_y(self) -> Any:
        """Threads along y."""
    @block_y.setter
    def block_y(self, value: Any) -> None: ...
    @property
    def block_z(self) -> Any:
        """Threads along z."""
    @block_z.setter
    def block_z(self, value: Any) -> None: ...
    @property
    def shared_mem(self) -> Any:
        """Bytes of shared memory."""
    @shared_mem.setter
    def shared_mem(self, value: Any) -> None: ...

class IPluginCreatorInterface(IVersionedInterface, metaclass=_ApiType):
    """Base of all plugin creators."""

class IPluginCreator(IPluginCreatorInterface, metaclass=_ApiType):
    """Base of creators of IPluginV2 plugins."""
    @property
    def name(self) -> str:
        """The name of the plugins that it makes."""
    @name.setter
    def name(self, value: str) -> None: ...
    @property
    def plugin_version(self) -> str:
        """Their version."""
    @plugin_version.setter
    def plugin_version(self, value: str) -> None: ...
    @property
    def plugin_namespace(self) -> str:
        """Their namespace."""
    @plugin_namespace.setter
    def plugin_namespace(self, value: str) -> None: ...
    @property
    def field_names(self) -> PluginFieldCollection_:
        """The fields that they take."""
    @field_names.setter
    def field_names(self, value: PluginFieldCollection_ | Any) -> None: ...
    def __init__(self) -> None:
        ...
    def create_plugin(self, name: Any, field_collection: Any) -> Any:
        """Return a new plugin; subclasses override this."""
    def deserialize_plugin(self, name: Any, serialized_plugin: Any) -> Any:
        """Return a plugin from its serialized form; subclasses override this."""

class IPluginCreatorV3One(IPluginCreatorInterface, metaclass=_ApiType):
    """Base of creators of IPluginV3 plugins."""
    @property
    def name(self) -> str:
        """The name of the plugins that it makes."""
    @name.setter
    def name(self, value: str) -> None: ...
    @property
    def plugin_version(self) -> str:
        """Their version."""
    @plugin_version.setter
    def plugin_version(self, value: str) -> None: ...
    @property
    def plugin_namespace(self) -> str:
        """Their namespace."""
    @plugin_namespace.setter
    def plugin_namespace(self, value: str) -> None: ...
    @property
    def field_names(self) -> PluginFieldCollection_:
        """The fields that they take."""
    @field_names.setter
    def field_names(self, value: PluginFieldCollection_ | Any) -> None: ...
    def __init__(self) -> None:
        ...
    def create_plugin(self, name: Any, field_collection: Any, phase: Any) -> Any:
        """Return a new plugin; subclasses override this."""

class IPluginCreatorV3Quick(IPluginCreatorInterface, metaclass=_ApiType):
    """Base of creators of plugins that decorators define."""
    @property
    def name(self) -> str:
        """The name of the plugins that it makes."""
    @name.setter
    def name(self, value: str) -> None: ...
    @property
    def plugin_version(self) -> str:
        """Their version."""
    @plugin_version.setter
    def plugin_version(self, value: str) -> None: ...
    @property
    def plugin_namespace(self) -> str:
        """Their namespace."""
    @plugin_namespace.setter
    def plugin_namespace(self, value: str) -> None: ...
    @property
    def field_names(self) -> PluginFieldCollection_:
        """The fields that they take."""
    @field_names.setter
    def field_names(self, value: PluginFieldCollection_ | Any) -> None: ...
    def __init__(self) -> None:
        ...
    def create_plugin(self, name: Any, namespace: Any, field_collection: Any, phase: Any, quickPluginType: Any) -> Any:
        """Return a new plugin; subclasses override this."""

class IPluginResource(IVersionedInterface, metaclass=_ApiType):
    """Base of what plugins share: made once by `clone`, ended by `release`."""
    def __init__(self) -> None:
        ...
    def clone(self) -> Any:
        """Return the object that is shared; subclasses override this."""
    def release(self) -> Any:
        """End the shared object; subclasses override this."""

class IPluginRegistry(metaclass=_ApiType):
    """The plugin creators that builders, parsers and runtimes find plugins by."""
    def __init__(self) -> None:
        ...
    @property
    def parent_search_enabled(self) -> _bool:
        """Whether parents are searched too."""
    @parent_search_enabled.setter
    def parent_search_enabled(self, value: _bool) -> None: ...
    @property
    def error_recorder(self) -> IErrorRecorder | Any:
        """The error recorder."""
    @error_recorder.setter
    def error_recorder(self, value: IErrorRecorder | None) -> None: ...
    @property
    def all_creators(self) -> Any:
        """All creators."""
    @property
    def all_creators_recursive(self) -> Any:
        """All, with parents'."""
    def register_creator(self, creator: IPluginCreatorInterface, plugin_namespace: str = '') -> _bool:
        """Add a creator; False if one of its name, version and namespace is there."""
    def deregister_creator(self, creator: Any) -> Any:
        """Take a creator out; False if it is not there."""
    def get_creator(self, type: Any, version: Any, plugin_namespace: Any = '') -> Any:
        """Return the creator of a name, version and namespace, or None."""
    def load_library(self, plugin_path: Any) -> Any:
        """Return None: libraries of compiled plugins hold GPU code for TensorRT itself."""
    def deregister_library(self, handle: Any) -> Any:
        """Do nothing: no library was loaded."""
    def acquire_plugin_resource(self, key: Any, resource: Any) -> Any:
        """Return the shared object of a key, made from `resource` by the first who asks."""
    def release_plugin_resource(self, key: Any) -> Any:
        """Let a shared object go; the last who does so ends it. False if there is none."""

class ITensor(metaclass=_ApiType):
    """A tensor of a network: an input, or an output of a layer. Its type is worked out when it is asked for."""
    def __init__(self) -> None:
        ...
    @property
    def name(self) -> str:
        """The name."""
    @name.setter
    def name(self, value: str) -> None: ...
    @property
    def shape(self) -> Dims:
        """The shape, -1 for dims known only at run time; set on inputs only."""
    @shape.setter
    def shape(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def dtype(self) -> DataType:
        """The element type."""
    @property
    def location(self) -> TensorLocation:
        """Whether it is read in host or device memory."""
    @location.setter
    def location(self, value: TensorLocation) -> None: ...
    @property
    def allowed_formats(self) -> int:
        """Layouts that an input or output may have, a bit for each."""
    @allowed_formats.setter
    def allowed_formats(self, value: int) -> None: ...
    @property
    def broadcast_across_batch(self) -> _bool:
        """Without effect."""
    @broadcast_across_batch.setter
    def broadcast_across_batch(self, value: _bool) -> None: ...
    @property
    def is_network_input(self) -> Any:
        """Whether it is an input of the network."""
    @property
    def is_network_output(self) -> Any:
        """Whether it is an output of the network."""
    @property
    def is_shape_tensor(self) -> Any:
        """Whether it was marked as an output for shapes."""
    @property
    def is_execution_tensor(self) -> Any:
        """Whether it is computed on the target."""
    def set_dimension_name(self, index: int, name: str) -> None:
        """Name a dim of an input; dims of one name are equal."""
    def get_dimension_name(self, index: int) -> str | Any:
        """Return the name of a dim, None where it has none."""

class IActivationLayer(ILayer, metaclass=_ApiType):
    """An activation."""
    @property
    def type(self) -> ActivationType:
        """The function."""
    @type.setter
    def type(self, value: ActivationType) -> None: ...
    @property
    def alpha(self) -> float:
        """Its first parameter."""
    @alpha.setter
    def alpha(self, value: float) -> None: ...
    @property
    def beta(self) -> float:
        """Its second parameter."""
    @beta.setter
    def beta(self, value: float) -> None: ...

class IUnaryLayer(ILayer, metaclass=_ApiType):
    """A function of one tensor."""
    @property
    def op(self) -> UnaryOperation:
        """The function."""
    @op.setter
    def op(self, value: UnaryOperation) -> None: ...

class IElementWiseLayer(ILayer, metaclass=_ApiType):
    """A function of two tensors."""
    @property
    def op(self) -> ElementWiseOperation:
        """The function."""
    @op.setter
    def op(self, value: ElementWiseOperation) -> None: ...

class IParametricReLULayer(ILayer, metaclass=_ApiType):
    """x where positive, slope * x elsewhere."""

class ISelectLayer(ILayer, metaclass=_ApiType):
    """One tensor where a condition holds, another elsewhere."""

class IIdentityLayer(ILayer, metaclass=_ApiType):
    """The input, perhaps in another element type."""

class ICastLayer(ILayer, metaclass=_ApiType):
    """The input in another element type."""
    @property
    def to_type(self) -> DataType:
        """The element type."""
    @to_type.setter
    def to_type(self, value: DataType) -> None: ...

class IQuantizeLayer(ILayer, metaclass=_ApiType):
    """x / scale, rounded."""
    @property
    def axis(self) -> int:
        """The axis of the scales, -1 for one scale."""
    @axis.setter
    def axis(self, value: int) -> None: ...
    @property
    def block_shape(self) -> Dims:
        """How many elements share a scale, for each axis."""
    @block_shape.setter
    def block_shape(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def to_type(self) -> DataType:
        """The element type."""
    @to_type.setter
    def to_type(self, value: DataType) -> None: ...

class IDequantizeLayer(ILayer, metaclass=_ApiType):
    """x * scale."""
    @property
    def axis(self) -> int:
        """The axis of the scales, -1 for one scale."""
    @axis.setter
    def axis(self, value: int) -> None: ...
    @property
    def block_shape(self) -> Dims:
        """How many elements share a scale, for each axis."""
    @block_shape.setter
    def block_shape(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def to_type(self) -> DataType:
        """The element type."""
    @to_type.setter
    def to_type(self, value: DataType) -> None: ...

class IDynamicQuantizeLayer(ILayer, metaclass=_ApiType):
    """Quantization by scales that are computed from the data."""
    @property
    def axis(self) -> int:
        """The axis of blocks."""
    @axis.setter
    def axis(self, value: int) -> None: ...
    @property
    def block_size(self) -> int:
        """How many elements share a scale."""
    @block_size.setter
    def block_size(self, value: int) -> None: ...
    @property
    def block_shape(self) -> Dims:
        """How many elements share a scale, for each axis."""
    @block_shape.setter
    def block_shape(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def to_type(self) -> DataType:
        """The element type."""
    @to_type.setter
    def to_type(self, value: DataType) -> None: ...
    @property
    def scale_type(self) -> DataType:
        """The element type of the scales."""
    @scale_type.setter
    def scale_type(self, value: DataType) -> None: ...

class IMatrixMultiplyLayer(ILayer, metaclass=_ApiType):
    """A product of two stacks of matrices."""
    @property
    def op0(self) -> MatrixOperation:
        """What is done to the first operand."""
    @op0.setter
    def op0(self, value: MatrixOperation) -> None: ...
    @property
    def op1(self) -> MatrixOperation:
        """What is done to the second operand."""
    @op1.setter
    def op1(self, value: MatrixOperation) -> None: ...

class IReduceLayer(ILayer, metaclass=_ApiType):
    """A reduction along axes."""
    @property
    def op(self) -> ReduceOperation:
        """What is computed."""
    @op.setter
    def op(self, value: ReduceOperation) -> None: ...
    @property
    def axes(self) -> int:
        """The axes, a bit each."""
    @axes.setter
    def axes(self, value: int) -> None: ...
    @property
    def keep_dims(self) -> _bool:
        """Whether the axes stay, as 1."""
    @keep_dims.setter
    def keep_dims(self, value: _bool) -> None: ...

class ISoftMaxLayer(ILayer, metaclass=_ApiType):
    """Softmax over the axes of a bit mask."""
    @property
    def axes(self) -> int:
        """The axis, as a bit."""
    @axes.setter
    def axes(self, value: int) -> None: ...

class IRaggedSoftMaxLayer(ILayer, metaclass=_ApiType):
    """Softmax over the first elements of each row."""

class ITopKLayer(ILayer, metaclass=_ApiType):
    """The largest or smallest elements along an axis."""
    @property
    def op(self) -> TopKOperation:
        """Which are taken."""
    @op.setter
    def op(self, value: TopKOperation) -> None: ...
    @property
    def k(self) -> int:
        """How many are taken."""
    @k.setter
    def k(self, value: int) -> None: ...
    @property
    def axes(self) -> int:
        """The axis, as a bit."""
    @axes.setter
    def axes(self, value: int) -> None: ...
    @property
    def indices_type(self) -> DataType:
        """The type of the places."""
    @indices_type.setter
    def indices_type(self, value: DataType) -> None: ...

class IEinsumLayer(ILayer, metaclass=_ApiType):
    """A sum of products that an equation describes."""
    @property
    def equation(self) -> str:
        """The equation, as `ij,jk->ik`."""
    @equation.setter
    def equation(self, value: str) -> None: ...

class ICumulativeLayer(ILayer, metaclass=_ApiType):
    """Running sums along an axis."""
    @property
    def op(self) -> CumulativeOperation:
        """What is accumulated by."""
    @op.setter
    def op(self, value: CumulativeOperation) -> None: ...
    @property
    def exclusive(self) -> _bool:
        """Whether an element leaves itself out."""
    @exclusive.setter
    def exclusive(self, value: _bool) -> None: ...
    @property
    def reverse(self) -> _bool:
        """Whether it runs from the end."""
    @reverse.setter
    def reverse(self, value: _bool) -> None: ...

class INMSLayer(ILayer, metaclass=_ApiType):
    """Boxes that overlap no better one."""
    @property
    def bounding_box_format(self) -> BoundingBoxFormat:
        """How four numbers make a box."""
    @bounding_box_format.setter
    def bounding_box_format(self, value: BoundingBoxFormat) -> None: ...
    @property
    def topk_box_limit(self) -> int:
        """How many boxes of a class take part."""
    @topk_box_limit.setter
    def topk_box_limit(self, value: int) -> None: ...
    @property
    def indices_type(self) -> DataType:
        """The type of the rows."""
    @indices_type.setter
    def indices_type(self, value: DataType) -> None: ...

class IConcatenationLayer(ILayer, metaclass=_ApiType):
    """Tensors one after another."""
    @property
    def axis(self) -> int:
        """The axis that they lie along."""
    @axis.setter
    def axis(self, value: int) -> None: ...

class IConstantLayer(ILayer, metaclass=_ApiType):
    """Numbers."""
    @property
    def weights(self) -> Any:
        """The numbers."""
    @weights.setter
    def weights(self, value: Weights | np.ndarray[Any, Any]) -> None: ...
    @property
    def shape(self) -> Dims:
        """Their shape."""
    @shape.setter
    def shape(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...

class IShuffleLayer(ILayer, metaclass=_ApiType):
    """Transpose, reshape, transpose."""
    @property
    def first_transpose(self) -> Permutation:
        """The order of axes before the reshape."""
    @first_transpose.setter
    def first_transpose(self, value: Permutation | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def reshape_dims(self) -> Dims:
        """The shape; 0 keeps a dim, -1 is what is left."""
    @reshape_dims.setter
    def reshape_dims(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def second_transpose(self) -> Permutation:
        """The order of axes after the reshape."""
    @second_transpose.setter
    def second_transpose(self, value: Permutation | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def zero_is_placeholder(self) -> _bool:
        """Whether 0 in the shape keeps a dim."""
    @zero_is_placeholder.setter
    def zero_is_placeholder(self, value: _bool) -> None: ...

class ISliceLayer(ILayer, metaclass=_ApiType):
    """Elements from a start, so many, at a stride."""
    @property
    def start(self) -> Dims:
        """Where each axis begins."""
    @start.setter
    def start(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def shape(self) -> Dims:
        """How many elements are taken along each axis."""
    @shape.setter
    def shape(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def stride(self) -> Dims:
        """The distance between them."""
    @stride.setter
    def stride(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def mode(self) -> SampleMode:
        """What reading outside yields."""
    @mode.setter
    def mode(self, value: SampleMode) -> None: ...
    @property
    def axes(self) -> Dims:
        """The axes that start, shape and stride are for; unset for all."""
    @axes.setter
    def axes(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...

class IShapeLayer(ILayer, metaclass=_ApiType):
    """The shape of a tensor."""

class IGatherLayer(ILayer, metaclass=_ApiType):
    """Elements or slices at indices."""
    @property
    def axis(self) -> int:
        """The axis that is indexed."""
    @axis.setter
    def axis(self, value: int) -> None: ...
    @property
    def num_elementwise_dims(self) -> int:
        """How many leading axes data and indices share."""
    @num_elementwise_dims.setter
    def num_elementwise_dims(self, value: int) -> None: ...
    @property
    def mode(self) -> GatherMode:
        """What the indices select."""
    @mode.setter
    def mode(self, value: GatherMode) -> None: ...

class IScatterLayer(ILayer, metaclass=_ApiType):
    """Updates put at indices."""
    @property
    def axis(self) -> int:
        """The axis that is indexed."""
    @axis.setter
    def axis(self, value: int) -> None: ...
    @property
    def mode(self) -> ScatterMode:
        """What the indices select."""
    @mode.setter
    def mode(self, value: ScatterMode) -> None: ...

class IOneHotLayer(ILayer, metaclass=_ApiType):
    """One of two values along a new axis."""
    @property
    def axis(self) -> int:
        """The new axis."""
    @axis.setter
    def axis(self, value: int) -> None: ...

class INonZeroLayer(ILayer, metaclass=_ApiType):
    """Indices of the elements that are not zero."""
    @property
    def indices_type(self) -> DataType:
        """The type of the indices."""
    @indices_type.setter
    def indices_type(self, value: DataType) -> None: ...

class IReverseSequenceLayer(ILayer, metaclass=_ApiType):
    """Sequences with their first elements turned round."""
    @property
    def batch_axis(self) -> int:
        """The axis of sequences."""
    @batch_axis.setter
    def batch_axis(self, value: int) -> None: ...
    @property
    def sequence_axis(self) -> int:
        """The axis along each sequence."""
    @sequence_axis.setter
    def sequence_axis(self, value: int) -> None: ...

class ISqueezeLayer(ILayer, metaclass=_ApiType):
    """Axes of one element dropped."""

class IUnsqueezeLayer(ILayer, metaclass=_ApiType):
    """Axes of one element added."""

class IFillLayer(ILayer, metaclass=_ApiType):
    """A ramp, or random numbers."""
    @property
    def shape(self) -> Dims:
        """The shape."""
    @shape.setter
    def shape(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def operation(self) -> FillOperation:
        """How the numbers are made."""
    @operation.setter
    def operation(self, value: FillOperation) -> None: ...
    @property
    def alpha(self) -> Any:
        """The start, the least value, or the mean; an int makes 64-bit ints."""
    @alpha.setter
    def alpha(self, value: Any) -> None: ...
    @property
    def beta(self) -> Any:
        """The step, the greatest value, or the deviation; an int makes 64-bit ints."""
    @beta.setter
    def beta(self, value: Any) -> None: ...
    @property
    def to_type(self) -> DataType:
        """The element type."""
    @to_type.setter
    def to_type(self, value: DataType) -> None: ...
    def is_alpha_beta_int64(self) -> _bool:
        """Return whether alpha and beta were set as ints."""

class IAssertionLayer(ILayer, metaclass=_ApiType):
    """A condition that must hold."""
    @property
    def message(self) -> str:
        """What to say where it does not."""
    @message.setter
    def message(self, value: str) -> None: ...

class IConvolutionLayer(ILayer, metaclass=_ApiType):
    """Convolution."""
    @property
    def stride_nd(self) -> Dims:
        """How far the window moves, for each spatial axis."""
    @stride_nd.setter
    def stride_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding_nd(self) -> Dims:
        """Padding at both ends of each spatial axis."""
    @padding_nd.setter
    def padding_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def pre_padding(self) -> Dims:
        """Padding at the start of each spatial axis."""
    @pre_padding.setter
    def pre_padding(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def post_padding(self) -> Dims:
        """Padding at the end of each spatial axis."""
    @post_padding.setter
    def post_padding(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding_mode(self) -> PaddingMode:
        """How padding and rounding are chosen."""
    @padding_mode.setter
    def padding_mode(self, value: PaddingMode) -> None: ...
    @property
    def num_output_maps(self) -> int:
        """How many channels come out."""
    @num_output_maps.setter
    def num_output_maps(self, value: int) -> None: ...
    @property
    def kernel_size_nd(self) -> Dims:
        """The size of the kernel, for each spatial axis."""
    @kernel_size_nd.setter
    def kernel_size_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def num_groups(self) -> int:
        """Into how many groups channels are split."""
    @num_groups.setter
    def num_groups(self, value: int) -> None: ...
    @property
    def kernel(self) -> Any:
        """The kernel's numbers."""
    @kernel.setter
    def kernel(self, value: Weights | np.ndarray[Any, Any]) -> None: ...
    @property
    def bias(self) -> Any:
        """The bias's numbers, empty for none."""
    @bias.setter
    def bias(self, value: Weights | np.ndarray[Any, Any]) -> None: ...
    @property
    def dilation_nd(self) -> Dims:
        """The distance between kernel elements, for each spatial axis."""
    @dilation_nd.setter
    def dilation_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...

class IDeconvolutionLayer(ILayer, metaclass=_ApiType):
    """Transposed convolution."""
    @property
    def stride_nd(self) -> Dims:
        """How far the window moves, for each spatial axis."""
    @stride_nd.setter
    def stride_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding_nd(self) -> Dims:
        """Padding at both ends of each spatial axis."""
    @padding_nd.setter
    def padding_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def pre_padding(self) -> Dims:
        """Padding at the start of each spatial axis."""
    @pre_padding.setter
    def pre_padding(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def post_padding(self) -> Dims:
        """Padding at the end of each spatial axis."""
    @post_padding.setter
    def post_padding(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding_mode(self) -> PaddingMode:
        """How padding and rounding are chosen."""
    @padding_mode.setter
    def padding_mode(self, value: PaddingMode) -> None: ...
    @property
    def num_output_maps(self) -> int:
        """How many channels come out."""
    @num_output_maps.setter
    def num_output_maps(self, value: int) -> None: ...
    @property
    def kernel_size_nd(self) -> Dims:
        """The size of the kernel, for each spatial axis."""
    @kernel_size_nd.setter
    def kernel_size_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def num_groups(self) -> int:
        """Into how many groups channels are split."""
    @num_groups.setter
    def num_groups(self, value: int) -> None: ...
    @property
    def kernel(self) -> Any:
        """The kernel's numbers."""
    @kernel.setter
    def kernel(self, value: Weights | np.ndarray[Any, Any]) -> None: ...
    @property
    def bias(self) -> Any:
        """The bias's numbers, empty for none."""
    @bias.setter
    def bias(self, value: Weights | np.ndarray[Any, Any]) -> None: ...
    @property
    def dilation_nd(self) -> Dims:
        """The distance between kernel elements, for each spatial axis."""
    @dilation_nd.setter
    def dilation_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...

class IPoolingLayer(ILayer, metaclass=_ApiType):
    """Pooling."""
    @property
    def stride_nd(self) -> Dims:
        """How far the window moves, for each spatial axis."""
    @stride_nd.setter
    def stride_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding_nd(self) -> Dims:
        """Padding at both ends of each spatial axis."""
    @padding_nd.setter
    def padding_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def pre_padding(self) -> Dims:
        """Padding at the start of each spatial axis."""
    @pre_padding.setter
    def pre_padding(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def post_padding(self) -> Dims:
        """Padding at the end of each spatial axis."""
    @post_padding.setter
    def post_padding(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding_mode(self) -> PaddingMode:
        """How padding and rounding are chosen."""
    @padding_mode.setter
    def padding_mode(self, value: PaddingMode) -> None: ...
    @property
    def type(self) -> PoolingType:
        """What a window yields."""
    @type.setter
    def type(self, value: PoolingType) -> None: ...
    @property
    def window_size_nd(self) -> Dims:
        """The size of the window, for each spatial axis."""
    @window_size_nd.setter
    def window_size_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def blend_factor(self) -> float:
        """The mean's share in MAX_AVERAGE_BLEND."""
    @blend_factor.setter
    def blend_factor(self, value: float) -> None: ...
    @property
    def average_count_excludes_padding(self) -> _bool:
        """Whether padding is left out of the mean's count."""
    @average_count_excludes_padding.setter
    def average_count_excludes_padding(self, value: _bool) -> None: ...

class IPaddingLayer(ILayer, metaclass=_ApiType):
    """Zero padding, or cropping, of height and width."""
    @property
    def pre_padding_nd(self) -> Dims:
        """Padding at the start; negative cuts."""
    @pre_padding_nd.setter
    def pre_padding_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def post_padding_nd(self) -> Dims:
        """Padding at the end; negative cuts."""
    @post_padding_nd.setter
    def post_padding_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...

class IScaleLayer(ILayer, metaclass=_ApiType):
    """(x * scale + shift) ** power."""
    @property
    def mode(self) -> ScaleMode:
        """What the numbers belong to."""
    @mode.setter
    def mode(self, value: ScaleMode) -> None: ...
    @property
    def scale(self) -> Any:
        """Factors, empty for 1."""
    @scale.setter
    def scale(self, value: Weights | np.ndarray[Any, Any]) -> None: ...
    @property
    def shift(self) -> Any:
        """Summands, empty for 0."""
    @shift.setter
    def shift(self, value: Weights | np.ndarray[Any, Any]) -> None: ...
    @property
    def power(self) -> Any:
        """Exponents, empty for 1."""
    @power.setter
    def power(self, value: Weights | np.ndarray[Any, Any]) -> None: ...
    @property
    def channel_axis(self) -> int:
        """The axis of channels."""
    @channel_axis.setter
    def channel_axis(self, value: int) -> None: ...

class ILRNLayer(ILayer, metaclass=_ApiType):
    """Local response normalisation."""
    @property
    def window_size(self) -> int:
        """How many channels take part."""
    @window_size.setter
    def window_size(self, value: int) -> None: ...
    @property
    def alpha(self) -> float:
        """The factor of the sum of squares."""
    @alpha.setter
    def alpha(self, value: float) -> None: ...
    @property
    def beta(self) -> float:
        """The exponent."""
    @beta.setter
    def beta(self, value: float) -> None: ...
    @property
    def k(self) -> float:
        """The summand."""
    @k.setter
    def k(self, value: float) -> None: ...

class INormalizationLayer(ILayer, metaclass=_ApiType):
    """Normalisation to mean 0 and variance 1, then scale and bias."""
    @property
    def axes(self) -> int:
        """The axes that are normalised over, a bit each."""
    @axes.setter
    def axes(self, value: int) -> None: ...
    @property
    def epsilon(self) -> float:
        """What is added to the variance."""
    @epsilon.setter
    def epsilon(self, value: float) -> None: ...
    @property
    def num_groups(self) -> int:
        """Into how many groups channels are split."""
    @num_groups.setter
    def num_groups(self, value: int) -> None: ...
    @property
    def is_v2(self) -> Any:
        """Whether scale and bias are per channel."""

class IResizeLayer(ILayer, metaclass=_ApiType):
    """Resampling to another size."""
    @property
    def shape(self) -> Dims:
        """The shape that comes out."""
    @shape.setter
    def shape(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def scales(self) -> list[float]:
        """The factor of each axis, empty where a shape is given."""
    @scales.setter
    def scales(self, value: collections.abc.Iterable[float]) -> None: ...
    @property
    def resize_mode(self) -> InterpolationMode:
        """How a value between samples is found."""
    @resize_mode.setter
    def resize_mode(self, value: InterpolationMode) -> None: ...
    @property
    def coordinate_transformation(self) -> ResizeCoordinateTransformation:
        """How places map to the original."""
    @coordinate_transformation.setter
    def coordinate_transformation(self, value: ResizeCoordinateTransformation) -> None: ...
    @property
    def selector_for_single_pixel(self) -> ResizeSelector:
        """Where the sample of a one-wide output is taken."""
    @selector_for_single_pixel.setter
    def selector_for_single_pixel(self, value: ResizeSelector) -> None: ...
    @property
    def nearest_rounding(self) -> ResizeRoundMode:
        """How nearest places round."""
    @nearest_rounding.setter
    def nearest_rounding(self, value: ResizeRoundMode) -> None: ...
    @property
    def exclude_outside(self) -> _bool:
        """Whether cubic weights outside of the input count."""
    @exclude_outside.setter
    def exclude_outside(self, value: _bool) -> None: ...
    @property
    def cubic_coeff(self) -> float:
        """The coefficient of cubic interpolation."""
    @cubic_coeff.setter
    def cubic_coeff(self, value: float) -> None: ...

class IGridSampleLayer(ILayer, metaclass=_ApiType):
    """Reading at the places of a grid."""
    @property
    def interpolation_mode(self) -> InterpolationMode:
        """How a value between samples is found."""
    @interpolation_mode.setter
    def interpolation_mode(self, value: InterpolationMode) -> None: ...
    @property
    def align_corners(self) -> _bool:
        """Whether -1 and 1 are the centres of the corner samples."""
    @align_corners.setter
    def align_corners(self, value: _bool) -> None: ...
    @property
    def sample_mode(self) -> SampleMode:
        """What reading outside yields."""
    @sample_mode.setter
    def sample_mode(self, value: SampleMode) -> None: ...

class IAttentionBoundaryLayer(ILayer, metaclass=_ApiType):
    """A layer at the edge of an attention."""
    @property
    def attention(self) -> Any:
        """The attention."""

class IAttentionInputLayer(IAttentionBoundaryLayer, metaclass=_ApiType):
    """Where query, key and value go into an attention."""

class IAttentionOutputLayer(IAttentionBoundaryLayer, metaclass=_ApiType):
    """Where the result comes out of an attention."""

class IAttention(metaclass=_ApiType):
    """An attention: normalize(query @ key^T + mask) @ value."""
    def __init__(self) -> None:
        ...
    @property
    def name(self) -> str:
        """The name."""
    @name.setter
    def name(self, value: str) -> None: ...
    @property
    def norm_op(self) -> AttentionNormalizationOp:
        """How scores are normalized."""
    @norm_op.setter
    def norm_op(self, value: AttentionNormalizationOp) -> None: ...
    @property
    def causal(self) -> _bool:
        """Whether queries see no later keys."""
    @causal.setter
    def causal(self, value: _bool) -> None: ...
    @property
    def causal_kind(self) -> CausalMaskKind:
        """From which corner queries see no later keys."""
    @causal_kind.setter
    def causal_kind(self, value: CausalMaskKind) -> None: ...
    @property
    def mask(self) -> ITensor | Any:
        """What is added to scores, or which of them are kept."""
    @mask.setter
    def mask(self, value: ITensor | None) -> None: ...
    @property
    def normalization_quantize_scale(self) -> ITensor | Any:
        """The scale that normalized scores are quantized by."""
    @normalization_quantize_scale.setter
    def normalization_quantize_scale(self, value: ITensor | None) -> None: ...
    @property
    def normalization_quantize_to_type(self) -> DataType:
        """The type that they are quantized to."""
    @normalization_quantize_to_type.setter
    def normalization_quantize_to_type(self, value: DataType) -> None: ...
    @property
    def metadata(self) -> str:
        """Free text for the inspector."""
    @metadata.setter
    def metadata(self, value: str) -> None: ...
    @property
    def decomposable(self) -> _bool:
        """Whether it may run as several kernels."""
    @decomposable.setter
    def decomposable(self, value: _bool) -> None: ...
    @property
    def num_ranks(self) -> int:
        """How many ranks run it."""
    @num_ranks.setter
    def num_ranks(self, value: int) -> None: ...
    @property
    def num_inputs(self) -> Any:
        """How many inputs it has."""
    @property
    def num_outputs(self) -> Any:
        """How many outputs it has."""
    @property
    def query_form(self) -> AttentionIOForm:
        """How queries lie."""
    @query_form.setter
    def query_form(self, value: AttentionIOForm) -> None: ...
    @property
    def key_value_form(self) -> AttentionIOForm:
        """How keys and values lie."""
    @key_value_form.setter
    def key_value_form(self, value: AttentionIOForm) -> None: ...
    @property
    def query_lengths(self) -> ITensor | Any:
        """Lengths of packed queries."""
    @query_lengths.setter
    def query_lengths(self, value: ITensor | None) -> None: ...
    @property
    def key_value_lengths(self) -> ITensor | Any:
        """Lengths of packed keys and values."""
    @key_value_lengths.setter
    def key_value_lengths(self, value: ITensor | None) -> None: ...
    def get_input(self, index: int) -> ITensor | Any:
        """Return query, key or value."""
    def set_input(self, index: int, tensor: ITensor) -> _bool:
        """Set query, key or value."""
    def get_output(self, index: int) -> ITensor | Any:
        """Return the result."""

class IRotaryEmbeddingLayer(ILayer, metaclass=_ApiType):
    """Rotation of pairs of numbers by their position; input 3 holds positions where the tables are not per token."""
    @property
    def interleaved(self) -> _bool:
        """Whether pairs are neighbours."""
    @interleaved.setter
    def interleaved(self, value: _bool) -> None: ...
    @property
    def rotary_embedding_dim(self) -> int:
        """How many numbers are rotated, 0 for all."""
    @rotary_embedding_dim.setter
    def rotary_embedding_dim(self, value: int) -> None: ...

class IKVCacheUpdateLayer(ILayer, metaclass=_ApiType):
    """A key-value cache with new rows."""
    @property
    def cache_mode(self) -> KVCacheMode:
        """How the cache is written."""
    @cache_mode.setter
    def cache_mode(self, value: KVCacheMode) -> None: ...
    @property
    def update_form(self) -> AttentionIOForm:
        """How new rows lie."""
    @update_form.setter
    def update_form(self, value: AttentionIOForm) -> None: ...
    @property
    def update_lengths(self) -> Any:
        """Lengths of packed new rows."""
    @update_lengths.setter
    def update_lengths(self, value: Any) -> None: ...

class IDistCollectiveLayer(ILayer, metaclass=_ApiType):
    """A collective over ranks."""

class IMoELayer(ILayer, metaclass=_ApiType):
    """A mixture of experts."""
    @property
    def activation_type(self) -> MoEActType:
        """The activation of the gate."""
    @activation_type.setter
    def activation_type(self, value: MoEActType) -> None: ...
    @property
    def quantization_to_type(self) -> DataType:
        """The type activations are quantized to."""
    @quantization_to_type.setter
    def quantization_to_type(self, value: DataType) -> None: ...
    @property
    def quantization_block_shape(self) -> Dims:
        """How many elements share a scale."""
    @quantization_block_shape.setter
    def quantization_block_shape(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def dyn_q_output_scale_type(self) -> DataType:
        """The type of computed scales."""
    @dyn_q_output_scale_type.setter
    def dyn_q_output_scale_type(self, value: DataType) -> None: ...
    @property
    def swiglu_param_limit(self) -> float:
        """Where the gate is clamped, 0 for nowhere."""
    @swiglu_param_limit.setter
    def swiglu_param_limit(self, value: float) -> None: ...
    @property
    def swiglu_param_alpha(self) -> float:
        """The factor inside of the gate's sigmoid."""
    @swiglu_param_alpha.setter
    def swiglu_param_alpha(self, value: float) -> None: ...
    @property
    def swiglu_param_beta(self) -> float:
        """What is added to what the gate multiplies."""
    @swiglu_param_beta.setter
    def swiglu_param_beta(self, value: float) -> None: ...
    def set_gated_weights(self, fc_gate_weights: ITensor, fc_up_weights: ITensor, fc_down_weights: ITensor, activation_type: MoEActType) -> None:
        """Set the weights of gate, up and down products, an expert along axis 0."""
    def set_gated_biases(self, fc_gate_biases: ITensor, fc_up_biases: ITensor, fc_down_biases: ITensor) -> None:
        """Set the biases of gate, up and down products, an expert along axis 0."""
    def set_swiglu_params(self, limit: float, alpha: float, beta: float) -> None:
        """Set the parameters of the gate."""
    def set_quantization_static(self, fc_down_activation_scale: ITensor, data_type: DataType) -> None:
        """Refuse: activations between the products are not quantized."""
    def set_quantization_dynamic_dbl_q(self, fc_down_activation_dbl_q_scale: ITensor, data_type: DataType, block_shape: Dims | collections.abc.Iterable[SupportsIndex], dyn_q_output_scale_type: DataType) -> None:
        """Refuse: activations between the products are not quantized."""

class ILoopBoundaryLayer(ILayer, metaclass=_ApiType):
    """A layer at the edge of a loop."""
    @property
    def loop(self) -> Any:
        """The loop."""

class IRecurrenceLayer(ILoopBoundaryLayer, metaclass=_ApiType):
    """A value that each iteration hands to the next: input 0 is the first one, input 1 the next one."""

class IIteratorLayer(ILoopBoundaryLayer, metaclass=_ApiType):
    """A slice of a tensor for each iteration."""
    @property
    def axis(self) -> int:
        """The axis that is sliced."""
    @axis.setter
    def axis(self, value: int) -> None: ...
    @property
    def reverse(self) -> _bool:
        """Whether it runs from the end."""
    @reverse.setter
    def reverse(self, value: _bool) -> None: ...

class ITripLimitLayer(ILoopBoundaryLayer, metaclass=_ApiType):
    """What ends a loop."""
    @property
    def kind(self) -> TripLimit:
        """A count, or a condition."""

class ILoopOutputLayer(ILoopBoundaryLayer, metaclass=_ApiType):
    """What comes out of a loop."""
    @property
    def kind(self) -> LoopOutput:
        """The last value, or all values along an axis."""
    @property
    def axis(self) -> int:
        """The axis that values lie along."""
    @axis.setter
    def axis(self, value: int) -> None: ...

class ILoop(metaclass=_ApiType):
    """A loop: layers between its recurrences and iterators and its outputs run again and again."""
    def __init__(self) -> None:
        ...
    @property
    def name(self) -> str:
        """The name."""
    @name.setter
    def name(self, value: str) -> None: ...
    def add_recurrence(self, initial_value: ITensor) -> IRecurrenceLayer:
        """Add a value that each iteration hands to the next; set input 1 to what it hands on."""
    def add_trip_limit(self, tensor: ITensor, kind: TripLimit) -> ITripLimitLayer:
        """Add what ends the loop: a count from outside, or a condition from inside."""
    def add_iterator(self, tensor: ITensor, axis: int = 0, reverse: _bool = False) -> IIteratorLayer:
        """Add a slice of a tensor for each iteration."""
    def add_loop_output(self, tensor: ITensor, kind: LoopOutput, axis: int = 0) -> ILoopOutputLayer:
        """Add what comes out: the last value, or all along an axis, with their number as input 1."""

class IIfConditionalBoundaryLayer(ILayer, metaclass=_ApiType):
    """A layer at the edge of a conditional."""
    @property
    def conditional(self) -> Any:
        """The conditional."""

class IConditionLayer(IIfConditionalBoundaryLayer, metaclass=_ApiType):
    """The condition of a conditional."""

class IIfConditionalInputLayer(IIfConditionalBoundaryLayer, metaclass=_ApiType):
    """A tensor that goes into the branches of a conditional."""

class IIfConditionalOutputLayer(IIfConditionalBoundaryLayer, metaclass=_ApiType):
    """A tensor that comes out of the branch taken."""

class IIfConditional(metaclass=_ApiType):
    """A conditional: layers between its inputs and outputs run in the branch that is taken."""
    def __init__(self) -> None:
        ...
    @property
    def name(self) -> str:
        """The name."""
    @name.setter
    def name(self, value: str) -> None: ...
    def set_condition(self, condition: ITensor) -> IConditionLayer:
        """Set the condition: one bool."""
    def add_input(self, input: ITensor) -> IIfConditionalInputLayer:
        """Add a tensor that goes into the branches."""
    def add_output(self, true_subgraph_output: ITensor, false_subgraph_output: ITensor) -> IIfConditionalOutputLayer:
        """Add a tensor that comes out: of one branch where the condition holds, else of the other."""

class INetworkDefinition(_Indexed, metaclass=_ApiType):
    """A network: inputs, layers, and tensors marked as outputs."""
    def __init__(self) -> None:
        ...
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    def add_plugin_v2(self, inputs: collections.abc.Iterable[ITensor], plugin: IPluginV2) -> IPluginV2Layer:
        """Add a plugin of the second generation."""
    def add_plugin_v3(self, inputs: collections.abc.Iterable[ITensor], shape_inputs: collections.abc.Iterable[ITensor], plugin: IPluginV3) -> IPluginV3Layer | Any:
        """Add a plugin of the third generation; shape inputs are read as dims of its outputs."""
    def add_plugin(self, tuple: Any = None, func: Any = None, aot: _bool | None = None, inputs: Any = None, plugin: Any = None) -> IPluginV3Layer | Any:
        """Add a plugin: what `plugin.op.namespace.name(...)` returns, or (inputs, shape inputs, IPluginV3)."""
    def add_attention(self, query: ITensor, key: ITensor, value: ITensor, norm_op: AttentionNormalizationOp, causal: _bool) -> IAttention:
        """Add normalize(query @ key^T) @ value over [batch, heads, length, size] tensors."""
    def add_attention_v2(self, query: ITensor, key: ITensor, value: ITensor, norm_op: AttentionNormalizationOp, causal_kind: CausalMaskKind) -> IAttention:
        """Add normalize(query @ key^T) @ value with a causal mask of a kind."""
    def add_rotary_embedding(self, input: ITensor, cos_cache: ITensor, sin_cache: ITensor, interleaved: _bool, rotary_embedding_dim: int) -> IRotaryEmbeddingLayer:
        """Add the rotation of pairs of numbers by their position."""
    def add_kv_cache_update(self, cache: ITensor, update: ITensor, write_indices: ITensor, cache_mode: KVCacheMode) -> IKVCacheUpdateLayer:
        """Add a key-value cache with new rows from an index of each batch on."""
    def add_moe(self, hidden_states: ITensor, selected_experts_for_tokens: ITensor, scores_for_selected_experts: ITensor) -> IMoELayer:
        """Add a mixture of experts; its weights are set after."""
    def add_dist_collective(self, input: ITensor, dist_collective_op: CollectiveOperation, reduce_op: Any, root: Any, groups: Any) -> IDistCollectiveLayer:
        """Add a collective over ranks, of which there is one."""
    def add_dynamic_quantize(self, input: ITensor, axis: int, block_size: int, output_type: DataType, scale_type: DataType) -> IDynamicQuantizeLayer:
        """Add quantization of blocks along an axis by scales computed from them; input 1 may scale the scales."""
    def add_dynamic_quantize_v2(self, input: ITensor, block_shape: Dims | collections.abc.Iterable[SupportsIndex], output_type: DataType, scale_type: DataType) -> IDynamicQuantizeLayer:
        """Add quantization of blocks of a shape by scales computed from them."""
    def add_loop(self) -> ILoop:
        """Add a loop."""
    def add_if_conditional(self) -> IIfConditional:
        """Add a conditional."""
    def add_concatenation(self, inputs: collections.abc.Iterable[ITensor]) -> IConcatenationLayer | Any:
        """Add tensors one after another along axis max(0, rank - 3) until it is set otherwise."""
    def add_constant(self, shape: Dims | collections.abc.Iterable[SupportsIndex], weights: Weights | np.ndarray[Any, Any]) -> IConstantLayer:
        """Add numbers of a shape."""
    def add_shuffle(self, input: ITensor) -> IShuffleLayer:
        """Add transpose, reshape, transpose; each does nothing until it is set."""
    def add_slice(self, input: ITensor, start: Dims | collections.abc.Iterable[SupportsIndex], shape: Dims | collections.abc.Iterable[SupportsIndex], stride: Dims | collections.abc.Iterable[SupportsIndex]) -> ISliceLayer:
        """Add elements from a start, so many, at a stride; empty dims are given by inputs 1 to 3."""
    def add_shape(self, input: ITensor) -> IShapeLayer:
        """Add the shape of a tensor: 64-bit ints, 32-bit ones until TensorRT 8."""
    def add_gather(self, input: ITensor, indices: ITensor, axis: int) -> IGatherLayer:
        """Add slices along an axis at indices."""
    def add_gather_v2(self, input: ITensor, indices: ITensor, mode: GatherMode) -> IGatherLayer:
        """Add slices, elements or tuples at indices."""
    def add_scatter(self, data: ITensor, indices: ITensor, updates: ITensor, mode: ScatterMode) -> IScatterLayer:
        """Add updates put at elements or tuples of indices."""
    def add_one_hot(self, indices: ITensor, values: ITensor, depth: ITensor, axis: int) -> IOneHotLayer:
        """Add one of two values along a new axis."""
    def add_non_zero(self, input: ITensor, indices_type: DataType | None = None) -> INonZeroLayer:
        """Add the indices of the elements that are not zero."""
    def add_reverse_sequence(self, input: ITensor, sequence_lens: ITensor) -> IReverseSequenceLayer:
        """Add sequences with their first elements turned round."""
    def add_squeeze(self, input: ITensor, axes: ITensor | None = None) -> ISqueezeLayer:
        """Add axes of one element dropped; without axes all such."""
    def add_unsqueeze(self, input: ITensor, axes: ITensor) -> IUnsqueezeLayer:
        """Add axes of one element added."""
    def add_fill(self, shape: Dims | collections.abc.Iterable[SupportsIndex], op: FillOperation, output_type: DataType | None = None) -> IFillLayer:
        """Add a ramp or random numbers; an empty shape is given by input 0."""
    def add_assertion(self, condition: ITensor, message: str) -> IAssertionLayer:
        """Add a condition that must hold."""
    def add_activation(self, input: ITensor, type: ActivationType) -> IActivationLayer:
        """Add an activation with the usual alpha and beta of its kind."""
    def add_unary(self, input: ITensor, op: UnaryOperation) -> IUnaryLayer:
        """Add a function of one tensor."""
    def add_elementwise(self, input1: ITensor, input2: ITensor, op: ElementWiseOperation) -> IElementWiseLayer:
        """Add a function of two tensors of one rank; dims of 1 broadcast."""
    def add_parametric_relu(self, input: ITensor, slopes: ITensor) -> IParametricReLULayer:
        """Add x where positive, slopes * x elsewhere."""
    def add_select(self, condition: ITensor, then_input: ITensor, else_input: ITensor) -> ISelectLayer:
        """Add a choice between two tensors, element by element."""
    def add_identity(self, input: ITensor) -> IIdentityLayer:
        """Add a copy; with `set_output_type` a cast."""
    def add_cast(self, input: ITensor, to_type: DataType) -> ICastLayer:
        """Add a cast to another element type."""
    def add_quantize(self, input: ITensor, scale: ITensor, output_type: DataType | None = None) -> IQuantizeLayer:
        """Add x / scale, rounded to an int8 or another narrow type."""
    def add_dequantize(self, input: ITensor, scale: ITensor, output_type: DataType | None = None) -> IDequantizeLayer:
        """Add x * scale, as a float type."""
    def add_matrix_multiply(self, input0: ITensor, op0: MatrixOperation, input1: ITensor, op1: MatrixOperation) -> IMatrixMultiplyLayer:
        """Add a product of two stacks of matrices."""
    def add_reduce(self, input: ITensor, op: ReduceOperation, axes: int, keep_dims: _bool) -> IReduceLayer:
        """Add a reduction along the axes of a mask."""
    def add_softmax(self, input: ITensor) -> ISoftMaxLayer:
        """Add softmax along axis max(0, rank - 3) until it is set otherwise."""
    def add_ragged_softmax(self, input: ITensor, bounds: ITensor) -> IRaggedSoftMaxLayer:
        """Add softmax over the first elements of each row."""
    def add_topk(self, input: ITensor, op: TopKOperation, k: int, axes: int, indices_type: DataType | None = None) -> ITopKLayer:
        """Add the largest or smallest along an axis, and where they are."""
    def add_einsum(self, inputs: collections.abc.Iterable[ITensor], equation: str) -> IEinsumLayer:
        """Add the sum of products that an equation describes."""
    def add_cumulative(self, input: ITensor, axis: ITensor, op: CumulativeOperation, exclusive: _bool, reverse: _bool) -> ICumulativeLayer:
        """Add running sums along an axis."""
    def add_nms(self, boxes: ITensor, scores: ITensor, max_output_boxes_per_class: ITensor, indices_type: DataType | None = None) -> INMSLayer:
        """Add the choice of boxes that overlap no better one: (batch, class, box) rows and their count."""
    def add_convolution_nd(self, input: ITensor, num_output_maps: int, kernel_shape: Dims | collections.abc.Iterable[SupportsIndex], kernel: Weights | np.ndarray[Any, Any], bias: Weights | np.ndarray[Any, Any] | None = None) -> IConvolutionLayer:
        """Add a convolution; empty kernel weights mean that the second input is the kernel."""
    def add_deconvolution_nd(self, input: ITensor, num_output_maps: int, kernel_shape: Dims | collections.abc.Iterable[SupportsIndex], kernel: Weights | np.ndarray[Any, Any], bias: Weights | np.ndarray[Any, Any] | None = None) -> IDeconvolutionLayer:
        """Add a transposed convolution."""
    def add_pooling_nd(self, input: ITensor, type: PoolingType, window_size: Dims | collections.abc.Iterable[SupportsIndex]) -> IPoolingLayer:
        """Add pooling; the stride is 1 until it is set."""
    def add_padding_nd(self, input: ITensor, pre_padding: Dims | collections.abc.Iterable[SupportsIndex], post_padding: Dims | collections.abc.Iterable[SupportsIndex]) -> IPaddingLayer:
        """Add zero padding of the last two axes."""
    def add_scale(self, input: ITensor, mode: ScaleMode, shift: Weights | np.ndarray[Any, Any] | None = None, scale: Weights | np.ndarray[Any, Any] | None = None, power: Weights | np.ndarray[Any, Any] | None = None) -> IScaleLayer:
        """Add (x * scale + shift) ** power, with channels on axis 1."""
    @overload
    def add_scale_nd(self, input: ITensor, mode: ScaleMode, shift: Weights | np.ndarray[Any, Any] | None, scale: Weights | np.ndarray[Any, Any] | None, power: Weights | np.ndarray[Any, Any] | None, channel_axis: int) -> IScaleLayer:
        """Add (x * scale + shift) ** power, with channels on an axis that must be given."""
    @overload
    def add_scale_nd(self, input: ITensor, mode: ScaleMode, shift: Weights | np.ndarray[Any, Any] | None = None, scale: Weights | np.ndarray[Any, Any] | None = None, power: Weights | np.ndarray[Any, Any] | None = None, *, channel_axis: int) -> IScaleLayer:
        """Add (x * scale + shift) ** power, with channels on an axis that must be given."""
    def add_lrn(self, input: ITensor, window: int, alpha: float, beta: float, k: float) -> ILRNLayer:
        """Add local response normalisation."""
    def add_normalization(self, input: ITensor, scale: ITensor, bias: ITensor, axesMask: int) -> INormalizationLayer:
        """Add normalisation over the axes of a mask; scale and bias broadcast."""
    def add_normalization_v2(self, input: ITensor, scale: ITensor, bias: ITensor, axesMask: int) -> INormalizationLayer:
        """Add normalisation over the axes of a mask; scale and bias are one number a channel for groups."""
    def add_resize(self, input: ITensor) -> IResizeLayer:
        """Add resampling: nearest, floor, asymmetric, until it is set otherwise."""
    def add_grid_sample(self, input: ITensor, grid: ITensor) -> IGridSampleLayer:
        """Add reading at the places of a grid."""
    @property
    def name(self) -> str:
        """The name, which engines of it get."""
    @name.setter
    def name(self, value: str) -> None: ...
    @property
    def num_layers(self) -> Any:
        """How many layers it has."""
    @property
    def num_inputs(self) -> Any:
        """How many inputs it has."""
    @property
    def num_outputs(self) -> Any:
        """How many outputs it has."""
    @property
    def flags(self) -> int:
        """The flags it was created with, a bit each."""
    @property
    def has_implicit_batch_dimension(self) -> Any:
        """Whether shapes leave the batch out."""
    @property
    def builder(self) -> Any:
        """The builder that made it."""
    @property
    def error_recorder(self) -> IErrorRecorder | Any:
        """The error recorder."""
    @error_recorder.setter
    def error_recorder(self, value: IErrorRecorder | None) -> None: ...
    def __len__(self) -> int:
        ...
    def __getitem__(self, index: int, /) -> ILayer | Any:
        ...
    def add_input(self, name: str, dtype: DataType, shape: Dims | collections.abc.Iterable[SupportsIndex]) -> ITensor | Any:
        """Add an input; -1 is a dim that a profile bounds. None where the name is taken or a dim is below -1."""
    def mark_output(self, tensor: ITensor) -> None:
        """Make a tensor an output."""
    def unmark_output(self, tensor: ITensor) -> None:
        """Make a tensor no output any more."""
    def mark_output_for_shapes(self, tensor: ITensor) -> _bool:
        """Make a tensor an output whose numbers the host reads as sizes; False where it is an output already."""
    def unmark_output_for_shapes(self, tensor: ITensor) -> _bool:
        """Undo mark_output_for_shapes; False if the tensor was not so marked."""
    def remove_tensor(self, tensor: ITensor) -> None:
        """Take a tensor out of the inputs and outputs."""
    def get_layer(self, index: int) -> ILayer | Any:
        """Return a layer, None where there is none."""
    def get_input(self, index: int) -> ITensor | Any:
        """Return an input, None where there is none."""
    def get_output(self, index: int) -> ITensor | Any:
        """Return an output, None where there is none."""
    def get_flag(self, flag: NetworkDefinitionCreationFlag) -> _bool:
        """Return whether it was created with a flag."""
    def set_weights_name(self, weights: Weights | np.ndarray[Any, Any], name: str) -> _bool:
        """Name weights for refitting: those of every layer that has the same numbers in memory."""
    def mark_debug(self, tensor: ITensor) -> _bool:
        """Let a debug listener see a tensor."""
    def unmark_debug(self, tensor: ITensor) -> _bool:
        """Undo mark_debug."""
    def is_debug_tensor(self, tensor: ITensor) -> _bool:
        """Return whether a debug listener may see a tensor."""
    def mark_unfused_tensors_as_debug_tensors(self) -> _bool:
        """Let a debug listener see all tensors that fusion leaves."""
    def unmark_unfused_tensors_as_debug_tensors(self) -> _bool:
        """Undo mark_unfused_tensors_as_debug_tensors."""
    def mark_weights_refittable(self, name: str) -> _bool:
        """Let weights be refitted, with BuilderFlag.REFIT_INDIVIDUAL."""
    def unmark_weights_refittable(self, name: str) -> _bool:
        """Undo mark_weights_refittable."""
    def are_weights_marked_refittable(self, name: str) -> _bool:
        """Return whether weights were marked refittable."""

class ParserError(metaclass=_ApiType):
    """One error of a parse: what is wrong, and the node that it is about."""
    def __init__(self) -> None:
        ...
    def code(self) -> Any:
        """Return what kind of error it is."""
    def desc(self) -> Any:
        """Return the description."""
    def file(self) -> Any:
        """Return the source file that found it."""
    def line(self) -> Any:
        """Return the source line that found it."""
    def func(self) -> Any:
        """Return the function that found it."""
    def node(self) -> Any:
        """Return the node's place in the graph, -1 where it is about no node."""
    def node_name(self) -> str:
        """Return the node's name."""
    def node_operator(self) -> str:
        """Return the node's operator."""
    def local_function_stack(self) -> list[str]:
        """Return the functions of the model that the node lies in; they are inlined, so there are none."""
    def local_function_stack_size(self) -> int:
        """Return how many functions of the model the node lies in."""
    def __str__(self) -> str:
        """Return str(self)."""

class OnnxParser(metaclass=_ApiType):
    """Reads ONNX models into a network."""
    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
        ...
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    @property
    def num_errors(self) -> Any:
        """How many errors the last parse found."""
    @property
    def flags(self) -> int:
        """The flags, a bit each."""
    @flags.setter
    def flags(self, value: int) -> None: ...
    @property
    def num_subgraphs(self) -> Any:
        """Parts found by supports_model_v2."""
    def parse(self, model: Any, path: Any = None) -> Any:
        """Read a model from its bytes; weights in files of their own are looked for beside `path`. False on errors."""
    def parse_from_file(self, model: str) -> _bool:
        """Read a model from a file. False on errors."""
    def get_error(self, index: int) -> ParserError | Any:
        """Return an error of the last parse, None where there is none."""
    def clear_errors(self) -> Any:
        """Forget the errors."""
    def set_flag(self, flag: OnnxParserFlag) -> None:
        """Set a flag."""
    def clear_flag(self, flag: OnnxParserFlag) -> None:
        """Clear a flag."""
    def get_flag(self, flag: OnnxParserFlag) -> _bool:
        """Return whether a flag is set."""
    def get_layer_output_tensor(self, name: str, i: int) -> ITensor | Any:
        """Return an output of the layer of a node, None where there is none."""
    def get_used_vc_plugin_libraries(self) -> list[str]:
        """Return the plugin libraries that the model needs: none."""
    def supports_operator(self, op_name: str) -> _bool:
        """Return whether nodes of an operator can be imported."""
    def supports_model_v2(self, model: Any, path: str | None = None) -> _bool:
        """Return whether a model can be imported; its parts can be asked for after."""
    def is_subgraph_supported(self, index: int) -> _bool:
        """Return whether a part found by supports_model_v2 can be imported."""
    def get_subgraph_nodes(self, index: int) -> list[int]:
        """Return the places of the nodes of a part found by supports_model_v2."""
    def load_model_proto(self, model: Any, path: str | None = None) -> _bool:
        """Keep a model for parse_model_proto."""
    def load_initializer(self, name: str, data: int, size: int) -> _bool:
        """Keep the numbers of an initializer, at a host address, in place of the model's, which need not be there."""
    def parse_model_proto(self) -> _bool:
        """Read the model that load_model_proto kept. False on errors."""
    def set_builder_config(self, builder_config: Any) -> _bool:
        """Keep the config that the network will be built with."""

class IBuilderConfig(metaclass=_ApiType):
    """How an engine is to be built: flags, profiles, memory limits, precision, what to measure."""
    def __init__(self) -> None:
        ...
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    @property
    def flags(self) -> int:
        """Flags, a bit each."""
    @flags.setter
    def flags(self, value: int) -> None: ...
    @property
    def builder_optimization_level(self) -> int:
        """How hard to look for fast kernels: 0 to 5."""
    @builder_optimization_level.setter
    def builder_optimization_level(self, value: int) -> None: ...
    @property
    def avg_timing_iterations(self) -> int:
        """How many timings are averaged."""
    @avg_timing_iterations.setter
    def avg_timing_iterations(self, value: int) -> None: ...
    @property
    def max_aux_streams(self) -> int:
        """How many streams may be used besides, -1 for any."""
    @max_aux_streams.setter
    def max_aux_streams(self, value: int) -> None: ...
    @property
    def max_num_tactics(self) -> int:
        """How many tactics may be timed, -1 for any."""
    @max_num_tactics.setter
    def max_num_tactics(self, value: int) -> None: ...
    @property
    def l2_limit_for_tiling(self) -> int:
        """How much of L2 tiling may aim at."""
    @l2_limit_for_tiling.setter
    def l2_limit_for_tiling(self, value: int) -> None: ...
    @property
    def tiling_optimization_level(self) -> TilingOptimizationLevel:
        """How long to look for tilings."""
    @tiling_optimization_level.setter
    def tiling_optimization_level(self, value: TilingOptimizationLevel) -> None: ...
    @property
    def DLA_core(self) -> int:
        """The DLA core; there is none."""
    @DLA_core.setter
    def DLA_core(self, value: int) -> None: ...
    @property
    def default_device_type(self) -> DeviceType:
        """Where layers run."""
    @default_device_type.setter
    def default_device_type(self, value: DeviceType) -> None: ...
    @property
    def engine_capability(self) -> EngineCapability:
        """Which runtime it is for."""
    @engine_capability.setter
    def engine_capability(self, value: EngineCapability) -> None: ...
    @property
    def profiling_verbosity(self) -> ProfilingVerbosity:
        """What the inspector may tell."""
    @profiling_verbosity.setter
    def profiling_verbosity(self, value: ProfilingVerbosity) -> None: ...
    @property
    def hardware_compatibility_level(self) -> HardwareCompatibilityLevel:
        """On which GPUs the engine may run."""
    @hardware_compatibility_level.setter
    def hardware_compatibility_level(self, value: HardwareCompatibilityLevel) -> None: ...
    @property
    def runtime_platform(self) -> RuntimePlatform:
        """Where the engine will run."""
    @runtime_platform.setter
    def runtime_platform(self, value: RuntimePlatform) -> None: ...
    @property
    def plugins_to_serialize(self) -> list[str]:
        """Plugin libraries to put into the engine."""
    @plugins_to_serialize.setter
    def plugins_to_serialize(self, value: collections.abc.Iterable[str]) -> None: ...
    @property
    def profile_stream(self) -> int:
        """The stream that measurements run on."""
    @profile_stream.setter
    def profile_stream(self, value: int) -> None: ...
    @property
    def progress_monitor(self) -> IProgressMonitor | Any:
        """Who hears of progress."""
    @progress_monitor.setter
    def progress_monitor(self, value: IProgressMonitor | None) -> None: ...
    @property
    def remote_auto_tuning_config(self) -> str:
        """Where to measure instead of here."""
    @remote_auto_tuning_config.setter
    def remote_auto_tuning_config(self, value: str) -> None: ...
    @property
    def build_route(self) -> str:
        """Which route of building is taken."""
    @build_route.setter
    def build_route(self, value: str) -> None: ...
    @property
    def all_build_routes(self) -> Any:
        """The routes of building that there are."""
    @property
    def num_optimization_profiles(self) -> Any:
        """How many profiles were added."""
    def set_flag(self, flag: BuilderFlag) -> None:
        """Set a flag; one that cannot be honoured is said so once, in the log."""
    def clear_flag(self, flag: BuilderFlag) -> None:
        """Clear a flag."""
    def get_flag(self, flag: BuilderFlag) -> _bool:
        """Return whether a flag is set."""
    def set_memory_pool_limit(self, pool: MemoryPoolType, pool_size: int) -> None:
        """Limit a pool of memory, in bytes."""
    def get_memory_pool_limit(self, pool: MemoryPoolType) -> int:
        """Return the limit of a pool of memory, in bytes."""
    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        """Add a profile and return its place; -1 for one whose shapes are out of order."""
    def set_device_type(self, layer: ILayer, device_type: DeviceType) -> None:
        """Set where a layer runs; on DLA it cannot, there is none."""
    def get_device_type(self, layer: ILayer) -> DeviceType:
        """Return where a layer runs."""
    def is_device_type_set(self, layer: ILayer) -> _bool:
        """Return whether it was set where a layer runs."""
    def reset_device_type(self, layer: ILayer) -> None:
        """Let a layer run where the others do."""
    def can_run_on_DLA(self, layer: ILayer) -> _bool:
        """Return False: there is no DLA."""
    def set_tactic_sources(self, tactic_sources: int) -> _bool:
        """Set which libraries kernels may come from; none does, so that one that is ruled out is never used."""
    def get_tactic_sources(self) -> int:
        """Return which libraries kernels may come from."""
    def create_timing_cache(self, serialized_timing_cache: Any) -> ITimingCache | Any:
        """Return a timing cache of serialized bytes, an empty one for no bytes, None for foreign ones."""
    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: _bool) -> _bool:
        """Build with a timing cache, and add to it; False, logged, for one of another device unless that is ignored."""
    def get_timing_cache(self) -> ITimingCache | Any:
        """Return the timing cache that was set."""
    def set_preview_feature(self, feature: PreviewFeature, enable: _bool) -> None:
        """Switch a preview feature."""
    def get_preview_feature(self, feature: PreviewFeature) -> _bool:
        """Return whether a preview feature is on."""
    def reset(self) -> None:
        """Go back to a fresh config."""

class ICudaEngine(_Indexed, metaclass=_ApiType):
    """A built network: its inputs and outputs by name, its profiles, and contexts to run it in."""
    def __init__(self) -> None:
        ...
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    @property
    def name(self) -> Any:
        """The network's name."""
    @property
    def num_io_tensors(self) -> Any:
        """How many inputs and outputs it has."""
    @property
    def num_layers(self) -> Any:
        """How many layers are left."""
    @property
    def num_optimization_profiles(self) -> Any:
        """How many profiles it has."""
    @property
    def device_memory_size_v2(self) -> Any:
        """Bytes of scratch memory of a context."""
    @property
    def refittable(self) -> Any:
        """Whether weights can be replaced."""
    @property
    def profiling_verbosity(self) -> Any:
        """What the inspector may tell."""
    @property
    def engine_capability(self) -> Any:
        """Which runtime it is for."""
    @property
    def hardware_compatibility_level(self) -> Any:
        """Where it may run."""
    @property
    def num_aux_streams(self) -> Any:
        """How many streams it uses besides the caller's."""
    @property
    def tactic_sources(self) -> Any:
        """Which libraries kernels come from: none."""
    @property
    def streamable_weights_size(self) -> Any:
        """Bytes of weights that can be streamed."""
    @property
    def weight_streaming_budget_v2(self) -> int:
        """Bytes of streamable weights that stay on the device: 0 streams all of them."""
    @weight_streaming_budget_v2.setter
    def weight_streaming_budget_v2(self, value: int) -> None: ...
    @property
    def weight_streaming_scratch_memory_size(self) -> Any:
        """Bytes of device memory that streamed weights pass through, in each context."""
    @property
    def error_recorder(self) -> IErrorRecorder | Any:
        """The error recorder."""
    @error_recorder.setter
    def error_recorder(self, value: IErrorRecorder | None) -> None: ...
    def __getitem__(self, arg0: Any, /) -> Any:
        ...
    def get_tensor_name(self, index: int) -> str | Any:
        """Return the name of an input or output, inputs first."""
    def get_tensor_mode(self, name: str) -> TensorIOMode:
        """Return whether a name is an input, an output, or neither."""
    def get_tensor_dtype(self, name: Any) -> Any:
        """Return the element type of an input or output; FLOAT, logged, for a name of neither."""
    def get_tensor_shape(self, name: Any) -> Any:
        """Return the shape of an input or output, -1 for dims that a context sets."""
    def get_tensor_location(self, name: str) -> TensorLocation:
        """Return whether an input or output lies in host or device memory."""
    def get_tensor_bytes_per_component(self, name: str, profile_index: int = 0) -> int:
        """Return the bytes of an element."""
    def get_tensor_components_per_element(self, name: str, profile_index: int = 0) -> int:
        """Return how many scalars a vector holds, -1 where the layout is not vectorized."""
    def get_tensor_format(self, name: Any, profile_index: Any = 0) -> Any:
        """Return the memory layout; LINEAR, logged, for a name of no input or output."""
    def get_tensor_format_desc(self, name: str, profile_index: int = 0) -> str:
        """Return the memory layout in words."""
    def get_tensor_vectorized_dim(self, name: str, profile_index: int = 0) -> int:
        """Return the axis that is packed in vectors, -1 for none."""
    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[Dims]:
        """Return the least, best and greatest shape of an input in a profile."""
    def get_tensor_profile_values(self, name: Any, profile_index: Any) -> list[list[int]]:
        """Return the least, best and greatest numbers of an input that is a shape; called (profile_index, name)."""
    def is_shape_inference_io(self, name: str) -> _bool:
        """Return whether an input or output is read or written on the host."""
    def is_debug_tensor(self, name: str) -> _bool:
        """Return whether a debug listener may see a tensor."""
    def get_aliased_input_tensor(self, name: str) -> str | Any:
        """Return the input whose memory an output shares: none."""
    def get_engine_stat(self, stat: EngineStat = ...) -> int:
        """Return the bytes of all weights, or of those that are stripped."""
    def get_device_memory_size_for_profile_v2(self, profile_index: int) -> int:
        """Return the scratch memory of a context in a profile, in bytes."""
    def get_weight_streaming_automatic_budget(self) -> int:
        """Return the budget of streamed weights that fits the free memory, with some left for contexts."""
    def serialize(self) -> Any:
        """Return the engine as bytes, which every target can load."""
    def create_serialization_config(self) -> ISerializationConfig:
        """Return a config for serialize_with_config."""
    def serialize_with_config(self, config: ISerializationConfig, /) -> Any:
        """Return the engine as bytes: refittable with INCLUDE_REFIT, without its weights with EXCLUDE_WEIGHTS."""
    def create_runtime_config(self) -> IRuntimeConfig:
        """Return a config for create_execution_context."""
    def create_execution_context(self, strategy: Any = ..., runtime_config: Any = None) -> IExecutionContext:
        """Return a context to run the engine in, by a strategy of allocation or a runtime config."""
    def create_engine_inspector(self) -> EngineInspector:
        """Return what tells about the engine's layers."""

class IOptimizationProfile(metaclass=_ApiType):
    """A range of shapes for each input of a network that has dims of -1."""
    def __init__(self) -> None:
        ...
    @property
    def extra_memory_target(self) -> float:
        """Share of memory that other profiles leave."""
    @extra_memory_target.setter
    def extra_memory_target(self, value: float) -> None: ...
    @property
    def profile_stream(self) -> int:
        """The stream that measurements of this profile run on."""
    @profile_stream.setter
    def profile_stream(self, value: int) -> None: ...
    def set_shape(self, input: str, min: Dims | collections.abc.Iterable[SupportsIndex], opt: Dims | collections.abc.Iterable[SupportsIndex], max: Dims | collections.abc.Iterable[SupportsIndex]) -> None:
        """Set the least, best and greatest shape of an input; their order is checked by `bool(profile)`."""
    def get_shape(self, input: str) -> list[Dims]:
        """Return the least, best and greatest shape of an input, none where they are not set."""
    def set_shape_input(self, input: str, min: collections.abc.Iterable[int], opt: collections.abc.Iterable[int], max: collections.abc.Iterable[int]) -> None:
        """Set the least, best and greatest numbers of an input that is a shape."""
    def get_shape_input(self, input: str) -> list[list[int]]:
        """Return the least, best and greatest numbers of an input that is a shape, none where they are not set."""
    def __bool__(self) -> _bool:
        ...

class Builder(metaclass=_ApiType):
    """Makes networks, configs and profiles, and builds engines of them."""
    def __init__(self, logger: ILogger) -> None:
        ...
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    @property
    def logger(self) -> Any:
        """The logger."""
    @property
    def gpu_allocator(self) -> IGpuAllocator | Any:
        """Who allocates device memory."""
    @gpu_allocator.setter
    def gpu_allocator(self, value: IGpuAllocator | None) -> None: ...
    @property
    def max_threads(self) -> int:
        """How many threads or processes a build may use; until it is set, as many as there are cores."""
    @max_threads.setter
    def max_threads(self, value: int) -> None: ...
    @property
    def max_DLA_batch_size(self) -> Any:
        """The greatest batch of a DLA: there is none."""
    @property
    def num_DLA_cores(self) -> Any:
        """How many DLA cores there are: none."""
    @property
    def error_recorder(self) -> IErrorRecorder | Any:
        """The error recorder."""
    @error_recorder.setter
    def error_recorder(self, value: IErrorRecorder | None) -> None: ...
    def create_network(self, flags: int = 0) -> INetworkDefinition | Any:
        """Return an empty network; `flags` has bit `1 << int(flag)` for each NetworkDefinitionCreationFlag."""
    def create_builder_config(self) -> IBuilderConfig:
        """Return a fresh config."""
    def create_optimization_profile(self) -> IOptimizationProfile:
        """Return an empty profile."""
    def build_serialized_network(self, network: INetworkDefinition, config: IBuilderConfig, kernel_text: Any = None) -> Any:
        """Return an engine as bytes; None, logged, where the network cannot be built."""
    def build_serialized_network_to_stream(self, network: INetworkDefinition, config: IBuilderConfig, writer: IStreamWriter) -> _bool:
        """Write an engine to a stream; False where it cannot be built or written."""
    def build_engine_with_config(self, network: INetworkDefinition, config: IBuilderConfig) -> ICudaEngine | Any:
        """Return an engine; None, logged, where the network cannot be built."""
    def is_network_supported(self, network: INetworkDefinition, config: IBuilderConfig) -> _bool:
        """Return whether a network is complete and well-typed, so that a build can be tried."""
    def reset(self) -> None:
        """Forget the error recorder and allocator."""
    def get_plugin_registry(self) -> IPluginRegistry:
        """Return the plugin registry."""

class ITimingCache(metaclass=_ApiType):
    """Measurements of kernels, by what was measured."""
    def __init__(self) -> None:
        ...
    def serialize(self) -> Any:
        """Return the measurements as bytes."""
    def combine(self, input_cache: ITimingCache, ignore_mismatch: _bool) -> _bool:
        """Take over the measurements of another cache that this one lacks; False, logged, for another device's."""
    def reset(self) -> _bool:
        """Forget all measurements."""
    def queryKeys(self) -> list[TimingCacheKey]:
        """Return what was measured."""
    def query(self, key: TimingCacheKey) -> TimingCacheValue:
        """Return the fastest tactic of what was measured; for what was not, tactic 0 and no time."""
    def update(self, key: TimingCacheKey, value: TimingCacheValue) -> _bool:
        """Set the tactic of a problem, for builds with BuilderFlag.EDITABLE_TIMING_CACHE; its other times are dropped."""

class TimingCacheKey(metaclass=_ApiType):
    """What was measured: 128 bits that stand for a problem, a version of the kernels and an architecture."""
    def __init__(self) -> None:
        ...
    @staticmethod
    def parse(text: str) -> TimingCacheKey:
        """Return the key that up to 32 hexadecimal digits stand for; raises ApiError for other texts."""
    def __str__(self) -> str:
        """Return str(self)."""

class TimingCacheValue(metaclass=_ApiType):
    """What was measured: the best tactic, and its time."""
    def __init__(self, tactic_hash: int, timing_ms: float, /) -> None:
        ...
    @property
    def tacticHash(self) -> int:
        """The tactic's number."""
    @tacticHash.setter
    def tacticHash(self, value: int) -> None: ...
    @property
    def timingMSec(self) -> float:
        """Its milliseconds."""
    @timingMSec.setter
    def timingMSec(self, value: float) -> None: ...

class Runtime(metaclass=_ApiType):
    """Loads engines."""
    def __init__(self, logger: ILogger) -> None:
        ...
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    @property
    def logger(self) -> Any:
        """The logger."""
    @property
    def gpu_allocator(self) -> IGpuAllocator | Any:
        """Who allocates device memory."""
    @gpu_allocator.setter
    def gpu_allocator(self, value: IGpuAllocator | None) -> None: ...
    @property
    def max_threads(self) -> int:
        """How many threads or processes loading may use; until it is set, as many as there are cores."""
    @max_threads.setter
    def max_threads(self, value: int) -> None: ...
    @property
    def DLA_core(self) -> int:
        """The DLA core; there is none."""
    @DLA_core.setter
    def DLA_core(self, value: int) -> None: ...
    @property
    def num_DLA_cores(self) -> Any:
        """How many DLA cores there are: none."""
    @property
    def engine_host_code_allowed(self) -> _bool:
        """Whether engines may bring code."""
    @engine_host_code_allowed.setter
    def engine_host_code_allowed(self, value: _bool) -> None: ...
    @property
    def temporary_directory(self) -> str:
        """Where temporary files go."""
    @temporary_directory.setter
    def temporary_directory(self, value: str) -> None: ...
    @property
    def tempfile_control_flags(self) -> int:
        """Which temporary files may be made, a bit each."""
    @tempfile_control_flags.setter
    def tempfile_control_flags(self, value: int) -> None: ...
    @property
    def dla_workspace_allocation_strategy(self) -> DLAWorkspaceAllocationStrategy:
        """Where DLA workspace is allocated."""
    @dla_workspace_allocation_strategy.setter
    def dla_workspace_allocation_strategy(self, value: DLAWorkspaceAllocationStrategy) -> None: ...
    @property
    def error_recorder(self) -> IErrorRecorder | Any:
        """The error recorder."""
    @error_recorder.setter
    def error_recorder(self, value: IErrorRecorder | None) -> None: ...
    def deserialize_cuda_engine(self, serialized_engine: Any = None, plugin_factory: Any = None, stream_reader: Any = None, stream_reader_v2: Any = None) -> Any:
        """Return the engine of bytes, of another buffer or of a stream reader; None, logged, for anything else."""
    def get_plugin_registry(self) -> IPluginRegistry:
        """Return the plugin registry."""
    def load_runtime(self, path: str) -> Runtime | Any:
        """Return this runtime: engines of other versions are lowered again, no other library is needed."""

class IExecutionContext(metaclass=_ApiType):
    """One run of an engine at a time; threads use a context each."""
    def __init__(self) -> None:
        ...
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    @property
    def engine(self) -> Any:
        """The engine."""
    @property
    def name(self) -> str:
        """The name, for messages."""
    @name.setter
    def name(self, value: str) -> None: ...
    @property
    def debug_sync(self) -> _bool:
        """Whether to wait for each layer of a run, and log it."""
    @debug_sync.setter
    def debug_sync(self, value: _bool) -> None: ...
    @property
    def profiler(self) -> IProfiler | Any:
        """Who hears the time of each layer."""
    @profiler.setter
    def profiler(self, value: IProfiler | None) -> None: ...
    @property
    def enqueue_emits_profile(self) -> _bool:
        """Whether each run reports to the profiler."""
    @enqueue_emits_profile.setter
    def enqueue_emits_profile(self, value: _bool) -> None: ...
    @property
    def persistent_cache_limit(self) -> int:
        """Bytes of L2 that may be kept."""
    @persistent_cache_limit.setter
    def persistent_cache_limit(self, value: int) -> None: ...
    @property
    def temporary_allocator(self) -> IGpuAllocator | Any:
        """Who allocates scratch."""
    @temporary_allocator.setter
    def temporary_allocator(self, value: IGpuAllocator | None) -> None: ...
    @property
    def unfused_tensors_debug_state(self) -> _bool:
        """Whether the tensors that fusion leaves are shown to the debug listener."""
    @unfused_tensors_debug_state.setter
    def unfused_tensors_debug_state(self, value: _bool) -> None: ...
    @property
    def nvtx_verbosity(self) -> ProfilingVerbosity:
        """What NVTX ranges tell."""
    @nvtx_verbosity.setter
    def nvtx_verbosity(self, value: ProfilingVerbosity) -> None: ...
    @property
    def active_optimization_profile(self) -> int:
        """The profile in use."""
    @property
    def all_binding_shapes_specified(self) -> Any:
        """Whether all shapes are set."""
    @property
    def device_memory(self) -> Any:
        """Address of scratch memory given by the caller."""
    @device_memory.setter
    def device_memory(self, value: Any) -> None: ...
    @property
    def error_recorder(self) -> IErrorRecorder | Any:
        """The error recorder."""
    @error_recorder.setter
    def error_recorder(self, value: IErrorRecorder | None) -> None: ...
    def set_optimization_profile_async(self, profile_index: Any, stream_handle: Any) -> Any:
        """Use another profile; raises RuntimeError for one that is not there."""
    def set_input_shape(self, name: str, shape: Dims | collections.abc.Iterable[SupportsIndex]) -> _bool:
        """Set the shape of an input; False, logged, for one that the engine does not take."""
    def get_tensor_shape(self, name: Any) -> Any:
        """Return the shape of an input or output; -1 for dims that are not known yet."""
    def get_tensor_strides(self, name: str) -> Dims | Any:
        """Return the strides of an input or output, in elements; in vectors where its layout has vectors."""
    def infer_shapes(self) -> list[str]:
        """Work out the shapes of the outputs; return the inputs whose shapes are not set."""
    def set_tensor_address(self, name: str, memory: Any) -> _bool:
        """Set where an input or output lies: an address, or an array, which is kept alive."""
    def get_tensor_address(self, name: str) -> int:
        """Return where an input or output lies, 0 where that is not set."""
    def execute_v2(self, bindings: collections.abc.Iterable[Any]) -> _bool:
        """Run and wait; `bindings` are addresses or arrays, inputs first, in the order of the engine's tensors."""
    def execute_async_v3(self, stream_handle: Any) -> _bool:
        """Run on a stream: a handle as an int, or a stream of CUDA bindings, CuPy or PyTorch. On the CPU: run."""
    def run(self, arrays: collections.abc.Mapping[str, Any], stream: Any = 0) -> dict[str, Any] | Any:
        """Run on arrays by input name and return host arrays by output name."""
    def set_output_allocator(self, name: str, output_allocator: IOutputAllocator | None) -> _bool:
        """Let an allocator give the memory of an output; None undoes it."""
    def get_output_allocator(self, name: str) -> IOutputAllocator | Any:
        """Return the allocator of an output."""
    def get_max_output_size(self, name: str) -> int:
        """Return the greatest size of an output in bytes, by the bounds of the profile."""
    def report_to_profiler(self) -> _bool:
        """Report the times of the last run to the profiler."""
    def set_input_consumed_event(self, event: int) -> _bool:
        """Set an event, by its handle, that each run records on its stream once the inputs were read; 0 for none."""
    def get_input_consumed_event(self) -> int:
        """Return the event that is recorded once the inputs were read."""
    def set_aux_streams(self, aux_streams: collections.abc.Iterable[int]) -> None:
        """Set streams to use beside that of a run, for the engine's first; the context has its own for the others."""
    def set_device_memory(self, memory: Any, size: int) -> None:
        """Take scratch memory from the caller, where the context was created USER_MANAGED."""
    def update_device_memory_size_for_shapes(self) -> int:
        """Return the scratch memory that the shapes need, in bytes."""
    def set_debug_listener(self, listener: IDebugListener | None) -> _bool:
        """Set who looks at debug tensors."""
    def get_debug_listener(self) -> IDebugListener | Any:
        """Return who looks at debug tensors."""
    def set_tensor_debug_state(self, name: str, flag: _bool) -> _bool:
        """Switch a debug tensor; False where there is none of this name."""
    def get_debug_state(self, name: str) -> _bool:
        """Return whether a debug tensor is on."""
    def set_all_tensors_debug_state(self, flag: _bool) -> _bool:
        """Switch all debug tensors."""
    def get_runtime_config(self) -> Any:
        """Return how the context was made."""
    def set_communicator(self, communicator: Any) -> _bool:
        """Keep a communicator of collectives; with one rank they need none."""

class EngineInspector(metaclass=_ApiType):
    """Tells about the layers of an engine."""
    def __init__(self) -> None:
        ...
    @property
    def execution_context(self) -> Any:
        """The context whose shapes are told."""
    @execution_context.setter
    def execution_context(self, value: Any) -> None: ...
    @property
    def error_recorder(self) -> IErrorRecorder | Any:
        """The error recorder."""
    @error_recorder.setter
    def error_recorder(self, value: IErrorRecorder | None) -> None: ...
    def get_layer_information(self, layer_index: int, format: LayerInformationFormat) -> str:
        """Return what a layer is, on one line or as JSON: nothing, where the engine was built to tell nothing."""
    def get_engine_information(self, format: LayerInformationFormat) -> str:
        """Return what all layers are, a line each or as JSON."""

class ISerializationConfig(metaclass=_ApiType):
    """What a serialized engine is to hold."""
    def __init__(self) -> None:
        ...
    @property
    def flags(self) -> int:
        """Flags, a bit each."""
    @flags.setter
    def flags(self, value: int) -> None: ...
    def set_flag(self, flag: SerializationFlag) -> _bool:
        """Set a flag."""
    def clear_flag(self, flag: SerializationFlag) -> _bool:
        """Clear a flag."""
    def get_flag(self, flag: SerializationFlag) -> _bool:
        """Return whether a flag is set."""

class IRuntimeConfig(metaclass=_ApiType):
    """How contexts are to be made."""
    def __init__(self) -> None:
        ...
    def set_execution_context_allocation_strategy(self, strategy: ExecutionContextAllocationStrategy = ...) -> None:
        """Set when device memory is allocated, and by whom."""
    def get_execution_context_allocation_strategy(self) -> Any:
        """Return when device memory is allocated, and by whom."""

class Refitter(metaclass=_ApiType):
    """Replaces weights of an engine built with BuilderFlag.REFIT: all that were set at once, or none."""
    def __init__(self, engine: ICudaEngine, logger: ILogger) -> None:
        ...
    @property
    def logger(self) -> Any:
        """The logger."""
    @property
    def max_threads(self) -> int:
        """How many threads a refit may use; until it is set, as many as there are cores."""
    @max_threads.setter
    def max_threads(self, value: int) -> None: ...
    @property
    def weights_validation(self) -> _bool:
        """Whether numbers must be finite."""
    @weights_validation.setter
    def weights_validation(self, value: _bool) -> None: ...
    @property
    def error_recorder(self) -> IErrorRecorder | Any:
        """The error recorder."""
    @error_recorder.setter
    def error_recorder(self, value: IErrorRecorder | None) -> None: ...
    def set_weights(self, layer_name: str, role: WeightsRole, weights: Weights | np.ndarray[Any, Any]) -> _bool:
        """Set the weights of a layer in a role."""
    def set_named_weights(self, name: str, weights: Weights | np.ndarray[Any, Any], location: TensorLocation | None = None) -> _bool:
        """Set weights by name; their address is one of the device where `location` says so."""
    def unset_named_weights(self, weights_name: str) -> _bool:
        """Forget weights that were set; False where they were not."""
    def get_named_weights(self, weights_name: str) -> Any:
        """Return weights that were set, empty ones where they were not."""
    def get_weights_prototype(self, weights_name: str) -> Any:
        """Return the type and size of weights, without numbers; empty ones for names of none."""
    def get_weights_location(self, weights_name: str) -> TensorLocation:
        """Return where weights that were set lie."""
    def get_all(self) -> tuple[list[str], list[WeightsRole]]:
        """Return the layers and roles of all weights."""
    def get_missing(self) -> tuple[list[str], list[WeightsRole]]:
        """Return the layers and roles of weights that must be set too: those of a stripped engine, others are kept."""
    def get_all_weights(self) -> list[str]:
        """Return the names of all weights."""
    def get_missing_weights(self) -> list[str]:
        """Return the names of weights that must be set too: those of a stripped engine, others keep their numbers."""
    def refit_cuda_engine(self) -> _bool:
        """Put the weights that were set in place, for contexts too; False, and nothing done, where some are missing."""
    def refit_cuda_engine_async(self, stream_handle: Any) -> _bool:
        """Put the weights that were set in place after the work on a stream; it is done on return."""
    def release_refit_resources(self) -> _bool:
        """Forget weights that were set."""

class OnnxParserRefitter(metaclass=_ApiType):
    """Sets the weights of an engine from a model whose initializers have the same names."""
    def __init__(self, refitter: Refitter, logger: ILogger) -> None:
        ...
    @property
    def num_errors(self) -> Any:
        """How many errors the last refit found."""
    def refit_from_bytes(self, model: Any, path: Any = None) -> Any:
        """Set the weights from a model's bytes. False on errors."""
    def refit_from_file(self, model: str) -> _bool:
        """Set the weights from a model's file. False on errors."""
    def load_model_proto(self, model: Any, path: str | None = None) -> _bool:
        """Keep a model for refit_model_proto."""
    def load_initializer(self, name: str, data: int, size: int) -> _bool:
        """Keep the numbers of an initializer, at a host address, in place of the model's, which need not be there."""
    def refit_model_proto(self) -> _bool:
        """Set the weights from the model that load_model_proto kept. False on errors."""
    def get_error(self, index: int) -> ParserError | Any:
        """Return an error of the last refit, None where there is none."""
    def clear_errors(self) -> Any:
        """Forget the errors."""

class NodeIndices(metaclass=_ApiType):
    """Places of nodes in a model."""
    def __init__(self, items: collections.abc.Iterable[Any] = ..., /) -> None:
        ...
    def append(self, x: Any) -> Any:
        """Add an item at the end."""
    def extend(self, L: Any) -> Any:
        """Add items at the end."""
    def insert(self, i: Any, x: Any) -> Any:
        """Put an item at a place."""
    def pop(self, i: Any = -1) -> Any:
        """Take an item out and return it."""
    def remove(self, x: Any) -> Any:
        """Take the first item that equals x out."""
    def count(self, x: Any) -> Any:
        """Return how many items equal x."""
    def clear(self) -> Any:
        """Take all items out."""
    def __len__(self) -> int:
        ...
    def __bool__(self) -> _bool:
        ...
    def __iter__(self) -> Any:
        ...
    def __contains__(self, x: Any) -> _bool:
        ...
    def __getitem__(self, s: Any) -> Any:
        ...
    def __setitem__(self, place: Any, value: Any) -> None:
        ...
    def __delitem__(self, place: Any) -> None:
        ...
    def __eq__(self, other: object) -> _bool:
        """Return self==value."""

def volume(iterable: collections.abc.Iterable[int]) -> int:
    """Return the product of dims: 1 for none; -1 is multiplied like any other number."""
def nptype(trt_type: DataType) -> Any:
    """Return the NumPy type of a DataType; raise TypeError where NumPy has none."""
def get_nv_onnx_parser_version() -> int:
    """Return the ONNX parser's version as one number: major * 10000 + minor * 100 + patch."""
def init_libnvinfer_plugins(logger: Any, namespace: str | Any) -> _bool:
    """Return True: plugins that come with minirt need no registration."""
def get_plugin_registry() -> IPluginRegistry:
    """Return the plugin registry of the process."""
def get_builder_plugin_registry(capability: EngineCapability, /) -> IPluginRegistry | Any:
    """Return the plugin registry of builders for an engine capability."""
float32: DataType
float16: DataType
int8: DataType
int32: DataType
bool: DataType
uint8: DataType
fp8: DataType
bfloat16: DataType
int64: DataType
int4: DataType
fp4: DataType
e8m0: DataType
