"""Elements that a test picks: NonZero and Compress.

Runs of elements count what they pick; the counts are added up, run by run and then by runs of runs; each run then
writes the places of what it picks, in order.  The host reads the last sum, and the result is filled from the places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from minirt.kernels.kernel import Operand, Problem
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
from minirt.ops.indexing import Compress, NonZero
from minirt.plan.launch import Address
from minirt.types.dim import Dim, ceil, divide, mul, product
from minirt.types.dtype import i64

RUN = 16


def runs(count: Dim) -> Dim:
    """How many runs there are of so many elements."""
    return ceil(divide(count, RUN))


def scratch(count: Dim) -> list[Dim]:
    """Bytes of the counts of runs, of runs of runs, of the sum, of the places, for ``count`` elements."""
    return [mul(n, 8) for n in (runs(count), runs(runs(count)), 1, count)]


def work(index: int, span: Dim) -> Data:
    """A buffer of i64."""
    return Data(Address("work", index), i64, span)


def picking(x: Operand, index: int, count: Dim) -> list[Call]:
    """Calls that leave the places of elements (by number, row-major) that are not zero, and how many they are."""
    numbers = {**sizes_of("n", x), **strides_of("x", x)}
    if x.dense:
        return picked(operand_data("in", index, x), {"x_0": 1}, 1, count)
    return picked(operand_data("in", index, x), numbers, x.type.rank, count)


def picked(tested: Data, numbers: Mapping[str, Dim], rank: int, count: Dim, places: int = 3) -> list[Call]:
    """The same for an operand whose sizes and strides are given; the places are left in a scratch buffer."""
    few, fewer = runs(count), runs(runs(count))
    flags: dict[str, str | int] = {"rank": rank}
    numbers = {"total": count, **numbers}
    first, second, total = work(0, few), work(1, fewer), work(2, 1)
    return [
        Call("count", {"x": tested, "counts": first}, numbers, few, {}, flags, 4 * RUN),
        Call("add", {"counts": first, "sums": second}, {"total": few}, fewer, {}, {}, RUN),
        Call("scan", {"counts": second, "sum": total}, {"total": fewer}, 1, block=_THREADS),
        Call("spread", {"counts": first, "sums": second}, {"total": few}, fewer, {}, {}, RUN),
        Call("place", {"x": tested, "counts": first, "places": work(places, count)}, numbers, few, {}, flags, 4 * RUN),
    ]


def offset_text(rank: int, number: str = "k") -> str:
    """Statements that find element ``k`` of x: ``at``."""
    if rank == 1:
        return f"at = {number} * x_0\n"
    return coordinates(rank, "n", number) + f"at = {place('x', rank)}\n"


def indented(text: str, steps: int = 1) -> str:
    """The lines further to the right."""
    return "".join(f"{'    ' * steps}{line}\n" for line in text.splitlines())


_THREADS = 512
_SHARED_SCAN = """each = (total + THREADS - 1) // THREADS
first = lane * each
last = min(first + each, total)
run = 0
for k in range(first, last):
    run = run + counts[k]
held[lane] = run
sync()
step = 1
while step < THREADS:
    before = 0
    if lane >= step:
        before = held[lane - step]
    sync()
    held[lane] = held[lane] + before
    sync()
    step = step * 2
run = held[lane] - run
if lane == THREADS - 1:
    sum[0] = held[lane]
for k in range(first, last):
    n = counts[k]
    counts[k] = run
    run = run + n
