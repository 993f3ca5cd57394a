"""ONNX ops about shapes: read as dims, and done as views."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.contents import known_ints, sizes_of
from minirt.ops.importer import OnnxNode, Result, axis_of, importer
from minirt.ops.movement import (
    Concat,
    DynamicExpand,
    DynamicReshape,
    Expand,
    dims_value,
    expanded,
    reshaped,
    transposed,
)
from minirt.types import dim
from minirt.types.dim import Dim


def resolve(x: Value, wanted: Sequence[Dim | None], allowzero: bool) -> list[Dim | None]:
    """A Reshape's target with 0 and -1 filled in."""
    out = [x.shape[i] if d == 0 and not allowzero else d for i, d in enumerate(wanted)]
    open_axes = [i for i, d in enumerate(out) if d is None or d == -1]
    if len(open_axes) == 1:
        rest = dim.product([d for i, d in enumerate(out) if i != open_axes[0] and d is not None])
        if rest == 0:
            raise MinirtError(f"-1 in {tuple(wanted)} is not determined, as another dim is 0")
        out[open_axes[0]] = dim.divide(x.tensor.size, rest)
    return out


@importer("Reshape")
def _reshape(node: OnnxNode) -> Result:
    x = node.input(0)
    allowzero = bool(node.attributes.get("allowzero", 0))
    found = node.ints("shape") if node.opset < 5 else None
    wanted: Sequence[Dim | None] = found if found is not None else known_ints(node.input(1))
    out = resolve(x, wanted, allowzero)
    if any(d is None for d in out):
        known = tuple(-1 if d is None else d for d in out)
        return apply(DynamicReshape(known=known, allowzero=allowzero), x, node.input(1))
    return reshaped(x, [d for d in out if d is not None])


@importer("Expand")
def _expand(node: OnnxNode) -> Result:
    x, shape = node.input(0), node.input(1)
    if shape.ints is not None:
        return expanded(x, shape.ints)
    wanted = known_ints(shape)
    rank = max(x.rank, len(wanted))
    full: list[Dim] = [1] * (rank - x.rank) + list(x.shape)
    for i, d in enumerate(wanted, rank - len(wanted)):
        if d is None:
            full[i] = -1 if full[i] == 1 or not isinstance(full[i], int) else full[i]
        elif d != 1:
            full[i] = d
    return apply(DynamicExpand(known=tuple(full)), x, shape)


@importer("Shape")
def _shape(node: OnnxNode) -> Result:
    shape = node.input(0).shape
    start = int(node.attributes.get("start", 0))
    end = int(node.attributes.get("end", len(shape)))
    return dims_value(shape[start:end])


@importer("Size")
def _size(node: OnnxNode) -> Result:
    return dims_value([node.input(0).tensor.size], shape=())


@importer("Identity")
def _identity(node: OnnxNode) -> Result:
    return node.input(0)


@importer("Flatten")
def _flatten(node: OnnxNode) -> Result:
    x = node.input(0)
    axis = int(node.attributes.get("axis", 1))
    axis = axis + x.rank if axis < 0 else axis
    return reshaped(x, [dim.product(x.shape[:axis]), dim.product(x.shape[axis:])])


@importer("Squeeze")
def _squeeze(node: OnnxNode) -> Result:
    x = node.input(0)
    found = node.static_ints("axes", 1)
    axes = [i for i, d in enumerate(x.shape) if d == 1] if found is None else [axis_of(a, x.rank) for a in found]
    for a in axes:
        if isinstance(x.shape[a], int) and x.shape[a] != 1:
            raise MinirtError(f"axis {a} of {x.shape} is not 1 and cannot be squeezed")
    return reshaped(x, [d for i, d in enumerate(x.shape) if i not in axes])


def unsqueezed(x: Value, axes: Sequence[int]) -> Value:
    """x with axes of 1 at these places of the result."""
    rank = x.rank + len(axes)
    places = {axis_of(a, rank) for a in axes}
    if len(places) != len(axes):
        raise MinirtError(f"axes {tuple(axes)} name a place twice")
    dims = iter(x.shape)
    return reshaped(x, [1 if i in places else next(dims) for i in range(rank)])


