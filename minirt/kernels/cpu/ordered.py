# mypy: disable-error-code="no-untyped-call"
"""Building blocks of reductions in kernel text: floats as integers of the same order, small arrays on the stack."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from minirt.kernels.cpu.lanes import I32, I64, Num

_WIDTHS: dict[Any, Any] = {types.float32: (I32, types.int32, 31), types.float64: (I64, types.int64, 63)}
_BACK: dict[Any, Any] = {
    types.int32: (ir.FloatType(), types.float32, 31),
    types.int64: (ir.DoubleType(), types.float64, 63),
}


def _key(nan: int, doc: str) -> Any:
    def typing(context: Any, x: Any) -> Any:
        kind, result, shift = _WIDTHS[x]

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            number = Num(builder, values[0]) + 0.0  # -0 and 0 are equal
            bits = number.bits(kind)
            key = bits ^ ((bits >> shift) & ((1 << shift) - 1))
            most = (1 << shift) - 1 if nan > 0 else -(1 << shift)
            return number.is_nan().select(key.like(most), key).value

        return result(x), generate

    typing.__doc__ = doc
    return intrinsic(typing)


key_max = _key(1, "A float as an integer of the same order; NaN is the greatest.")
key_min = _key(-1, "A float as an integer of the same order; NaN is the least.")


@intrinsic
def from_key(context: Any, key: Any) -> Any:
    """The float of a key; NaN for the greatest and the least."""
    kind, result, shift = _BACK[key]

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        bits = Num(builder, values[0])
        return (bits ^ ((bits >> shift) & ((1 << shift) - 1))).bits(kind).value

    return result(key), generate


def stack(kind: Any, count: int) -> Any:
    """A call that gives a pointer to ``count`` elements of a Numba type on the stack, aligned to 64 bytes."""

    @intrinsic
    def reserve(context: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            place = cgutils.alloca_once(builder, ir.ArrayType(context.get_data_type(kind), count))
            place.align = 64
            return builder.bitcast(place, context.get_data_type(kind).as_pointer())

        return types.CPointer(kind)(), generate

    return reserve