""".replace("THREADS", str(_THREADS))
SCAN = "run = 0\nfor k in range(total):\n    n = counts[k]\n    counts[k] = run\n    run = run + n\nsum[0] = run\n"
"""A running sum of all counts, by one thread."""
_SPAN = f"first = e * {RUN}\nlast = min(first + {RUN}, total)\n"
_TEXTS = {
    "add": _SPAN + "run = 0\nfor k in range(first, last):\n    run = run + counts[k]\nsums[e] = run\n",
    "scan": SCAN,
    "spread": _SPAN
    + "run = sums[e]\nfor k in range(first, last):\n    n = counts[k]\n    counts[k] = run\n    run = run + n\n",
}


class Compaction(Recipe):
    """Base of the recipes that pick."""

    shared: ClassVar[Mapping[str, str]] = {"held": "i"}

    def text(self, routine: str, flags: Mapping[str, str | int]) -> str:
        """The shared routines."""
        if routine == "scan" and "block" in flags:
            return _SHARED_SCAN
        if routine in _TEXTS:
            return _TEXTS[routine]
        find = indented(offset_text(int(flags["rank"])))
        if routine == "count":
            text = f"{_SPAN}run = 0\nfor k in range(first, last):\n{find}    run = run + (1 if x[at] != 0 else 0)\n"
            return f"{text}counts[e] = run\n"
        assert routine == "place", routine
        put = "    if x[at] != 0:\n        places[run] = k\n        run = run + 1\n"
        return f"{_SPAN}run = counts[e]\nfor k in range(first, last):\n{find}{put}"


class NonZeroRecipe(Compaction):
    """Coordinates of the places."""

    name = "NonZero"
    ops = (NonZero,)

    def rejects(self, problem: Problem) -> str:
        """A single number."""
        return "" if problem.inputs[0].type.rank else "an operand of rank 0"

    def plan(self, problem: Problem) -> Planned:
        """Picking, then a call over what was picked."""
        (x,), (y,) = problem.inputs, problem.outputs
        count = product(x.shape)
        numbers = {**strides_of("y", y), **sizes_of("n", x)}
        data = {"places": work(3, count), "y": operand_data("out", 0, y)}
        fill = Call("coordinates", data, numbers, y.shape[1], {}, {"rank": x.type.rank}, 40)
        calls = picking(x, 0, count)
        return Planned([*calls, fill], scratch(count), len(calls), Address("work", 2), (count,))

    def text(self, routine: str, flags: Mapping[str, str | int]) -> str:
        """The coordinates of one place."""
        if routine != "coordinates":
            return super().text(routine, flags)
        rank = int(flags["rank"])
        put = "".join(f"y[{a} * y_0 + e * y_1] = c{a}\n" for a in range(rank))
        return coordinates(rank, "n", "places[e]") + put


class CompressRecipe(Compaction):
    """Slices or elements at the places where the condition is true."""

    name = "Compress"
    ops = (Compress,)

    def plan(self, problem: Problem) -> Planned:
        """Picking from the condition, then a call over the result."""
        op, (x, condition), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, Compress)
        count = product(condition.shape)
        rank, axis = x.type.rank, op.axis
        numbers = {**strides_of("x", x), **strides_of("y", y), **sizes_of("n", x)}
        numbers |= sizes_of("m", y)
        data = {"places": work(3, count), "x": operand_data("in", 0, x, True), "y": operand_data("out", 0, y, True)}
        flags: dict[str, str | int] = {"rank": rank, "axis": axis}
        fill = Call("gather", data, numbers, product(y.shape), {}, flags, 20)
        calls = picking(condition, 1, count)
        return Planned([*calls, fill], scratch(count), len(calls), Address("work", 2), (count,))

    def text(self, routine: str, flags: Mapping[str, str | int]) -> str:
        """One element of the result."""
        if routine != "gather":
            return super().text(routine, flags)
        rank, axis = int(flags["rank"]), int(flags["axis"])
        if axis < 0:
            find, result = coordinates(rank, "n", "places[e]"), "e * y_0"
        else:
            find, result = coordinates(rank, "m") + f"to = {place('y', rank)}\nc{axis} = places[c{axis}]\n", "to"
        return find + f"y[{result}] = x[{place('x', rank)}]\n"


for _recipe in (NonZeroRecipe(), CompressRecipe()):
    register(_recipe)
