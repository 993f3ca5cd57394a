"""minirt's attention kernels beside PyTorch's scaled_dot_product_attention: one process, interleaved, GPU time.

usage: python -m benchmarks.attention [--dtype bf16] [--all] [--further] [--only REGEX] [--kernels REGEX] [--seconds N]

Each line: microseconds and TFLOP/s (causal: half the products count) of the tactic that minirt picks, of its best
tactic, and of PyTorch's backends; medians of interleaved rounds of CUDA graphs.  At the end the means, and every case
whose best tactic is below 0.95 of the fastest backend's speed.  ``--all`` lists every tactic,
``--further`` takes those too that level 3 does not time; ``--only`` names cases, ``--kernels`` kernels beside the
first guess.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from minirt.build.targets import cuda_target
from minirt.kernels.cuda.compile import CudaSource, compile_many, default_store
from minirt.kernels.kernel import Target
from minirt.runtime import device as dev
from tests.kernels.cuda.attention_cases import BRAIN, HALF, attention
from tests.kernels.cuda.execution import Array, choices, sources
from tests.kernels.cuda.matrix_cases import MatrixCase, MatrixRunner

SIZES = (  # name, batch, heads, queries, keys, size of a head, causal
    ("bert b8 s128", 8, 12, 128, 128, 64, False), ("bert b32 s128", 32, 12, 128, 128, 64, False),
    ("bert b128 s128", 128, 16, 128, 128, 64, False),
    ("vit b1 s197", 1, 12, 197, 197, 64, False), ("vit b32 s197", 32, 12, 197, 197, 64, False),
    ("vit b1 s577", 1, 12, 577, 577, 64, False), ("vit b8 s577", 8, 12, 577, 577, 64, False),
    ("gpt2 b1 s512 causal", 1, 12, 512, 512, 64, True), ("gpt2 b8 s512 causal", 8, 12, 512, 512, 64, True),
    ("b32 s512", 32, 16, 512, 512, 64, False), ("b32 s512 causal", 32, 16, 512, 512, 64, True),
    ("b8 s2048", 8, 16, 2048, 2048, 64, False), ("b8 s2048 causal", 8, 16, 2048, 2048, 64, True),
    ("b2 s8192", 2, 16, 8192, 8192, 64, False), ("b2 s8192 causal", 2, 16, 8192, 8192, 64, True),
    ("b8 s2048 d128", 8, 8, 2048, 2048, 128, False), ("b2 s8192 d128", 2, 8, 8192, 8192, 128, False),
    ("b2 s8192 d128 causal", 2, 8, 8192, 8192, 128, True),
    ("decode b1 t4096", 1, 16, 1, 4096, 64, False), ("decode b16 t4096 d128", 16, 32, 1, 4096, 128, False),
)  # fmt: skip
ROUNDS, REPEATS = 5, 10
DTYPES = {"f16": (HALF, torch.float16), "bf16": (BRAIN, torch.bfloat16)}
LINE = 0.95
"""The least wanted of the fastest backend's time over that of the best tactic."""
SHOWN = (
    "method", "consumers", "tile", "per_sm", "stages", "q_stages", "persistent", "turns", "hold", "lazy", "soft",
    "parts", "across", "cluster",
)  # fmt: skip
BACKENDS = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION}


def graphed(run: Callable[[], Any]) -> Callable[[], float]:
    """A function that gives the microseconds of one of REPEATS runs in a CUDA graph."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(2):
            run()
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for _ in range(REPEATS):
                run()

    def measure() -> float:
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        with torch.cuda.stream(stream):
            start.record()
            graph.replay()
            end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) * 1e3 / REPEATS

    return measure


class Runner(MatrixRunner):
    """A runner whose operands are on the device once, for all runners of a case."""

    held: ClassVar[dict[int, dev.DeviceMemory]] = {}

    def _upload(self, array: Array) -> dev.DeviceMemory:
        if id(array) not in self.held:
            self.held[id(array)] = super()._upload(array)
        return self.held[id(array)]


def timed_case(name: str, b: int, h: int, s: int, t: int, d: int, causal: bool, dtype: np.dtype[Any]) -> MatrixCase:
    """A case of SIZES; the numbers of all batches are those of one, as making them anew would take most of the time."""
    case = attention(name, 1, h, s, d, t=t, causal=causal, dtype=dtype)
    rows = (np.repeat(a.transpose(0, 2, 1, 3), b, axis=0) for a in case.arrays)
    return replace(case, arrays=[a.transpose(0, 2, 1, 3) for a in rows])


def peers(case: MatrixCase) -> dict[str, Callable[[], float]]:
    """PyTorch's backends on the same numbers, laid as [batch, length, heads, size]."""
    kind = next(kind for dtype, kind in DTYPES.values() if dtype == case.arrays[0].dtype)
    codes = (np.ascontiguousarray(a.transpose(0, 2, 1, 3)).view(np.int16) for a in case.arrays)
    q, k, v = (torch.from_numpy(c).cuda().view(kind).transpose(1, 2) for c in codes)
    causal = case.op.causal  # type: ignore[attr-defined]
    found = {}
    for name, backend in BACKENDS.items():
        try:
            with sdpa_kernel([backend]):
                found[name] = graphed(lambda: scaled_dot_product_attention(q, k, v, is_causal=causal))
        except RuntimeError as error:
            print(f"  {name}: {str(error)[:100]}")
    return found


