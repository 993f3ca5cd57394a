"""The table of element types, and tensor types."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import helper

from minirt.errors import MinirtError
from minirt.types.dim import symbol
from minirt.types.dtype import DTYPES, bf16, dtype_of, f16, f32, f64, from_numpy, from_onnx, i4, i32, string
from minirt.types.tensor import Tensor

NAMES = sorted(DTYPES)


@pytest.mark.parametrize("name", NAMES)
def test_onnx_numbers(name: str) -> None:
    """Each type has ONNX's own number and NumPy type."""
    dtype = DTYPES[name]
    assert from_onnx(dtype.onnx) is dtype and dtype_of(name) is dtype
    assert dtype.onnx in onnx.TensorProto.DataType.values()
    if dtype is not string:
        assert np.dtype(helper.tensor_dtype_to_np_dtype(dtype.onnx)) == dtype.numpy
        assert from_numpy(dtype.numpy) is dtype


@pytest.mark.parametrize("name", NAMES)
def test_types_are_unique(name: str) -> None:
    """Copies and pickles are the same object."""
    dtype = DTYPES[name]
    assert copy.deepcopy(dtype) is dtype and pickle.loads(pickle.dumps(dtype)) is dtype


def test_every_onnx_type_is_known() -> None:
    """All but UNDEFINED and the two floats of six bits."""
    assert {d.onnx for d in DTYPES.values()} == set(onnx.TensorProto.DataType.values()) - {0, 27, 28}


def test_compute_types_and_bytes() -> None:
    """Narrow floats compute in f32; elements of four bits take a byte each."""
    assert [d.compute for d in (f16, bf16, f32, f64, i32)] == [f32, f32, f32, f64, i32]
    assert i4.nbytes(3) == 3 and f16.nbytes(3) == 6 and string.nbytes(3) == 0


def test_unknown_types() -> None:
    """By name, number and NumPy type."""
    dates = np.dtype("M8[s]")
    calls: list[Callable[[], object]] = [lambda: dtype_of("f17"), lambda: from_onnx(99), lambda: from_numpy(dates)]
    for call in calls:
        with pytest.raises(MinirtError):
            call()


def test_strides_follow_the_layout() -> None:
    """Row-major, and channels last."""
    n = symbol("N")
    assert Tensor(f32, (n, 3, 4)).strides == (12, 4, 1)
    last = Tensor(f32, (n, 3, 4, 5), (0, 2, 3, 1))
    assert last.strides == (60, 1, 15, 3)
    assert last.size is 60 * n and str(last) == "f32[N,3,4,5]@0231"
