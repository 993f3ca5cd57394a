"""Distinct elements or slices: places are sorted by merging runs, then the first of each run of equals is picked.

A pass merges neighbouring runs: each element finds by bisection how many of the other run come before it, so that all
elements move at once.  Equal elements keep their order, and NaN comes last.  Slices are compared number by number; NaN
within them equals nothing.  For the order of first places, these are picked once more, as they stand in the operand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from minirt.kernels.kernel import Problem
from minirt.kernels.twin.compaction import Compaction, offset_text, picked, scratch, work
from minirt.kernels.twin.recipe import (
    Call,
    Data,
    Planned,
    coordinates,
    operand_data,
    place,
    register,
    sizes_of,
    split_text,
    strides_of,
)
from minirt.ops.indexing import Unique
from minirt.plan.launch import Address
from minirt.types.dim import Dim, mul, product

Flags = Mapping[str, str | int]
_MOST_PASSES = 26

_MERGE = """start = e // (2 * width) * (2 * width)
middle = min(start + width, total)
stop = min(start + 2 * width, total)
own = e - start
from_left = True
low = middle
high = stop
if e >= middle:
    from_left = False
    own = e - middle
    low = start
    high = middle
first = low
p = order[e]
v = values[p * span]
while low < high:
    half = (low + high) // 2
    u = values[order[half] * span]
SLICES    if u < v or (v != v and u == u) or (not from_left and (u == v or (u != u and v != v))):
        low = half + 1
    else:
        high = half
merged[start + own + low - first] = p
"""
_SLICES = """    v = values[p * span]
    j = 1
    while j < span and u == v:
        u = values[order[half] * span + j]
        v = values[p * span + j]
        j = j + 1
"""
_HEAD = """head = 1
if e > 0:
    u = values[order[e - 1]]
    v = values[order[e]]
    if u == v or (u != u and v != v):
        head = 0
heads[e] = head
"""
_HEAD_OF_SLICE = """head = 1
if e > 0:
    head = 0
    for j in range(span):
        if values[order[e - 1] * span + j] != values[order[e] * span + j]:
            head = 1
