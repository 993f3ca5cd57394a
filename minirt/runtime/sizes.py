"""Sizes of dims from the shapes of inputs, and the checks that a plan asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minirt.errors import ShapeError
from minirt.plan.plan import Plan, ReadStep
from minirt.types.dim import INF, Dim, Expr, bounds, symbols
from minirt.types.evaluate import Evaluator
from minirt.types.tensor import Tensor

LARGEST_SIZE = 1 << 40
"""What is as large as this has no bound."""


def solve(types: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]], known: Mapping[str, int]) -> dict[str, int]:
    """Sizes of the dims, from the shapes of named tensors; raises ShapeError naming the tensor that does not fit."""
    sizes = dict(known)
    later: list[tuple[str, int, Dim, int]] = []
    for name, type in types.items():
        shape = shapes[name]
        if len(shape) != type.rank:
            raise ShapeError(f"shape {tuple(shape)} has {len(shape)} axes, {type} has {type.rank}", f"input {name!r}")
        for axis, (dim, size) in enumerate(zip(type.shape, shape, strict=True)):
            if isinstance(dim, Expr) and str(dim) in symbols(dim) and str(dim) not in sizes:
                sizes[str(dim)] = int(size)
            else:
                later.append((name, axis, dim, int(size)))
    evaluate = Evaluator(sizes)
    for name, axis, dim, size in later:
        wanted = evaluate.integer(dim)
        if wanted != size:
            meaning = f"{dim} = {wanted}" if isinstance(dim, Expr) else str(wanted)
            raise ShapeError(f"axis {axis} has size {size}, it must be {meaning}", f"input {name!r}")
    return sizes


def check(plan: Plan, sizes: Mapping[str, int]) -> None:
    """Raises ShapeError where a size is outside the plan's ranges, or two dims that a node needs equal differ."""
    for name, size in sizes.items():
        lo, hi = plan.ranges.get(name, (0, size))
        if not lo <= size <= hi:
            raise ShapeError(f"dim {name} = {size} is outside the profile's range {lo} to {hi}")
    evaluate = Evaluator(sizes)
    for a, b, label in plan.checks:
        if symbols(a) | symbols(b) <= sizes.keys() and evaluate.integer(a) != evaluate.integer(b):
            what = f"{a} = {evaluate.integer(a)} and {b} = {evaluate.integer(b)} must be equal"
            raise ShapeError(what, f"node {label!r}")


def limited(plan: Plan, ranges: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """The ranges, with those of sizes that only the data tell, where what is read from it has a bound."""
    out = dict(ranges)
    for step in plan.steps:
        if isinstance(step, ReadStep):
            for name, most in zip(step.dims, step.most, strict=False):
                high = bounds(most, out)[1] if symbols(most) <= out.keys() else INF
                if name and high < LARGEST_SIZE:
                    out[name] = (0, int(high))
    return out
