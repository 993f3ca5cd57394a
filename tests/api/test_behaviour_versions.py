"""What each version of TensorRT took away and added, named one by one, and what public clients depend on."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt import v7, v8, v11
from minirt.plugin import _lib
from tests.api.nets import network

ALL: dict[int, Any] = {7: v7, 8: v8, 10: trt, 11: v11}
ADDED = {
    7: "activation concatenation constant convolution_nd deconvolution_nd elementwise fill gather identity input loop "
    "lrn matrix_multiply padding_nd parametric_relu plugin_v2 pooling_nd ragged_softmax reduce resize scale scale_nd "
    "select shape shuffle slice softmax topk unary",
    8: "quantize dequantize assertion einsum if_conditional scatter grid_sample nms non_zero one_hot cast "
    "normalization reverse_sequence",
    10: "plugin_v3 squeeze unsqueeze cumulative dynamic_quantize attention rotary_embedding kv_cache_update "
    "normalization_v2 dynamic_quantize_v2 moe dist_collective",
    11: "attention_v2",
}
GONE_8 = (
    "Builder.max_workspace_size Builder.fp16_mode Builder.int8_mode Builder.int8_calibrator Builder.debug_sync "
    "Builder.strict_type_constraints Builder.refittable Builder.min_find_iterations Builder.average_find_iterations "
    "Builder.build_cuda_engine ICudaEngine.max_workspace_size IPlugin IPluginExt IPluginFactory IPluginLayer "
    "ICaffePluginFactory ICaffePluginFactoryExt IUffPluginFactory IUffPluginFactoryExt IRNNLayer DimsCHW DimsNCHW "
    "IOutputDimensionsFormula INetworkDefinition.pooling_output_dimensions_formula DimensionType Dims.get_type "
    "INetworkDefinition.convolution_output_dimensions_formula ITensor.get_dynamic_range "
    "INetworkDefinition.deconvolution_output_dimensions_formula IMatrixMultiplyLayer.transpose0 "
    "IMatrixMultiplyLayer.transpose1 IResizeLayer.align_corners OnnxParser.get_refit_map INetworkDefinition.add_rnn "
    "INetworkDefinition.add_plugin_ext"
)
GONE_10 = (
    "CaffeParser UffParser shutdown_protobuf_library Builder.max_batch_size IExecutionContext.execute "
    "IExecutionContext.execute_async ICudaEngine.num_bindings ICudaEngine.get_binding_name "
    "ICudaEngine.get_binding_index ICudaEngine.get_binding_shape ICudaEngine.get_binding_dtype "
    "ICudaEngine.binding_is_input ICudaEngine.get_location ICudaEngine.get_profile_shape "
    "ICudaEngine.get_profile_shape_input ICudaEngine.is_shape_binding ICudaEngine.is_execution_binding "
    "IExecutionContext.get_binding_shape IExecutionContext.set_binding_shape IExecutionContext.set_shape_input "
    "IExecutionContext.get_shape IExecutionContext.get_strides IExecutionContext.execute_async_v2 "
    "Builder.build_engine IBuilderConfig.max_workspace_size IBuilderConfig.min_timing_iterations "
    "IConvolutionLayer.kernel_size IConvolutionLayer.stride IConvolutionLayer.padding IConvolutionLayer.dilation "
    "IPoolingLayer.window_size IPoolingLayer.stride IPoolingLayer.padding IPaddingLayer.pre_padding "
    "IPaddingLayer.post_padding IFullyConnectedLayer IRNNv2Layer RNNOperation ResizeMode SliceMode "
    "SampleMode.DEFAULT BuilderFlag.STRICT_TYPES BuilderFlag.ENABLE_TACTIC_HEURISTIC ProfilingVerbosity.DEFAULT "
    "ProfilingVerbosity.VERBOSE EngineCapability.DEFAULT EngineCapability.SAFE_GPU EngineCapability.SAFE_DLA "
    "NetworkDefinitionCreationFlag.EXPLICIT_PRECISION IGpuAllocator.free Refitter.__enter__ "
    "INetworkDefinition.add_convolution INetworkDefinition.add_pooling INetworkDefinition.add_deconvolution "
    "INetworkDefinition.add_padding INetworkDefinition.add_fully_connected INetworkDefinition.add_rnn_v2"
)
GONE_11 = (
    "BuilderFlag.FP16 BuilderFlag.INT8 BuilderFlag.BF16 BuilderFlag.FP8 BuilderFlag.INT4 BuilderFlag.FP4 "
    "BuilderFlag.OBEY_PRECISION_CONSTRAINTS BuilderFlag.PREFER_PRECISION_CONSTRAINTS "
    "BuilderFlag.REJECT_EMPTY_ALGORITHMS BuilderFlag.WEIGHTLESS NetworkDefinitionCreationFlag.EXPLICIT_BATCH "
    "IInt8Calibrator IInt8EntropyCalibrator2 CalibrationAlgoType QuantizationFlag IBuilderConfig.int8_calibrator "
    "IBuilderConfig.set_calibration_profile IBuilderConfig.set_quantization_flag IAlgorithm IAlgorithmSelector "
    "IBuilderConfig.algorithm_selector ILayer.precision ILayer.precision_is_set ILayer.reset_precision "
    "ILayer.set_output_type ILayer.reset_output_type ILayer.output_type_is_set ITensor.dynamic_range "
    "ITensor.set_dynamic_range ITensor.reset_dynamic_range INormalizationLayer.compute_precision "
    "Builder.platform_has_fast_fp16 Builder.platform_has_tf32 ICudaEngine.device_memory_size "
    "ICudaEngine.weight_streaming_budget ICudaEngine.minimum_weight_streaming_budget "
    "ICudaEngine.get_device_memory_size_for_profile ICudaEngine.create_execution_context_without_device_memory "
    "ICudaEngine.has_implicit_batch_dimension IExecutionContext.all_shape_inputs_specified IStreamReader "
    "IPluginRegistry.get_plugin_creator IPluginRegistry.plugin_creator_list OnnxParser.supports_model "
    "OnnxParser.parse_with_weight_descriptors TacticSource.CUBLAS TacticSource.CUBLAS_LT TacticSource.CUDNN "
    "PreviewFeature.PROFILE_SHARING_0806 Refitter.set_dynamic_range"
)
KEPT_11 = (
    "IPluginV2 IPluginV2Ext IPluginV2DynamicExt INetworkDefinition.add_plugin_v2 IPluginCreator "
    "INetworkDefinition.has_implicit_batch_dimension ITensor.broadcast_across_batch"
)
NEW_11 = (
    "IAttention IRotaryEmbeddingLayer IKVCacheUpdateLayer IMoELayer IDistCollectiveLayer EngineStat "
    "ICudaEngine.get_engine_stat ICudaEngine.get_aliased_input_tensor IExecutionContext.set_communicator "
    "OnnxParser.set_builder_config ILayer.num_ranks AttentionIOForm CausalMaskKind IBuilderConfig.build_route "
    "IBuilderConfig.all_build_routes DLAWorkspaceAllocationStrategy Runtime.dla_workspace_allocation_strategy "
    "IOptimizationProfile.profile_stream Refitter.release_refit_resources"
)


def _has(module: Any, path: str) -> bool:
    found = module
    for part in path.split("."):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


CLASSIC = {"Builder.max_workspace_size", "Builder.build_cuda_engine"}


@pytest.mark.parametrize(("gone", "last", "classic"), [(GONE_8, 7, CLASSIC), (GONE_10, 8, set()), (GONE_11, 10, set())])
def test_what_went_away(gone: str, last: int, classic: set[str]) -> None:
    for path in gone.split():
        assert _has(ALL[last], path), f"{last} has {path}"
        for dialect in (d for d in ALL if d > last):
            kept = dialect == 10 and path in classic
            assert _has(ALL[dialect], path) is kept, f"{dialect} and {path}"


def test_what_stayed_and_came() -> None:
    for path in f"{KEPT_11} {NEW_11}".split():
        assert _has(v11, path), path
    assert not any(_has(v7, path) for path in NEW_11.split())


@pytest.mark.parametrize("dialect", ALL)
def test_layers_that_networks_add(dialect: int) -> None:
    there = [name for since, names in ADDED.items() if since <= dialect for name in names.split()]
    later = [name for since, names in ADDED.items() if since > dialect for name in names.split()]
    cls = ALL[dialect].INetworkDefinition
    assert [n for n in there if not hasattr(cls, f"add_{n}")] == []
    assert [n for n in later if hasattr(cls, f"add_{n}")] == []


def test_setters_that_went_away() -> None:
    for module, writable in ((v7, True), (v8, True), (trt, False), (v11, False)):
        found = inspect.getattr_static(module.IExecutionContext, "active_optimization_profile")
        assert (found.fset is not None) is writable
    assert inspect.getattr_static(trt.ITensor, "dtype").fset is not None
    assert inspect.getattr_static(v11.ITensor, "dtype").fset is None


def test_integers_of_enums_move() -> None:
    flags = [ALL[d].BuilderFlag.TF32.value for d in (8, 10, 11)]
    assert flags == [7, 6, 6]
    assert [ALL[d].BuilderFlag.VERSION_COMPATIBLE.value for d in (8, 10, 11)] == [15, 13, 12]
    assert [ALL[d].LayerType.CAST.value for d in (8, 10, 11)][0] == 47
    assert v11.LayerType.CAST.value == 1
    assert (v11.TacticSource.EDGE_MASK_CONVOLUTIONS.value, v11.TacticSource.JIT_CONVOLUTIONS.value) == (0, 1)
    strong = [ALL[d].NetworkDefinitionCreationFlag.STRONGLY_TYPED.value for d in (10, 11)]
    assert strong == [1, 0]


def test_nothing_old_shows_in_the_default_module() -> None:
    for cls in (trt.ICudaEngine, trt.IExecutionContext, trt.INetworkDefinition, trt.IBuilderConfig):
        for path in f"{GONE_8} {GONE_10}".split():
            owner, _, name = path.partition(".")
            assert not (owner == cls.__name__ and name in dir(cls)), path


def test_what_polygraphy_reads_of_layers() -> None:
    net = network()
    x = net.add_input("x", trt.float32, (1, 3, 4, 4))
    w = np.ones((2, 3, 1, 1), np.float32)
    conv = net.add_convolution_nd(x, 2, (1, 1), w)
    assert conv.get_input(1) is None, "an optional input that is not there"
    shown = set(dir(conv)) - set(dir(trt.ILayer))
    assert {"kernel", "bias", "stride_nd", "num_groups"} <= shown
    assert not {name for name in shown if name.startswith("_")}
    assert isinstance(trt.IPluginV3Layer.name, property)
    assert trt.IPluginV3Layer.name.fset is not None
    for kind in (trt.IActivationLayer, trt.IConvolutionLayer, trt.ILayer):
        conv.__class__ = kind
        assert conv.name == "(Unnamed Layer* 0) [Convolution]"


def test_modules_that_clients_look_for() -> None:
    assert {"float32", "float16", "int8", "int32", "int64", "bool", "bfloat16"} <= set(trt.__all__)
    assert trt.__file__
    assert trt.__path__
    assert trt.__version__.split(".")[0] == "10"
    assert isinstance(_lib.QDP_REGISTRY, dict)
    assert isinstance(importlib.import_module("minirt.plugin"), ModuleType)
    entries = getattr(trt.BuilderFlag, "__entries")
    assert list(entries) == list(trt.BuilderFlag.__members__)


def test_dtypes_are_keys_that_ints_are_not() -> None:
    """ONNX's number of float16 is that of another type in TensorRT."""
    table = {1: "float", 10: "half", trt.DataType.FLOAT: "FLOAT", trt.DataType.HALF: "HALF"}
    assert (table[1], table[trt.float16], table[10]) == ("float", "HALF", "half")
    assert len(table) == 4
