"""How the module, its enums, Dims, Permutation and Weights behave where names alone do not say it, in every dialect."""

from __future__ import annotations

import gc
import inspect
import pickle
import warnings
import weakref
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt import v7, v8, v11
from minirt.api.declare import method
from tests.api import surface

ALL = (v7, v8, trt, v11)
SURFACE = surface.read()
_KEYS = {8: "8.6", 10: "10.13", 11: "11"}


@pytest.mark.parametrize("module", ALL)
def test_every_enum_is_a_small_class(module: Any) -> None:
    for name in module.__all__:
        kind = getattr(module, name)
        if not (inspect.isclass(kind) and hasattr(kind, "__members__")):
            continue
        for key, member in kind.__members__.items():
            assert (member.name, int(member), hash(member)) == (key, member.value, member.value) or int(
                kind.__members__[member.name]
            ) == int(member)
            assert pickle.loads(pickle.dumps(member)) == member
            assert repr(member) == f"<{kind.__name__}.{member.name}: {member.value}>"
            assert str(member) == f"{kind.__name__}.{member.name}"
            assert isinstance(member, kind)
            assert not isinstance(member, int)
            assert (member == int(member)) is False  # type: ignore[call-overload]
            assert {member: 1}[kind(int(member))] == 1  # type: ignore[call-arg, call-overload]
        for refused in (lambda kind=kind: kind["X"], lambda kind=kind: list(kind), lambda kind=kind: kind("X")):
            with pytest.raises(TypeError):
                refused()
        assert repr(kind(99)) == f"<{kind.__name__}.???: 99>"  # type: ignore[call-arg]


@pytest.mark.parametrize(("module", "key"), [(v7, {"7"}), (v8, {"8.6"}), (trt, {"10.13", "11"}), (v11, {"11"})])
def test_only_some_enums_are_ordered(module: Any, key: set[str]) -> None:
    ordered = {n for n in module.__all__ if hasattr(getattr(module, n), "__members__") and _orders(getattr(module, n))}
    listed = {n for n, e in SURFACE["enums"].items() if key & set(e["arithmetic_comparisons"]) and hasattr(module, n)}
    assert ordered == listed - {"Severity"}
    assert module.Logger.ERROR < module.Logger.WARNING
    with pytest.raises(TypeError):
        assert module.BuilderFlag.TF32 < module.TensorFormat.LINEAR
    with pytest.raises(TypeError):
        assert module.BuilderFlag.TF32 | module.BuilderFlag.REFIT
    with pytest.raises(TypeError):
        assert 1 << module.BuilderFlag.TF32


def _orders(kind: Any) -> bool:
    first = next(iter(kind.__members__.values()))
    try:
        return bool(first <= first)
    except TypeError:
        return False


@pytest.mark.parametrize("module", ALL)
def test_enums_where_ints_are_asked_and_ints_where_enums_are(module: Any) -> None:
    builder = module.Builder(module.Logger())
    config = builder.create_builder_config()
    with pytest.raises(TypeError):
        config.set_flag(int(module.BuilderFlag.TF32))
    if module is trt:
        # The flag's index is taken as bits: EXPLICIT_BATCH is bit 0, and 0 is no bit at all.
        assert builder.create_network(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH).flags == 0
        assert builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)).get_flag(
            trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED
        )


@pytest.mark.parametrize("module", ALL)
def test_aliases_of_types_and_functions(module: Any) -> None:
    assert module.float32 == module.DataType.FLOAT
    assert module.volume((2, 3)) == 6
    assert module.volume(()) == 1
    assert module.volume((2, -1)) == -2
    wanted = {"FLOAT": np.float32, "HALF": np.float16, "INT8": np.int8, "INT32": np.int32, "BOOL": np.bool_}
    wanted |= {"UINT8": np.uint8, "INT64": np.int64}
    for name, member in module.DataType.__members__.items():
        if name in wanted:
            assert module.nptype(member) == wanted[name]
        else:
            with pytest.raises(TypeError, match="Could not resolve TensorRT datatype to an equivalent numpy datatype."):
                module.nptype(member)
    with pytest.raises(TypeError):
        module.nptype("float32")
    assert module.init_libnvinfer_plugins(None, "") is True
    assert module.init_libnvinfer_plugins(module.Logger(), None) is True
    assert module.get_plugin_registry() is not None
    with pytest.raises(TypeError):
        module.get_plugin_registry(1)
    assert "float32" in module.__all__


