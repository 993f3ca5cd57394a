"""Matrix products and convolutions against NumPy in float64: odd shapes, pads, groups, views, guarded memory."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from minirt.errors import CompileError
from minirt.kernels.cpu.compile import CpuUnit, address
from minirt.kernels.cpu.epilogue import Epilogue, Operand
from minirt.kernels.cpu.matrix import (
    MatrixSpec,
    conv_args,
    matrix_unit,
    pack_matrix,
    pack_weights,
    pick_vectors,
    product_args,
    task_count,
)

RANGE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
GUARD = 64
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


class Guarded:
    """An array inside a larger one full of NaN, which no kernel may change, nor let into its result."""

    def __init__(self, shape: tuple[int, ...], dtype: type = np.float32) -> None:
        size = int(np.prod(shape))
        self.all: NDArray[np.floating] = np.full(size + 2 * GUARD, np.nan, dtype)
        self.array = self.all[GUARD : GUARD + size].reshape(shape)

    def whole(self) -> bool:
        """Whether the guards are as they were."""
        return bool(np.isnan(self.all[:GUARD]).all() and np.isnan(self.all[-GUARD:]).all())


def run(unit: CpuUnit, args: list[int], n: int) -> None:
    """Call the kernel on [0, n) in uneven pieces, last first."""
    entry = RANGE(address(unit))
    memory = np.array(args, np.int64)
    cuts = sorted({0, n // 3, n // 2, n})
    for lo, hi in reversed(list(zip(cuts, cuts[1:], strict=False))):
        entry(lo, hi, memory.ctypes.data)


@dataclass(frozen=True)
class Case:
    """A convolution: images, groups, channels, size, kernel, strides, dilations, (top, left, bottom, right)."""

    n: int
    g: int
    ic: int
    oc: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)

    def out(self) -> tuple[int, int]:
        """Output height and width."""
        high, wide = (
            (self.size[i] + self.pads[i] + self.pads[2 + i] - self.dilations[i] * (self.kernel[i] - 1) - 1)
            // self.strides[i]
            + 1
            for i in (0, 1)
        )
        return high, wide


def reference(case: Case, x: Doubles, w: Doubles) -> Doubles:
    """Channels-last convolution in float64: one matrix product for each tap."""
    (oh, ow), (t, left, b, r) = case.out(), case.pads
    x = np.pad(x, ((0, 0), (t, b), (left, r), (0, 0)))
    y = np.zeros((case.n, oh, ow, case.g, case.oc))
    for a in range(case.kernel[0]):
        for c in range(case.kernel[1]):
            top, side = a * case.dilations[0], c * case.dilations[1]
            part = x[:, top:, side:][:, :: case.strides[0], :: case.strides[1]][:, :oh, :ow]
            part = part.reshape(*part.shape[:3], case.g, case.ic)
            y += np.einsum("nhwgi,goi->nhwgo", part, w[..., a, c].reshape(case.g, case.oc, case.ic))
    return y.reshape(case.n, oh, ow, case.g * case.oc)


CASES = [
    Case(1, 1, 1, 1, (1, 1), (1, 1)),
    Case(2, 1, 3, 5, (7, 11), (3, 3), pads=(1, 1, 1, 1)),
    Case(1, 1, 17, 33, (13, 13), (1, 1)),
    Case(1, 1, 16, 64, (9, 14), (3, 3), pads=(1, 1, 1, 1)),
    Case(3, 1, 5, 31, (7, 7), (7, 7), pads=(3, 3, 3, 3)),
    Case(1, 2, 4, 6, (8, 5), (3, 2), strides=(2, 1), pads=(0, 1, 2, 0)),
    Case(1, 3, 7, 17, (5, 23), (1, 5), dilations=(1, 3), pads=(0, 6, 0, 2)),
    Case(1, 1, 2, 8, (11, 13), (2, 2), strides=(5, 4)),
    Case(1, 1, 6, 48, (6, 6), (3, 3), dilations=(2, 2), pads=(2, 2, 2, 2)),
    Case(2, 4, 2, 3, (4, 4), (4, 4), pads=(2, 1, 1, 2)),
    Case(1, 1, 3, 16, (30, 30), (3, 3), strides=(2, 2), pads=(0, 0, 1, 1)),
    Case(1, 1, 1, 2, (1, 40), (1, 16), strides=(1, 7), pads=(0, 20, 0, 9)),
    Case(1, 1, 3, 20, (19, 33), (3, 3), strides=(2, 1), pads=(1, 1, 1, 1)),
    Case(1, 1, 1, 9, (1, 900), (1, 400), strides=(1, 160), pads=(0, 200, 0, 200)),
    Case(1, 2, 4, 4, (6, 31), (2, 3), dilations=(3, 1)),
]


@pytest.mark.parametrize("vectors", [1, 2, 3])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution(case: Case, vectors: int) -> None:
    epilogue = Epilogue((Operand(), Operand()), "max(acc + e0, float32(0)) - e1")
    spec = MatrixSpec(vectors, epilogue=epilogue)
    rng, (oh, ow) = np.random.default_rng(1), case.out()
    xc = case.g * case.ic + 3 * (vectors - 1)  # views into wider buffers, and a dense input
    yc = case.g * case.oc + 5
    xs, ys = Guarded((case.n, *case.size, xc)), Guarded((case.n, oh, ow, yc))
    x = xs.array[..., : case.g * case.ic]
    x[...] = rng.standard_normal(x.shape)
    w = rng.standard_normal((case.g * case.oc, case.ic, *case.kernel)).astype(np.float32)
    bias = rng.standard_normal(case.g * case.oc).astype(np.float32)
    residual = rng.standard_normal((case.n, oh, ow, case.g * case.oc)).astype(np.float32)
    packed, zeros = pack_weights(w, case.g, spec.width), np.zeros(case.ic, np.float32)
    x_strides = (xc * case.size[0] * case.size[1], xc * case.size[1], xc)
    args = conv_args(
        case.n, case.g, (case.ic, case.oc), (case.size, (oh, ow)), case.kernel, case.strides, case.dilations,
        case.pads[:2], x_strides, (oh * ow * yc, yc), spec, threads=1 + vectors,
    )  # fmt: skip
    args[0], args[1], args[2] = xs.array.ctypes.data, packed.ctypes.data, zeros.ctypes.data
    args[30] = ys.array.ctypes.data
    each = residual.shape[-1]
    args += [bias.ctypes.data, 0, case.oc, 0, residual.ctypes.data, oh * ow * each, case.oc, each]
    run(matrix_unit(spec), args, task_count(args, spec.width))
    exact = np.maximum(reference(case, x.astype(np.float64), w.astype(np.float64)) + bias, 0) - residual
    np.testing.assert_allclose(ys.array[..., :each], exact, rtol=1e-5, atol=1e-5 * np.abs(exact).max())
    assert ys.whole() and np.isnan(ys.array[..., each:]).all()


@pytest.mark.parametrize(
    ("m", "n", "k"), [(1, 1, 1), (1, 1000, 37), (13, 31, 64), (14, 32, 1), (45, 97, 129), (3, 7, 0)]
)
@pytest.mark.parametrize("transposed", [False, True])
def test_product(m: int, n: int, k: int, transposed: bool) -> None:
    spec = MatrixSpec(pick_vectors(n), dense_depth=not transposed)
    rng = np.random.default_rng(2)
    a = rng.standard_normal((2, 3, k, m) if transposed else (2, 3, m, k)).astype(np.float32)
    b = rng.standard_normal((3, k, n)).astype(np.float32)
    packed, y = pack_matrix(b, spec.width), Guarded((2, 3, m, n))
    rows, steps = (1, m) if transposed else (k, 1)
    block = k * spec.width
    blocks = -(-n // spec.width)
    args = product_args(
        (2, 3), (m, n, k), (3 * m * k, m * k, rows, steps), (0, blocks * block, block, spec.width),
        (3 * m * n, m * n, n), spec, threads=2,
    )  # fmt: skip
    args[0], args[1], args[30] = a.ctypes.data, packed.ctypes.data, y.array.ctypes.data
    run(matrix_unit(spec), args, task_count(args, spec.width))
    left = np.swapaxes(a, -1, -2) if transposed else a
    exact = left.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(y.array, exact, rtol=1e-5, atol=2e-5)
    assert y.whole()


def test_right_operand_in_place() -> None:
    spec = MatrixSpec(1, packed=False)
    m, n, k = 9, 3 * spec.width, 21
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((m, k)).astype(np.float32), rng.standard_normal((k, n)).astype(np.float32)
    y = Guarded((m, n))
    args = product_args((1, 1), (m, n, k), (0, 0, k, 1), (0, 0, spec.width, n), (0, 0, n), spec)
    args[0], args[1], args[30] = a.ctypes.data, b.ctypes.data, y.array.ctypes.data
    run(matrix_unit(spec), args, task_count(args, spec.width))
    np.testing.assert_allclose(y.array, a.astype(np.float64) @ b, rtol=1e-5, atol=1e-5)
    assert y.whole()


@pytest.mark.parametrize("dtype", ["f16", "bool", "i32", "f64", "bf16"])
def test_operand_types_and_coordinates(dtype: str) -> None:
    result = "float32(acc * float32(e0) + e1 + image * 1000 + group * 100 + m * 10 + c)"
    spec = MatrixSpec(2, epilogue=Epilogue((Operand(dtype), Operand(column=False)), result, out="f16"))
    m, n, k = 5, spec.width + 7, 4
    a, b = np.ones((2, 2, m, k), np.float32), np.ones((k, n), np.float32)
    kinds = {"f16": np.float16, "bool": np.bool_, "i32": np.int32, "f64": np.float64, "bf16": np.uint16}
    one = 0x3F80 if dtype == "bf16" else 1  # the bits of 1
    given: NDArray[np.generic] = (np.arange(n) % 2 * one).astype(kinds[dtype])
    each, y = np.arange(m, dtype=np.float32), Guarded((2, 2, m, n), np.float16)
    packed = pack_matrix(b, spec.width)
    args = product_args(
        (2, 2), (m, n, k), (2 * m * k, m * k, k, 1), (0, 0, k * spec.width, spec.width), (2 * m * n, m * n, n), spec
    )
    args[0], args[1], args[30] = a.ctypes.data, packed.ctypes.data, y.array.ctypes.data
    args += [given.ctypes.data, 0, 0, 0, each.ctypes.data, 0, 0, 1]
    run(matrix_unit(spec), args, task_count(args, spec.width))
    image, group, row, column = np.indices(y.array.shape)
    exact = 4.0 * (column % 2) + row + image * 1000 + group * 100 + row * 10 + column
    np.testing.assert_array_equal(y.array, exact.astype(np.float16))
    assert y.whole()


def test_nan_and_infinity_stay() -> None:
    spec = MatrixSpec(1)
    a, b = np.ones((3, 2), np.float32), np.ones((2, 4), np.float32)
    a[0, 0], a[1, 0], y = np.nan, np.inf, Guarded((3, 4))
    packed = pack_matrix(b, spec.width)
    args = product_args((1, 1), (3, 4, 2), (0, 0, 2, 1), (0, 0, 2 * spec.width, spec.width), (0, 0, 4), spec)
    args[0], args[1], args[30] = a.ctypes.data, packed.ctypes.data, y.array.ctypes.data
    run(matrix_unit(spec), args, task_count(args, spec.width))
    np.testing.assert_array_equal(y.array, a @ b)


def test_epilogue_types_are_checked() -> None:
    with pytest.raises(CompileError, match="f8"):
        Epilogue((Operand("f8"),))
    with pytest.raises(CompileError, match="i32"):
        Epilogue(out="i32")
