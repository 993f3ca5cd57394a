"""How builders, configs, networks, layers and parsers behave where names alone do not say it, in every dialect."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import minirt as trt
from minirt import v7, v8, v11

ALL = (v7, v8, trt, v11)
pytestmark = [pytest.mark.usefixtures("cpu"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
F = np.float32


def keeper(module: Any) -> Any:
    """Return a logger of a dialect that keeps what it hears."""

    class Keeper(module.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)
            self.heard: list[tuple[Any, str]] = []

        def log(self, severity: Any, msg: str) -> None:
            self.heard.append((severity, msg))

        @property
        def errors(self) -> list[str]:
            return [text for severity, text in self.heard if int(severity) <= 1]

    return Keeper()


def explicit(module: Any, builder: Any) -> Any:
    """Return a network with explicit batch."""
    old = module in (v7, v8)
    return builder.create_network(1 << int(module.NetworkDefinitionCreationFlag.EXPLICIT_BATCH) if old else 0)


@pytest.mark.parametrize("module", ALL)
def test_failure_is_none_and_an_error_in_the_log(module: Any) -> None:
    logger = keeper(module)
    builder = module.Builder(logger)
    config = builder.create_builder_config()
    empty = explicit(module, builder)
    calls: list[Callable[[], Any]] = [
        lambda: builder.create_network(1 << 30),
        lambda: empty.get_input(0),
        lambda: empty.get_output(3),
        lambda: empty.get_layer(-1),
        lambda: module.Runtime(logger).deserialize_cuda_engine(b"garbage"),
        lambda: module.Runtime(logger).deserialize_cuda_engine(b""),
        lambda: empty.add_concatenation([]),
        lambda: empty.add_input("bad", module.float32, (-2, 3)),
    ]
    if module is v7:
        calls.append(lambda: builder.build_cuda_engine(empty))
    if module in (v7, v8):
        calls.append(lambda: builder.build_engine(empty, config))
    if module is not v7:
        calls.append(lambda: builder.build_serialized_network(empty, config))
    if module in (trt, v11):
        calls.append(lambda: builder.build_engine_with_config(empty, config))
    for i, call in enumerate(calls):
        before = len(logger.errors)
        assert call() is None, i
        assert len(logger.errors) > before, i
    assert empty.add_input("x", module.float32, (1,)) is not None
    assert empty.add_input("x", module.float32, (1,)) is None
    if module is not v7:
        assert builder.is_network_supported(empty, config) in (True, False)


@pytest.mark.parametrize("module", ALL)
def test_wrong_types_are_type_errors(module: Any) -> None:
    builder = module.Builder(module.Logger())
    net = explicit(module, builder)
    calls: list[Callable[[], Any]] = [
        lambda: net.add_activation(None, module.ActivationType.RELU),
        lambda: net.add_activation("x", module.ActivationType.RELU),
        lambda: net.mark_output(None),
        lambda: net.add_input("x", "float32", (1,)),
        lambda: net.add_concatenation([None]),
        lambda: builder.create_network("flags"),
        lambda: builder.create_builder_config().add_optimization_profile(None),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize("module", ALL)
def test_a_fresh_config_in_each_dialect(module: Any) -> None:
    config = module.Builder(module.Logger()).create_builder_config()
    assert config.flags == 1 << int(module.BuilderFlag.TF32)
    assert (config.avg_timing_iterations, config.DLA_core, config.num_optimization_profiles) == (1, -1, 0)
    assert config.default_device_type == module.DeviceType.GPU
    assert config.profile_stream == 0
    if module is v7:
        assert (config.max_workspace_size, config.min_timing_iterations) == (0, 1)
        return
    assert config.builder_optimization_level == 3
    config.builder_optimization_level = 9
    assert config.builder_optimization_level == 5
    config.builder_optimization_level = -1
    assert config.builder_optimization_level == 5
    assert (config.max_aux_streams, config.plugins_to_serialize, config.get_timing_cache()) == (-1, [], None)
    assert config.engine_capability == module.EngineCapability.STANDARD
    assert config.profiling_verbosity == module.ProfilingVerbosity.LAYER_NAMES_ONLY
    assert config.hardware_compatibility_level == module.HardwareCompatibilityLevel.NONE
    pools = module.MemoryPoolType
    assert config.get_memory_pool_limit(pools.DLA_MANAGED_SRAM) == 1 << 20
    assert config.get_memory_pool_limit(pools.DLA_LOCAL_DRAM) == 1 << 30
    assert config.get_memory_pool_limit(pools.DLA_GLOBAL_DRAM) == 1 << 29
    assert config.get_memory_pool_limit(pools.WORKSPACE) >= 1 << 30
    if module in (trt, v11):
        assert (config.max_num_tactics, config.progress_monitor) == (-1, None)
        assert config.tiling_optimization_level == module.TilingOptimizationLevel.NONE
        assert config.runtime_platform == module.RuntimePlatform.SAME_AS_BUILD
        assert config.get_preview_feature(module.PreviewFeature.RUNTIME_ACTIVATION_RESIZE_10_10)


@pytest.mark.parametrize("module", ALL)
def test_profiles_in_each_dialect(module: Any) -> None:
    builder = module.Builder(keeper(module))
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    assert (profile.get_shape("x"), profile.get_shape_input("x")) == ([], [])
    assert profile.set_shape("x", (4,), (2,), (8,)) is None
    assert not profile
    assert config.add_optimization_profile(profile) == -1
    for place in (0, 1):
        good = builder.create_optimization_profile()
        good.set_shape("x", (1,), (2,), [8])
        assert good
        assert good.get_shape("x") == [(1,), (2,), (8,)]
        assert config.add_optimization_profile(good) == place
    good.set_shape_input("s", [1], [2], [3])
    assert good.get_shape_input("s") == [[1], [2], [3]]


@pytest.mark.parametrize("module", ALL)
def test_batches_and_flags_of_networks(module: Any) -> None:
    builder = module.Builder(module.Logger())
    plain = builder.create_network()
    assert plain.has_implicit_batch_dimension is (module in (v7, v8))
    if module in (v7, v8):
        assert not explicit(module, builder).has_implicit_batch_dimension
    if module is trt:
        assert plain.flags == 0
    if module is v11:
        assert plain.flags == 1
        assert plain.get_flag(v11.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


@pytest.mark.parametrize("module", ALL)
def test_networks_as_containers_and_default_names(module: Any) -> None:
    net = explicit(module, module.Builder(keeper(module)))
    assert (len(net), bool(net), net.name) == (0, False, "Unnamed Network 0")
    x = net.add_input("x", module.float32, (1, 3, 8, 8))
    conv = net.add_convolution_nd(x, 2, (3, 3), np.ones((2, 3, 3, 3), F))
    relu = net.add_activation(conv.get_output(0), module.ActivationType.RELU)
    assert (conv.name, relu.name) == ("(Unnamed Layer* 0) [Convolution]", "(Unnamed Layer* 1) [Activation]")
    assert relu.get_output(0).name == "(Unnamed Layer* 1) [Activation]_output"
    assert [layer.name for layer in net] == [conv.name, relu.name]
    assert (net[-1].name, net[0].name, net[-9], len(net), bool(net)) == (relu.name, conv.name, None, 2, True)
    with pytest.raises(IndexError):
        net[2]
    assert net.get_input(0) is x
    plain = net[1]
    assert plain.type == module.LayerType.ACTIVATION
    plain.__class__ = module.IActivationLayer
    assert plain.type == module.ActivationType.RELU
    assert isinstance(plain, module.ILayer)
    assert net.add_loop().name == "(Unnamed Loop* 0)"


def _layer(module: Any, name: str) -> Any:
    """Return a layer of a kind with nothing set."""
    net = explicit(module, module.Builder(module.Logger()))
    x = net.add_input("x", module.float32, (1, 3, 8, 8))
    i = net.add_input("i", module.int32, (2,))
    k = np.ones((3, 3, 3, 3), F)
    made = {
        "conv": lambda: net.add_convolution_nd(x, 3, (3, 3), k),
        "deconv": lambda: net.add_deconvolution_nd(x, 3, (3, 3), k),
        "pool": lambda: net.add_pooling_nd(x, module.PoolingType.AVERAGE, (2, 2)),
        "softmax": lambda: net.add_softmax(x),
        "concat": lambda: net.add_concatenation([x, x]),
        "scale": lambda: net.add_scale(x, module.ScaleMode.CHANNEL, np.ones(3, F), np.ones(3, F)),
        "resize": lambda: net.add_resize(x),
        "slice": lambda: net.add_slice(x, (0,) * 4, (1,) * 4, (1,) * 4),
        "gather": lambda: net.add_gather(x, i, 0),
        "fill": lambda: net.add_fill((3,), module.FillOperation.LINSPACE, *[module.float32] * (module is v11)),
        "shuffle": lambda: net.add_shuffle(x),
        "nms": lambda: net.add_nms(
            net.add_input("b", module.float32, (1, 4, 4)),
            net.add_input("s", module.float32, (1, 4, 2)),
            net.add_constant((), np.array(3, np.int32)).get_output(0),
        ),
        "grid": lambda: net.add_grid_sample(x, net.add_input("g", module.float32, (1, 4, 4, 2))),
        "norm": lambda: net.add_normalization(
            x, *(net.add_constant((1, 3, 1, 1), np.ones(3, F)).get_output(0) for _ in "ab"), 1 << 1
        ),
    }
    return made[name]()


@pytest.mark.parametrize("module", ALL)
def test_defaults_of_layers(module: Any) -> None:
    for name in ("conv", "deconv"):
        layer = _layer(module, name)
        assert (layer.stride_nd, layer.dilation_nd, layer.padding_nd) == ((1, 1), (1, 1), (0, 0))
        assert (layer.num_groups, layer.padding_mode) == (1, module.PaddingMode.EXPLICIT_ROUND_DOWN)
        assert layer.kernel.shape == (81,)
        assert layer.bias.size == 0
    pool = _layer(module, "pool")
    assert (pool.stride_nd, pool.padding_nd, pool.average_count_excludes_padding) == ((1, 1), (0, 0), True)
    assert pool.blend_factor == 0
    assert (_layer(module, "softmax").axes, _layer(module, "concat").axis) == (1 << 1, 1)
    scale = _layer(module, "scale")
    assert (scale.channel_axis, scale.power.size, scale.scale.size) == (1, 0, 3)
    resize = _layer(module, "resize")
    mode = module.ResizeMode if module is v7 else module.InterpolationMode
    assert (resize.resize_mode, list(resize.scales)) == (mode.NEAREST, [])
    part = _layer(module, "slice")
    assert part.mode == (module.SliceMode.DEFAULT if module is v7 else module.SampleMode.STRICT_BOUNDS)
    fill = _layer(module, "fill")
    assert (fill.alpha, fill.beta, fill.operation) == (0, 1, module.FillOperation.LINSPACE)
    assert list(_layer(module, "shuffle").first_transpose)[:2] == [0, 1]
    if module is v7:
        return
    assert resize.coordinate_transformation == module.ResizeCoordinateTransformation.ASYMMETRIC
    assert resize.selector_for_single_pixel == module.ResizeSelector.FORMULA
    assert (resize.nearest_rounding, resize.cubic_coeff) == (module.ResizeRoundMode.FLOOR, -0.75)
    assert _layer(module, "gather").mode == module.GatherMode.DEFAULT
    nms = _layer(module, "nms")
    assert (nms.bounding_box_format, nms.topk_box_limit) == (module.BoundingBoxFormat.CORNER_PAIRS, 5000)
    grid = _layer(module, "grid")
    assert (grid.interpolation_mode, grid.align_corners) == (module.InterpolationMode.LINEAR, False)
    assert grid.sample_mode == module.SampleMode.FILL
    norm = _layer(module, "norm")
    assert (round(norm.epsilon, 9), norm.num_groups) == (1e-5, 1)


@pytest.mark.parametrize("module", [trt, v11])
def test_types_of_layers_that_make_integers(module: Any) -> None:
    net = module.Builder(module.Logger()).create_network()
    x = net.add_input("x", module.float32, (4,))
    one = net.add_constant((), np.array(1, F)).get_output(0)
    assert net.add_shape(x).get_output(0).dtype == module.int64
    assert net.add_topk(x, module.TopKOperation.MAX, 2, 1).get_output(1).dtype == module.int32
    assert net.add_non_zero(x).get_output(0).dtype == module.int32
    wide = net.add_non_zero(x, module.int64)
    assert wide.get_output(0).dtype == module.int64
    top = net.add_topk(x, module.TopKOperation.MAX, 2, 1, module.int64)
    assert top.get_output(1).dtype == module.int64
    q = net.add_quantize(x, one, *[module.int8] * (module is v11))
    assert (q.axis, q.get_output(0).dtype) == (-1, module.int8)
    fill = net.add_fill((3,), module.FillOperation.LINSPACE)
    assert fill.get_output(0).dtype == module.float32
    whole = net.add_fill((3,), module.FillOperation.LINSPACE, module.int64)
    whole.alpha, whole.beta = 2, 3
    assert whole.get_output(0).dtype == module.int64
    assert (whole.alpha, whole.beta) == (2, 3)
    if module is v11:
        with pytest.raises(TypeError):
            net.add_quantize(x, one)


@pytest.mark.parametrize("module", ALL)
def test_required_arguments_that_follow_optional_ones(module: Any) -> None:
    net = explicit(module, module.Builder(module.Logger()))
    x = net.add_input("x", module.float32, (1, 3, 4))
    assert net.add_scale_nd(x, module.ScaleMode.UNIFORM, channel_axis=1) is not None
    with pytest.raises(TypeError):
        net.add_scale_nd(x, module.ScaleMode.UNIFORM)


@pytest.mark.parametrize("module", ALL)
def test_most_errors_show_later(module: Any) -> None:
    """Adding a layer to operands that do not fit works; the shape, or the build, does not."""
    builder = module.Builder(keeper(module))
    net = explicit(module, builder)
    a, b = (net.add_input(n, module.float32, s) for n, s in (("a", (2, 3)), ("b", (4, 5))))
    layer = net.add_elementwise(a, b, module.ElementWiseOperation.SUM)
    assert layer is not None
    if module is v11:
        with pytest.raises(RuntimeError, match="Could not get tensor shape."):
            layer.get_output(0).shape  # noqa: B018
    else:
        with pytest.raises(ValueError):
            len(layer.get_output(0).shape)


@pytest.mark.parametrize("module", ALL)
def test_unset_dims_of_layers(module: Any) -> None:
    fresh = [_layer(module, "shuffle").reshape_dims, _layer(module, "resize").shape]
    if module is v11:
        assert fresh == [None, None]
    else:
        for dims in fresh:
            with pytest.raises(ValueError):
                len(dims)


def _model(*nodes: Any, name: str = "y") -> bytes:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
    y = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
    graph = helper.make_graph(list(nodes), "g", [x], [y])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    return bytes(made.SerializeToString())


@pytest.mark.parametrize("module", ALL)
def test_parsers_in_each_dialect(module: Any) -> None:
    logger = keeper(module)
    builder = module.Builder(logger)
    net = explicit(module, builder)
    parser = module.OnnxParser(net, logger)
    relu = _model(helper.make_node("Relu", ["x"], ["y"], name="r0"))
    assert parser.parse(relu) is True
    with pytest.raises(TypeError):
        parser.parse("model.onnx")
    assert parser.parse(relu) is False, "the network is not empty"
    for taken in (len, iter):
        with pytest.raises(TypeError):
            taken(parser)
    other = module.OnnxParser(explicit(module, builder), logger)
    assert other.parse(_model(helper.make_node("FooBar", ["x"], ["y"], name="f0")), None) is False
    assert other.num_errors == 1
    error = other.get_error(0)
    assert isinstance(error, module.ParserError)
    assert (error.node(), error.code()) == (0, module.ErrorCode.UNSUPPORTED_NODE)
    for text in (error.desc(), error.func(), error.file()):
        assert isinstance(text, str)
    assert isinstance(error.line(), int)
    assert other.get_error(7) is None
    other.clear_errors()
    assert other.num_errors == 0
    if module in (trt, v11):
        assert str(error).startswith("In node 0 with name: f0 and operator: FooBar (")
        assert (error.node_name(), error.node_operator(), list(error.local_function_stack())) == ("f0", "FooBar", [])
        assert parser.get_flag(module.OnnxParserFlag.NATIVE_INSTANCENORM)
        assert next(iter(net)).metadata == "[ONNX Layer: r0]"
    if module is not v11:
        assert parser.supports_model(relu) == (True, [([0], True)])
    assert onnx.load_from_string(relu).graph.node[0].name == "r0"
    if module is not v7:
        assert set(module.ErrorCodeTRT.__members__) >= {"SUCCESS", "INTERNAL_ERROR", "INVALID_ARGUMENT"}
        assert {int(m) for m in module.ErrorCodeTRT.__members__.values()} >= set(range(10))


@pytest.mark.parametrize("module", ALL)
def test_with_statements(module: Any) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with (
            module.Logger() as logger,
            module.Builder(logger) as builder,
            explicit(module, builder) as net,
            builder.create_builder_config() as config,
            module.OnnxParser(net, logger) as parser,
            module.Runtime(logger) as runtime,
        ):
            assert parser.num_errors == 0
        assert config.DLA_core == -1
        assert runtime is not None
    entered = [w for w in heard if "Context managers" in str(w.message)]
    assert len(entered) == (0 if module is v7 else 6)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        builder.__del__()
    assert any("Use del obj instead" in str(w.message) for w in heard) is (module is not v7)


def test_enums_of_seven_with_other_names() -> None:
    resize, part = _layer(v7, "resize"), _layer(v7, "slice")
    resize.resize_mode = v7.ResizeMode.LINEAR
    part.mode = v7.SliceMode.WRAP
    assert (resize.resize_mode, part.mode) == (v7.ResizeMode.LINEAR, v7.SliceMode.WRAP)
    assert v8.ResizeMode is v8.InterpolationMode
    assert v8.SliceMode is v8.SampleMode
    assert not hasattr(v7, "InterpolationMode")
