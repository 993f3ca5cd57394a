"""Folding: columns of windows added where the windows overlap, the last part of a transposed convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Op, Value, apply
from minirt.ir.scalar import Body, arg
from minirt.ir.weights import is_fixed
from minirt.ops.convolution_axes import Windowed
from minirt.ops.epilogue import accumulator
from minirt.ops.gemm import Gemm
from minirt.ops.movement import reshaped
from minirt.ops.pointwise import Map
from minirt.types.dim import Dim, divide, mul, product
from minirt.types.dtype import NUMBERS, bf16, f16, f32
from minirt.types.tensor import Tensor, Type


class Fold(Op):
    """Columns [N, C, taps, windows...] added where they fall: [N, C, sizes...].

    Tap t of window i falls on i * stride - pad + t * dilation along each axis; what falls outside is lost.
    ``pads`` are the begins.
    """

    dtypes = NUMBERS

    kernel: tuple[int, ...]
    sizes: tuple[Dim, ...]
    strides: tuple[int, ...]
    pads: tuple[Dim, ...]
    dilations: tuple[int, ...]

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[N, C, sizes...]."""
        (x,) = inputs
        if x.rank != len(self.kernel) + 3 or x.shape[2] != product(self.kernel):
            raise MinirtError(f"windows of {self.kernel} have no columns {x.type}")
        return (Tensor(x.dtype, (*x.shape[:2], *self.sizes)),)

    def reference(self, *arrays: Any) -> Any:
        """Tap by tap, into a result with room around it."""
        x = np.asarray(arrays[0])
        windows, sizes, pads = x.shape[3:], [int(str(n)) for n in self.sizes], [int(str(p)) for p in self.pads]
        room = list(zip(windows, self.kernel, self.strides, self.dilations, sizes, pads, strict=True))
        full = [max((n - 1) * s + (k - 1) * d + 1, size + p) for n, k, s, d, size, p in room]
        out = np.zeros((*x.shape[:2], *full), x.dtype)
        for number, tap in enumerate(np.ndindex(*self.kernel)):
            starts = [t * d for t, d in zip(tap, self.dilations, strict=True)]
            place = [slice(a, a + (n - 1) * s + 1, s) for a, (n, _, s, *_) in zip(starts, room, strict=True)]
            if all(windows):
                out[(slice(None), slice(None), *place)] += x[:, :, number]
        return out[(slice(None), slice(None), *(slice(p, p + n) for p, n in zip(pads, sizes, strict=True)))]


def settled(value: Value) -> bool:
    """True for a value that is computed from numbers that do not change from run to run."""
    return is_fixed(value) or (bool(value.node.inputs) and all(settled(v) for v in value.node.inputs))


def _reached(op: Windowed, kernel: Sequence[int]) -> bool:
    """True where every place of the result has a tap: strides go no further than taps, in steps of the dilation."""
    axes = zip(kernel, op.strides, op.dilations, strict=False)
    return all(len({t * d % s for t in range(k)}) == s for k, s, d in axes)


def folded(op: Windowed, out: Sequence[Dim], inputs: Sequence[Value]) -> Value | None:
    """A ConvTranspose as a product whose columns are folded; None where kernels take it as it is."""
    x, w, *extras = inputs
    kernel = tuple(k for k in w.shape[2:] if isinstance(k, int))
    usual = x.dtype in (f32, f16, bf16) and settled(w) and _reached(op, kernel)
    if usual or len(kernel) != len(op.strides) or not isinstance(op.groups, int):
        return None
    total, g, places = accumulator(x.dtype), op.groups, x.shape[2:]
    matrix = reshaped(w, (g, divide(w.shape[0], g), mul(w.shape[1], product(kernel))))
    columns = reshaped(x, (x.shape[0], g, divide(x.shape[1], g), product(places)))
    sums = apply(Gemm(True, False, Body((total,), (arg(0, total),))), matrix, columns)
    taps = reshaped(sums, (x.shape[0], mul(w.shape[1], g), product(kernel), *places))
    fold = Fold(kernel, tuple(out[2:]), op.strides, tuple(op.pads[: len(kernel)]), op.dilations)
    y, body = apply(fold, taps), op.body(x.dtype)
    return y if body.results == (arg(0, total),) else apply(Map(body), y, *extras)
