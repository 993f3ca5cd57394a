"""Importers of ONNX's reductions."""

from __future__ import annotations

from collections.abc import Callable

from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Abs, Add, Mul, Sub
from minirt.ops.arithmetic_functions import Exp, Log, Sqrt
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, axis_of, importer, number
from minirt.ops.logic import IsInf, where
from minirt.ops.movement import reshaped
from minirt.ops.reduce import reduced
from minirt.types.dtype import f32


def _axes(node: OnnxNode, rank: int) -> tuple[int, ...]:
    """Axes from the attribute or, later, operand 1; none means all, unless the node says that it means none."""
    found = node.static_ints("axes", 1)
    if found:
        return tuple(sorted({axis_of(a, rank) for a in found}))
    return () if node.attributes.get("noop_with_empty_axes", 0) else tuple(range(rank))


def _plain(kind: str) -> Callable[[OnnxNode], Result]:
    def build(node: OnnxNode) -> Value:
        x = node.input(0)
        return reduced(kind, x, _axes(node, x.rank), bool(node.attributes.get("keepdims", 1)))

    return build


for _name, _kind in {"Sum": "sum", "Mean": "mean", "Prod": "prod", "Max": "max", "Min": "min"}.items():
    importer(f"Reduce{_name}")(_plain(_kind))


def _wide(compose: Callable[[Value, tuple[int, ...], bool], Value]) -> Callable[[OnnxNode], Result]:
    """An importer of a composition, computed in f32 for narrower floats."""

    def build(node: OnnxNode) -> Value:
        x = node.input(0)
        narrow = x.dtype.is_float and x.dtype.bits < 32
        out = compose(casted(x, f32) if narrow else x, _axes(node, x.rank), bool(node.attributes.get("keepdims", 1)))
        return casted(out, x.dtype)

    return build


def _l1(x: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    return reduced("sum", apply(Abs(), x), axes, keepdims)


def _sum_square(x: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    return reduced("sum", apply(Mul(), x, x), axes, keepdims)


def _l2(x: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    total = _sum_square(x, axes, keepdims)
    return casted(apply(Sqrt(), casted(total, f32) if total.dtype.is_integer else total), x.dtype)


def _log_sum(x: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    total = reduced("sum", x, axes, keepdims)
    return casted(apply(Log(), casted(total, f32) if total.dtype.is_integer else total), x.dtype)


def _log_sum_exp(x: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    """max + log(sum(exp(x - max))), where an infinite max is left out so that it does not meet itself."""
    real = casted(x, f32) if x.dtype.is_integer else x
    top = reduced("max", real, axes)
    top = where(apply(IsInf(), top), number(0, real.dtype), top)
    total = apply(Add(), apply(Log(), reduced("sum", apply(Exp(), apply(Sub(), real, top)), axes)), top)
    kept = tuple(d for i, d in enumerate(total.shape) if i not in axes)
    return casted(total if keepdims else reshaped(total, kept), x.dtype)


for _name, _compose in {
    "L1": _l1,
    "L2": _l2,
    "SumSquare": _sum_square,
    "LogSum": _log_sum,
    "LogSumExp": _log_sum_exp,
}.items():
    importer(f"Reduce{_name}")(_wide(_compose))
