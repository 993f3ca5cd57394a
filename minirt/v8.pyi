"""Stubs of minirt as TensorRT 8.6.1; written by `python -m minirt.tools.stubs`."""

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
__all__ = ['ActivationType', 'AllocatorFlag', 'BoundingBoxFormat', 'Builder', 'BuilderFlag', 'CaffeParser', 'CalibrationAlgoType', 'DataType', 'DeviceType', 'Dims', 'Dims2', 'Dims3', 'Dims4', 'DimsHW', 'ElementWiseOperation', 'EngineCapability', 'EngineInspector', 'ErrorCode', 'ErrorCodeTRT', 'FallbackString', 'FieldCollection', 'FieldMap', 'FieldType', 'FillOperation', 'GatherMode', 'HardwareCompatibilityLevel', 'IActivationLayer', 'IAlgorithm', 'IAlgorithmContext', 'IAlgorithmIOInfo', 'IAlgorithmSelector', 'IAlgorithmVariant', 'IAssertionLayer', 'IBlobNameToTensor', 'IBuilderConfig', 'ICaffePluginFactoryV2', 'ICastLayer', 'IConcatenationLayer', 'IConditionLayer', 'IConstantLayer', 'IConvolutionLayer', 'ICudaEngine', 'IDeconvolutionLayer', 'IDequantizeLayer', 'IEinsumLayer', 'IElementWiseLayer', 'IErrorRecorder', 'IExecutionContext', 'IFillLayer', 'IFullyConnectedLayer', 'IGatherLayer', 'IGpuAllocator', 'IGridSampleLayer', 'IHostMemory', 'IIdentityLayer', 'IIfConditional', 'IIfConditionalBoundaryLayer', 'IIfConditionalInputLayer', 'IIfConditionalOutputLayer', 'IInt8Calibrator', 'IInt8EntropyCalibrator', 'IInt8EntropyCalibrator2', 'IInt8LegacyCalibrator', 'IInt8MinMaxCalibrator', 'IIteratorLayer', 'ILRNLayer', 'ILayer', 'ILogger', 'ILoop', 'ILoopBoundaryLayer', 'ILoopOutputLayer', 'IMatrixMultiplyLayer', 'INMSLayer', 'INetworkDefinition', 'INonZeroLayer', 'INormalizationLayer', 'IOneHotLayer', 'IOptimizationProfile', 'IOutputAllocator', 'IPaddingLayer', 'IParametricReLULayer', 'IPluginCreator', 'IPluginRegistry', 'IPluginV2', 'IPluginV2Ext', 'IPluginV2Layer', 'IPoolingLayer', 'IProfiler', 'IQuantizeLayer', 'IRNNv2Layer', 'IRaggedSoftMaxLayer', 'IRecurrenceLayer', 'IReduceLayer', 'IResizeLayer', 'IReverseSequenceLayer', 'IScaleLayer', 'IScatterLayer', 'ISelectLayer', 'IShapeLayer', 'IShuffleLayer', 'ISliceLayer', 'ISoftMaxLayer', 'ITensor', 'ITimingCache', 'ITopKLayer', 'ITripLimitLayer', 'IUnaryLayer', 'InterpolationMode', 'LayerInformationFormat', 'LayerType', 'Logger', 'LoopOutput', 'MatrixOperation', 'MemoryPoolType', 'NetworkDefinitionCreationFlag', 'NodeIndices', 'OnnxParser', 'OnnxParserFlag', 'PaddingMode', 'ParserError', 'Permutation', 'PluginField', 'PluginFieldCollection', 'PluginFieldCollection_', 'PluginFieldType', 'PoolingType', 'PreviewFeature', 'Profiler', 'ProfilingVerbosity', 'QuantizationFlag', 'RNNDirection', 'RNNGateType', 'RNNInputMode', 'RNNOperation', 'ReduceOperation', 'Refitter', 'ResizeCoordinateTransformation', 'ResizeMode', 'ResizeRoundMode', 'ResizeSelector', 'Runtime', 'SampleMode', 'ScaleMode', 'ScatterMode', 'SliceMode', 'SubGraphCollection', 'TacticSource', 'TempfileControlFlag', 'TensorFormat', 'TensorIOMode', 'TensorLocation', 'TopKOperation', 'TripLimit', 'UffInputOrder', 'UffParser', 'UnaryOperation', 'Weights', 'WeightsRole', 'bool', 'float16', 'float32', 'fp8', 'get_builder_plugin_registry', 'get_nv_onnx_parser_version', 'get_plugin_registry', 'init_libnvinfer_plugins', 'int32', 'int8', 'nptype', 'shutdown_protobuf_library', 'uint8', 'volume']

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

class AllocatorFlag(_Enum):
    """What memory that an allocator is asked for must be able to do."""
    RESIZABLE: ClassVar[AllocatorFlag]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class BuilderFlag(_Enum):
    """Switches of a builder config; `flags` has bit `1 << int(flag)` for each that is set."""
    FP16: ClassVar[BuilderFlag]
    INT8: ClassVar[BuilderFlag]
    DEBUG: ClassVar[BuilderFlag]
    GPU_FALLBACK: ClassVar[BuilderFlag]
    STRICT_TYPES: ClassVar[BuilderFlag]
    REFIT: ClassVar[BuilderFlag]
    DISABLE_TIMING_CACHE: ClassVar[BuilderFlag]
    TF32: ClassVar[BuilderFlag]
    SPARSE_WEIGHTS: ClassVar[BuilderFlag]
    SAFETY_SCOPE: ClassVar[BuilderFlag]
    OBEY_PRECISION_CONSTRAINTS: ClassVar[BuilderFlag]
    PREFER_PRECISION_CONSTRAINTS: ClassVar[BuilderFlag]
    DIRECT_IO: ClassVar[BuilderFlag]
    REJECT_EMPTY_ALGORITHMS: ClassVar[BuilderFlag]
    ENABLE_TACTIC_HEURISTIC: ClassVar[BuilderFlag]
    VERSION_COMPATIBLE: ClassVar[BuilderFlag]
    EXCLUDE_LEAN_RUNTIME: ClassVar[BuilderFlag]
    FP8: ClassVar[BuilderFlag]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class CalibrationAlgoType(_Enum):
    """How a calibrator chooses int8 scales."""
    LEGACY_CALIBRATION: ClassVar[CalibrationAlgoType]
    ENTROPY_CALIBRATION: ClassVar[CalibrationAlgoType]
    ENTROPY_CALIBRATION_2: ClassVar[CalibrationAlgoType]
    MINMAX_CALIBRATION: ClassVar[CalibrationAlgoType]

