"""Enums behave as pybind11's do."""

from __future__ import annotations

import copy
import pickle

import pytest

import minirt as trt
from minirt import v7, v8, v11


def test_member_reads_as_in_the_bindings() -> None:
    assert repr(trt.DataType.FLOAT) == "<DataType.FLOAT: 0>"
    assert str(trt.DataType.HALF) == "DataType.HALF"
    assert (trt.DataType.HALF.name, trt.DataType.HALF.value, int(trt.DataType.HALF)) == ("HALF", 1, 1)
    assert repr(trt.DataType(99)) == "<DataType.???: 99>"
    assert repr(trt.Logger.WARNING) == "<Severity.WARNING: 2>"


def test_no_int_and_no_collection() -> None:
    assert not isinstance(trt.DataType.HALF, int)
    assert trt.DataType.HALF != 1
    for bad in (lambda: trt.DataType["HALF"], lambda: list(trt.DataType), lambda: trt.DataType("HALF")):  # type: ignore[arg-type, call-overload, misc]
        with pytest.raises(TypeError):
            bad()
    with pytest.raises(TypeError):
        1 << trt.BuilderFlag.FP16  # type: ignore[operator]
    with pytest.raises(TypeError):
        trt.BuilderFlag.FP16 | trt.BuilderFlag.TF32  # type: ignore[operator]
    assert {1: "onnx FLOAT"}.get(trt.DataType.HALF) is None  # type: ignore[call-overload]
    assert 1 << int(trt.BuilderFlag.TF32) == 64


def test_members_are_in_order_and_hash_to_their_value() -> None:
    assert list(trt.DataType.__members__)[:4] == ["FLOAT", "HALF", "INT8", "INT32"]
    assert trt.DataType.__members__["BF16"] == trt.bfloat16
    assert hash(trt.DataType.INT32) == 3
    assert {trt.DataType.FLOAT: "a"}[trt.float32] == "a"


def test_order_only_where_the_bindings_order() -> None:
    assert trt.Logger.ERROR < trt.Logger.WARNING <= trt.ILogger.Severity.WARNING
    with pytest.raises(TypeError):
        trt.DataType.FLOAT < trt.DataType.HALF  # type: ignore[operator]  # noqa: B015
    with pytest.raises(TypeError):
        trt.Logger.ERROR < 2  # type: ignore[operator]  # noqa: B015


@pytest.mark.parametrize("module", [trt, v7, v8, v11])
def test_pickle_and_copy(module: object) -> None:
    for member in (module.DataType.INT8, module.BuilderFlag.TF32, module.Logger.ERROR):  # type: ignore[attr-defined]
        again = pickle.loads(pickle.dumps(member))
        assert again == member
        assert copy.deepcopy(member) == member
        assert type(again) is type(member)


def test_integers_by_dialect() -> None:
    tf32 = [int(m.BuilderFlag.TF32) for m in (v7, v8, trt, v11)]
    assert tf32 == [7, 7, 6, 6]
    assert int(v11.NetworkDefinitionCreationFlag.STRONGLY_TYPED) == 0
    assert int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED) == 1
    assert v8.ResizeMode is v8.InterpolationMode
    assert v7.ResizeMode is not getattr(v7, "InterpolationMode", None)


def test_a_missing_member_says_who_has_it() -> None:
    with pytest.raises(AttributeError, match=r"minirt\.v8"):
        getattr(trt.BuilderFlag, "STRICT_TYPES")  # noqa: B009
    with pytest.raises(AttributeError, match=r"minirt\.v11"):
        getattr(trt, "CausalMaskKind")  # noqa: B009
    assert not hasattr(trt, "IFullyConnectedLayer")


def test_itemsize() -> None:
    assert trt.float32.itemsize == 4
    assert trt.int4.itemsize == 0.5
    assert trt.e8m0.itemsize is None
    assert v8.DataType.UINT8.itemsize == 1
