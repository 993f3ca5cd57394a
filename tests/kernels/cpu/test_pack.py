"""Run-time packing equals packing at load, for every layout of the source."""

import ctypes

import numpy as np
import pytest

from minirt.kernels.cpu.compile import address
from minirt.kernels.cpu.matrix import pack_matrix
from minirt.kernels.cpu.pack import pack_count, pack_floats, pack_unit

RANGE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


@pytest.mark.parametrize("width", [8, 32, 48])
@pytest.mark.parametrize(("k", "n"), [(1, 1), (17, 31), (64, 96), (5, 100)])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 1, 3, 2), (2, 0, 3, 1)])
def test_packing(width: int, k: int, n: int, order: tuple[int, ...]) -> None:
    shape = (2, 3, k, n)
    memory = np.random.default_rng(6).standard_normal([shape[axis] for axis in order]).astype(np.float32)
    matrix = memory.transpose(np.argsort(order))
    strides = [s // 4 for s in matrix.strides]
    args = [matrix.ctypes.data, 0, 2, 3, k, n, *strides]
    whole = np.full(pack_floats(args, width) + 64, np.nan, np.float32)
    args[1] = whole[32:].ctypes.data
    given, count = np.array(args), pack_count(args, width)
    for lo, hi in ((count // 2, count), (0, count // 2)):
        RANGE(address(pack_unit(width)))(lo, hi, given.ctypes.data)
    np.testing.assert_array_equal(whole[32:-32], pack_matrix(matrix, width).ravel())
    assert np.isnan(whole[:32]).all() and np.isnan(whole[-32:]).all()
