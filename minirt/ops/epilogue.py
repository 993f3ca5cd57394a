"""What matrix products and convolutions have in common: an accumulator type, and an epilogue run on the accumulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import OPS, Op, Value, broadcast_dim
from minirt.ir.scalar import Body, Scalar, arg, cast, postorder, rebuild
from minirt.ir.scalar_numpy import numpy_type, run_body
from minirt.types.dim import Dim
from minirt.types.dtype import NUMBERS, Array, DType, f32, i32, u32
from minirt.types.tensor import Tensor, Type

F = TypeVar("F", bound="Accumulates")


def accumulator(dtype: DType) -> DType:
    """The type in which products of ``dtype`` are summed: at least 32 bits wide."""
    if dtype.bits >= 32:
        return dtype
    return f32 if dtype.is_float else u32 if dtype.kind == "u" else i32


def chain(first: Body, second: Body) -> Body:
    """``second`` after ``first``, whose result is argument 0 of ``second``; the other arguments of ``second`` follow.

    The rounding that ``first`` ends with stays where ``second`` takes a narrower type than ``first`` computes in.
    """
    if first.dtypes[0] is not second.args[0]:
        raise MinirtError(f"an epilogue on {second.args[0]} cannot follow a result of {first.dtypes[0]}")
    shift = len(first.args) - 1

    def leaf(node: Scalar) -> Scalar:
        if node.fn != "arg":
            return node
        assert isinstance(node.value, int)
        return first.results[0] if node.value == 0 else arg(node.value + shift, node.dtype)

    return Body(first.args + second.args[1:], rebuild(second.results, leaf))


def unrounded(body: Body) -> Body:
    """The body of one result reading argument 0 in its compute type: ``cast(arg 0)`` to that type becomes ``arg 0``."""
    narrow = body.args[0]
    wide = narrow.compute
    if narrow is wide:
        return body
    uses = [n for n in postorder(body.results) if any(a.fn == "arg" and a.value == 0 for a in n.args)]
    if body.results[0].fn == "arg" or any(n.fn != "cast" or n.dtype is not wide for n in uses):
        return Body((wide, *body.args[1:]), rebuild(body.results, lambda n: _leaf(n, narrow, wide)))
    swapped = {arg(0, narrow): arg(0, wide)}
    made: dict[Scalar, Scalar] = {}
    for node in postorder(body.results):
        if node in swapped:
            made[node] = swapped[node]
        elif node.fn == "cast":
            made[node] = cast(made[node.args[0]], node.dtype)
        else:
            made[node] = rebuild((node,), lambda n: made.get(n, n))[0] if not node.args else _remake(node, made)
    return Body((wide, *body.args[1:]), tuple(made[r] for r in body.results))


def _remake(node: Scalar, made: dict[Scalar, Scalar]) -> Scalar:
    return rebuild((node,), lambda n: made.get(n, n))[0]


def _leaf(node: Scalar, narrow: DType, wide: DType) -> Scalar:
    return cast(arg(0, wide), narrow) if node.fn == "arg" and node.value == 0 else node


class Accumulates(Op):
    """Base of ops that sum products of two operands and then run an epilogue on each sum.

    ``epilogue`` reads the sum as argument 0 and the operands after the first two, broadcast to the result, as the
    others; None rounds the sum to the first operand's type.
    """

    dtypes = NUMBERS

    def _epilogue(self) -> Body | None:
        raise NotImplementedError

    def body(self, dtype: DType) -> Body:
        """The epilogue for operands of this type, written out."""
        total = accumulator(dtype)
        return self._epilogue() or Body((total,), (cast(arg(0, total), dtype),))

    def then(self: F, body: Body, dtype: DType) -> F:
        """The op with ``body`` run on its result (argument 0), for a first operand of type ``dtype``.

        Other arguments of ``body`` become operands after those that the op has.  Where the op had no epilogue its own
        rounding is left out, so that intermediates are wider, never narrower.
        """
        own = self._epilogue()
        if own is None and body.args[0] is dtype:
            return replace(self, epilogue=unrounded(body) if dtype.is_float else chain(self.body(dtype), body))  # type: ignore[call-arg]
        return replace(self, epilogue=chain(self.body(dtype), body))  # type: ignore[call-arg]

    def finish(self, shape: tuple[Dim, ...], inputs: Sequence[Value]) -> Sequence[Type]:
        """Types of the results, once the sum's shape is known."""
        dtype = inputs[0].dtype
        if inputs[1].dtype is not dtype:
            raise MinirtError(f"operands must have one element type, not {dtype} and {inputs[1].dtype}")
        body = self.body(dtype)
        wanted = (accumulator(dtype), *(v.dtype for v in inputs[2:]))
        if body.args != wanted:
            raise MinirtError(f"the epilogue takes {body.args}, its operands are {wanted}")
        for value in inputs[2:]:
            wider = value.rank > len(shape)
            for d, own in zip(reversed(value.shape), reversed(shape), strict=False):
                broadcast_dim(own, d)
                wider = wider or (own == 1 and isinstance(d, int) and d != 1)
            if wider:
                raise MinirtError(
                    f"epilogue operands must broadcast to the result {shape}, not widen it as {value.type}"
                )
        return tuple(Tensor(d, shape) for d in body.dtypes)

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """The sum in its accumulator's type (float64 where ``wide``), then the epilogue."""
        assert isinstance(types[0], Tensor)
        total = numpy_type(accumulator(types[0].dtype), wide)
        sums: Array = self.reference(*(np.asarray(a).astype(total, copy=False) for a in arrays[:2]))
        return run_body(self.body(types[0].dtype), [sums, *arrays[2:]], wide)


OPS.pop("Accumulates")
