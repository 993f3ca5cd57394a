"""The model of time: near what an H100 took, and the choice of tactics and kernels by it where nothing is timed."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
import pytest

import minirt.ops.families  # noqa: F401  (registers every op)
from minirt.build.build import lower, optimize
from minirt.build.options import Options
from minirt.build.targets import target_of
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import apply
from minirt.kernels.cuda.matrix_tiles import estimate, ranked
from minirt.kernels.cuda.matrix_time import Work, room
from minirt.kernels.kernel import KERNELS
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.ops.reduce import Reduce
from minirt.plan.launch import Spec
from minirt.plan.plan import KernelStep
from minirt.types.dtype import f16, f32
from minirt.types.tensor import Tensor
from tests.kernels.cuda.execution import HOPPER
from tests.kernels.cuda.matrix_cases import convolution, product
from tests.kernels.cuda.slim_cases import stem

FASTEST = [  # or within 2%: rows, columns, k; tile, stages, blocks an SM, sharing, turns, parts; us on an H100
    (16, 768, 3072, [64, 64], 10, 1, (1, 2), False, 4, 4.6),
    (16, 4096, 4096, [64, 128], 7, 1, (1, 2), False, 2, 10.1),
    (128, 768, 768, [64, 32], 12, 1, (2, 1), False, 2, 3.5),
    (128, 2048, 2048, [64, 128], 7, 1, (2, 1), False, 3, 6.2),
    (128, 3072, 2048, [64, 64], 10, 1, (1, 1), False, 1, 7.2),
    (128, 4096, 4096, [128, 64], 7, 1, (1, 1), False, 2, 10.8),
    (128, 2048, 8192, [128, 96], 5, 1, (1, 1), False, 4, 12.9),
    (128, 8192, 2048, [64, 128], 7, 1, (1, 1), False, 1, 8.6),
    (128, 4096, 11008, [128, 64], 7, 1, (1, 1), False, 2, 34.0),
    (128, 11008, 4096, [64, 192], 6, 1, (1, 1), False, 1, 34.6),
    (197, 768, 3072, [64, 64], 10, 1, (2, 2), False, 2, 6.9),
    (197, 2304, 768, [64, 96], 10, 1, (1, 1), False, 1, 4.5),
    (512, 768, 3072, [64, 128], 7, 1, (2, 1), False, 2, 8.7),
    (512, 2048, 2048, [64, 128], 7, 1, (1, 1), False, 1, 8.8),
    (512, 3072, 2048, [128, 96], 7, 1, (1, 1), False, 1, 10.7),
    (512, 4096, 4096, [128, 128], 6, 1, (1, 1), True, 1, 25.3),
    (4096, 768, 768, [192, 128], 5, 1, (1, 2), False, 1, 10.4),
    (4096, 3072, 768, [128, 128], 6, 1, (1, 1), True, 1, 29.4),
    (4096, 4096, 4096, [128, 256], 4, 1, (2, 1), False, 1, 185.7),
    (6304, 2304, 768, [128, 128], 6, 1, (2, 1), True, 1, 34.6),
    (100352, 256, 64, [256, 128], 4, 1, (1, 1), False, 1, 23.0),
    (25088, 512, 128, [128, 256], 4, 1, (1, 1), False, 1, 12.9),
    (25088, 128, 512, [64, 128], 7, 1, (1, 1), False, 1, 13.6),
    (6272, 1024, 256, [192, 128], 5, 1, (1, 1), False, 1, 9.4),
    (196, 256, 1024, [64, 64], 10, 1, (2, 1), False, 4, 3.9),
    (100352, 64, 256, [64, 64], 6, 2, (1, 1), False, 1, 24.1),
]
SLOWER = [  # of the same shapes, what took much longer: rows that clusters read twice, more clusters than find room
    (128, 2048, 8192, [64, 192], 5, 1, (1, 1), False, 4, 17.1),
    (128, 2048, 8192, [64, 96], 9, 1, (1, 1), False, 2, 17.1),
    (128, 3072, 2048, [64, 96], 4, 2, (1, 1), False, 3, 9.1),
    (128, 3072, 2048, [64, 160], 6, 1, (1, 1), False, 2, 9.2),
    (128, 4096, 4096, [64, 128], 7, 1, (1, 1), False, 2, 14.5),
    (128, 4096, 4096, [64, 192], 5, 1, (1, 1), False, 2, 15.5),
    (128, 8192, 2048, [64, 128], 4, 2, (1, 1), False, 1, 11.2),
    (128, 8192, 2048, [128, 64], 4, 2, (1, 1), False, 1, 11.4),
    (128, 4096, 11008, [64, 128], 3, 2, (1, 1), False, 3, 42.7),
    (128, 4096, 11008, [64, 256], 3, 1, (1, 1), False, 3, 43.9),
    (512, 768, 3072, [64, 128], 7, 1, (1, 2), False, 2, 10.8),
    (512, 768, 3072, [64, 96], 4, 2, (1, 1), False, 3, 10.9),
    (512, 4096, 4096, [64, 128], 8, 1, (2, 1), True, 1, 33.6),
    (512, 4096, 4096, [128, 192], 5, 1, (1, 1), False, 1, 34.5),
]


def work_of(m: int, n: int, k: int, step: int = 64) -> Work:
    return Work(m, n, k, -(-k // step), 1, 2.0 * (m * k + n * k + m * n), 132, 2)


def same(tactic: Spec, row: tuple[Any, ...]) -> bool:
    share = tuple(tactic["share"])
    return (tactic["tile"], tactic["stages"], tactic["per_sm"], share, tactic["turns"], tactic["parts"]) == row[3:9]


def test_the_model_is_near_what_was_measured() -> None:
    errors = []
    for row in FASTEST:
        if 2 * row[1] * row[2] / 3.0e6 > row[-1]:  # a second-level cache still held some of the weights
            continue
        work = work_of(*row[:3])
        tactic = next(t for t in ranked(work, "wgmma", ordered=True) if same(t, row))
        errors.append(abs(log(estimate(work, tactic, "wgmma") / row[-1])))
    assert max(errors) < log(1.4)
    assert exp(sum(errors) / len(errors)) < 1.15


@pytest.mark.parametrize("slow", SLOWER, ids=lambda row: "x".join(map(str, row[:3])))
def test_what_is_much_slower_ranks_behind_the_fastest(slow: tuple[Any, ...]) -> None:
    fast = next(row for row in FASTEST if row[:3] == slow[:3])
    order = ranked(work_of(*slow[:3]), "wgmma", ordered=True)
    places = [next(i for i, tactic in enumerate(order) if same(tactic, row)) for row in (fast, slow)]
    assert places[0] < places[1]


def test_the_fastest_known_tactic_is_among_those_that_are_timed() -> None:
    places = [
        next(i for i, t in enumerate(ranked(work_of(*row[:3]), "wgmma", ordered=True)) if same(t, row))
        for row in FASTEST
    ]
    assert max(places) < 12
    assert sum(place < 6 for place in places) >= len(places) * 3 // 4


def test_tactics_are_ranked_by_estimate() -> None:
    for method, step in (("wgmma", 64), ("mma", 32), ("fma", 16)):
        work = work_of(6272, 256, 2304, step)
        times = [estimate(work, tactic, method) for tactic in ranked(work, method)]
        assert times == sorted(times) and times[0] > 0
    tactics = ranked(work_of(64, 64, 4096), "wgmma")
    assert tactics[0]["parts"] > 1
    assert all("share" in tactic for tactic in tactics if tactic["parts"] > 1)


def test_clusters_find_room_only_within_groups_of_multiprocessors() -> None:
    """128 blocks in clusters of 4 took twice as long on an H100 as 96 did, 120 in threes and 108 in sixes, too."""
    assert [room(132, blocks) for blocks in (1, 2, 3, 4, 6, 8)] == [132, 132, 108, 120, 96, 112]
    assert room(4, 8) == 8  # no cluster is larger than the room
    full = work_of(49, 512, 2048)
    fits = {"tile": [64, 32], "stages": 12, "consumers": 1, "per_sm": 1, "share": [1, 1], "turns": False}
    assert estimate(full, {**fits, "parts": 8}, "wgmma") > estimate(full, {**fits, "parts": 6}, "wgmma")


def test_strided_taps_read_a_part_of_the_image() -> None:
    kernel = KERNELS["ConvWgmma"]
    moved = []
    for stride in (1, 2):
        problem = convolution("s", f16, (2, 256, 56, 56), (64, 256, 1, 1), stride=stride).problem(HOPPER)
        moved.append(kernel.work(problem).moved)  # type: ignore[attr-defined]
    image = 2.0 * 2 * 256 * 56 * 56
    assert moved[0] > image and moved[1] < image / 2


def test_an_epilogue_takes_time_most_of_which_turns_hide() -> None:
    row = (4096, 3072, 768)
    plain = work_of(*row)
    busy = Work(*row, 12, 1, plain.moved, 132, 2, ops=8)
    tactics = {t["turns"]: t for t in ranked(plain, "wgmma", ordered=True) if t.get("turns") is not None
               and t["tile"] == [128, 192] and t["share"] == [1, 1] and t["parts"] == 1}  # fmt: skip
    added = {turns: estimate(busy, t, "wgmma") - estimate(plain, t, "wgmma") for turns, t in tactics.items()}
    assert 0 < added[True] < added[False]


def chosen(images: int, channels: int, side: int, outs: int) -> str:
    """The kernel of a pointwise convolution where nothing is timed."""
    x = apply(Input("x", Tensor(f16, (images, channels, side, side))))
    y = apply(Conv((1, 1), (0,) * 4, (1, 1), 1), x, constant(np.zeros((outs, channels, 1, 1), np.float16)))
    graph = optimize(Graph("conv", [x], [apply(Reduce("mean", (2, 3)), y)], ["y"]))
    target = target_of("cuda:sm_90")
    steps = lower(graph, target, Options((target,), level=2)).run().steps
    return next(s.choices[0].kernel for s in steps if isinstance(s, KernelStep) and s.choices[0].kernel[:4] == "Conv")


def test_the_model_decides_between_kernels() -> None:
    """Times of 23.2 and 30.7 us, and of 12.9 and 23.8: a short k alone does not make a product slim."""
    assert chosen(32, 64, 56, 256) == "ConvWgmma"
    assert chosen(32, 128, 28, 512) == "ConvWgmma"


def test_kernels_without_a_model_keep_their_places() -> None:
    rows = product("rows", f16, (1, 512), (512, 512), constants=(1,)).problem(HOPPER)
    for name in ("GemmVector", "GemmRows", "GemmSimt"):
        kernel = KERNELS[name]
        assert kernel.expected(rows, kernel.tactics(rows)[0]) == 0
    exact = product("exact", f32, (256, 512), (512, 512), constants=(1,), tf32=False).problem(HOPPER)
    for name in ("GemmFma", "GemmMma"):
        assert KERNELS[name].expected(exact, KERNELS[name].tactics(exact)[0]) == 0
    assert KERNELS["GemmMma"].expected(rows, KERNELS["GemmMma"].tactics(rows)[0]) > 0


@pytest.mark.parametrize(("shape", "first"), [((8192, 2048), 1), ((2048, 2048), 4), ((3072, 2048), 2), ((768, 768), 1)])
def test_a_product_of_one_row_shares_a_row_of_b_until_memory_is_busy(shape: tuple[int, int], first: int) -> None:
    n, k = shape
    case = product("one", f16, (1, k), (n, k), trans=(False, True), constants=(1,))
    assert KERNELS["GemmVector"].tactics(case.problem(HOPPER))[0] == {"share": first, "unroll": 2}


def test_small_images_take_low_tiles_of_a_first_convolution() -> None:
    kernel = KERNELS["ConvStem"]
    few, many = (kernel.tactics(stem("s", f16, (n, 3, 224, 224), (64, 3, 7, 7), 2, 3).problem(HOPPER)) for n in (1, 32))
    assert few[0]["tile"][0] == 8 and few[0]["warps"] == 8
    assert many[0]["tile"][0] == 16
    assert len(few) == len(many)


def test_a_gemm_op_has_a_form_for_the_model() -> None:
    problem = product("bias", f16, (512, 768), (768, 3072), extras=[(3072,)], constants=(1,)).problem(HOPPER)
    assert isinstance(problem.op, Gemm)
    kernel = KERNELS["GemmWgmma"]
    work = kernel.work(problem)  # type: ignore[attr-defined]
    assert (work.m, work.n, work.k, work.steps, work.batch) == (512, 3072, 768, 12, 1)
    assert work.ops >= 1 and not work.gathers
