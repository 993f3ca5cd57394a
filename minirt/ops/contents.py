"""Numbers of an operand that say how large things are: known when the network is built, or read from the data."""

from __future__ import annotations

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.cast import Cast, casted
from minirt.ops.importer import OnnxNode, numbers
from minirt.ops.movement import Concat, DynamicExpand, Reshape, reshaped
from minirt.types.dim import Dim
from minirt.types.dtype import i64
from minirt.types.tensor import MOST_AXES


def known_ints(value: Value) -> tuple[Dim | None, ...]:
    """A vector's elements, None for each that only the data tells; raises MinirtError where its length is unknown."""
    if value.ints is not None:
        return value.ints
    if not value.dtype.is_integer:
        raise MinirtError(f"a shape is a vector of integers, not {value.type}")
    if isinstance(value.tensor.size, int) and value.tensor.size > MOST_AXES:
        raise MinirtError(f"a shape of {value.tensor.size} dims is not supported (at most {MOST_AXES})")
    inner = value.node.inputs
    if isinstance(value.op, Concat):
        return tuple(d for part in inner for d in known_ints(part))
    moved = isinstance(value.op, Reshape) or (isinstance(value.op, Cast) and inner[0].dtype.is_integer)
    if moved and inner[0].tensor.size == value.tensor.size and isinstance(value.tensor.size, int):
        return known_ints(inner[0])
    if isinstance(value.tensor.size, int):
        return (None,) * value.tensor.size
    raise MinirtError(f"a shape of unknown rank ({value.type}) is not supported")


def sizes_in(value: Value) -> tuple[Dim, ...]:
    """The elements of a vector of sizes: what is not known when the network is built is read where it runs.

    The dims that only the data tells are those of an empty tensor that is expanded to them, so nothing is written.
    Raises MinirtError where the vector's length is unknown; a run whose sizes are negative is refused.
    """
    if value.ints is not None:
        return value.ints
    known = known_ints(value)
    shape = apply(Concat(0), casted(reshaped(value, (len(known),)), i64), numbers([0]))
    empty = constant(np.zeros(0, np.float32))
    op = DynamicExpand(known=(*(-1 if d is None else d for d in known), 0))
    return apply(op, empty, shape).shape[:-1]


def sizes_of(node: OnnxNode, name: str, number: int | None = None) -> tuple[Dim, ...] | None:
    """``node.ints`` of numbers that are sizes, which only the data may tell; None where neither is given."""
    value = None if number is None or name in node.attributes else node.optional(number)
    return node.ints(name, number) if value is None else sizes_in(value)
