"""The NumPy printer of scalar expressions: the reference, and the symbolic one that folds shape arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from minirt.errors import MinirtError
from minirt.ir.scalar import Body, Scalar, postorder
from minirt.types import dim
from minirt.types.dtype import Array, DType, bool_

_erf = np.vectorize(math.erf, otypes=[np.float64])


def erf(x: Array) -> Array:
    """The error function, in float64, returned in x's type (shape kept)."""
    return np.asarray(_erf(x) if x.size else x, dtype=x.dtype)


def _int_div(a: Array, b: Array) -> Array:
    safe = np.where(b == 0, 1, b)
    quotient = np.abs(a) // np.abs(safe)
    return np.where((a < 0) ^ (b < 0), -quotient, quotient).astype(a.dtype)


def _div(a: Array, b: Array) -> Array:
    return np.true_divide(a, b) if a.dtype.kind == "f" else _int_div(a, b)


def _shift(fn: Callable[..., Any]) -> Callable[[Array, Array], Array]:
    """A shift by less than 0, or by the width and more, gives 0."""

    def run(a: Array, b: Array) -> Array:
        bits = a.dtype.itemsize * 8
        outside = (b < 0) | (b >= bits)
        return np.where(outside, 0, fn(a, np.where(outside, 0, b).astype(a.dtype))).astype(a.dtype)

    return run


def _pow(a: Array, b: Array) -> Array:
    """Integers to a negative power give 0, but for 1 and -1."""
    if a.dtype.kind == "f":
        return np.asarray(np.power(a, b))
    units = np.where(a == 1, 1, np.where((a < 0) & (np.abs(a) == 1), np.where(b % 2 == 0, 1, a), 0))
    return np.where(b < 0, units, np.power(a, np.maximum(b, 0))).astype(a.dtype)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "neg": np.negative, "abs": np.abs, "sign": np.sign, "floor": np.floor, "ceil": np.ceil, "round": np.rint,
    "trunc": np.trunc, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "recip": lambda x: 1 / x, "exp": np.exp,
    "log": np.log, "log1p": np.log1p, "expm1": np.expm1, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "erf": erf, "bitnot": np.invert,
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": _div, "mod": np.mod, "fmod": np.fmod,
    "pow": _pow, "min": np.minimum, "max": np.maximum, "atan2": np.arctan2, "bitand": np.bitwise_and,
    "bitor": np.bitwise_or, "bitxor": np.bitwise_xor, "shl": _shift(np.left_shift), "shr": _shift(np.right_shift),
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
    "ne": np.not_equal, "and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor, "not": np.logical_not,
    "isnan": np.isnan, "isinf": np.isinf, "isposinf": np.isposinf, "isneginf": np.isneginf, "select": np.where,
}  # fmt: skip


def numpy_type(dtype: DType, wide: bool) -> np.dtype[Any]:
    """The NumPy type that holds ``dtype``; float64 for every float in a wide (checking) evaluation."""
    return np.dtype(np.float64) if wide and dtype.is_float else dtype.numpy


def _cast(x: Array, dtype: DType, wide: bool) -> Array:
    if dtype is bool_:
        return np.asarray(x != 0)
    target = numpy_type(dtype, wide)
    if dtype.is_integer and x.dtype.kind == "f":
        x = np.trunc(x)
    if dtype.is_float and dtype.bits == 8 and not wide:
        most = float(ml_dtypes.finfo(dtype.numpy).max)  # type: ignore[no-untyped-call]  # infinities saturate, too
        x = np.clip(np.asarray(x).astype(np.float32) if x.dtype != np.float64 else x, -most, most)
    return np.asarray(x).astype(target)


