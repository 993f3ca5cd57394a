"""Every tactic of the kernels on wgmma, and of attention, emulated.

``python -m tests.kernels.cuda.emulate.sweep [NAME ..]``: names choose cases by a part of theirs; ``--runs`` is how many
orders of threads and copies each tactic is given.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from minirt.kernels.kernel import Target
from minirt.types.dtype import bf16, f16, f32
from tests.kernels.cuda.attention_cases import BRAIN, HALF, attention, numbers, padding
from tests.kernels.cuda.emulate.run import Emulated, EmulationError, Way, missing, rules
from tests.kernels.cuda.execution import check, choices
from tests.kernels.cuda.matrix_cases import MatrixCase, convolution, product

FEW, MANY = Target("cuda:sm_90a", 4, 232448), Target("cuda:sm_90a", 132, 232448)
"""Few multiprocessors, so that blocks take several tiles, and an H100's, so that k is split."""
KERNELS = ("GemmWgmma", "ConvWgmma", "AttentionWgmma", "AttentionFew", "AttentionMma")


def products() -> list[tuple[MatrixCase, Target]]:
    """Products and convolutions: layouts, types, batches, odd sizes, few steps along k and many."""
    few = [
        product("tiles", f16, (520, 304), (304, 392), extras=[(1, 392)]),
        product("by-k", bf16, (200, 328), (264, 328), trans=(False, True), extras=[(264,)], constants=(1,)),
        product("tf32", f32, (200, 164), (264, 164), trans=(False, True), constants=(1,)),
        product("odd", f16, (200, 72), (267, 72), trans=(False, True), extras=[(267,)]),
        product("batch", f16, (2, 3, 150, 136), (1, 3, 136, 200)),
        product("one-step", f16, (2, 3, 150, 64), (2, 3, 64, 200)),
        convolution("3x3", f16, (2, 64, 14, 15), (136, 64, 3, 3), pad=1, extras=[(136, 1, 1), (2, 136, 14, 15)]),
        convolution("1x1", bf16, (2, 72, 14, 15), (200, 72, 1, 1), stride=2, extras=[(200, 1, 1)]),
        convolution("5x3", f16, (2, 40, 17, 15), (72, 40, 5, 3), pad=2, dilation=2, extras=[(72, 1, 1)]),
        convolution("tf32", f32, (3, 32, 17, 15), (72, 32, 3, 3), pad=1, stride=2),
    ]
    parts = product("parts", f16, (130, 2112), (2112, 136), extras=[(136,)])
    return [*((case, FEW) for case in few), (parts, MANY)]


def heads() -> list[tuple[MatrixCase, Target]]:
    """Attention: masks, causality with offsets, shared heads, lengths about the edges of tiles."""
    found = [
        attention("s197", 1, 3, 197, 64, how="packed"), attention("s513", 1, 2, 513, 64),
        attention("causal 577", 1, 3, 577, 64, causal=True, how="packed"),
        attention("causal shared", 1, 4, 231, 64, g=2, causal=True),
        attention("causal later", 1, 3, 257, 64, t=523, causal=True, offset=266),
        attention("causal cut", 1, 3, 500, 64, t=233, causal=True),
        attention("causal before", 1, 3, 323, 64, t=157, causal=True, offset=-131, guard=True),
        attention("causal 128", 1, 2, 300, 128, causal=True), attention("few tiles", 1, 2, 70, 64, t=400),
        attention("brain", 1, 3, 300, 64, causal=True, dtype=BRAIN, large=4.0),
        attention("padding", 2, 2, 200, 64, mask=padding(2, 200, 1), guard=True),
        attention("rows", 1, 2, 130, 64, mask=numbers((130, 130), HALF) > -1),
    ]  # fmt: skip
    unseen = attention("unseen", 2, 2, 700, 64, t=64, causal=True, offset=-640, mask=padding(2, 64, 1), guard=True)
    found += [
        attention("long 128", 1, 2, 150, 128, t=1030, dtype=BRAIN), attention("fitted 128", 1, 3, 197, 128),
        attention("single", 1, 6, 1, 128, t=577), attention("long sizes", 1, 2, 150, 64, t=1030, e=128),
    ]  # fmt: skip
    few = [attention("few of many", 1, 2, 70, 64, t=400), attention("one query", 1, 2, 1, 64, t=9000)]
    return [*((case, FEW) for case in [*found, unseen]), *((case, MANY) for case in few)]


def ways(case: MatrixCase, target: Target) -> Iterator[Way]:
    """Kernels on wgmma, and of attention on mma.sync, with all their tactics."""
    return (way for way in choices(case, target, further=True) if way[0].name in KERNELS)


def wrong(case: MatrixCase, way: Way, target: Target, store: Path, runs: Sequence[int]) -> str:
    """What the first run that fails says, "" where none does and all give the same bits."""
    case.tolerance = case.allows(way[0].name)
    first: list[bytes] = []
    for number in runs:
        try:
            got = Emulated(case, way, target, store).run(rules(number))
            check(case, got, case.name)
            bits = [np.ascontiguousarray(a).tobytes() for a in got]
            assert bits == (first or bits), "two runs differ"
        except (EmulationError, AssertionError) as error:
            return f"{case.name} {way[0].name} {way[2]} {rules(number)}: {error}"
        first = bits
    return ""


def main() -> int:
    """Run what was asked for; 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--runs", type=int, default=6)
    args = parser.parse_args()
    if missing():
        sys.exit(missing())
    failed = done = 0
    with tempfile.TemporaryDirectory() as folder:
        for case, target in [*products(), *heads()]:
            if args.names and not any(name in case.name for name in args.names):
                continue
            for way in ways(case, target):
                found = wrong(case, way, target, Path(folder), range(args.runs))
                done, failed = done + 1, failed + bool(found)
                if found:
                    print(found, flush=True)
            print(f"{case.name}: {done} ways so far, {failed} wrong", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
