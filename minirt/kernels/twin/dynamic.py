"""Reshape, Expand, Slice and Range by operands that only the data tell: sizes are worked out where the operands lie.

The host reads the sizes alone; then elements are copied, or counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minirt.kernels.kernel import Problem
from minirt.kernels.twin.compaction import work
from minirt.kernels.twin.recipe import (
    Call,
    Data,
    Planned,
    Recipe,
    coordinates,
    operand_data,
    place,
    register,
    sizes_of,
    strides_of,
)
from minirt.ops.generate import DynamicRange
from minirt.ops.movement import DynamicExpand, DynamicReshape, DynamicSlice
from minirt.plan.launch import Address
from minirt.types.dim import Dim, product

Flags = Mapping[str, str | int]
_SIZES = Address("work", 0)
_MOST = 1 << 40


def copied(problem: Problem, extra: Mapping[str, Data], flags: Flags) -> Call:
    """The call that copies elements of operand 0 to the result."""
    x, y = problem.inputs[0], problem.outputs[0]
    data = {"x": operand_data("in", 0, x, True), "y": operand_data("out", 0, y, True), **extra}
    numbers = {**strides_of("x", x), **strides_of("y", y), **sizes_of("n", x), **sizes_of("m", y)}
    numbers["total"] = product(x.shape)
    return Call("copy", data, numbers, product(y.shape), {}, flags, 16)


def marks(known: Sequence[Dim]) -> str:
    """Which dims are known (k) and which are not (u), as a flag."""
    return "".join("u" if d == -1 else "k" for d in known)


def _planned(calls: list[Call], unknown: int, most: Dim) -> Planned:
    """The calls, the first of which finds sizes if there are any; a size that does not fit is -1."""
    return Planned(calls, [8 * unknown], 1, _SIZES, (most,) * unknown) if unknown else Planned(calls[1:])


class ReshapeRecipe(Recipe):
    """Dims with ONNX's 0 and -1, then a copy in row-major order."""

    name = "DynamicReshape"
    ops = (DynamicReshape,)

    def plan(self, problem: Problem) -> Planned:
        """Sizes, a copy."""
        op, (x, shape), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, DynamicReshape)
        unknown = sum(d == -1 for d in op.known)
        data = {"shape": operand_data("in", 1, shape), "out": work(0, unknown)}
        numbers = {**strides_of("shape", shape), **sizes_of("n", x), "total": product(x.shape)}
        flags: Flags = {"x": x.type.rank, "y": y.type.rank, "known": marks(op.known), "zero": int(op.allowzero)}
        calls = [Call("sizes", data, numbers, 1, {}, flags, 16, True), copied(problem, {}, flags)]
        return _planned(calls, unknown, product(x.shape))

    def text(self, routine: str, flags: Flags) -> str:
        """Numbers of the shape; one element."""
        x, y, known = int(flags["x"]), int(flags["y"]), str(flags["known"])
        if routine == "copy":
            text = coordinates(y, "m") + f"to = {place('y', y)}\nk = min(e, total - 1)\n" + coordinates(x, "n", "k")
            return f"{text}y[to] = x[{place('x', x)}]\n"
        text = "rest = 1\n"
        for i in range(y):
            text += f"d{i} = shape[{i} * shape_0]\n"
            text += f"if d{i} == 0:\n    d{i} = n{i}\n" if i < x and not flags["zero"] else ""
            text += f"if d{i} >= 0:\n    rest = rest * d{i}\n"
        text += "whole = rest\n"
        for i in range(y):
            text += f"if d{i} < 0:\n    d{i} = total // rest if rest > 0 else 0\n    whole = rest * d{i}\n"
        unknown = [i for i in range(y) if known[i] == "u"]
        return text + "".join(f"out[{j}] = d{i} if whole == total else -1\n" for j, i in enumerate(unknown))