class DataType(_Enum):
    """Types of the elements of tensors and weights."""
    FLOAT: ClassVar[DataType]
    HALF: ClassVar[DataType]
    INT8: ClassVar[DataType]
    INT32: ClassVar[DataType]
    BOOL: ClassVar[DataType]
    UINT8: ClassVar[DataType]
    FP8: ClassVar[DataType]
    @property
    def itemsize(self) -> Any: ...

class DeviceType(_Enum):
    """The processors on which a layer may run."""
    GPU: ClassVar[DeviceType]
    DLA: ClassVar[DeviceType]

class EngineCapability(_Enum):
    """Which runtime an engine is restricted to."""
    DEFAULT: ClassVar[EngineCapability]
    STANDARD: ClassVar[EngineCapability]
    SAFETY: ClassVar[EngineCapability]
    SAFE_GPU: ClassVar[EngineCapability]
    DLA_STANDALONE: ClassVar[EngineCapability]
    SAFE_DLA: ClassVar[EngineCapability]
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

class FieldType(_Enum):
    """Types of the fields of a plugin of a UFF model."""
    FLOAT: ClassVar[FieldType]
    INT32: ClassVar[FieldType]
    CHAR: ClassVar[FieldType]
    DIMS: ClassVar[FieldType]
    DATATYPE: ClassVar[FieldType]
    UNKNOWN: ClassVar[FieldType]

class HardwareCompatibilityLevel(_Enum):
    """On which GPUs an engine may run besides the one it was built for."""
    NONE: ClassVar[HardwareCompatibilityLevel]
    AMPERE_PLUS: ClassVar[HardwareCompatibilityLevel]

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

class NetworkDefinitionCreationFlag(_Enum):
    """Switches of `create_network`; its `flags` has bit `1 << int(flag)` for each."""
    EXPLICIT_BATCH: ClassVar[NetworkDefinitionCreationFlag]
    EXPLICIT_PRECISION: ClassVar[NetworkDefinitionCreationFlag]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class OnnxParserFlag(_Enum):
    """Switches of the ONNX parser."""
    NATIVE_INSTANCENORM: ClassVar[OnnxParserFlag]

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

class PreviewFeature(_Enum):
    """Features that may be switched on before they are the default."""
    FASTER_DYNAMIC_SHAPES_0805: ClassVar[PreviewFeature]
    DISABLE_EXTERNAL_TACTIC_SOURCES_FOR_CORE_0805: ClassVar[PreviewFeature]
    PROFILE_SHARING_0806: ClassVar[PreviewFeature]

class ProfilingVerbosity(_Enum):
    """How much an engine keeps for its inspector and for profiles."""
    DEFAULT: ClassVar[ProfilingVerbosity]
    LAYER_NAMES_ONLY: ClassVar[ProfilingVerbosity]
    NONE: ClassVar[ProfilingVerbosity]
    VERBOSE: ClassVar[ProfilingVerbosity]
    DETAILED: ClassVar[ProfilingVerbosity]

class QuantizationFlag(_Enum):
    """Switches of int8 calibration."""
    CALIBRATE_BEFORE_FUSION: ClassVar[QuantizationFlag]
    def __lt__(self, other: Self) -> _bool: ...
    def __le__(self, other: Self) -> _bool: ...
    def __gt__(self, other: Self) -> _bool: ...
    def __ge__(self, other: Self) -> _bool: ...

class TacticSource(_Enum):
    """Libraries that kernels may come from."""
    CUBLAS: ClassVar[TacticSource]
    CUBLAS_LT: ClassVar[TacticSource]
    CUDNN: ClassVar[TacticSource]
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

class UffInputOrder(_Enum):
    """The order of dims of an input of a UFF model."""
    NCHW: ClassVar[UffInputOrder]
    NHWC: ClassVar[UffInputOrder]
    NC: ClassVar[UffInputOrder]

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

class BoundingBoxFormat(_Enum):
    """How four numbers make a box: two corners, or a centre and sizes."""
    CORNER_PAIRS: ClassVar[BoundingBoxFormat]
    CENTER_SIZES: ClassVar[BoundingBoxFormat]

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

class LayerType(_Enum):
    """The kinds of layers."""
    CONVOLUTION: ClassVar[LayerType]
    FULLY_CONNECTED: ClassVar[LayerType]
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
    RNN_V2: ClassVar[LayerType]
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
    CAST: ClassVar[LayerType]

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

class PaddingMode(_Enum):
    """How padding and rounding of windows are chosen."""
    EXPLICIT_ROUND_DOWN: ClassVar[PaddingMode]
    EXPLICIT_ROUND_UP: ClassVar[PaddingMode]
    SAME_UPPER: ClassVar[PaddingMode]
    SAME_LOWER: ClassVar[PaddingMode]
    CAFFE_ROUND_DOWN: ClassVar[PaddingMode]
    CAFFE_ROUND_UP: ClassVar[PaddingMode]

class PoolingType(_Enum):
    """What a pooling window yields."""
    MAX: ClassVar[PoolingType]
    AVERAGE: ClassVar[PoolingType]
    MAX_AVERAGE_BLEND: ClassVar[PoolingType]

class RNNDirection(_Enum):
    """In which directions an RNN goes through a sequence."""
    UNIDIRECTION: ClassVar[RNNDirection]
    BIDIRECTION: ClassVar[RNNDirection]

