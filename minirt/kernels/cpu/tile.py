# mypy: disable-error-code="no-untyped-call"
"""The micro-kernel of matrix products and convolutions, as LLVM IR: a tile of T rows times B vectors of columns.

`tile_product(T, B, lanes, x_step, w_step, chunk=256)` is an intrinsic for kernel text:

    product(starts, taps, depth, x_step, weights, w_step, tile)

For t < T and j < B * lanes it stores tile[t * B * lanes + j] = the sum, over taps p and k < depth, of
x[starts[p * 16 + t] + k * x_step] * weights[(p * depth + k) * w_step + j]: starts are addresses, steps are in bytes.
A step that is given when the intrinsic is made (not 0) replaces the one of the call, and makes the loop a good deal
faster. Sums go in order of p and k, with one fused multiply-add each where the CPU has one, about `chunk` at a time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WORD = ir.IntType(64)
_FLOAT, _BYTE = ir.FloatType(), ir.IntType(8)


def _stack(kind: Any, count: int) -> Any:
    def _typing(context: Any) -> Any:
        def _generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            element = context.get_value_type(kind)
            with builder.goto_entry_block():
                slot = builder.alloca(ir.ArrayType(element, count))
                slot.align = 64
            return builder.bitcast(slot, element.as_pointer())

        return types.CPointer(kind)(), _generate

    return intrinsic(_typing)


@lru_cache(maxsize=64)
def stack_f32(count: int) -> Any:
    """An intrinsic without arguments: `count` float32 on the stack, aligned to 64 bytes."""
    return _stack(types.float32, count)


@lru_cache(maxsize=64)
def stack_i32(count: int) -> Any:
    """An intrinsic without arguments: `count` int32 on the stack, aligned to 64 bytes."""
    return _stack(types.int32, count)


@lru_cache(maxsize=64)
def stack_i64(count: int) -> Any:
    """An intrinsic without arguments: `count` int64 on the stack, aligned to 64 bytes."""
    return _stack(types.int64, count)


@intrinsic
def address_of(context: Any, pointer: Any) -> Any:
    """The address a pointer holds, as int64."""
    if not isinstance(pointer, types.CPointer):
        return None

    def _generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ptrtoint(values[0], _WORD)

    return types.int64(pointer), _generate


@intrinsic
def tap_starts(
    context: Any, rows: Any, down: Any, across: Any, h: Any, w: Any, offset: Any, zeros: Any, starts: Any, at: Any
) -> Any:
    """Where 16 rows' inputs of one tap start: starts[at + t] = rows[t] + offset, or `zeros` outside the image.

    Outside is where rows[16 + t] + down is not in [0, h), or rows[32 + t] + across not in [0, w).
    """
    pointer, integer = types.CPointer(types.int64), types.int64
    signature = types.void(pointer, *[integer] * 6, pointer, integer)

    def _generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        given, target = values[0], values[7]
        wide = ir.VectorType(_WORD, 16)
        below, right, high, long, past, nothing = (splat(builder, wide, value) for value in values[1:7])

        def _vector(pointer: Any, first: Any) -> Any:
            return builder.bitcast(builder.gep(pointer, [first]), wide.as_pointer())

        start, top, side = (builder.load(_vector(given, _WORD(16 * i)), align=8) for i in range(3))
        seen = builder.and_(
            builder.icmp_unsigned("<", builder.add(top, below), high),
            builder.icmp_unsigned("<", builder.add(side, right), long),
        )
        chosen = builder.select(seen, builder.add(start, past), nothing)
        builder.store(chosen, _vector(target, values[8]), align=8)
        return context.get_dummy_value()

    return signature, _generate


def splat(builder: Any, kind: Any, value: Any) -> Any:
    """A vector of a type, with the value in every lane."""
    undefined, index = ir.Constant(kind, ir.Undefined), ir.IntType(32)
    one = builder.insert_element(undefined, value, index(0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(index, kind.count), [0] * kind.count))


@lru_cache(maxsize=64)
def tile_product(
    rows: int, vectors: int, lanes: int, x_step: int = 4, w_step: int = 0, coded: bool = False, chunk: int = 256
) -> Any:
    """The intrinsic for a tile of `rows` (at most 16) rows and `vectors` * `lanes` columns; with `coded`, of int8."""
    integer = types.int64
    signature = types.void(
        types.CPointer(integer), integer, integer, integer, integer, integer, types.CPointer(types.float32)
    )

    def _generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        starts, taps, depth, x_given, weights, w_given, tile = values
        steps = _WORD(x_step) if x_step else x_given, _WORD(w_step) if w_step else w_given
        maker = _Tile(builder, rows, vectors, lanes, steps, chunk, coded)
        maker.build(starts, taps, depth, weights, tile)
        return context.get_dummy_value()

    def _typing(
        context: Any, starts: Any, taps: Any, depth: Any, x_given: Any, weights: Any, w_given: Any, tile: Any
    ) -> Any:
        return signature, _generate

    return intrinsic(_typing)


class _Tile:
    """Builds the code of one micro-kernel."""

    def __init__(self, builder: Any, rows: int, vectors: int, lanes: int, steps: Any, chunk: int, coded: bool) -> None:
        self.b, self.coded = builder, coded
        self.vectors, self.lanes, self.unroll = vectors, lanes, 1
        self.chunk = _WORD(chunk)
        self.x_step, self.w_step = steps
        self.vector = ir.VectorType(_FLOAT, lanes)
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        self.fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{lanes}f32")
        self.nothing = ir.Constant(self.vector, [0.0] * lanes)
        self.sums = [
            [cgutils.alloca_once(builder, self.vector, name=f"sum_{t}_{j}") for j in range(vectors)]
            for t in range(rows)
        ]

    def build(self, starts: Any, taps: Any, depth: Any, weights: Any, tile: Any) -> None:
        """Zero the sums, add every tap, store the tile.

        Sums of at most about two chunks are added to the tile one after another: long sums lose less.
        """
        b = self.b
        slots = [slot for row in self.sums for slot in row]
        places = [b.bitcast(b.gep(tile, [_WORD(i * self.lanes)]), self.vector.as_pointer()) for i in range(len(slots))]
        for slot, place in zip(slots, places, strict=True):
            b.store(self.nothing, slot)
            b.store(self.nothing, place, align=4 * self.lanes)
        since = cgutils.alloca_once_value(b, _WORD(0))
        tap_bytes = b.mul(depth, self.w_step)
        chunks = b.udiv(b.add(depth, _WORD(self.chunk.constant - 1)), self.chunk)
        with cgutils.for_range(b, taps) as loop:
            first = b.gep(starts, [b.mul(loop.index, _WORD(16))])
            rows = [b.inttoptr(b.load(b.gep(first, [_WORD(t)])), _FLOAT.as_pointer()) for t in range(len(self.sums))]
            begin = b.add(weights, b.mul(loop.index, tap_bytes))
            with cgutils.for_range(b, chunks) as part:
                k = b.mul(part.index, self.chunk)
                left = b.sub(depth, k)
                count = b.select(b.icmp_signed("<", left, self.chunk), left, self.chunk)
                x = [self._past(row, b.mul(k, self.x_step)) for row in rows]
                self._depth(x, count, b.add(begin, b.mul(k, self.w_step)))
                b.store(b.add(b.load(since), count), since)
                with b.if_then(b.icmp_signed(">=", b.load(since), self.chunk), likely=False):
                    self._flush(slots, places)
                    b.store(_WORD(0), since)
        self._flush(slots, places)

    def _flush(self, slots: list[Any], places: list[Any]) -> None:
        """Add the sums to the tile and start again."""
        b = self.b
        for slot, place in zip(slots, places, strict=True):
            b.store(b.fadd(b.load(place, align=4 * self.lanes), b.load(slot)), place, align=4 * self.lanes)
            b.store(self.nothing, slot)

    def _depth(self, rows: list[Any], depth: Any, weights: Any) -> None:
        b = self.b
        rounds = b.udiv(depth, _WORD(self.unroll))
        main = b.mul(rounds, _WORD(self.unroll))
        with cgutils.for_range(b, rounds) as loop:
            k = b.mul(loop.index, _WORD(self.unroll))
            x = [self._past(row, b.mul(k, self.x_step)) for row in rows]
            w = b.add(weights, b.mul(k, self.w_step))
            for i in range(self.unroll):
                self._step(
                    [self._past(p, b.mul(self.x_step, _WORD(i))) for p in x], b.add(w, b.mul(self.w_step, _WORD(i)))
                )
        if self.unroll > 1:
            with cgutils.for_range(b, b.sub(depth, main)) as loop:
                k = b.add(main, loop.index)
                x = [self._past(row, b.mul(k, self.x_step)) for row in rows]
                self._step(x, b.add(weights, b.mul(k, self.w_step)))

    def _past(self, pointer: Any, offset: Any) -> Any:
        b = self.b
        byte = b.gep(b.bitcast(pointer, ir.IntType(8).as_pointer()), [offset])
        return b.bitcast(byte, _FLOAT.as_pointer())

    def _column(self, weights: Any, j: int) -> Any:
        """Vector j of the weights at an address."""
        b = self.b
        if not self.coded:
            return b.load(b.inttoptr(b.add(weights, _WORD(4 * j * self.lanes)), self.vector.as_pointer()), align=4)
        place = b.inttoptr(b.add(weights, _WORD(j * self.lanes)), ir.VectorType(_BYTE, self.lanes).as_pointer())
        return b.sitofp(b.sext(b.load(place, align=1), ir.VectorType(ir.IntType(32), self.lanes)), self.vector)

    def _step(self, x: list[Any], weights: Any) -> None:
        b = self.b
        columns = [self._column(weights, j) for j in range(self.vectors)]
        for pointer, slots in zip(x, self.sums, strict=True):
            value = splat(b, self.vector, b.load(pointer))
            for slot, column in zip(slots, columns, strict=True):
                b.store(b.call(self.fma, [value, column, b.load(slot)]), slot)