@importer("Unsqueeze")
def _unsqueeze(node: OnnxNode) -> Result:
    axes = node.static_ints("axes", 1)
    return unsqueezed(node.input(0), axes or ())


@importer("Transpose")
def _transpose(node: OnnxNode) -> Result:
    x = node.input(0)
    return transposed(x, node.static_ints("perm") or tuple(reversed(range(x.rank))))


@importer("Concat")
def _concat(node: OnnxNode) -> Result:
    values = [node.input(i) for i in range(len(node.inputs))]
    axis = axis_of(int(node.attributes.get("axis", 1)), values[0].rank)  # the default of opset 1
    return concatenated(values, axis)


def concatenated(values: Sequence[Value], axis: int) -> Value:
    """The values one after another; a single one is itself."""
    return values[0] if len(values) == 1 else apply(Concat(axis), *values)


@importer("Tile")
def _tile(node: OnnxNode) -> Result:
    """Each axis is split into (repeats, dim), expanded, and merged."""
    x = node.input(0)
    if node.opset < 6:  # two scalars: how often, along which axis
        tiles, axes = node.input(1).ints, node.input(2).ints
        if tiles is None or axes is None:
            raise MinirtError("tiles and axis must be known when the network is built")
        repeats: tuple[Dim, ...] = tuple(tiles[0] if i == axes[0] else 1 for i in range(x.rank))
    else:
        repeats = sizes_of(node, "repeats", 1) or ()
    return tiled(x, repeats)


def tiled(x: Value, repeats: Sequence[Dim]) -> Value:
    """x repeated along each axis."""
    if len(repeats) != x.rank:
        raise MinirtError(f"{len(repeats)} repeats do not fit rank {x.rank}")
    apart: list[Dim] = []
    full: list[Dim] = []
    for d, r in zip(x.shape, repeats, strict=True):
        apart += [d] if r == 1 else [1, d]
        full += [d] if r == 1 else [r, d]
    spread = reshaped(x, apart)
    spread = spread if tuple(full) == spread.shape else apply(Expand(tuple(full)), spread)
    return reshaped(spread, [d * r for d, r in zip(x.shape, repeats, strict=True)])


@importer("DepthToSpace")
def _depth_to_space(node: OnnxNode) -> Result:
    x, block = node.input(0), int(node.attributes["blocksize"])
    n, c, h, w = x.shape
    depth = dim.divide(c, block * block)
    if node.attributes.get("mode", "DCR") == "DCR":
        moved = transposed(reshaped(x, [n, block, block, depth, h, w]), [0, 3, 4, 1, 5, 2])
    else:
        moved = transposed(reshaped(x, [n, depth, block, block, h, w]), [0, 1, 4, 2, 5, 3])
    return reshaped(moved, [n, depth, h * block, w * block])


@importer("SpaceToDepth")
def _space_to_depth(node: OnnxNode) -> Result:
    x, block = node.input(0), int(node.attributes["blocksize"])
    n, c, h, w = x.shape
    rows, columns = dim.divide(h, block), dim.divide(w, block)
    order = [0, 3, 5, 1, 2, 4] if node.attributes.get("mode", "DCR") == "DCR" else [0, 1, 3, 5, 2, 4]
    moved = transposed(reshaped(x, [n, c, rows, block, columns, block]), order)
    return reshaped(moved, [n, c * block * block, rows, columns])


@importer("Constant")
def _constant(node: OnnxNode) -> Result:
    kinds = {"value_float": "float32", "value_floats": "float32", "value_int": "int64", "value_ints": "int64"}
    for name, held in node.attributes.items():
        if name in ("value", "sparse_value"):
            return constant(held)
        if name in kinds:
            return constant(np.asarray(held, dtype=kinds[name]))
        if name in ("value_string", "value_strings"):
            return constant(np.asarray(held, dtype=object))
    raise MinirtError("a Constant needs a value")
