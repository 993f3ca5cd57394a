"""Dims, Permutation, Weights, IHostMemory and the functions of the module."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import minirt as trt
from minirt import v7, v8
from minirt.api.host_memory import host_memory


def test_dims_read_like_a_tuple() -> None:
    dims = trt.Dims([1, 2, 3])
    assert repr(dims) == str(dims) == "(1, 2, 3)"
    assert (repr(trt.Dims((5,))), repr(trt.Dims())) == ("(5,)", "()")
    assert dims == (1, 2, 3)
    assert [1, 2, 3] == dims
    assert dims != (1, 2)
    assert (len(dims), dims[-1], 2 in dims, tuple(dims), dims[1:]) == (3, 3, True, (1, 2, 3), (2, 3))
    assert np.zeros(dims).shape == (1, 2, 3)  # type: ignore[call-overload]
    dims[0] = 7
    dims[1:] = (8, 9)
    assert dims == (7, 8, 9)
    assert trt.Dims.MAX_DIMS == 8


def test_dims_refuse_what_the_bindings_refuse() -> None:
    dims = trt.Dims((1, 2))
    for bad in (dims, None, np.array([1, 2])):
        with pytest.raises(TypeError):
            dims == bad  # noqa: B015
    with pytest.raises(TypeError):
        hash(dims)
    with pytest.raises(TypeError):
        pickle.dumps(dims)
    with pytest.raises(TypeError):
        trt.Dims([1.0])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        trt.Dims(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        trt.Dims(range(9))
    with pytest.raises(IndexError, match="Out of bounds"):
        dims[2]
    assert not hasattr(dims, "get_type")


def test_dims_take_any_ints() -> None:
    assert trt.Dims(np.array([3, 4])) == (3, 4)
    assert trt.Dims(range(3)) == (0, 1, 2)
    assert trt.Dims([np.int64(1 << 40)])[0] == 1 << 40
    with pytest.raises(TypeError):
        v8.Dims([1 << 40])


def test_fixed_dims() -> None:
    assert (trt.Dims2(), trt.Dims3(), trt.Dims4()) == ((0, 0), (0, 0, 0), (0, 0, 0, 0))  # type: ignore[comparison-overlap]
    assert trt.Dims3(1, 2, 3) == trt.Dims3([1, 2, 3])[:] == (1, 2, 3)
    hw = trt.DimsHW(h=4, w=5)
    hw.h = 6
    assert (hw, hw.w) == ((6, 5), 5)  # type: ignore[comparison-overlap]
    assert isinstance(hw, trt.Dims2)
    assert isinstance(v8.DimsHW(1, 2), v8.Dims2)
    with pytest.raises(ValueError):
        trt.Dims2((1, 2, 3))
    assert v7.DimsNCHW(1, 2, 3, 4).c == 2
    assert not hasattr(trt, "DimsNCHW")


def test_permutation_has_eight_entries() -> None:
    order = trt.Permutation((1, 0))
    assert len(order) == 8
    assert repr(order) == "(1, 0, 0, 0, 0, 0, 0, 0)"


def test_weights_share_the_array() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    weights = trt.Weights(array)
    assert (weights.size, weights.nbytes, len(weights), weights.dtype) == (6, 24, 6, trt.float32)
    array[0, 0] = 9
    assert weights.numpy()[0] == 9
    assert weights.numpy().shape == (6,)
    empty = trt.Weights(trt.float16)
    assert (empty.size, empty.numpy().dtype) == (0, np.float16)


def test_weights_at_an_address() -> None:
    array = np.arange(4, dtype=np.int64)
    weights = trt.Weights(trt.int64, array.ctypes.data, 4)
    assert np.array_equal(weights.numpy(), array)
    raw = np.array([1, 2], np.uint16)
    bf16 = trt.Weights(trt.bfloat16, raw.ctypes.data, 2)
    assert bf16.numpy() is bf16
    assert bf16.nbytes == 4


@pytest.mark.parametrize("bad", [np.zeros(2), np.zeros(2, np.int16), np.zeros((2, 3), np.float32).T])
def test_weights_refuse(bad: np.ndarray) -> None:
    with pytest.raises(ValueError):
        trt.Weights(bad)


def test_weights_types_by_dialect() -> None:
    with pytest.raises(ValueError):
        v8.Weights(np.zeros(2, np.int64))
    with pytest.raises(ValueError):
        v7.Weights(np.zeros(2, np.uint8))
    assert v8.Weights(np.zeros(2, np.uint8)).dtype == v8.uint8


def test_host_memory_is_a_buffer() -> None:
    memory = host_memory(b"abcd")
    assert bytes(memory) == b"abcd"
    assert memoryview(memory).nbytes == memory.nbytes == 4
    assert np.frombuffer(memory, np.uint8)[0] == ord("a")
    assert memory.dtype == trt.int8
    assert memory
    with pytest.raises(TypeError, match="No constructor defined"):
        trt.IHostMemory()
    with pytest.raises(TypeError):
        len(memory)


def test_functions() -> None:
    assert (trt.volume((2, 3)), trt.volume(()), trt.volume(trt.Dims((2, -1)))) == (6, 1, -2)
    assert trt.nptype(trt.float16) is np.float16
    assert trt.nptype(trt.bool) is np.bool_
    for bad in (trt.bfloat16, trt.fp8, 1):
        with pytest.raises(TypeError, match="equivalent numpy datatype"):
            trt.nptype(bad)  # type: ignore[arg-type]
    assert trt.__version__ == "10.16.1.11"
