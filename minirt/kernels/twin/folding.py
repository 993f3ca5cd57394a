"""Folding of columns, determinants, and bits read as another type."""

from __future__ import annotations

from collections.abc import Mapping

from minirt.kernels.kernel import Problem
from minirt.kernels.twin.recipe import Call, Data, Planned, Recipe, operand_data, register, split_text, strides_of
from minirt.ops.cast import BitCast
from minirt.ops.fold import Fold
from minirt.ops.linalg import Det
from minirt.plan.launch import Address
from minirt.types.dim import Dim, mul, product
from minirt.types.dtype import f64

Flags = Mapping[str, str | int]


class FoldRecipe(Recipe):
    """An element of the result gathers the taps that fall on it."""

    name = "Fold"
    ops = (Fold,)

    def plan(self, problem: Problem) -> Planned:
        """One call."""
        op, (x,), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, Fold)
        numbers: dict[str, Dim] = {**strides_of("x", x), **strides_of("y", y), "channels": x.shape[1]}
        for k, (size, windows, taps) in enumerate(zip(y.shape[2:], x.shape[3:], op.kernel, strict=True)):
            numbers |= {f"out{k}": size, f"in{k}": windows, f"taps{k}": taps, f"step{k}": op.strides[k]}
            numbers |= {f"begin{k}": op.pads[k], f"gap{k}": op.dilations[k]}
        data = {"x": operand_data("in", 0, x), "y": operand_data("out", 0, y)}
        cost = 10 * max(1, problem.likely(product(op.kernel)))
        return Planned(
            [
                Call(
                    "fold",
                    data,
                    numbers,
                    product(y.shape),
                    {},
                    {"rank": len(op.kernel), "dense": int(set(op.dilations) == {1})},
                    cost,
                )
            ]
        )

    def text(self, routine: str, flags: Flags) -> str:
        """Loops over the taps that fall on the element."""
        axes, pad, after = range(int(flags["rank"])), "", ""
        names = ["n", "c", *(f"o{k}" for k in axes)]
        text = split_text(names, ["", "channels", *(f"out{k}" for k in axes)]) + "sum = 0\n"
        tap = "0"
        for k in axes:
            if flags["dense"]:  # every stride-th tap, each reading the window before
                text += f"{pad}a{k} = (o{k} + begin{k}) // step{k}\n"
                text += f"{pad}for t{k} in range((o{k} + begin{k}) % step{k}, taps{k}, step{k}):\n"
                text += f"{pad}    if a{k} >= 0 and a{k} < in{k}:\n"
                after = f"{pad}    a{k} = a{k} - 1\n" + after
            else:
                text += f"{pad}for t{k} in range(taps{k}):\n{pad}    a{k} = o{k} + begin{k} - t{k} * gap{k}\n"
                text += f"{pad}    if a{k} >= 0 and a{k} % step{k} == 0 and a{k} // step{k} < in{k}:\n"
            pad += "        "
            tap = f"({tap}) * taps{k} + t{k}"
        divided = "" if flags["dense"] else " // step{k}"
        places = [f"(a{k}{divided.replace('{k}', str(k))}) * x_{k + 3}" for k in axes]
        at = " + ".join(["n * x_0", "c * x_1", f"({tap}) * x_2", *places])
        to = " + ".join(["n * y_0", "c * y_1", *(f"o{k} * y_{k + 2}" for k in axes)])
        return f"{text}{pad}sum = sum + x[{at}]\n{after}y[{to}] = sum\n"


class DetRecipe(Recipe):
    """A matrix to an element: elimination with the greatest pivot of each column, in float64."""

    name = "Det"
    ops = (Det,)

    def plan(self, problem: Problem) -> Planned:
        """One call, with a copy of every matrix."""
        (x,), (y,) = problem.inputs, problem.outputs
        side, count = x.shape[-1], product(x.shape[:-2])
        room = mul(count, mul(side, side))
        data = {"x": operand_data("in", 0, x), "y": operand_data("out", 0, y), "a": Data(Address("work", 0), f64, room)}
        numbers: dict[str, Dim] = {**strides_of("x", x), **strides_of("y", y), "side": side}
        numbers |= {f"n{k}": n for k, n in enumerate(y.shape)}
        cost = max(1, problem.likely(side)) ** 3
        return Planned([Call("det", data, numbers, count, {}, {"rank": x.type.rank}, cost)], [mul(room, 8)])

    def text(self, routine: str, flags: Flags) -> str:
        """Copy, then column by column."""
        rank = int(flags["rank"])
        lead = range(rank - 2)
        text = split_text([f"c{k}" for k in lead], [f"n{k}" for k in lead]) if rank > 2 else ""
        start = " + ".join(f"c{k} * x_{k}" for k in lead) or "0"
        text += f"start = e * side * side\nfrom_x = {start}\n"
        to = " + ".join(f"c{k} * y_{k}" for k in lead) or "0"
        return (
            text
            + _ELIMINATION.replace("X_ROW", f"x_{rank - 2}").replace("X_COLUMN", f"x_{rank - 1}")
            + f"y[{to}] = found\n"
        )


_ELIMINATION = """for i in range(side):
    for j in range(side):
        a[start + i * side + j] = x[from_x + i * X_ROW + j * X_COLUMN]
found = 1.0
for k in range(side):
    best = k
    for i in range(k + 1, side):
        if abs(a[start + i * side + k]) > abs(a[start + best * side + k]):
            best = i
    pivot = a[start + best * side + k]
    found = found * pivot
    if best != k:
        found = -found
        for j in range(k, side):
            held = a[start + k * side + j]
            a[start + k * side + j] = a[start + best * side + j]
            a[start + best * side + j] = held
    if pivot != 0.0:
        for i in range(k + 1, side):
            factor = a[start + i * side + k] / pivot
            for j in range(k + 1, side):
                a[start + i * side + j] = a[start + i * side + j] - factor * a[start + k * side + j]
"""


class BitCastRecipe(Recipe):
    """Elements copied as they are."""

    name = "BitCast"
    ops = (BitCast,)
    rank = 90

    def rejects(self, problem: Problem) -> str:
        """Elements that are no whole bytes."""
        bits = problem.inputs[0].type.dtype.bits
        return "" if bits in (8, 16, 32, 64) else f"elements of {bits} bits"

    def plan(self, problem: Problem) -> Planned:
        """One call."""
        (x,), (y,) = problem.inputs, problem.outputs
        data = {"x": operand_data("in", 0, x, True), "y": operand_data("out", 0, y, True)}
        numbers = {**strides_of("x", x), **strides_of("y", y), **{f"n{k}": n for k, n in enumerate(y.shape)}}
        return Planned([Call("bit_cast", data, numbers, product(y.shape), {}, {"rank": y.type.rank}, 4)])

    def text(self, routine: str, flags: Flags) -> str:
        """One element."""
        axes = range(int(flags["rank"]))
        text = split_text([f"c{k}" for k in axes], [f"n{k}" for k in axes]) if axes else ""
        x, y = (" + ".join(f"c{k} * {name}_{k}" for k in axes) or "0" for name in "xy")
        return text + f"y[{y}] = x[{x}]\n"


for _recipe in (FoldRecipe(), DetRecipe(), BitCastRecipe()):
    register(_recipe)