class RNNGateType(_Enum):
    """The gates of RNN cells."""
    INPUT: ClassVar[RNNGateType]
    OUTPUT: ClassVar[RNNGateType]
    FORGET: ClassVar[RNNGateType]
    UPDATE: ClassVar[RNNGateType]
    RESET: ClassVar[RNNGateType]
    CELL: ClassVar[RNNGateType]
    HIDDEN: ClassVar[RNNGateType]

class RNNInputMode(_Enum):
    """Whether the input of an RNN passes through a product first."""
    LINEAR: ClassVar[RNNInputMode]
    SKIP: ClassVar[RNNInputMode]

class RNNOperation(_Enum):
    """The cells of RNNs."""
    RELU: ClassVar[RNNOperation]
    TANH: ClassVar[RNNOperation]
    LSTM: ClassVar[RNNOperation]
    GRU: ClassVar[RNNOperation]

class ReduceOperation(_Enum):
    """What a reduction computes."""
    SUM: ClassVar[ReduceOperation]
    PROD: ClassVar[ReduceOperation]
    MAX: ClassVar[ReduceOperation]
    MIN: ClassVar[ReduceOperation]
    AVG: ClassVar[ReduceOperation]

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
    DEFAULT: ClassVar[SampleMode]
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

class IGpuAllocator(metaclass=_ApiType):
    """Base of allocators of device memory: a subclass returns addresses as ints, 0 or None when it cannot."""
    def __init__(self) -> None:
        ...
    @property
    def api_language(self) -> Any:
        """The language that the object is written in: Python."""
    @property
    def interface_info(self) -> Any:
        """Which interface this is, and its version."""
    def allocate(self, size: Any, alignment: Any, flags: Any) -> Any:
        """Return the address of `size` bytes; subclasses override this."""
    def deallocate(self, memory: Any) -> Any:
        """Give an address back and return whether that worked; subclasses override this."""
    def free(self, memory: Any) -> Any:
        """Give an address back; subclasses override this."""
    def reallocate(self, address: Any, alignment: Any, new_size: Any) -> Any:
        """Grow an allocation; 0 or None where that cannot be done in place or by copy."""

class IOutputAllocator(metaclass=_ApiType):
    """Base of allocators of outputs whose sizes are known only while an engine runs."""
    def __init__(self) -> None:
        ...
    def reallocate_output(self, tensor_name: Any, memory: Any, size: Any, alignment: Any) -> Any:
        """Return the address of memory for an output; subclasses override this."""
    def notify_shape(self, tensor_name: Any, shape: Any) -> Any:
        """Hear the shape of an output; subclasses override this."""
    @property
    def tensorrt_version(self) -> Any:
        """The version of the interface."""

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

class IInt8Calibrator(metaclass=_ApiType):
    """Base of int8 calibrators."""
    def __init__(self) -> None:
        ...
    def get_batch_size(self) -> Any:
        """Return how many samples a batch holds; subclasses override this."""
    def get_batch(self, names: Any) -> Any:
        """Return the device address of each named input of the next batch, or None at the end."""
    def read_calibration_cache(self) -> Any:
        """Return what `write_calibration_cache` was given before, or None."""
    def write_calibration_cache(self, cache: Any) -> Any:
        """Keep the result of a calibration; subclasses override this."""
    def get_algorithm(self) -> Any:
        """Return how scales are chosen; subclasses override this."""

class IInt8LegacyCalibrator(IInt8Calibrator, metaclass=_ApiType):
    """Base of calibrators by quantile and regression cutoff."""
    def get_algorithm(self) -> Any:
        """Return LEGACY_CALIBRATION."""

class IInt8EntropyCalibrator(IInt8Calibrator, metaclass=_ApiType):
    """Base of calibrators by entropy."""
    def get_algorithm(self) -> Any:
        """Return ENTROPY_CALIBRATION."""

class IInt8EntropyCalibrator2(IInt8Calibrator, metaclass=_ApiType):
    """Base of calibrators by entropy, per tensor."""
    def get_algorithm(self) -> Any:
        """Return ENTROPY_CALIBRATION_2."""

class IInt8MinMaxCalibrator(IInt8Calibrator, metaclass=_ApiType):
    """Base of calibrators by the extremes."""
    def get_algorithm(self) -> Any:
        """Return MINMAX_CALIBRATION."""

class IAlgorithmIOInfo(metaclass=_ApiType):
    """What a kernel takes or gives: element type, strides, vector width."""
    def __init__(self) -> None:
        ...
    @property
    def dtype(self) -> Any:
        """The element type."""
    @property
    def strides(self) -> Any:
        """The strides of the dims, in elements."""
    @property
    def tensor_format(self) -> Any:
        """The memory layout."""
    @property
    def components_per_element(self) -> Any:
        """How many scalars a vector holds."""
    @property
    def vectorized_dim(self) -> Any:
        """The axis that is packed in vectors, -1 for none."""

class IAlgorithmVariant(metaclass=_ApiType):
    """Which kernel and which of its tactics."""
    def __init__(self) -> None:
        ...
    @property
    def implementation(self) -> Any:
        """The kernel's number."""
    @property
    def tactic(self) -> Any:
        """The tactic's number."""

class IAlgorithm(metaclass=_ApiType):
    """One way of running a layer, with its measured time."""
    def __init__(self) -> None:
        ...
    @property
    def algorithm_variant(self) -> Any:
        """Which kernel and tactic this is."""
    @property
    def timing_msec(self) -> Any:
        """Its time in milliseconds."""
    @property
    def workspace_size(self) -> Any:
        """Its scratch memory in bytes."""
    def get_algorithm_io_info(self, index: Any) -> Any:
        """Return what the kernel takes or gives at a place: inputs first, then outputs."""

