# mypy: disable-error-code="no-untyped-call"
"""The micro-kernel of 16-bit integer products, as LLVM IR: a tile of T rows times B vectors of columns, in int32.

`pair_product(T, B, lanes, x_step, w_step)` is an intrinsic for kernel text:

    product(starts, taps, depth, x_step, weights, w_step, tile)

Like `tile_product`, with int16 numbers taken two along the depth at a time. For t < T and j < B * lanes it stores
tile[t * B * lanes + j] = the sum, over taps p and k < depth, of x[starts[p * 16 + t] + k * x_step] times weight k of
column j, modulo 2^32. Weights are words of 32 bits that hold weights 2 i (low half) and 2 i + 1 of a column; word j of
pair i of tap p lies at weights + (p * ceil(depth / 2) + i) * w_step + 4 * j, and where the depth is odd the last high
half is 0. Starts are addresses, steps are in bytes; an x_step of 2 reads both numbers of a pair at once.
"""

from __future__ import annotations

import platform
from functools import lru_cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from minirt.kernels.cpu.lanes import I16, I32
from minirt.kernels.cpu.tile import splat

_WORD = ir.IntType(64)
_MADD = {16: "llvm.x86.avx512.pmaddw.d.512", 8: "llvm.x86.avx2.pmadd.wd", 4: "llvm.x86.sse2.pmadd.wd"}


@lru_cache(maxsize=64)
def pair_product(rows: int, vectors: int, lanes: int, x_step: int = 2, w_step: int = 0) -> Any:
    """The intrinsic for a tile of `rows` (at most 16) rows and `vectors` * `lanes` columns."""
    integer = types.int64
    signature = types.void(
        types.CPointer(integer), integer, integer, integer, integer, integer, types.CPointer(types.int32)
    )

    def _generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        starts, taps, depth, x_given, weights, w_given, tile = values
        steps = _WORD(x_step) if x_step else x_given, _WORD(w_step) if w_step else w_given
        _Pairs(builder, rows, vectors, lanes, steps, x_step == 2).build(starts, taps, depth, weights, tile)
        return context.get_dummy_value()

    def _typing(
        context: Any, starts: Any, taps: Any, depth: Any, x_given: Any, weights: Any, w_given: Any, tile: Any
    ) -> Any:
        return signature, _generate

    return intrinsic(_typing)


class _Pairs:
    """Builds the code of one micro-kernel."""

    def __init__(self, builder: Any, rows: int, vectors: int, lanes: int, steps: Any, dense: bool) -> None:
        self.b, self.lanes, self.dense = builder, lanes, dense
        self.x_step, self.w_step = steps
        self.vector = ir.VectorType(I32, lanes)
        self.nothing = ir.Constant(self.vector, [0] * lanes)
        self.sums = [[cgutils.alloca_once(builder, self.vector) for _ in range(vectors)] for _ in range(rows)]

    def build(self, starts: Any, taps: Any, depth: Any, weights: Any, tile: Any) -> None:
        """Zero the sums, add every tap, store the tile."""
        b = self.b
        slots = [slot for row in self.sums for slot in row]
        for slot in slots:
            b.store(self.nothing, slot)
        pairs, odd = b.lshr(depth, _WORD(1)), b.and_(depth, _WORD(1))
        tap_bytes = b.mul(b.add(pairs, odd), self.w_step)
        with cgutils.for_range(b, taps) as loop:
            first = b.gep(starts, [b.mul(loop.index, _WORD(16))])
            rows = [b.load(b.gep(first, [_WORD(t)])) for t in range(len(self.sums))]
            begin = b.add(weights, b.mul(loop.index, tap_bytes))
            with cgutils.for_range(b, pairs) as inner:
                k = b.mul(inner.index, b.mul(self.x_step, _WORD(2)))
                words = [self._pair(b.add(row, k)) for row in rows]
                self._step(words, b.add(begin, b.mul(inner.index, self.w_step)))
            with b.if_then(b.icmp_unsigned("!=", odd, _WORD(0))):
                k = b.mul(pairs, b.mul(self.x_step, _WORD(2)))
                words = [b.zext(self._number(b.add(row, k)), I32) for row in rows]
                self._step(words, b.add(begin, b.mul(pairs, self.w_step)))
        for i, slot in enumerate(slots):
            place = b.bitcast(b.gep(tile, [_WORD(i * self.lanes)]), self.vector.as_pointer())
            b.store(b.load(slot), place, align=4 * self.lanes)

    def _number(self, address: Any) -> Any:
        return self.b.load(self.b.inttoptr(address, I16.as_pointer()), align=2)

    def _pair(self, address: Any) -> Any:
        """Two numbers along the depth, as the halves of a word."""
        b = self.b
        if self.dense:
            return b.load(b.inttoptr(address, I32.as_pointer()), align=2)
        low, high = self._number(address), self._number(b.add(address, self.x_step))
        return b.or_(b.zext(low, I32), b.shl(b.zext(high, I32), I32(16)))

    def _step(self, words: list[Any], weights: Any) -> None:
        b = self.b
        columns = []
        for j in range(len(self.sums[0])):
            place = b.add(weights, _WORD(4 * j * self.lanes))
            columns.append(b.load(b.inttoptr(place, self.vector.as_pointer()), align=4))
        for word, slots in zip(words, self.sums, strict=True):
            value = splat(b, self.vector, word)
            for slot, column in zip(slots, columns, strict=True):
                b.store(b.add(b.load(slot), self._products(value, column)), slot)

    def _products(self, x: Any, w: Any) -> Any:
        """The sums of both products of each lane."""
        b = self.b
        if platform.machine() not in ("x86_64", "AMD64"):
            sixteen = ir.Constant(self.vector, [16] * self.lanes)
            low = [b.ashr(b.shl(v, sixteen), sixteen) for v in (x, w)]
            high = [b.ashr(v, sixteen) for v in (x, w)]
            return b.add(b.mul(*low), b.mul(*high))
        halves = ir.VectorType(I16, 2 * self.lanes)
        kind = ir.FunctionType(self.vector, [halves, halves])
        function = cgutils.get_or_insert_function(b.module, kind, _MADD[self.lanes])
        return b.call(function, [b.bitcast(x, halves), b.bitcast(w, halves)])