def run_body(body: Body, arrays: Sequence[Array], wide: bool = False) -> tuple[Array, ...]:
    """Each result over operands broadcast against each other (NumPy rules), as new arrays of the common shape."""
    shape = np.broadcast_shapes(*(np.shape(a) for a in arrays)) if arrays else ()
    seen: dict[Scalar, Any] = {}
    with np.errstate(all="ignore"):
        for node in postorder(body.results):
            seen[node] = _node(node, seen, arrays, shape, wide)
    return tuple(np.array(np.broadcast_to(seen[r], shape)) for r in body.results)


def _node(node: Scalar, seen: dict[Scalar, Any], arrays: Sequence[Array], shape: tuple[int, ...], wide: bool) -> Any:
    if node.fn == "arg":
        assert isinstance(node.value, int)
        return np.asarray(arrays[node.value])
    if node.fn == "const":
        return np.asarray(node.value).astype(numpy_type(node.dtype, wide))
    if node.fn == "index":
        assert isinstance(node.value, int)
        axis = len(shape) + node.value
        return np.arange(shape[axis], dtype=np.int64).reshape([-1] + [1] * (len(shape) - axis - 1))
    operands = [seen[a] for a in node.args]
    if node.fn == "cast":
        return _cast(operands[0], node.dtype, wide)
    out = _FUNCTIONS[node.fn](*operands)
    return np.asarray(out).astype(numpy_type(node.dtype, wide), copy=False)


_SYMBOLIC: dict[str, Callable[..., dim.Dim]] = {
    "neg": lambda a: dim.mul(a, -1),
    "abs": lambda a: dim.maximum(a, dim.mul(a, -1)),
    "floor": dim.floor,
    "ceil": dim.ceil,
    "trunc": dim.trunc,
    "recip": lambda a: dim.divide(1, a),
    "add": dim.add,
    "sub": lambda a, b: dim.add(a, dim.mul(b, -1)),
    "mul": dim.mul,
    "min": dim.minimum,
    "max": dim.maximum,
    "lt": dim.less,
    "gt": lambda a, b: dim.less(b, a),
    "le": lambda a, b: dim.add(1, dim.mul(dim.less(b, a), -1)),
    "ge": lambda a, b: dim.add(1, dim.mul(dim.less(a, b), -1)),
    "eq": dim.equal,
    "ne": lambda a, b: dim.add(1, dim.mul(dim.equal(a, b), -1)),
    "and": dim.mul,
    "or": dim.maximum,
    "not": lambda a: dim.add(1, dim.mul(a, -1)),
    "select": dim.select,
    "mod": lambda a, b: dim.add(a, dim.mul(dim.mul(b, dim.floor(dim.divide(a, b))), -1)),
}


def symbolic(body: Body, values: Sequence[dim.Dim]) -> dim.Dim | None:
    """The first result over symbolic operands; None where the vocabulary has no exact rule for it."""
    seen: dict[Scalar, dim.Dim] = {}
    for node in postorder(body.results[:1]):
        if node.fn == "arg":
            assert isinstance(node.value, int)
            seen[node] = values[node.value]
        elif node.fn == "const" and isinstance(node.value, int | float) and math.isfinite(node.value):
            seen[node] = dim.rational(node.value)
        else:
            found = _symbolic_call(node, [seen[a] for a in node.args])
            if found is None:
                return None
            seen[node] = found
    return seen[body.results[0]]


def _symbolic_call(node: Scalar, operands: list[dim.Dim]) -> dim.Dim | None:
    if node.fn == "cast":
        if node.dtype is bool_:
            return dim.add(1, dim.mul(dim.equal(operands[0], 0), -1))
        return dim.trunc(operands[0]) if node.dtype.is_integer else operands[0]
    if node.fn == "div":
        if operands[1] == 0:
            return None
        quotient = dim.divide(operands[0], operands[1])
        return dim.trunc(quotient) if node.dtype.is_integer else quotient
    if node.fn not in _SYMBOLIC:
        return None
    try:
        return _SYMBOLIC[node.fn](*operands)
    except (MinirtError, OverflowError):
        return None