heads[e] = head
"""
_MARK = """marks[order[e]] = head
where[order[e]] = e
"""


def _bisect(place: str, wanted: str, name: str) -> str:
    """Statements that find the last of ascending places that is not after another."""
    return (
        f"{name} = 0\nhigh = groups - 1\nwhile {name} < high:\n    half = ({name} + high + 1) // 2\n"
        f"    if {place}[half] <= {wanted}:\n        {name} = half\n    else:\n        high = half - 1\n"
    )


class UniqueRecipe(Compaction):
    """Distinct elements or slices; their first places, inverses and counts."""

    name = "Unique"
    ops = (Unique,)

    def rejects(self, problem: Problem) -> str:
        """A single number, types whose order integers of 64 bits do not have, sizes without bound."""
        op, x = problem.op, problem.inputs[0]
        assert isinstance(op, Unique)
        if not x.type.rank:
            return "an operand of rank 0"
        if x.type.dtype.name == "u64":
            return "elements of type u64"
        if op.axis >= 0 and problem.bounds(product(x.shape))[0] < 1:
            return "slices that may be empty"
        whole = product(x.shape) if op.axis < 0 else x.shape[op.axis]
        return "" if problem.bounds(whole)[1] <= 1 << _MOST_PASSES else "an operand of no known size"

    def plan(self, problem: Problem) -> Planned:
        """A copy, passes of merging, picking, and calls that fill."""
        op, (x,), (y, first, inverse, counts) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, Unique)
        count = product(x.shape) if op.axis < 0 else x.shape[op.axis]
        span = 1 if op.axis < 0 else product([n for axis, n in enumerate(x.shape) if axis != op.axis])
        passes = max(0, int(problem.bounds(count)[1]) - 1).bit_length()
        flags: Flags = {"rank": x.type.rank, "axis": op.axis, "sorted": int(op.sorted)}
        sized: dict[str, Dim] = {"total": count, "span": span}
        values = Data(Address("work", 4), x.type.dtype, mul(count, span))
        orders = [work(5, count), work(6, count)]
        data = {"x": operand_data("in", 0, x), "values": values, "order": orders[0]}
        calls = [Call("start", data, {**sized, **strides_of("x", x), **sizes_of("n", x)}, values.span, {}, flags)]
        for number in range(passes):
            merging = {"values": values, "order": orders[number % 2], "merged": orders[(number + 1) % 2]}
            calls.append(Call("merge", merging, {"width": 1 << number, **sized}, count, {}, flags, 200))
        order, heads, marks = orders[passes % 2], work(7, count), work(8, count)
        own = {} if op.sorted else {"marks": marks, "where": work(9, count)}
        calls.append(Call("heads", {"values": values, "order": order, "heads": heads, **own}, sized, count, {}, flags))
        calls += picked(heads, {"x_0": 1}, 1, count)
        calls += [] if op.sorted else picked(marks, {"x_0": 1}, 1, count, 10)
        before = len(calls)
        known = {"places": work(3, count), "order": order}
        known |= {} if op.sorted else {"firsts": work(10, count), "where": work(9, count)}
        groups: dict[str, Dim] = {"groups": first.shape[0], "total": count}
        fill = {**known, "first": operand_data("out", 1, first), "counts": operand_data("out", 3, counts)}
        strides = {**strides_of("first", first), **strides_of("counts", counts)}
        calls.append(Call("fill", fill, {**groups, **strides}, first.shape[0], {}, flags, 40))
        more = {**known, "inverse": operand_data("out", 2, inverse)}
        calls.append(Call("group", more, {**groups, **strides_of("inverse", inverse)}, count, {}, flags, 200))
        taken = {"first": fill["first"], "x": operand_data("in", 0, x, True), "y": operand_data("out", 0, y, True)}
        numbers = {**strides_of("first", first), **strides_of("x", x), **strides_of("y", y), **sizes_of("n", x)}
        calls.append(Call("take", taken, {**numbers, **sizes_of("m", y)}, product(y.shape), {}, flags, 20))
        if x.type.dtype.name in ("i64", "u32"):  # elements are whole numbers of the routines
            calls = [replace(one, wide=True) for one in calls]
        sizes = [*scratch(count), mul(values.span, max(1, x.type.dtype.bits // 8))]
        sizes += [mul(count, 8)] * (3 if op.sorted else 6)
        return Planned(calls, sizes, before, Address("work", 2), (count,))

    def text(self, routine: str, flags: Flags) -> str:
        """One element of each call."""
        if "sorted" not in flags:
            return super().text(routine, flags)
        rank, axis, ordered = int(flags["rank"]), int(flags["axis"]), bool(flags["sorted"])
        if routine == "start":
            if axis < 0:
                return offset_text(rank, "e") + "values[e] = x[at]\norder[e] = e\n"
            others = [a for a in range(rank) if a != axis]
            text = split_text([f"c{a}" for a in others], [f"n{a}" for a in others], "e % span") if others else ""
            text += f"c{axis} = e // span\nvalues[e] = x[{place('x', rank)}]\n"
            return text + f"if e % span == 0:\n    order[c{axis}] = c{axis}\n"
        if routine == "merge":
            return _MERGE.replace("SLICES", "" if axis < 0 else _SLICES)
        if routine == "heads":
            return (_HEAD if axis < 0 else _HEAD_OF_SLICE) + ("" if ordered else _MARK)
        if routine == "fill":
            text = "g = e\n" if ordered else "at = where[firsts[e]]\n" + _bisect("places", "at", "g")
            text += "at = places[g]\nnext = places[g + 1] if g + 1 < groups else total\n"
            return text + "first[e * first_0] = order[at]\ncounts[e * counts_0] = next - at\n"
        if routine == "group":
            text = _bisect("places", "e", "low")
            text += "" if ordered else "p = order[places[low]]\n" + _bisect("firsts", "p", "low")
            return text + "inverse[order[e] * inverse_0] = low\n"
        assert routine == "take", routine
        if axis < 0:
            return coordinates(rank, "n", "first[e * first_0]") + f"y[e * y_0] = x[{place('x', rank)}]\n"
        text = coordinates(rank, "m") + f"to = {place('y', rank)}\nc{axis} = first[c{axis} * first_0]\n"
        return text + f"y[to] = x[{place('x', rank)}]\n"


register(UniqueRecipe())
