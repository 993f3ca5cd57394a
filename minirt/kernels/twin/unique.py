"""Distinct elements in order: places are sorted by merging runs, then the first of each run of equals is picked.

A pass merges neighbouring runs: each element finds by bisection how many of the other run come before it, so that all
elements move at once.  Equal elements keep their order, and NaN comes last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from minirt.kernels.kernel import Problem
from minirt.kernels.twin.compaction import Compaction, offset_text, picked, scratch, work
from minirt.kernels.twin.recipe import Call, Data, Planned, operand_data, register, strides_of
from minirt.ops.indexing import Unique
from minirt.plan.launch import Address
from minirt.types.dim import Dim, mul, product
from minirt.types.dtype import i64

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
v = values[p]
while low < high:
    half = (low + high) // 2
    u = values[order[half]]
    if u < v or (v != v and u == u) or (not from_left and (u == v or (u != u and v != v))):
        low = half + 1
    else:
        high = half
merged[start + own + low - first] = p
"""
_GROUP = """low = 0
high = groups - 1
while low < high:
    half = (low + high + 1) // 2
    if places[half] <= e:
        low = half
    else:
        high = half - 1
inverse[order[e] * inverse_0] = low
"""
_FILL = """at = places[e]
next = places[e + 1] if e + 1 < groups else total
y[e * y_0] = values[order[at]]
first[e * first_0] = order[at]
counts[e * counts_0] = next - at
"""


class UniqueRecipe(Compaction):
    """The flattened operand's distinct elements, sorted; their first places, inverses and counts."""

    name = "Unique"
    ops = (Unique,)

    def rejects(self, problem: Problem) -> str:
        """Slices, the order of first places, types whose order integers of 64 bits do not have, sizes without bound."""
        op, x = problem.op, problem.inputs[0]
        assert isinstance(op, Unique)
        if op.axis >= 0 or not op.sorted or not x.type.rank:
            return "slices, or elements in order of their first places"
        if x.type.dtype.name == "u64":
            return "elements of type u64"
        most = problem.bounds(product(x.shape))[1]
        return "" if most <= 1 << _MOST_PASSES else "an operand of no known size"

    def plan(self, problem: Problem) -> Planned:
        """A copy, passes of merging, picking, and two calls that fill."""
        (x,), (y, first, inverse, counts) = problem.inputs, problem.outputs
        count = product(x.shape)
        passes = max(0, int(problem.bounds(count)[1]) - 1).bit_length()
        values = Data(Address("work", 4), x.type.dtype, count)
        orders = [work(5, count), work(6, count)]
        numbers: dict[str, Dim] = {"total": count, **strides_of("x", x), **{f"n{a}": n for a, n in enumerate(x.shape)}}
        data = {"x": operand_data("in", 0, x), "values": values, "order": orders[0]}
        calls = [Call("start", data, numbers, count, {}, {"rank": x.type.rank})]
        for number in range(passes):
            merging = {"values": values, "order": orders[number % 2], "merged": orders[(number + 1) % 2]}
            calls.append(Call("merge", merging, {"width": 1 << number, "total": count}, count, {}, {}, 200))
        order = orders[passes % 2]
        heads = Data(Address("work", 7), i64, count)
        calls.append(Call("heads", {"values": values, "order": order, "heads": heads}, {}, count))
        calls += picked(heads, {"x_0": 1}, 1, count)
        groups: dict[str, Dim] = {"groups": y.shape[0], "total": count}
        known = {"places": work(3, count), "order": order}
        fill = {**known, "values": values, "y": operand_data("out", 0, y), "first": operand_data("out", 1, first)}
        fill["counts"] = operand_data("out", 3, counts)
        strides = {**strides_of("y", y), **strides_of("first", first), **strides_of("counts", counts)}
        more = {**known, "inverse": operand_data("out", 2, inverse)}
        before = len(calls)
        calls.append(Call("fill", fill, {**groups, **strides}, y.shape[0]))
        calls.append(Call("group", more, {**groups, **strides_of("inverse", inverse)}, count, {}, {}, 100))
        if x.type.dtype.name in ("i64", "u32"):  # elements are whole numbers of the routines
            calls = [replace(one, wide=True) for one in calls]
        sizes = [*scratch(count), mul(count, x.type.dtype.bits // 8), *[mul(count, 8)] * 3]
        return Planned(calls, sizes, before, Address("work", 2), (count,))

    def text(self, routine: str, flags: Flags) -> str:
        """One element of each call."""
        if routine == "start":
            return offset_text(int(flags["rank"]), "e") + "values[e] = x[at]\norder[e] = e\n"
        if routine == "heads":
            text = "head = 1\nif e > 0:\n    u = values[order[e - 1]]\n    v = values[order[e]]\n"
            return text + "    if u == v or (u != u and v != v):\n        head = 0\nheads[e] = head\n"
        return {"merge": _MERGE, "group": _GROUP, "fill": _FILL}.get(routine) or super().text(routine, flags)


register(UniqueRecipe())