class IAlgorithmContext(metaclass=_ApiType):
    """The layer that a kernel is selected for."""
    def __init__(self) -> None:
        ...
    @property
    def name(self) -> Any:
        """The layer's name."""
    @property
    def num_inputs(self) -> Any:
        """How many inputs it has."""
    @property
    def num_outputs(self) -> Any:
        """How many outputs it has."""
    def get_shape(self, index: Any) -> Any:
        """Return the least, usual and greatest shape at a place: inputs first, then outputs."""

class IAlgorithmSelector(metaclass=_ApiType):
    """Base of selectors of kernels."""
    def __init__(self) -> None:
        ...
    def select_algorithms(self, context: Any, choices: Any) -> Any:
        """Return which choices may be taken; subclasses override this."""
    def report_algorithms(self, contexts: Any, choices: Any) -> Any:
        """Hear what was chosen for each layer; subclasses override this."""

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
    def precision(self) -> DataType:
        """The type wished for."""
    @precision.setter
    def precision(self, value: DataType) -> None: ...
    @property
    def precision_is_set(self) -> Any:
        """Whether the precision was set."""
    def get_input(self, index: int) -> ITensor | Any:
        """Return an input, None where there is none."""
    def get_output(self, index: int) -> ITensor | Any:
        """Return an output, None where there is none."""
    def set_input(self, index: int, tensor: ITensor) -> None:
        """Set an input."""
    def get_output_type(self, index: int) -> DataType:
        """Return the element type of an output."""
    def set_output_type(self, index: int, dtype: DataType) -> None:
        """Have an output in another element type."""
    def output_type_is_set(self, index: int) -> _bool:
        """Return whether the type of an output was set."""
    def reset_output_type(self, index: int) -> None:
        """Let an output have the type that the layer computes."""
    def reset_precision(self) -> None:
        """Forget the wished precision."""

class IPluginV2(metaclass=_ApiType):
    """Base of plugins of the second generation."""
    def __init__(self) -> None:
        ...
    @property
    def num_outputs(self) -> int:
        """How many outputs it has."""
    @property
    def plugin_type(self) -> str:
        """Its name."""
    @property
    def plugin_version(self) -> str:
        """Its version."""
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

class IPluginV2Layer(ILayer, metaclass=_ApiType):
    """A plugin of the second generation."""
    @property
    def plugin(self) -> Any:
        """The plugin."""

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

class FieldMap(metaclass=_ApiType):
    """One named value of a plugin of a UFF model."""
    def __init__(self, name: str, data: Any, type: FieldType, length: int = 1) -> None:
        ...
    @property
    def name(self) -> str:
        """The name."""
    @name.setter
    def name(self, value: str) -> None: ...
    @property
    def data(self) -> Any:
        """The value."""
    @data.setter
    def data(self, value: Any) -> None: ...
    @property
    def type(self) -> FieldType:
        """The type of the elements."""
    @type.setter
    def type(self, value: FieldType) -> None: ...
    @property
    def length(self) -> int:
        """How many elements there are."""
    @length.setter
    def length(self, value: int) -> None: ...

class FieldCollection(metaclass=_ApiType):
    """The values of a plugin of a UFF model."""
    def __init__(self) -> None:
        ...
    @property
    def num_fields(self) -> int:
        """How many fields there are."""
    @num_fields.setter
    def num_fields(self, value: int) -> None: ...
    @property
    def fields(self) -> Any:
        """The fields."""
    @fields.setter
    def fields(self, value: Any) -> None: ...

class IPluginCreator(metaclass=_ApiType):
    """Base of creators of IPluginV2 plugins."""
    def __init__(self) -> None:
        ...
    @property
    def api_language(self) -> Any:
        """The language that the object is written in: Python."""
    @property
    def interface_info(self) -> Any:
        """Which interface this is, and its version."""
    @property
    def name(self) -> str:
        """The name of the plugins that it makes."""
    @property
    def plugin_version(self) -> str:
        """Their version."""
    @property
    def plugin_namespace(self) -> str:
        """Their namespace."""
    @plugin_namespace.setter
    def plugin_namespace(self, value: str) -> None: ...
    @property
    def field_names(self) -> PluginFieldCollection_:
        """The fields that they take."""
    def create_plugin(self, name: Any, field_collection: Any) -> Any:
        """Return a new plugin; subclasses override this."""
    def deserialize_plugin(self, name: Any, serialized_plugin: Any) -> Any:
        """Return a plugin from its serialized form; subclasses override this."""
    @property
    def tensorrt_version(self) -> Any:
        """The version of the interface."""

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
    def plugin_creator_list(self) -> Any:
        """The creators of IPluginV2 plugins."""
    def register_creator(self, creator: Any, plugin_namespace: str = '') -> _bool:
        """Add a creator; False if one of its name, version and namespace is there."""
    def deregister_creator(self, creator: Any) -> Any:
        """Take a creator out; False if it is not there."""
    def get_plugin_creator(self, type: Any, version: Any, plugin_namespace: Any = '') -> Any:
        """Return the IPluginV2 creator of a name, version and namespace, or None."""
    def load_library(self, plugin_path: Any) -> Any:
        """Return None: libraries of compiled plugins hold GPU code for TensorRT itself."""
    def deregister_library(self, handle: Any) -> Any:
        """Do nothing: no library was loaded."""

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
    @dtype.setter
    def dtype(self, value: DataType) -> None: ...
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
    def dynamic_range(self) -> list[float]:
        """The range that int8 values stand for where BuilderFlag.INT8 is set, None where unset."""
    @dynamic_range.setter
    def dynamic_range(self, value: collections.abc.Iterable[float]) -> None: ...
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
    def set_dynamic_range(self, min: float, max: float) -> _bool:
        """Set the range that int8 values stand for where BuilderFlag.INT8 is set: symmetric, the greater magnitude."""
    def reset_dynamic_range(self) -> None:
        """Forget the range of int8 values."""

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

class IDequantizeLayer(ILayer, metaclass=_ApiType):
    """x * scale."""
    @property
    def axis(self) -> int:
        """The axis of the scales, -1 for one scale."""
    @axis.setter
    def axis(self, value: int) -> None: ...

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

