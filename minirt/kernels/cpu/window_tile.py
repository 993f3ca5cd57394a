# mypy: disable-error-code="no-untyped-call"
"""The micro-kernel of depthwise convolution and pooling, as LLVM IR: T pixels times B vectors of channels.

`window_tile(kind, T, B, lanes, masked)` is an intrinsic for kernel text:

    window(x, x_pixel, na, nb, x_down, x_across, weights, w_down, w_across, scale, columns, tile)

For t < T and j < B * lanes it stores tile[t * B * lanes + j] = the combination over a < na, b < nb of
x[t * x_pixel + a * x_down + b * x_across + 4 * j] (addresses and steps in bytes): "depthwise" sums products with
weights[a * w_down + b * w_across + 4 * j], "shorts" does so of int16 (2 * j) in int32, "sum" sums and multiplies by
`scale`, "max" takes the maximum, NaN included, -infinity for none. With `masked`, only columns j < `columns` are read,
and the others hold anything.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WORD, _FLOAT, _INDEX, _SHORT = ir.IntType(64), ir.FloatType(), ir.IntType(32), ir.IntType(16)


@lru_cache(maxsize=64)
def window_tile(kind: str, rows: int, vectors: int, lanes: int, masked: bool) -> Any:
    """The intrinsic for a tile of `rows` pixels and `vectors` * `lanes` channels."""
    number, integer = types.float32, types.int64
    held = types.int32 if kind == "shorts" else number
    signature = types.void(*[integer] * 9, number, integer, types.CPointer(held))

    def _generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        _Window(builder, kind, rows, vectors, lanes, masked).build(values)
        return context.get_dummy_value()

    def _typing(
        context: Any, x: Any, x_pixel: Any, na: Any, nb: Any, x_down: Any, x_across: Any, weights: Any, w_down: Any,
        w_across: Any, scale: Any, columns: Any, tile: Any,
    ) -> Any:  # fmt: skip
        return signature, _generate

    return intrinsic(_typing)


class _Window:
    """Builds the code of one micro-kernel."""

    def __init__(self, builder: Any, kind: str, rows: int, vectors: int, lanes: int, masked: bool) -> None:
        self.b, self.kind, self.lanes, self.masked = builder, kind, lanes, masked
        self.shorts = kind == "shorts"
        number = _INDEX if self.shorts else _FLOAT
        self.vector = ir.VectorType(number, lanes)
        start = float("-inf") if kind == "max" else 0 if self.shorts else 0.0
        self.start = ir.Constant(self.vector, [ir.Constant(number, start)] * lanes)
        self.slots = [[cgutils.alloca_once(builder, self.vector) for _ in range(vectors)] for _ in range(rows)]
        self.masks: list[Any] = []

    def build(self, values: Any) -> None:
        """Start the slots, combine every tap, store the tile."""
        b = self.b
        x, x_pixel, na, nb, x_down, x_across, weights, w_down, w_across, scale, columns, tile = values
        if self.masked:
            self.masks = [self._mask(columns, j) for j in range(len(self.slots[0]))]
        for slot in (slot for row in self.slots for slot in row):
            b.store(self.start, slot)
        with cgutils.for_range(b, na) as down, cgutils.for_range(b, nb) as across:
            at = b.add(x, b.add(b.mul(down.index, x_down), b.mul(across.index, x_across)))
            factors: list[Any] = [None] * len(self.slots[0])
            if self.kind in ("depthwise", "shorts"):
                place = b.add(weights, b.add(b.mul(down.index, w_down), b.mul(across.index, w_across)))
                factors = [self._load(place, j) for j in range(len(factors))]
            for t, row in enumerate(self.slots):
                pixel = b.add(at, b.mul(x_pixel, _WORD(t)))
                for j, slot in enumerate(row):
                    b.store(self._combine(b.load(slot), self._load(pixel, j), factors[j]), slot)
        for i, slot in enumerate(slot for row in self.slots for slot in row):
            value = b.load(slot)
            if self.kind == "sum":
                value = b.fmul(value, self._splat(self.vector, scale))
            place = b.bitcast(b.gep(tile, [_WORD(i * self.lanes)]), self.vector.as_pointer())
            b.store(value, place, align=4 * self.lanes)

    def _splat(self, kind: Any, value: Any) -> Any:
        undefined = ir.Constant(kind, ir.Undefined)
        zeros = ir.Constant(ir.VectorType(_INDEX, kind.count), [0] * kind.count)
        return self.b.shuffle_vector(self.b.insert_element(undefined, value, _INDEX(0)), undefined, zeros)

    def _mask(self, columns: Any, j: int) -> Any:
        numbers = ir.VectorType(_INDEX, self.lanes)
        each = ir.Constant(numbers, [j * self.lanes + i for i in range(self.lanes)])
        return self.b.icmp_signed("<", each, self._splat(numbers, self.b.trunc(columns, _INDEX)))

    def _load(self, address: Any, j: int) -> Any:
        """A vector of channels; int16 become int32."""
        b, size = self.b, 2 if self.shorts else 4
        kind = ir.VectorType(_SHORT, self.lanes) if self.shorts else self.vector
        place = b.inttoptr(b.add(address, _WORD(size * j * self.lanes)), kind.as_pointer())
        if self.masked:
            bits = ir.VectorType(ir.IntType(1), self.lanes)
            none = ir.Constant(kind, [0] * self.lanes) if self.shorts else self.start
            name = f"llvm.masked.load.v{self.lanes}{'i16' if self.shorts else 'f32'}.p0"
            signature = ir.FunctionType(kind, [kind.as_pointer(), _INDEX, bits, kind])
            function = cgutils.get_or_insert_function(b.module, signature, name)
            found = b.call(function, [place, _INDEX(size), self.masks[j], none])
        else:
            found = b.load(place, align=size)
        return b.sext(found, self.vector) if self.shorts else found

    def _combine(self, sofar: Any, x: Any, factor: Any) -> Any:
        if self.kind == "sum":
            return self.b.fadd(sofar, x)
        if self.shorts:
            return self.b.add(sofar, self.b.mul(x, factor))
        name = "maximum" if self.kind == "max" else "fmuladd"
        given = [sofar, x] if self.kind == "max" else [x, factor, sofar]
        kind = ir.FunctionType(self.vector, [self.vector] * len(given))
        function = cgutils.get_or_insert_function(self.b.module, kind, f"llvm.{name}.v{self.lanes}f32")
        return self.b.call(function, given)