@pytest.mark.parametrize("module", [v8, trt, v11])
def test_the_registry_of_a_builder_is_positional(module: Any) -> None:
    assert module.get_builder_plugin_registry(module.EngineCapability.STANDARD) is not None
    with pytest.raises(TypeError):
        module.get_builder_plugin_registry(engine_capability=module.EngineCapability.STANDARD)


def test_types_that_numpy_lacks_have_odd_sizes() -> None:
    sizes = {name: member.itemsize for name, member in trt.DataType.__members__.items()}
    assert (sizes["FLOAT"], sizes["HALF"], sizes["INT64"], sizes["BOOL"]) == (4, 2, 8, 1)
    assert (sizes["INT4"], sizes["FP4"], sizes["E8M0"]) == (0.5, 0.5, None)


@pytest.mark.parametrize("module", ALL)
def test_objects_take_no_attributes_of_their_own(module: Any) -> None:
    builder = module.Builder(module.Logger())
    config = builder.create_builder_config()
    with pytest.raises(AttributeError):
        config.no_such_thing = 1
    assert not hasattr(config, "__dict__")
    with pytest.raises(AttributeError):
        builder.gpu_allocator  # noqa: B018
    if module is not v7:
        with pytest.raises(AttributeError, match="v7"):
            builder.fp16_mode = True

    class Recorder(module.IErrorRecorder):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IErrorRecorder.__init__(self)
            self.own = 3

    class Forgetful(module.IErrorRecorder):  # type: ignore[misc]
        def __init__(self) -> None:
            self.own = 3

    assert Recorder().own == 3
    with pytest.raises(TypeError, match=r"__init__\(\) must be called when overriding __init__"):
        Forgetful()
    for closed in (module.INetworkDefinition, module.ILayer, module.ITensor, module.ICudaEngine, module.IHostMemory):
        with pytest.raises(TypeError, match="No constructor defined!"):
            closed()
    for wants_logger in (module.Builder, module.Runtime):
        with pytest.raises(TypeError):
            wants_logger(None)


@pytest.mark.parametrize("module", ALL)
def test_dims_in_each_dialect(module: Any) -> None:
    dims = module.Dims((2, 3, 4))
    assert (repr(dims), repr(module.Dims([5])), repr(module.Dims())) == ("(2, 3, 4)", "(5,)", "()")
    assert dims == (2, 3, 4)
    assert (2, 3, 4) == dims
    assert dims == [2, 3, 4]
    assert not isinstance(dims, tuple | list)
    for refused in (
        lambda: dims == module.Dims((2, 3, 4)),
        lambda: dims is None or dims == None,  # noqa: E711
        lambda: dims == np.array([2, 3, 4]),
        lambda: hash(dims),
        lambda: pickle.dumps(dims),
        lambda: dims + (1,),
        lambda: module.Dims((1.5, 2)),
    ):
        with pytest.raises(TypeError):
            refused()
    assert not hasattr(dims, "index")
    assert (len(dims), dims[-1], 3 in dims, tuple(dims), list(dims)) == (3, 4, True, (2, 3, 4), [2, 3, 4])
    assert dims[:2] == (2, 3)
    assert type(dims[1:]) is tuple
    with pytest.raises(IndexError, match="Out of bounds"):
        dims[3]
    dims[1] = 9
    assert dims == (2, 9, 4)
    assert np.zeros(dims).shape == (2, 9, 4)
    for ints in (range(3), np.array([1, 2]), [np.int64(4), 5]):
        assert tuple(module.Dims(ints)) == tuple(int(i) for i in ints)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="8"):
        module.Dims(range(9))
    big = 1 << 40
    if module in (v7, v8):
        with pytest.raises(TypeError):
            module.Dims((big,))
    else:
        assert module.Dims((big,)) == (big,)
    assert (module.Dims().MAX_DIMS, module.Dims2(), module.Dims3(), module.Dims4()) == (8, (0, 0), (0,) * 3, (0,) * 4)
    assert (module.DimsHW(), module.DimsHW(2, 3).h, module.DimsHW((2, 3)).w) == ((0, 0), 2, 3)
    with pytest.raises(ValueError):
        module.Dims2((1, 2, 3))


