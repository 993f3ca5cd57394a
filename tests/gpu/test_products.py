"""Products and convolutions by clusters that share copies: every tile and split, at sizes that nothing divides."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from minirt.build.targets import cuda_target
from minirt.kernels.cuda.matrix_tiles import WGMMA_TILES
from minirt.runtime import device as dev
from minirt.types.dtype import bf16, f16, f32
from tests.kernels.cuda.execution import check, choices
from tests.kernels.cuda.matrix_cases import MatrixCase, MatrixRunner, convolution, product

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not dev.available(), reason="needs a CUDA device")]
TILES = sorted({(*t["tile"], t["consumers"], t["turns"]) for t in WGMMA_TILES})
MADE: dict[str, Callable[[], MatrixCase]] = {
    "many": lambda: product("many", f16, (5000, 328), (328, 1112), extras=[(1112,), (5000, 1112)], constants=(1,)),
    "many-bf16": lambda: product("many", bf16, (3333, 456), (456, 1288)),
    "odd-rows": lambda: product("odd-rows", f16, (1000, 136), (2051, 136), trans=(False, True), constants=(1,)),
    "odd-rows-bf16": lambda: product("odd-rows", bf16, (3, 77, 200), (199, 200), trans=(False, True), extras=[(199,)]),
    "primes": lambda: product("primes", f16, (389, 1000), (1000, 2309), extras=[(2309,)], constants=(1,)),
    "primes-bf16": lambda: product("primes", bf16, (131, 712), (712, 797), extras=[(797,), (131, 797)], constants=(1,)),
    "few": lambda: product("few", f16, (130, 3080), (3080, 200), extras=[(200,), (130, 200)], constants=(1,)),
    "few-tf32": lambda: product("few", f32, (130, 1064), (1064, 136), extras=[(136,)], constants=(1,)),
    "batch": lambda: product("batch", f16, (3, 5, 130, 520), (3, 5, 520, 264)),
    "batch-t": lambda: product("batch-t", bf16, (2, 3, 200, 72), (2, 3, 333, 72), trans=(False, True)),
    "batch-rows": lambda: product("rows", f16, (3, 67, 1544), (3, 101, 1544), trans=(False, True), extras=[(101,)]),
    "3x3": lambda: convolution("3x3", f16, (3, 136, 19, 15), (200, 136, 3, 3), pad=1, extras=[(200, 1, 1)]),
    "3x3-bf16": lambda: convolution("3x3", bf16, (5, 72, 13, 11), (101, 72, 3, 3), pad=1, extras=[(101, 1, 1)]),
    "1x1": lambda: convolution("1x1", bf16, (7, 40, 57, 53), (264, 40, 1, 1), extras=[(264, 1, 1), (7, 264, 57, 53)]),
    "stride": lambda: convolution("stride", f16, (2, 32, 45, 47), (96, 32, 5, 3), stride=2, pad=2, weights=False),
    "tf32": lambda: convolution("tf32", f32, (2, 36, 23, 21), (136, 36, 3, 3), pad=1, extras=[(136, 1, 1)]),
}

UNEVEN = ("primes", "primes-bf16", "batch-rows", "3x3-bf16")
"""Cases for tiles whose columns are no multiple of 64 alone."""


@cache
def made(name: str) -> MatrixCase:
    """A case, with what is expected of it worked out once."""
    return MADE[name]()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("tile", TILES, ids=lambda t: f"{t[0]}x{t[1]}{'-turns' if t[3] else ''}")
def test_every_tactic_computes_what_the_reference_does(tile: tuple[int, int, int, bool], name: str) -> None:
    case, target = made(name), cuda_target()
    if target.arch != "sm_90a":
        pytest.skip("no wgmma")
    if name in UNEVEN and tile[1] % 64 == 0:
        pytest.skip("a case for other tiles")
    tried = 0
    for kernel, problem, tactic in choices(case, target, True):
        if "share" not in tactic or (*tactic["tile"], tactic["consumers"], tactic["turns"]) != tile:
            continue
        tried += 1
        case.tolerance = case.allows(kernel.name)
        runner = MatrixRunner(case, kernel, problem, tactic, target)
        got = runner.run()
        check(case, got, f"{kernel.name} {tactic}")
        np.testing.assert_array_equal(runner.run()[0], got[0], err_msg=f"{kernel.name} {tactic} does not repeat")
    if not tried:
        pytest.skip("the tile is not for this case")