def own(case: MatrixCase, target: Target, further: bool, kernels: str) -> tuple[dict[str, Callable[[], float]], float]:
    """minirt's kernels and tactics, the picked one first, and the greatest difference between their results."""
    found: dict[str, Callable[[], float]] = {}
    first, worst = None, 0.0
    Runner.held.clear()
    for kernel, problem, tactic in choices(case, target, further):
        if found and not re.search(kernels, kernel.name):
            continue
        runner = Runner(case, kernel, problem, tactic, target)
        got = runner.run()[0].astype(np.float32)
        first = got if first is None else first
        worst = max(worst, float(np.abs(got - first).max()))
        short = " ".join(str(tactic[x]) for x in SHOWN if x in tactic)
        found[f"{kernel.name[9:]} {short}"] = lambda r=runner: r.microseconds(REPEATS)  # type: ignore[misc]
    return found, worst


def line(case: MatrixCase, target: Target, options: argparse.Namespace) -> tuple[float, float]:
    """Measures one case and prints it; the fastest backend's time over that of the first guess, and of the best."""
    b, h, s, d = case.arrays[0].shape
    flops = 4.0 * b * h * s * case.arrays[1].shape[2] * d / (2 if case.op.causal else 1)  # type: ignore[attr-defined]
    mine, differ = own(case, target, options.further, options.kernels)
    calls = {**mine, **peers(case)}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            times[name].append(call())
    medians = {name: float(np.median(values)) for name, values in times.items()}
    picked, best = next(iter(mine)), min(mine, key=lambda name: medians[name])
    others = {name: medians[name] for name in medians if name not in mine}
    fastest = min(others.values()) if others else float("nan")
    shown = [f"{x} {medians[x]:.1f} us {flops / medians[x] / 1e6:.0f} TF/s" for x in dict.fromkeys((picked, best))]
    rest = " ".join(f"{x} {t:.1f} us {flops / t / 1e6:.0f}" for x, t in others.items())
    ratio = fastest / medians[picked]
    print(f"{case.name:22s} {' | best '.join(shown)} | {rest} | {ratio:.2f}x, differ {differ:.1e}", flush=True)
    if options.all:
        for name in sorted(mine, key=lambda name: medians[name]):
            print(f"    {name:44s} {medians[name]:9.1f} us {flops / medians[name] / 1e6:6.0f} TFLOP/s", flush=True)
    return ratio, fastest / medians[best]


def summary(dtype: str, found: dict[str, tuple[float, float]]) -> None:
    """Geometric means, and which cases are below the line."""
    held = {name: pair for name, pair in found.items() if all(map(math.isfinite, pair))}
    if not held:
        return
    first, best = (math.exp(sum(math.log(p[i]) for p in held.values()) / len(held)) for i in (0, 1))
    below = sorted((pair[1], name) for name, pair in held.items() if pair[1] < LINE)
    told = ", ".join(f"{name} {ratio:.3f}" for ratio, name in below) or "none"
    print(f"{dtype} attention: {len(held)} cases, geometric means: peer/first {first:.3f}, peer/best {best:.3f}")
    print(f"{dtype} attention below {LINE}: {len(below)} of {len(held)}: {told}", flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--further", action="store_true")
    parser.add_argument("--kernels", default="")
    parser.add_argument("--dtype", default="f16", choices=DTYPES)
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no case later than this")
    options = parser.parse_args()
    started, target = time.monotonic(), cuda_target()
    made = [timed_case(*sizes, DTYPES[options.dtype][0]) for sizes in SIZES if re.search(options.only, sizes[0])]
    texts: dict[str, CudaSource] = {}
    for case in made:
        for kernel, problem, tactic in choices(case, target, options.further):
            texts.update((s.text, s) for s in sources(kernel.launch(problem, tactic), target))
    compile_many(list(texts.values()), target.arch, default_store())
    found: dict[str, tuple[float, float]] = {}
    for case in made:
        if time.monotonic() - started > options.seconds:
            print("the time is over; the remaining cases are left out")
            break
        try:
            found[case.name] = line(case, target, options)
        except Exception as error:
            print(f"{case.name}: {type(error).__name__}: {str(error)[:300]}", flush=True)
    summary(options.dtype, found)


if __name__ == "__main__":
    main()