@pytest.mark.parametrize("module", ALL)
def test_dims_are_made_of_sequences_but_not_of_numbers(module: Any) -> None:
    net = module.Builder(module.Logger()).create_network()
    assert net.add_input("a", module.float32, [1, 2]).shape == (1, 2)
    assert net.add_input("b", module.float32, np.array([3, 4])).shape == (3, 4)
    with pytest.raises(TypeError):
        net.add_input("c", module.float32, 3)
    order = module.Permutation([1, 0])
    assert (len(order), repr(order)) == (8, "(1, 0, 0, 0, 0, 0, 0, 0)")


@pytest.mark.parametrize("module", ALL)
def test_weights_in_each_dialect(module: Any, capfd: pytest.CaptureFixture[str]) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    weights = module.Weights(array)
    array[0, 0] = 7
    assert (weights.dtype, weights.size, weights.nbytes, len(weights)) == (module.float32, 6, 24, 6)
    assert weights.numpy().shape == (6,)
    assert weights.numpy()[0] == 7
    assert (module.Weights().size, module.Weights(module.float16).dtype) == (0, module.float16)
    taken = [np.float32, np.float16, np.int8, np.int32, np.bool_]
    taken += [np.uint8] * (module is not v7) + [np.int64] * (module in (trt, v11))
    for dtype in (np.float32, np.float16, np.int8, np.int32, np.bool_, np.uint8, np.int64, np.float64, np.int16):
        numbers = np.ones(2, dtype)
        if dtype in taken:
            assert module.Weights(numbers).size == 2
            continue
        with pytest.raises(ValueError, match="Could not implicitly convert"):
            module.Weights(numbers)
        assert "Could not implicitly convert" in capfd.readouterr().err
        with pytest.raises(TypeError):
            module.Builder(module.Logger()).create_network().add_constant((2,), numbers)
    for refused in ([1.0], 1.0):
        with pytest.raises(TypeError):
            module.Builder(module.Logger()).create_network().add_constant((1,), refused)
    with pytest.raises(ValueError):
        module.Weights(np.ones((4, 4), np.float32)[:, ::2])


def test_weights_keep_their_array() -> None:
    array = np.ones(3, np.float32)
    alive = weakref.ref(array)
    weights = trt.Weights(array)
    del array
    gc.collect()
    assert alive() is not None
    assert weights.numpy().sum() == 3
    del weights
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("dialect", [8, 10, 11])
def test_deprecated_methods_warn_where_the_bindings_do(dialect: int) -> None:
    """A call to a member that the bindings of a version warn about warns; other methods are silent about themselves."""
    module = {8: v8, 10: trt, 11: v11}[dialect]
    key = _KEYS[dialect]
    for name, entry in SURFACE["classes"].items():
        if not surface.alive(entry, dialect):
            continue
        for called, info in entry["methods"].items():
            if called.startswith("__") or not surface.alive(info, dialect):
                continue
            got = inspect.getattr_static(getattr(module, name), called, None) or getattr(getattr(module, name), called)
            warning = _warns(got, dialect)
            assert warning == (key in info.get("deprecation_warning", ())), f"{name}.{called} in {dialect}"


def _warns(function: Any, dialect: int) -> bool:
    while function is not None:
        if "instead" in getattr(getattr(function, "__code__", None), "co_freevars", ()):
            return dialect in inspect.getclosurevars(function).nonlocals["dialects"]
        function = getattr(function, "__wrapped__", None)
    return False


def test_a_declared_method_says_use_instead() -> None:
    assert "instead" in inspect.signature(method).parameters
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        builder = v8.Builder(v8.Logger(v8.Logger.INTERNAL_ERROR))
        builder.build_engine(builder.create_network(), builder.create_builder_config())
    assert ["Use build_serialized_network instead." in str(w.message) for w in heard] == [True]
