"""INetworkDefinition, its layers and tensors as objects; configs and profiles."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt import v8, v11
from tests.api.nets import Keeper, network


def _conv(net: Any) -> Any:
    x = net.add_input("x", trt.float32, (1, 3, 8, 8))
    return net.add_convolution_nd(x, 4, (3, 3), np.ones((4, 3, 3, 3), np.float32))


def test_inputs_of_other_networks_are_refused_when_building() -> None:
    logger = Keeper()
    builder = trt.Builder(logger)
    mine, other = builder.create_network(), builder.create_network()
    x = mine.add_input("x", trt.float32, (2,))
    z = other.add_input("z", trt.float32, (2,))
    total = trt.ElementWiseOperation.SUM
    for net_of_layers in (mine, other):
        out = net_of_layers.add_elementwise(x, net_of_layers.add_identity(z).get_output(0), total).get_output(0)
        net_of_layers.mark_output(out)
        assert builder.build_serialized_network(net_of_layers, builder.create_builder_config()) is None
        wrong = "z" if net_of_layers is mine else "x"
        assert f"'{wrong}'" in logger.errors[-1] and "is no input of it" in logger.errors[-1]
    alone = builder.create_network()
    alone.mark_output(alone.add_identity(z).get_output(0))
    assert builder.build_serialized_network(alone, builder.create_builder_config()) is None


def test_default_names() -> None:
    net = network()
    layer = _conv(net)
    relu = net.add_activation(layer.get_output(0), trt.ActivationType.RELU)
    assert layer.name == "(Unnamed Layer* 0) [Convolution]"
    assert relu.get_output(0).name == "(Unnamed Layer* 1) [Activation]_output"
    relu.name = "mine"
    assert relu.get_output(0).name == "mine_output"
    assert net.name == "Unnamed Network 0"


def test_layers_are_reached_as_plain_layers_and_cast() -> None:
    net = network()
    _conv(net)
    gc.collect()
    layer = net[-1]
    assert type(layer) is trt.ILayer
    assert layer.type == trt.LayerType.CONVOLUTION
    assert not hasattr(layer, "kernel")
    layer.__class__ = trt.IConvolutionLayer
    assert layer.num_output_maps == 4  # type: ignore[attr-defined]
    net.add_activation(layer.get_output(0), trt.ActivationType.TANH)
    gc.collect()
    act = net.get_layer(1)
    act.__class__ = trt.IActivationLayer
    assert act.type == trt.ActivationType.TANH
    v8net = v8.Builder(v8.Logger()).create_network(1)
    v8net.add_identity(v8net.add_input("x", v8.float32, (1,)))
    gc.collect()
    plain = v8net[0]
    plain.__class__ = v8.IIdentityLayer
    assert isinstance(plain, v8.ILayer)


def test_nothing_private_shows() -> None:
    net = network()
    layer = _conv(net)
    assert [name for name in dir(layer) if name[0] == "_" and name[:2] != "__"] == []
    assert set(dir(layer)) - set(dir(trt.ILayer)) >= {"kernel", "stride_nd"}
    assert not hasattr(layer, "__dict__")
    with pytest.raises(AttributeError):
        layer.foo = 1
    assert isinstance(trt.ILayer.name, property)


def test_a_tensor_is_one_object_while_it_lives() -> None:
    net = network()
    x = net.add_input("x", trt.float32, (1, 3))
    assert net.get_input(0) is x
    layer = net.add_identity(x)
    assert layer.get_input(0) is x
    plain = net.get_layer(0)
    assert type(plain) is trt.ILayer
    assert net.get_layer(0) is plain


def test_length_items_and_iteration() -> None:
    net = network()
    assert not net
    _conv(net)
    assert (len(net), [layer.name for layer in net]) == (1, [net[0].name])
    with pytest.raises(IndexError):
        net[1]
    assert net[-5] is None
    assert net.get_layer(7) is None
    assert net.get_input(3) is None


def test_failures_are_none_and_logged_type_errors_raise() -> None:
    logger = Keeper()
    net = trt.Builder(logger).create_network()
    net.add_input("x", trt.float32, (1,))
    assert net.add_input("x", trt.float32, (1,)) is None
    assert net.add_input("y", trt.float32, (-2,)) is None
    assert len(logger.errors) == 2
    for bad in (None, "x", 3):
        with pytest.raises(TypeError, match="incompatible function arguments"):
            net.add_identity(bad)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        net.add_activation(net.get_input(0), 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        trt.ITensor()
    with pytest.raises(TypeError):
        trt.Builder(None)  # type: ignore[arg-type]


def test_shapes_follow_a_changed_input() -> None:
    net = network()
    x = net.add_input("x", trt.float32, (2, 3, 8, 8))
    pool = net.add_pooling_nd(x, trt.PoolingType.MAX, (2, 2))
    assert pool.get_output(0).shape == (2, 3, 7, 7)
    pool.stride_nd = (2, 2)
    assert pool.get_output(0).shape == (2, 3, 4, 4)
    x.shape = (-1, 3, 16, 16)
    assert pool.get_output(0).shape == (-1, 3, 8, 8)
    assert pool.get_output(0).dtype == trt.float32


def test_an_inconsistent_shape() -> None:
    net = network()
    a, b = net.add_input("a", trt.float32, (2,)), net.add_input("b", trt.float32, (3,))
    out = net.add_elementwise(a, b, trt.ElementWiseOperation.SUM).get_output(0)
    with pytest.raises(ValueError):
        len(out.shape)
    net11 = v11.Builder(v11.Logger(v11.Logger.INTERNAL_ERROR)).create_network()
    a, b = net11.add_input("a", v11.float32, (2,)), net11.add_input("b", v11.float32, (3,))
    with pytest.raises(RuntimeError, match="Could not get tensor shape"):
        net11.add_elementwise(a, b, v11.ElementWiseOperation.SUM).get_output(0).shape  # noqa: B018


def test_unset_dims_by_dialect() -> None:
    net = network()
    shuffle = net.add_shuffle(net.add_input("a", trt.float32, (2,)))
    with pytest.raises(ValueError):
        len(shuffle.reshape_dims)
    net11 = v11.Builder(v11.Logger()).create_network()
    assert net11.add_shuffle(net11.add_input("a", v11.float32, (2,))).reshape_dims is None
    assert net11.flags == 1


def test_marking_outputs() -> None:
    net = network()
    layer = _conv(net)
    out = layer.get_output(0)
    net.mark_output(out)
    assert (net.num_outputs, out.is_network_output, net.get_output(0) is out) == (1, True, True)
    net.unmark_output(out)
    assert net.num_outputs == 0
    assert net.get_input(0).is_network_input


def test_create_network_flags() -> None:
    builder = trt.Builder(Keeper())
    assert builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)).flags == 1
    net = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    assert net.get_flag(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    assert builder.create_network(1 << 30) is None
    assert builder.create_network().has_implicit_batch_dimension is False


def test_a_fresh_config() -> None:
    config = trt.Builder(Keeper()).create_builder_config()
    assert config.flags == 1 << int(trt.BuilderFlag.TF32)
    assert (config.builder_optimization_level, config.avg_timing_iterations, config.max_aux_streams) == (3, 1, -1)
    assert (config.DLA_core, config.profile_stream, config.plugins_to_serialize) == (-1, 0, [])
    assert config.default_device_type == trt.DeviceType.GPU
    assert config.engine_capability == trt.EngineCapability.STANDARD
    assert config.profiling_verbosity == trt.ProfilingVerbosity.LAYER_NAMES_ONLY
    assert config.hardware_compatibility_level == trt.HardwareCompatibilityLevel.NONE
    assert config.get_timing_cache() is None
    assert config.progress_monitor is None
    assert config.get_memory_pool_limit(trt.MemoryPoolType.DLA_LOCAL_DRAM) == 1 << 30
    config.builder_optimization_level = 9
    assert config.builder_optimization_level == 5
    config.builder_optimization_level = -1
    assert config.builder_optimization_level == 5


def test_config_flags_and_pools() -> None:
    logger = Keeper()
    config = trt.Builder(logger).create_builder_config()
    config.set_flag(trt.BuilderFlag.FP16)
    assert config.get_flag(trt.BuilderFlag.FP16)
    config.clear_flag(trt.BuilderFlag.TF32)
    assert config.flags == 1
    config.flags = 1 << int(trt.BuilderFlag.BF16)
    assert config.get_flag(trt.BuilderFlag.BF16)
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, 1 << 20)
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, -1)
    assert config.get_memory_pool_limit(trt.MemoryPoolType.WORKSPACE) == 1 << 20
    assert "WORKSPACE: -1 is below 0" in logger.errors[-1]
    assert not hasattr(config, "max_workspace_size")
    with pytest.raises(AttributeError, match=r"minirt\.v8"):
        config.max_workspace_size = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        config.set_flag(0)  # type: ignore[arg-type]


def test_profiles() -> None:
    config = trt.Builder(Keeper()).create_builder_config()
    profile = trt.Builder(Keeper()).create_optimization_profile()
    assert profile.get_shape("x") == []
    assert profile.set_shape("x", (1, 3), (4, 3), (2, 3)) is None  # type: ignore[func-returns-value]
    assert not profile
    assert config.add_optimization_profile(profile) == -1
    profile.set_shape("x", (1, 3), (2, 3), (4, 3))
    assert profile.get_shape("x") == [(1, 3), (2, 3), (4, 3)]
    assert [config.add_optimization_profile(profile) for _ in range(2)] == [0, 1]
    assert profile.get_shape_input("s") == []


def test_timing_cache_round_trip() -> None:
    config = trt.Builder(Keeper()).create_builder_config()
    cache = config.create_timing_cache(b"")
    key = trt.TimingCacheKey.parse("0x1")
    assert cache.update(key, trt.TimingCacheValue(7, 0.5))
    again = config.create_timing_cache(cache.serialize())
    assert [str(k) for k in again.queryKeys()] == ["0x" + "1".zfill(32)]
    assert (again.query(key).tacticHash, again.query(key).timingMSec) == (7, 0.5)
    assert config.set_timing_cache(again, False)
    assert config.get_timing_cache() is again
    assert config.create_timing_cache(b"junk") is None
