"""Reductions, softmax and normalization over inner, outer and scattered axes, short, long and odd rows."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from minirt.ir.scalar import Body, arg, call, cast, const, index
from minirt.ops.normalization import Normalization
from minirt.ops.ordering import ArgReduce, Cumulative, TopK
from minirt.ops.reduce import Reduce
from minirt.ops.softmax import Softmax
from minirt.types.dtype import f16, f32
from tests.kernels.cuda.execution import Case
from tests.kernels.cuda.map_cases import channels_last, random

SQUARED_DIFFERENCE = Body((f32, f32), (call("mul", *[call("sub", arg(0, f32), arg(1, f32))] * 2),))
ROOT = Body((f32, f32), (call("sqrt", call("add", arg(0, f32), arg(1, f32))),))
AFFINE_HALF = Body(
    (f32, f16, f16), (cast(call("add", call("mul", arg(0, f32), cast(arg(1, f16), f32)), cast(arg(2, f16), f32)), f16),)
)
SCALED = Body((f32, f32), (call("mul", arg(0, f32), call("max", arg(1, f32), const(0.0, f32))),))


CAUSAL = Body((f32,), (call("select", call("ge", index(-1), index(-2)), arg(0, f32), const(0.0, f32)),))
PLACED = Body((f32,), (call("add", arg(0, f32), cast(index(-1), f32)),))
PLACED_ROWS = Body((f32,), (call("add", arg(0, f32), call("mul", cast(index(-1), f32), cast(index(-2), f32))),))


def reductions() -> list[Case]:
    """Reductions."""
    half, brain = np.float16, ml_dtypes.bfloat16
    out = [
        Case("inner", Reduce("sum", (2,)), [random(5, 7, 96)]),
        Case("inner-odd", Reduce("mean", (2,)), [random(5, 7, 97)]),
        Case("inner-short", Reduce("max", (1,), False), [random(1000, 3)]),
        Case("inner-long", Reduce("sum", (1,)), [random(3, 5000)]),
        Case("all", Reduce("mean", (0, 1, 2), False), [random(61, 33, 50)]),
        Case("all-f16", Reduce("sum", (0, 1), False), [random(400, 256, dtype=half) / 64]),
        Case("outer", Reduce("sum", (0,)), [random(37, 128)]),
        Case("outer-odd", Reduce("min", (0,)), [random(37, 131, dtype=half)]),
        Case("outer-long", Reduce("sum", (0,), False), [random(9000, 24)]),
        Case("outer-short", Reduce("prod", (0,)), [random(4, 3000)]),
        Case("middle", Reduce("mean", (1,)), [random(6, 50, 24)]),
        Case("two-apart", Reduce("sum", (0, 2)), [random(6, 10, 24, 8)]),
        Case("global-pool", Reduce("mean", (2, 3)), [channels_last(random(2, 64, 7, 9, dtype=half))]),
        Case("global-pool-rows", Reduce("mean", (2, 3)), [random(2, 64, 7, 9)]),
        Case("batched-outer", Reduce("max", (1,)), [random(3, 200, 40, dtype=brain)]),
        Case("strided", Reduce("sum", (1,)), [random(40, 64)[::2, 1:60:3]]),
        Case("transposed", Reduce("sum", (1,)), [random(70, 300).T]),
        Case("prologue", Reduce("sum", (1,), True, SQUARED_DIFFERENCE, ROOT),
             [random(20, 64), random(20, 1), np.abs(random(1, 1))]),
        Case("prologue-outer", Reduce("mean", (0,), False, SQUARED_DIFFERENCE, ROOT),
             [random(50, 64), random(64), np.abs(random(64))]),
        Case("split-epilogue", Reduce("sum", (1, 2), False, SQUARED_DIFFERENCE, ROOT),
             [random(2, 100, 70), random(2, 1, 1), np.abs(random(2))]),
        Case("symbolic", Reduce("mean", (1,)), [random(6, 50, 24)], {6: "N", 50: "L"}),
        Case("wide", Reduce("sum", (1,)), [random(6, 5)], {6: "N"}, {"N": (0, 1 << 40)}),
        Case("wide-outer", Reduce("sum", (0,)), [random(6, 32)], {6: "N"}, {"N": (0, 1 << 40)}),
        Case("symbolic-inner", Reduce("sum", (2,)), [random(6, 5, 50)], {6: "N", 50: "L"}),
        Case("coordinates", Reduce("sum", (1,), True, CAUSAL, PLACED), [random(20, 64)]),
        Case("coordinates-outer", Reduce("sum", (1,), False, CAUSAL, PLACED), [random(5, 20, 32)]),
        Case("coordinates-split", Reduce("sum", (1, 2), False, CAUSAL, PLACED), [random(3, 100, 64)]),
        Case("nan", Reduce("max", (1,)), [np.array([[1.0, np.nan, 2.0], [3.0, 4.0, np.inf]], np.float32)]),
        Case("no-elements", Reduce("sum", (1,)), [random(5, 0)]),
        Case("scalar", Reduce("sum", (0,), False), [random(1)]),
        Case("misaligned", Reduce("sum", (1,)), [random(12, 64)], shift=3),
    ]  # fmt: skip
    for kind in ("sum", "max", "min", "prod", "mean"):
        out.append(Case(f"{kind}-i32", Reduce(kind, (1,)), [random(30, 17, dtype=np.int32)]))
        out.append(Case(f"{kind}-i64", Reduce(kind, (0,)), [random(30, 17, dtype=np.int64)]))
    out += [Case(f"{kind}-bool", Reduce(kind, (1,)), [random(30, 4, dtype=bool)]) for kind in ("max", "min")]
    out += [
        Case(f"max-{kind}", Reduce("max", (1,)), [random(30, 40, dtype=kind)]) for kind in ("int8", "uint8", "float64")
    ]
    return out


def grouped(batch: int, groups: int, channels: int, height: int, width: int, dtype: type = np.float16) -> np.ndarray:
    """[batch, groups, channels of a group, height, width], channels last in memory."""
    held = random(batch, height, width, groups, channels, dtype=dtype) * 2 + 1
    found: np.ndarray = held.transpose(0, 3, 4, 1, 2)
    return found


def groups() -> list[Case]:
    """Group normalization over channels-last images: groups of few channels, of odd numbers of them, of many."""
    half, brain = np.float16, ml_dtypes.bfloat16
    op, affine = Normalization((2, 3, 4)), Normalization((2, 3, 4), "layer", 1e-5, AFFINE_HALF)
    return [
        Case("groups of 2", op, [grouped(3, 16, 2, 17, 19)]),
        Case("groups of 4", affine,
             [grouped(2, 32, 4, 33, 31), random(1, 32, 4, 1, 1, dtype=half), random(1, 32, 4, 1, 1, dtype=half)]),
        Case("groups of 4, many places", op, [grouped(2, 32, 4, 64, 64)]),
        Case("groups of 16", op, [grouped(2, 32, 16, 16, 15, np.float32)]),
        Case("groups of 10", op, [grouped(2, 32, 10, 21, 23)]),
        Case("groups of 3", op, [grouped(2, 5, 3, 9, 23, brain)]),
        Case("groups of 20, rms", Normalization((2, 3, 4), "rms"), [grouped(1, 32, 20, 40, 41)]),
        Case("groups, one place each", affine,
             [grouped(3, 8, 4, 40, 31), random(8, 1, 1, 1, dtype=half), random(3, 8, 4, 40, 31, dtype=half)]),
        Case("groups, symbolic", op, [grouped(3, 16, 2, 17, 19)], {3: "N", 17: "H", 19: "W"},
             {"N": (1, 8), "H": (1, 64), "W": (1, 64)}),
        Case("few long rows", Normalization((1,)), [random(3, 60000, dtype=half)]),
        Case("few longer rows", Normalization((1,)), [random(2, 150001)]),
        Case("one row", Normalization((1,), "rms", 1e-6, SCALED), [random(1, 2048), random(2048)]),
        Case("short rows f16", Normalization((1,), "layer", 1e-5, AFFINE_HALF),
             [random(5000, 96, dtype=half), random(96, dtype=half), random(5000, 1, dtype=half)]),
        Case("softmax over few long rows", Softmax(1), [random(3, 60001)]),
        Case("softmax over few long columns", Softmax(0), [random(3001, 40, dtype=half)]),
    ]  # fmt: skip


def statistics() -> list[Case]:
    """Softmax and normalization."""
    half, brain = np.float16, ml_dtypes.bfloat16
    return [
        Case("softmax", Softmax(2), [random(3, 12, 128)]),
        Case("softmax-f16", Softmax(3), [random(2, 12, 16, 384, dtype=half)]),
        Case("softmax-odd", Softmax(1), [random(33, 1000 + 1)]),
        Case("softmax-short", Softmax(1), [random(500, 5)]),
        Case("softmax-2500", Softmax(1), [random(5, 2500, dtype=half)]),
        Case("softmax-30000", Softmax(1), [random(3, 30000)]),
        Case("softmax-streamed", Softmax(1), [random(3, 50001)]),
        Case("softmax-outer", Softmax(1), [random(3, 19, 40)]),
        Case("softmax-outer-odd", Softmax(0), [random(19, 33)]),
        Case("softmax-outer-long", Softmax(1), [random(2, 700, 8)]),
        Case("log-softmax", Softmax(1, log=True), [random(33, 77) * 20]),
        Case("log-softmax-outer", Softmax(0, log=True), [random(33, 77)]),
        Case("softmax-masked", Softmax(1), [np.where(random(20, 64) > 0, random(20, 64), -np.inf).astype(np.float32)]),
        Case("softmax-symbolic", Softmax(2), [random(3, 4, 50)], {3: "N", 50: "L"}),
        Case("softmax-symbolic-long", Softmax(1), [random(4, 50)], {50: "L"}, {"L": (1, 1 << 20)}),
        Case("softmax-f64", Softmax(1), [random(9, 40, dtype=np.float64)]),
        Case("softmax-bf16", Softmax(1), [random(9, 768, dtype=brain)]),
        Case("layer", Normalization((2,)), [random(2, 17, 768) * 3 + 5]),
        Case("layer-coordinates", Normalization((2,), "layer", 1e-5, PLACED_ROWS), [random(2, 7, 64)]),
        Case("layer-coordinates-outer", Normalization((1,), "layer", 1e-5, PLACED_ROWS), [random(2, 7, 32)]),
        Case("layer-odd", Normalization((1,)), [random(17, 333)]),
        Case("layer-affine", Normalization((2,), "layer", 1e-5, AFFINE_HALF),
             [random(2, 17, 768, dtype=half), random(768, dtype=half), random(768, dtype=half)]),
        Case("rms", Normalization((1,), "rms", 1e-6, SCALED), [random(17, 4096), random(4096)]),
        Case("layer-long", Normalization((1, 2)), [random(2, 200, 300)]),
        Case("instance", Normalization((2, 3)), [random(2, 12, 31, 33)]),
        Case("instance-channels-last", Normalization((2, 3), "layer", 1e-5, SCALED),
             [channels_last(random(2, 24, 15, 17)), random(24, 1, 1)]),
        Case("instance-odd", Normalization((2, 3)), [channels_last(random(2, 7, 15, 17))]),
        *groups(),
        Case("layer-outer", Normalization((0,)), [random(40, 64)]),
        Case("layer-strided", Normalization((1,)), [random(64, 80)[::2, 3:60]]),
        Case("layer-symbolic", Normalization((2,), "layer", 1e-5, SCALED), [random(3, 50, 64), random(64)],
             {3: "N", 50: "L"}),
    ]  # fmt: skip


def ordering() -> list[Case]:
    """Arg reductions, running sums, top-k."""
    ties = random(9, 70, dtype=np.int8)
    broken = random(5, 40)
    broken[1, 7] = broken[1, 9] = np.nan
    half = random(6, 33, dtype=np.float16)
    out = [
        Case("arg-max", ArgReduce("max", 1), [random(9, 1000)]),
        Case("arg-min-first", ArgReduce("min", 0, False), [random(33, 40)]),
        Case("arg-max-ties", ArgReduce("max", 1), [ties]),
        Case("arg-max-last-of-ties", ArgReduce("max", 1, True, True), [ties]),
        Case("arg-max-nan", ArgReduce("max", 1), [broken]),
        Case("arg-min-nan", ArgReduce("min", 1), [broken]),
        Case("arg-max-middle", ArgReduce("max", 1, False), [random(3, 21, 64, dtype=np.float16)]),
        Case("running-sum", Cumulative("sum", 1), [random(7, 1000)], tolerance=1e-5),
        Case("running-sum-outer", Cumulative("sum", 0), [random(50, 65)]),
        Case("running-product", Cumulative("prod", 1), [random(7, 40)]),
        Case("running-i64", Cumulative("sum", 1), [random(7, 77, dtype=np.int64)]),
        Case("running-f16", Cumulative("sum", 1), [half], tolerance=4e-3),
        Case("top-5", TopK(1, 5), [random(9, 100)]),
        Case("top-ties", TopK(1, 30), [ties]),
        Case("least-ties", TopK(1, 70, False), [ties]),
        Case("top-nan", TopK(1, 40), [broken]),
        Case("least-nan", TopK(1, 40, False), [broken]),
        Case("top-first", TopK(0, 7), [random(50, 13)]),
        Case("top-middle", TopK(1, 3), [random(3, 21, 16, dtype=np.float16)]),
        Case("top-2000", TopK(1, 300), [random(3, 2000)]),
        Case("top-9000", TopK(1, 20), [random(3, 9000)]),
        Case("top-picked-ties", TopK(1, 700), [random(3, 9000, dtype=np.int8)]),
        Case("least-picked-ties", TopK(1, 1500, False), [random(3, 5001, dtype=np.float16)]),
        Case("top-picked-i64", TopK(0, 40), [random(5000, 2, dtype=np.int64)]),
        Case("least-picked-f64", TopK(1, 40, False), [random(2, 5000, dtype=np.float64)]),
        Case("top-picked-nan", TopK(1, 40), [np.where(random(2, 5000) > 2.2, np.nan, random(2, 5000, seed=1))]),
        Case(
            "least-picked-nan", TopK(1, 4999, False), [np.where(random(2, 5000) > 2.2, np.nan, random(2, 5000, seed=1))]
        ),
        Case("top-most", TopK(1, 3000), [random(2, 5000)]),
        Case("top-symbolic", TopK(1, 3), [random(3, 50)], {50: "L"}),
    ]
    for exclusive, reverse in ((True, False), (False, True), (True, True)):
        op = Cumulative("sum", 1, exclusive, reverse)
        out += [Case(f"running-{exclusive}-{reverse}", op, [x]) for x in (random(7, 70), random(4, 9, 33))]
    return out


def cases() -> list[Case]:
    """All cases."""
    return [*reductions(), *statistics(), *ordering()]