class ExpandRecipe(Recipe):
    """The wider of each two dims, then a copy that repeats."""

    name = "DynamicExpand"
    ops = (DynamicExpand,)

    def plan(self, problem: Problem) -> Planned:
        """Sizes, a copy."""
        op, (x, shape), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, DynamicExpand)
        unknown = sum(d == -1 for d in op.known)
        data = {"shape": operand_data("in", 1, shape), "out": work(0, unknown)}
        numbers = {**strides_of("shape", shape), **sizes_of("n", x), "given": shape.shape[0]}
        flags: Flags = {"x": x.type.rank, "y": y.type.rank, "known": marks(op.known)}
        calls = [Call("sizes", data, numbers, 1, {}, flags, 16, True), copied(problem, {}, flags)]
        return _planned(calls, unknown, _MOST)

    def text(self, routine: str, flags: Flags) -> str:
        """Dims; one element."""
        x, y, known = int(flags["x"]), int(flags["y"]), str(flags["known"])
        if routine == "copy":
            text = coordinates(y, "m") + f"to = {place('y', y)}\n"
            steps = (f"(0 if n{a} == 1 else c{a + y - x}) * x_{a}" for a in range(x))
            return f"{text}y[to] = x[{' + '.join(steps) or '0'}]\n"
        text = ""
        for j, i in enumerate(i for i in range(y) if known[i] == "u"):
            own = f"n{i - (y - x)}" if i >= y - x else "1"
            text += f"k = given - {y - i}\nd = 1\nif k >= 0:\n    d = shape[k * shape_0]\n"
            text += f"out[{j}] = {own} if d == 1 else d if {own} == 1 or {own} == d else -1\n"
        return text


class SliceRecipe(Recipe):
    """First places and counts as ONNX clamps them, then a copy."""

    name = "DynamicSlice"
    ops = (DynamicSlice,)

    def plan(self, problem: Problem) -> Planned:
        """Sizes, first places and steps; a copy."""
        op, x = problem.op, problem.inputs[0]
        assert isinstance(op, DynamicSlice)
        count = len(op.axes)
        given = zip(("starts", "ends", "steps"), problem.inputs[1:], strict=True)
        numbers: dict[str, Dim] = sizes_of("n", x)
        data = {"out": work(0, 3 * count)}
        for i, (name, operand) in enumerate(given):
            data[name] = operand_data("in", 1 + i, operand)
            numbers |= strides_of(name, operand)
        flags: Flags = {"rank": x.type.rank, "axes": ",".join(map(str, op.axes))}
        found = {"found": work(0, 3 * count)}
        calls = [Call("sizes", data, numbers, 1, {}, flags, 16, True), copied(problem, found, flags)]
        return Planned(calls, [24 * count], 1, _SIZES, tuple(x.shape[a] for a in op.axes))

    def text(self, routine: str, flags: Flags) -> str:
        """Numbers of each axis; one element."""
        rank, axes = int(flags["rank"]), [int(a) for a in str(flags["axes"]).split(",")]
        if routine == "copy":
            text = coordinates(rank, "m") + f"to = {place('y', rank)}\n"
            for j, axis in enumerate(axes):
                text += f"c{axis} = found[{len(axes) + j}] + c{axis} * found[{2 * len(axes) + j}]\n"
            return f"{text}y[to] = x[{place('x', rank)}]\n"
        text = ""
        for j, axis in enumerate(axes):
            text += f"first = starts[{j} * starts_0]\nlast = ends[{j} * ends_0]\nstep = steps[{j} * steps_0]\n"
            text += _CLAMP.replace("SIZE", f"n{axis}").replace("COUNT", str(len(axes))).replace("PLACE", str(j))
        return text


_CLAMP = """low = 0 if step > 0 else -1
high = SIZE if step > 0 else SIZE - 1
first = min(max(first + SIZE if first < 0 else first, 0), high)
last = min(max(last + SIZE if last < 0 else last, low), high)
span = last - first if step > 0 else first - last
size = max(step, -step)
out[PLACE] = (span + size - 1) // size if span > 0 and size > 0 else 0
out[COUNT + PLACE] = first
out[2 * COUNT + PLACE] = step
"""


class RangeRecipe(Recipe):
    """How many there are, then each from its place."""

    name = "DynamicRange"
    ops = (DynamicRange,)

    def plan(self, problem: Problem) -> Planned:
        """The size, the numbers."""
        start, limit, step = (operand_data("in", i, x) for i, x in enumerate(problem.inputs))
        (y,) = problem.outputs
        data = {"start": start, "limit": limit, "step": step, "out": work(0, 1)}
        fill = {"start": start, "step": step, "y": operand_data("out", 0, y)}
        calls = [
            Call("sizes", data, {}, 1, wide=True, double=True),
            Call("count", fill, strides_of("y", y), y.shape[0], wide=True, double=True),
        ]
        return Planned(calls, [8], 1, _SIZES)

    def text(self, routine: str, flags: Flags) -> str:
        """The quotient rounded up; one number."""
        if routine == "count":
            return "y[e * y_0] = start[0] + step[0] * e\n"
        return "n = ceil((real(limit[0]) - real(start[0])) / real(step[0]))\n" + "out[0] = int(n) if n > 0.0 else 0\n"


for _recipe in (ReshapeRecipe(), ExpandRecipe(), SliceRecipe(), RangeRecipe()):
    register(_recipe)