class IEinsumLayer(ILayer, metaclass=_ApiType):
    """A sum of products that an equation describes."""
    @property
    def equation(self) -> str:
        """The equation, as `ij,jk->ik`."""
    @equation.setter
    def equation(self, value: str) -> None: ...

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
    def stride(self) -> DimsHW:
        """How far the window moves."""
    @stride.setter
    def stride(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding_nd(self) -> Dims:
        """Padding at both ends of each spatial axis."""
    @padding_nd.setter
    def padding_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding(self) -> DimsHW:
        """Padding at both ends of height and width."""
    @padding.setter
    def padding(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...
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
    def kernel_size(self) -> DimsHW:
        """The size of the kernel."""
    @kernel_size.setter
    def kernel_size(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...
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
    @property
    def dilation(self) -> DimsHW:
        """The distance between kernel elements."""
    @dilation.setter
    def dilation(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...

class IDeconvolutionLayer(ILayer, metaclass=_ApiType):
    """Transposed convolution."""
    @property
    def stride_nd(self) -> Dims:
        """How far the window moves, for each spatial axis."""
    @stride_nd.setter
    def stride_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def stride(self) -> DimsHW:
        """How far the window moves."""
    @stride.setter
    def stride(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding_nd(self) -> Dims:
        """Padding at both ends of each spatial axis."""
    @padding_nd.setter
    def padding_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding(self) -> DimsHW:
        """Padding at both ends of height and width."""
    @padding.setter
    def padding(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...
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
    def kernel_size(self) -> DimsHW:
        """The size of the kernel."""
    @kernel_size.setter
    def kernel_size(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...
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

class IFullyConnectedLayer(ILayer, metaclass=_ApiType):
    """A product with a kernel over the last three dims."""
    @property
    def num_output_channels(self) -> int:
        """How many numbers come out."""
    @num_output_channels.setter
    def num_output_channels(self, value: int) -> None: ...
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

class IPoolingLayer(ILayer, metaclass=_ApiType):
    """Pooling."""
    @property
    def stride_nd(self) -> Dims:
        """How far the window moves, for each spatial axis."""
    @stride_nd.setter
    def stride_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def stride(self) -> DimsHW:
        """How far the window moves."""
    @stride.setter
    def stride(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding_nd(self) -> Dims:
        """Padding at both ends of each spatial axis."""
    @padding_nd.setter
    def padding_nd(self, value: Dims | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def padding(self) -> DimsHW:
        """Padding at both ends of height and width."""
    @padding.setter
    def padding(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...
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
    def window_size(self) -> DimsHW:
        """The size of the window."""
    @window_size.setter
    def window_size(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...
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
    @property
    def pre_padding(self) -> DimsHW:
        """Padding at the start; negative cuts."""
    @pre_padding.setter
    def pre_padding(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...
    @property
    def post_padding(self) -> DimsHW:
        """Padding at the end; negative cuts."""
    @post_padding.setter
    def post_padding(self, value: DimsHW | collections.abc.Iterable[SupportsIndex]) -> None: ...

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
    def compute_precision(self) -> DataType:
        """The type computed in."""
    @compute_precision.setter
    def compute_precision(self, value: DataType) -> None: ...

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

class IRNNv2Layer(ILayer, metaclass=_ApiType):
    """A stack of RNN cells over a sequence."""
    @property
    def num_layers(self) -> int:
        """How many cells lie on each other."""
    @property
    def hidden_size(self) -> int:
        """How many numbers a state has."""
    @property
    def max_seq_length(self) -> int:
        """The greatest length of a sequence."""
    @property
    def data_length(self) -> Any:
        """How many numbers an input has."""
    @property
    def op(self) -> RNNOperation:
        """The cell."""
    @op.setter
    def op(self, value: RNNOperation) -> None: ...
    @property
    def input_mode(self) -> RNNInputMode:
        """Whether inputs pass through a product first."""
    @input_mode.setter
    def input_mode(self, value: RNNInputMode) -> None: ...
    @property
    def direction(self) -> RNNDirection:
        """In which directions sequences are gone through."""
    @direction.setter
    def direction(self, value: RNNDirection) -> None: ...
    @property
    def seq_lengths(self) -> ITensor | Any:
        """The length of each sequence."""
    @seq_lengths.setter
    def seq_lengths(self, value: ITensor | None) -> None: ...
    @property
    def hidden_state(self) -> ITensor | Any:
        """The first hidden states."""
    @hidden_state.setter
    def hidden_state(self, value: ITensor | None) -> None: ...
    @property
    def cell_state(self) -> ITensor | Any:
        """The first cell states."""
    @cell_state.setter
    def cell_state(self, value: ITensor | None) -> None: ...
    def set_weights_for_gate(self, layer_index: int, gate: RNNGateType, is_w: _bool, weights: Weights | np.ndarray[Any, Any]) -> None:
        """Set the weights of a gate: for the input (`is_w`) or for the state before."""
    def get_weights_for_gate(self, layer_index: int, gate: RNNGateType, is_w: _bool) -> Any:
        """Return the weights of a gate."""
    def set_bias_for_gate(self, layer_index: int, gate: RNNGateType, is_w: _bool, bias: Weights | np.ndarray[Any, Any]) -> None:
        """Set the bias of a gate: for the input (`is_w`) or for the state before."""
    def get_bias_for_gate(self, layer_index: int, gate: RNNGateType, is_w: _bool) -> Any:
        """Return the bias of a gate."""

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
    def add_rnn_v2(self, input: ITensor, layer_count: int, hidden_size: int, max_seq_length: int, op: RNNOperation) -> IRNNv2Layer:
        """Add a stack of RNN cells over a sequence; weights are set gate by gate."""
    def add_plugin_v2(self, inputs: collections.abc.Iterable[ITensor], plugin: IPluginV2) -> IPluginV2Layer:
        """Add a plugin of the second generation."""
    def add_plugin(self, tuple: Any = None, func: Any = None, aot: _bool | None = None, inputs: Any = None, plugin: Any = None) -> Any:
        """Add a plugin: what `plugin.op.namespace.name(...)` returns, or (inputs, shape inputs, IPluginV3)."""
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
    def add_nms(self, boxes: ITensor, scores: ITensor, max_output_boxes_per_class: ITensor, indices_type: DataType | None = None) -> INMSLayer:
        """Add the choice of boxes that overlap no better one: (batch, class, box) rows and their count."""
    def add_convolution_nd(self, input: ITensor, num_output_maps: int, kernel_shape: Dims | collections.abc.Iterable[SupportsIndex], kernel: Weights | np.ndarray[Any, Any], bias: Weights | np.ndarray[Any, Any] | None = None) -> IConvolutionLayer:
        """Add a convolution; empty kernel weights mean that the second input is the kernel."""
    def add_deconvolution_nd(self, input: ITensor, num_output_maps: int, kernel_shape: Dims | collections.abc.Iterable[SupportsIndex], kernel: Weights | np.ndarray[Any, Any], bias: Weights | np.ndarray[Any, Any] | None = None) -> IDeconvolutionLayer:
        """Add a transposed convolution."""
    def add_convolution(self, input: ITensor, num_output_maps: int, kernel_shape: DimsHW | collections.abc.Iterable[SupportsIndex], kernel: Weights | np.ndarray[Any, Any], bias: Weights | np.ndarray[Any, Any] | None = None) -> IConvolutionLayer:
        """Add a convolution over height and width."""
    def add_deconvolution(self, input: ITensor, num_output_maps: int, kernel_shape: DimsHW | collections.abc.Iterable[SupportsIndex], kernel: Weights | np.ndarray[Any, Any], bias: Weights | np.ndarray[Any, Any] | None = None) -> IDeconvolutionLayer:
        """Add a transposed convolution over height and width."""
    def add_fully_connected(self, input: ITensor, num_outputs: int, kernel: Weights | np.ndarray[Any, Any], bias: Weights | np.ndarray[Any, Any] | None = None) -> IFullyConnectedLayer:
        """Add a product with a kernel over the last three dims."""
    def add_pooling_nd(self, input: ITensor, type: PoolingType, window_size: Dims | collections.abc.Iterable[SupportsIndex]) -> IPoolingLayer:
        """Add pooling; the stride is 1 until it is set."""
    def add_pooling(self, input: ITensor, type: PoolingType, window_size: DimsHW | collections.abc.Iterable[SupportsIndex]) -> IPoolingLayer:
        """Add pooling over height and width."""
    def add_padding_nd(self, input: ITensor, pre_padding: Dims | collections.abc.Iterable[SupportsIndex], post_padding: Dims | collections.abc.Iterable[SupportsIndex]) -> IPaddingLayer:
        """Add zero padding of the last two axes."""
    def add_padding(self, input: ITensor, pre_padding: DimsHW | collections.abc.Iterable[SupportsIndex], post_padding: DimsHW | collections.abc.Iterable[SupportsIndex]) -> IPaddingLayer:
        """Add zero padding of height and width."""
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
    def has_implicit_batch_dimension(self) -> Any:
        """Whether shapes leave the batch out."""
    @property
    def has_explicit_precision(self) -> Any:
        """False: precision follows the layers."""
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
    def set_weights_name(self, weights: Weights | np.ndarray[Any, Any], name: str) -> _bool:
        """Name weights for refitting: those of every layer that has the same numbers in memory."""

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
    def get_used_vc_plugin_libraries(self) -> list[str]:
        """Return the plugin libraries that the model needs: none."""
    def supports_operator(self, op_name: str) -> _bool:
        """Return whether nodes of an operator can be imported."""
    def supports_model(self, model: Any, path: str | None = None) -> tuple[_bool, Any]:
        """Return whether a model can be imported, and its parts: nodes, and whether they can be."""
    def parse_with_weight_descriptors(self, model: Any) -> _bool:
        """Read a model from its bytes. False on errors."""

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
    def quantization_flags(self) -> int:
        """Flags of calibration, a bit each."""
    @quantization_flags.setter
    def quantization_flags(self, value: int) -> None: ...
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
    def min_timing_iterations(self) -> int:
        """How often a kernel is timed."""
    @min_timing_iterations.setter
    def min_timing_iterations(self, value: int) -> None: ...
    @property
    def max_aux_streams(self) -> int:
        """How many streams may be used besides, -1 for any."""
    @max_aux_streams.setter
    def max_aux_streams(self, value: int) -> None: ...
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
    def algorithm_selector(self) -> IAlgorithmSelector | Any:
        """Who selects kernels."""
    @algorithm_selector.setter
    def algorithm_selector(self, value: IAlgorithmSelector | None) -> None: ...
    @property
    def int8_calibrator(self) -> IInt8Calibrator | Any:
        """Who gives batches to find ranges by, or keeps ranges, where BuilderFlag.INT8 is set."""
    @int8_calibrator.setter
    def int8_calibrator(self, value: IInt8Calibrator | None) -> None: ...
    @property
    def max_workspace_size(self) -> int:
        """Limit of scratch memory."""
    @max_workspace_size.setter
    def max_workspace_size(self, value: int) -> None: ...
    @property
    def num_optimization_profiles(self) -> Any:
        """How many profiles were added."""
    def set_flag(self, flag: BuilderFlag) -> None:
        """Set a flag; one that cannot be honoured is said so once, in the log."""
    def clear_flag(self, flag: BuilderFlag) -> None:
        """Clear a flag."""
    def get_flag(self, flag: BuilderFlag) -> _bool:
        """Return whether a flag is set."""
    def set_quantization_flag(self, flag: QuantizationFlag) -> None:
        """Set a flag of calibration."""
    def clear_quantization_flag(self, flag: QuantizationFlag) -> None:
        """Clear a flag of calibration."""
    def get_quantization_flag(self, flag: QuantizationFlag) -> _bool:
        """Return whether a flag of calibration is set."""
    def set_memory_pool_limit(self, pool: MemoryPoolType, pool_size: int) -> None:
        """Limit a pool of memory, in bytes."""
    def get_memory_pool_limit(self, pool: MemoryPoolType) -> int:
        """Return the limit of a pool of memory, in bytes."""
    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        """Add a profile and return its place; -1 for one whose shapes are out of order."""
    def set_calibration_profile(self, profile: IOptimizationProfile) -> _bool:
        """Set the profile that calibration uses."""
    def get_calibration_profile(self) -> Any:
        """Return the profile that calibration uses."""
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
    def num_bindings(self) -> Any:
        """How many bindings all profiles have."""
    @property
    def max_batch_size(self) -> Any:
        """The greatest implicit batch."""
    def __len__(self) -> int:
        ...
    def get_binding_name(self, index: int) -> str | Any:
        """Return the name of a binding; beyond the first profile it ends in the profile's number."""
    def get_binding_index(self, name: str) -> int:
        """Return the number of a binding, -1 for a name that there is none of."""
    def binding_is_input(self, index: Any = None, name: Any = None) -> _bool:
        """Return whether a binding, by number or name, is an input."""
    def get_binding_dtype(self, index: Any = None, name: Any = None) -> DataType:
        """Return the element type of a binding, by number or name."""
    def get_binding_shape(self, index: Any = None, name: Any = None) -> Dims:
        """Return the shape of a binding, by number or name, without the batch where shapes leave it out."""
    def get_location(self, index: Any = None, name: Any = None) -> TensorLocation:
        """Return whether a binding lies in host or device memory."""
    def get_profile_shape(self, profile_index: int, binding: Any) -> list[Dims]:
        """Return the least, best and greatest shape of a binding in a profile."""
    def get_profile_shape_input(self, profile_index: int, binding: Any) -> list[list[int]]:
        """Return the least, best and greatest numbers of a binding that is a shape."""
    def is_shape_binding(self, binding: int) -> _bool:
        """Return whether a binding is read on the host."""
    def is_execution_binding(self, binding: int) -> _bool:
        """Return whether a binding is read on the target."""
    def get_binding_bytes_per_component(self, index: int) -> int:
        """Return the bytes of an element."""
    def get_binding_components_per_element(self, index: int) -> int:
        """Return how many scalars a vector holds."""
    def get_binding_format(self, index: int) -> TensorFormat:
        """Return the memory layout."""
    def get_binding_format_desc(self, index: int) -> str:
        """Return the memory layout in words."""
    def get_binding_vectorized_dim(self, index: int) -> int:
        """Return the axis that is packed in vectors, not counting a batch that shapes leave out; -1 for none."""
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
    def device_memory_size(self) -> Any:
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
    def has_implicit_batch_dimension(self) -> Any:
        """Whether shapes leave the batch out."""
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
    def is_shape_inference_io(self, name: str) -> _bool:
        """Return whether an input or output is read or written on the host."""
    def serialize(self) -> Any:
        """Return the engine as bytes, which every target can load."""
    def create_execution_context(self, strategy: Any = ..., runtime_config: Any = None) -> IExecutionContext:
        """Return a context to run the engine in, by a strategy of allocation or a runtime config."""
    def create_execution_context_without_device_memory(self) -> IExecutionContext:
        """Return a context whose scratch memory the caller may give."""
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
    def platform_has_fast_fp16(self) -> Any:
        """Whether f16 is fast."""
    @property
    def platform_has_fast_int8(self) -> Any:
        """Whether int8 is fast."""
    @property
    def platform_has_tf32(self) -> Any:
        """Whether there is TF32."""
    @property
    def max_batch_size(self) -> int:
        """The greatest implicit batch."""
    @max_batch_size.setter
    def max_batch_size(self, value: int) -> None: ...
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
    def build_engine(self, network: INetworkDefinition, config: IBuilderConfig) -> ICudaEngine | Any:
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
    @overload
    def execute(self, batch_size: int, bindings: Any) -> _bool:
        """Run a batch and wait; `bindings` are addresses in the order of the engine's bindings."""
    @overload
    def execute(self, batch_size: int = 1, *, bindings: Any) -> _bool:
        """Run a batch and wait; `bindings` are addresses in the order of the engine's bindings."""
    @overload
    def execute_async(self, batch_size: int, bindings: Any, stream_handle: Any, input_consumed: Any = None) -> _bool:
        """Run a batch on a stream; `bindings` are addresses in the order of the engine's bindings."""
    @overload
    def execute_async(self, batch_size: int = 1, input_consumed: Any = None, *, bindings: Any, stream_handle: Any) -> _bool:
        """Run a batch on a stream; `bindings` are addresses in the order of the engine's bindings."""
    def execute_async_v2(self, bindings: Any, stream_handle: Any, input_consumed: Any = None) -> _bool:
        """Run on a stream; `bindings` are addresses in the order of the engine's bindings."""
    def set_binding_shape(self, binding: int, shape: Dims | collections.abc.Iterable[SupportsIndex]) -> _bool:
        """Set the shape of an input by its number."""
    def get_binding_shape(self, binding: int) -> Dims:
        """Return the shape of a binding, without the batch where shapes leave it out."""
    def get_strides(self, binding: int) -> Dims:
        """Return the strides of a binding, in elements."""
    def set_shape_input(self, binding: int, shape: collections.abc.Iterable[int]) -> _bool:
        """Set the numbers of an input that is a shape; False, logged, for another binding or outside of the profile."""
    def get_shape(self, binding: int) -> list[int]:
        """Return the numbers of an input that is a shape."""
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
    def nvtx_verbosity(self) -> ProfilingVerbosity:
        """What NVTX ranges tell."""
    @nvtx_verbosity.setter
    def nvtx_verbosity(self, value: ProfilingVerbosity) -> None: ...
    @property
    def active_optimization_profile(self) -> int:
        """The profile in use."""
    @active_optimization_profile.setter
    def active_optimization_profile(self, value: int) -> None: ...
    @property
    def all_binding_shapes_specified(self) -> Any:
        """Whether all shapes are set."""
    @property
    def all_shape_inputs_specified(self) -> Any:
        """Whether inputs that are shapes are set."""
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
    def error_recorder(self) -> IErrorRecorder | Any:
        """The error recorder."""
    @error_recorder.setter
    def error_recorder(self, value: IErrorRecorder | None) -> None: ...
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    def set_weights(self, layer_name: str, role: WeightsRole, weights: Weights | np.ndarray[Any, Any]) -> _bool:
        """Set the weights of a layer in a role."""
    def set_named_weights(self, name: str, weights: Weights | np.ndarray[Any, Any], location: TensorLocation | None = None) -> _bool:
        """Set weights by name; their address is one of the device where `location` says so."""
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
    def set_dynamic_range(self, tensor_name: str, range: collections.abc.Iterable[float]) -> _bool:
        """Refuse: int8 scales are weights of quantize layers."""
    def get_dynamic_range(self, tensor_name: str) -> tuple[float, float]:
        """Return no range: int8 scales are weights of quantize layers."""
    def get_tensors_with_dynamic_range(self) -> list[str]:
        """Return no tensors: int8 scales are weights of quantize layers."""

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

class SubGraphCollection(metaclass=_ApiType):
    """Parts of a model: the places of nodes, and whether they can be imported."""
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

class CaffeParser(metaclass=_ApiType):
    """The parser of Caffe models, which minirt does not read: `parse` raises."""
    def __init__(self) -> None:
        ...
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    @property
    def plugin_namespace(self) -> Any:
        """The namespace of plugins, kept."""
    @plugin_namespace.setter
    def plugin_namespace(self, value: Any) -> None: ...
    @property
    def error_recorder(self) -> IErrorRecorder | Any:
        """Who is told of errors."""
    @error_recorder.setter
    def error_recorder(self, value: IErrorRecorder | None) -> None: ...
    @property
    def plugin_factory_v2(self) -> Any:
        """A factory of plugins, kept but not called."""
    @plugin_factory_v2.setter
    def plugin_factory_v2(self, value: Any) -> None: ...
    @property
    def protobuf_buffer_size(self) -> Any:
        """How large a message may be, kept."""
    @protobuf_buffer_size.setter
    def protobuf_buffer_size(self, value: Any) -> None: ...
    def parse(self, deploy: str, model: str, network: INetworkDefinition, dtype: DataType) -> IBlobNameToTensor:
        """Raise ApiError: Caffe models are not read."""
    def parse_buffer(self, deploy_buffer: Any, model_buffer: Any, network: INetworkDefinition, dtype: DataType) -> IBlobNameToTensor:
        """Raise ApiError: Caffe models are not read."""
    def parse_binary_proto(self, filename: str) -> Any:
        """Raise ApiError: Caffe's mean files are not read."""

class UffParser(metaclass=_ApiType):
    """The parser of UFF models, which minirt does not read: `parse` raises."""
    def __init__(self) -> None:
        ...
    def __enter__(self) -> Self:
        ...
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        ...
    @property
    def plugin_namespace(self) -> Any:
        """The namespace of plugins, kept."""
    @plugin_namespace.setter
    def plugin_namespace(self, value: Any) -> None: ...
    @property
    def error_recorder(self) -> IErrorRecorder | Any:
        """Who is told of errors."""
    @error_recorder.setter
    def error_recorder(self, value: IErrorRecorder | None) -> None: ...
    @property
    def uff_required_version_major(self) -> Any:
        """The major version of UFF that is read: 0, none."""
    @property
    def uff_required_version_minor(self) -> Any:
        """The minor version of UFF that is read: 0, none."""
    @property
    def uff_required_version_patch(self) -> Any:
        """The patch version of UFF that is read: 0, none."""
    def register_input(self, name: str, shape: Dims | collections.abc.Iterable[SupportsIndex], order: UffInputOrder = ...) -> _bool:
        """Keep the name of an input; returns True."""
    def register_output(self, name: str) -> _bool:
        """Keep the name of an output; returns True."""
    def parse(self, file: str, network: INetworkDefinition, weights_type: DataType = ...) -> _bool:
        """Raise ApiError: UFF models are not read."""
    def parse_buffer(self, buffer: Any, network: INetworkDefinition, weights_type: DataType = ...) -> _bool:
        """Raise ApiError: UFF models are not read."""

class IBlobNameToTensor(metaclass=_ApiType):
    """What CaffeParser would return: tensors by the names of blobs."""
    def __init__(self) -> None:
        ...
    def find(self, name: str) -> ITensor | Any:
        """Raise ApiError: Caffe models are not read."""

class ICaffePluginFactoryV2(metaclass=_ApiType):
    """A factory of plugins of Caffe models."""
    def __init__(self) -> None:
        ...
    def is_plugin_v2(self, layer_name: Any) -> Any:
        """Return whether a layer is a plugin: never."""
    def create_plugin(self, layer_name: Any, weights: Any) -> Any:
        """Raise ApiError: Caffe models are not read."""

ResizeMode = InterpolationMode
SliceMode = SampleMode
def volume(iterable: collections.abc.Iterable[int]) -> int:
    """Return the product of dims: 1 for none; -1 is multiplied like any other number."""
def nptype(trt_type: DataType) -> Any:
    """Return the NumPy type of a DataType; raise TypeError where NumPy has none."""
def get_nv_onnx_parser_version() -> int:
    """Return the ONNX parser's version as one number: major * 10000 + minor * 100 + patch."""
def init_libnvinfer_plugins(logger: Any, namespace: str | Any) -> _bool:
    """Return True: plugins that come with minirt need no registration."""
def shutdown_protobuf_library() -> None:
    """Do nothing: there is no library to shut down."""
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
