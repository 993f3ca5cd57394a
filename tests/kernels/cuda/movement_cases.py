"""Gathers, scatters, concatenation, padding and sizes, along every axis, with odd shapes and strides."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirt.ops.indexing import Gather, GatherElements, GatherND, ScatterElements, ScatterND
from minirt.ops.movement import Concat, Dims, Iota, Pad
from minirt.types.dim import symbol
from minirt.types.dtype import f32, i32, i64
from tests.kernels.cuda.execution import Array, Case
from tests.kernels.cuda.map_cases import channels_last, random


def places(*shape: int, below: int, dtype: Any = np.int64) -> Array:
    """Random places, negative ones among them."""
    return np.random.default_rng(sum(shape)).integers(-below, below, shape).astype(dtype)


def distinct(rows: int, *sizes: int) -> Array:
    """Distinct coordinates."""
    flat = np.random.default_rng(rows).permutation(int(np.prod(sizes)))[:rows]
    return np.stack(np.unravel_index(flat, sizes), axis=-1).astype(np.int64)


def gathers() -> list[Case]:
    """Gathers."""
    return [
        Case("rows", Gather(0), [random(50, 64), places(7, 3, below=50)]),
        Case("rows-f16", Gather(0), [random(50, 768, dtype=np.float16), places(2, 9, below=50, dtype=np.int32)]),
        Case("rows-odd", Gather(0), [random(50, 33), places(20, below=50)]),
        Case("middle", Gather(1), [random(6, 20, 24), places(5, below=20)]),
        Case("last", Gather(2), [random(6, 5, 24), places(3, 2, below=24)]),
        Case("one-place", Gather(0), [random(6, 5), np.array(-2, np.int64)]),
        Case("transposed-data", Gather(0), [random(64, 50).T, places(9, below=50)]),
        Case("i64-elements", Gather(0), [random(50, 3, dtype=np.int64), places(20, below=50)]),
        Case("bool-elements", Gather(1), [random(5, 30, dtype=bool), places(20, below=30)]),
        Case("misaligned", Gather(0), [random(50, 64), places(9, below=50)], shift=1),
        Case("symbolic", Gather(0), [random(50, 64), places(7, 3, below=50)], {7: "B", 3: "S"}),
        Case("wide", Gather(0), [random(50, 64), places(7, 3, below=50)], {7: "B"}, {"B": (0, 1 << 40)}),
        Case("elements", GatherElements(1), [random(6, 20, 5), places(6, 9, 5, below=20)]),
        Case("elements-last", GatherElements(2), [random(6, 20, 5), places(6, 20, 9, below=5)]),
        Case("nd", GatherND(), [random(6, 7, 8, 16), places(5, 4, 2, below=6)]),
        Case("nd-full", GatherND(), [random(6, 7, 8), places(11, 3, below=6)]),
        Case("nd-batch", GatherND(1), [random(5, 7, 8), places(5, 4, 1, below=7)]),
    ]


def scatters() -> list[Case]:
    """Scatters."""
    permuted = np.stack([np.random.default_rng(i).permutation(20)[:9] for i in range(6)]).astype(np.int64)
    out = [
        Case("put", ScatterElements(1), [random(6, 20), permuted, random(6, 9)]),
        Case("put-nd", ScatterND(), [random(6, 7, 8), distinct(11, 6, 7), random(11, 8)]),
        Case("put-nd-full", ScatterND(), [random(6, 7, 8), distinct(50, 6, 7, 8) - [6, 7, 8], random(50)]),
        Case(
            "put-nd-odd",
            ScatterND(),
            [random(9, 33, dtype=np.float16), distinct(4, 9), random(4, 33, dtype=np.float16)],
        ),
        Case("put-i64", ScatterND(), [random(30, dtype=np.int64), distinct(7, 30), random(7, dtype=np.int64)]),
    ]
    for dtype in ("float32", "float16", "int32", "int64", "int8", "uint8", "float64"):
        data, updates = (small(6, n, dtype=np.dtype(dtype)) for n in (20, 70))
        loose = 1e-2 if dtype == "float16" else 1e-5
        at = places(6, 70, below=20)
        for reduction in ("add", "max", "min"):
            op = ScatterElements(1, reduction)
            out.append(Case(f"{reduction}-{dtype}", op, [data, at, updates], tolerance=loose))
    return [
        *out,
        Case("mul", ScatterND("mul"), [random(6, 20), distinct(12, 6, 20), random(12)]),
        Case("add-nd", ScatterND("add"), [random(9, 16), places(30, 1, below=9), random(30, 16)]),
    ]


def small(*shape: int, dtype: np.dtype[Any]) -> Array:
    """Numbers whose sums fit the type."""
    return random(*shape, dtype=dtype) if dtype.kind == "f" else random(*shape, dtype="int8").clip(0, 3).astype(dtype)


def movement() -> list[Case]:
    """Concatenation, padding, coordinates, sizes."""
    value = np.array(2.5, np.float32)
    picture, half = channels_last(random(2, 16, 7, 9)), np.float16
    return [
        Case("concat", Concat(1), [random(6, 8, 16), random(6, 4, 16), random(6, 3, 16)]),
        Case("concat-last", Concat(1), [random(6, 5, dtype=np.float16), random(6, 12, dtype=np.float16)]),
        Case("concat-first", Concat(0), [random(3, 7), random(1, 7), random(0, 7)]),
        Case("concat-channels-last", Concat(1), [picture, channels_last(random(2, 5, 7, 9))]),
        Case("concat-append", Concat(2), [random(1, 8, 103, 64, dtype=half), random(1, 8, 1, 64, dtype=half)]),
        Case("concat-many", Concat(1), [random(3, n, 4) for n in (1, 5, 2, 9, 0, 7, 3, 4, 8, 600, 6)]),
        Case("concat-transposed", Concat(0), [random(30, 40).T, random(7, 30)]),
        Case("concat-symbolic", Concat(1), [random(6, 8, 16), random(6, 5, 16)], {8: "A", 5: "B"}),
        Case("pad", Pad((0, 0, 1, 2), (0, 0, 3, 0)), [random(2, 3, 7, 9), value]),
        Case("pad-channels-last", Pad((0, 0, 1, 2), (0, 0, 3, 0)), [picture, value]),
        Case("pad-inner", Pad((0, 3), (0, 1)), [random(5, 64), value]),
        Case("pad-all", Pad((1, 2, 3), (3, 2, 1)), [random(4, 5, 6), value]),
        Case("pad-nothing", Pad((0, 0), (0, 0)), [random(4, 5), value]),
        Case("pad-reflect", Pad((0, 2, 3), (0, 1, 4), "reflect"), [random(2, 7, 9), value]),
        Case("pad-reflect-far", Pad((7,), (9,), "reflect"), [random(3), value]),
        Case("pad-edge", Pad((2, 0), (1, 5), "edge"), [random(4, 8), value]),
        Case("pad-wrap", Pad((2, 3), (1, 9), "wrap"), [random(4, 5), value]),
        Case("pad-one", Pad((0, 2), (0, 2)), [random(4, 1), value]),
        Case("iota", Iota((4, 5, 7), 1, i64), []),
        Case("iota-f32", Iota((1000,), 0, f32), []),
        Case("dims", Dims((3, symbol("N") * 2, -1), i64, (3,)), [], {7: "N"}, pinned=Dims((3, 14, -1), i64, (3,))),
        Case("dims-i32", Dims((symbol("N"),), i32, ()), [], {7: "N"}, pinned=Dims((7,), i32, ())),
    ]  # fmt: skip


def cases() -> list[Case]:
    """All cases."""
    return [*gathers(), *scatters(), *movement()]
