"""Times every tactic of matrix products and convolutions: the model's pick, the best there is, and the peer's library.

``python -m benchmarks.tuning [--dtype f16,bf16] [--only REGEX] [--seconds N] [--fit FILE] [--level 5]``.  One line a
shape: microseconds of the first guess, of what levels 3 and 4 would find, of the best of all, of PyTorch (cuBLAS, cuDNN
channels last), and the winner; at the end the means, and every shape where level 3 is below 0.92 of cuBLAS's speed or
0.95 of cuDNN's.  ``--only`` names shapes as they are printed, with or without the type before: ``'^f16 |^bf16 [0-9]'``
leaves out convolutions in bf16.  ``--fit`` writes every time as JSON lines, for fitting the constants of
``minirt/kernels/cuda/matrix_tiles.py`` anew.  All are timed alike: graphs of launches over buffers that overflow the
second-level cache.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

import minirt.ops.families  # noqa: F401  (registers every op)
from minirt.build.build import lower, optimize
from minirt.build.options import Options
from minirt.build.select import Way
from minirt.build.targets import cuda_target
from minirt.build.tune import Job, Tuner, allotted, fastest, number_of, tuner_for
from minirt.build.tuning import Tuning
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import apply
from minirt.kernels.kernel import Target
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.ops.reduce import Reduce
from minirt.runtime.device import Device
from minirt.types.dtype import bf16, f16, f32
from minirt.types.tensor import Tensor

DTYPES = {"f16": f16, "bf16": bf16, "f32": f32}
LINES = {"products": 0.92, "convolutions": 0.95}
"""The least wanted of the peer's time over that of level 3."""
Rows = dict[str, dict[str, float]]
ROWS = (1, 16, 128, 512, 4096)
RESNET = [  # channels, size, outputs, taps, stride
    (3, 224, 64, 7, 2), (64, 56, 64, 1, 1), (64, 56, 64, 3, 1), (64, 56, 256, 1, 1), (128, 28, 128, 3, 1),
    (128, 28, 512, 1, 1), (128, 56, 128, 3, 2), (256, 14, 256, 3, 1), (256, 14, 1024, 1, 1), (256, 56, 64, 1, 1),
    (256, 56, 128, 1, 1), (256, 56, 512, 1, 2), (512, 7, 512, 3, 1), (512, 7, 2048, 1, 1), (512, 28, 128, 1, 1),
    (1024, 14, 256, 1, 1), (2048, 7, 512, 1, 1),
]  # fmt: skip
WIDTHS = [  # outputs, inputs: BERT, ViT and GPT-2; Llama of 1B and 7B
    (768, 768), (2304, 768), (3072, 768), (768, 3072), (3072, 2048), (2048, 2048), (8192, 2048), (2048, 8192),
    (4096, 4096), (11008, 4096), (4096, 11008),
]  # fmt: skip
OTHERS = [(197, 768, 768), (6304, 2304, 768), (6304, 3072, 768), (6304, 768, 3072), (512, 50257, 768), (1, 50257, 768),
          (512, 50264, 768), (1, 128256, 2048), (8192, 8192, 8192), (197, 2304, 768), (197, 3072, 768),
          (197, 768, 3072), (32, 48, 1152), (32, 1152, 48)]  # fmt: skip


@dataclass
class Shape:
    """A product (m, n, k) or a convolution (images, channels, size, outputs, taps, stride)."""

    name: str
    dtype: str
    sizes: tuple[int, ...]

    @property
    def title(self) -> str:
        """The name behind the type."""
        return f"{self.dtype} {self.name}"

    @property
    def kind(self) -> str:
        """Of LINES."""
        return "products" if len(self.sizes) == 3 else "convolutions"

    @property
    def flops(self) -> float:
        """Twice the multiply-adds."""
        if len(self.sizes) == 3:
            return 2.0 * math.prod(self.sizes)
        n, c, size, o, taps, stride = self.sizes
        out = (size - 1) // stride + 1
        return 2.0 * n * out * out * o * c * taps * taps

    def graph(self) -> Graph:
        """The one op with constant weights; behind a convolution a mean, so that it writes its channels last."""
        dtype = DTYPES[self.dtype]
        if len(self.sizes) == 3:
            m, n, k = self.sizes
            x = apply(Input("x", Tensor(dtype, (m, k))))
            y = apply(Gemm(), x, constant(np.zeros((k, n), dtype.numpy), dtype))
        else:
            images, c, size, o, taps, stride = self.sizes
            x = apply(Input("x", Tensor(dtype, (images, c, size, size))))
            pad = taps // 2
            weights = constant(np.zeros((o, c, taps, taps), dtype.numpy), dtype)
            y = apply(Conv((stride, stride), (pad,) * 4, (1, 1), 1), x, weights)
            y = apply(Reduce("mean", (2, 3)), y)
        return Graph(self.name, [x], [y], ["y"])


def shapes(dtype: str) -> list[Shape]:
    """What is timed in a type."""
    products = [(m, n, k) for n, k in WIDTHS for m in ROWS] + OTHERS
    found = [Shape("x".join(map(str, s)), dtype, s) for s in products]
    convolutions = [(n, *row) for n in (1, 32) for row in RESNET]
    for n, c, size, o, taps, stride in convolutions:
        found.append(Shape(f"n{n} {c}x{size}->{o} {taps}/{stride}", dtype, (n, c, size, o, taps, stride)))
    random.Random(0).shuffle(found)  # so that a run cut short has seen some of each kind
    return found


def noted(asked: Sequence[Shape], target: Target, tuner: Tuner) -> list[tuple[Shape, Job]]:
    """The job of each shape: the heaviest that its lowering asks to be timed."""
    pairs = []
    for shape in asked:
        tuner.wanted = {}
        lower(optimize(shape.graph()), target, Options((target,), level=tuner.level), 0, tuner).run()
        jobs = [j for j in tuner.wanted.values() if isinstance(j.problem.op, Gemm | Conv)]
        if jobs:
            job = max(jobs, key=lambda j: j.weight)
            job.ways = tuple(w for w in job.ways if not w.kernel.name.endswith("Simt"))
            pairs.append((shape, job))
    return pairs


def torch_us(shape: Shape) -> float:
    """PyTorch's microseconds; nan where it is not installed."""
    try:
        import torch  # noqa: PLC0415  (a peer that may be absent)
    except ImportError:
        return math.nan
    kind = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}[shape.dtype]
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True

    def random(*dims: int) -> Any:
        return torch.randn(*dims, device="cuda", dtype=kind) * 0.5

    if len(shape.sizes) == 3:
        m, n, k = shape.sizes
        bytes_each = (m * k + n * k + m * n) * kind.itemsize
        sets = [(random(m, k), random(n, k)) for _ in range(_sets(bytes_each))]
        calls = [lambda a=a, b=b: torch.nn.functional.linear(a, b) for a, b in sets]
    else:
        n, c, size, o, taps, stride = shape.sizes
        out = (size - 1) // stride + 1
        bytes_each = (n * c * size * size + o * c * taps * taps + n * o * out * out) * kind.itemsize
        last = torch.channels_last
        sets = [(random(n, c, size, size).to(memory_format=last), random(o, c, taps, taps).to(memory_format=last))
                for _ in range(_sets(bytes_each))]  # fmt: skip
        calls = [lambda a=a, b=b: torch.nn.functional.conv2d(a, b, None, stride, taps // 2) for a, b in sets]
    return _graph_us(torch, calls)


def _sets(nbytes: int) -> int:
    return max(1, min(64, math.ceil(2 * Device(0).l2 / nbytes)))


def _graph_us(torch: Any, calls: Sequence[Callable[[], Any]]) -> float:
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for call in calls[:2]:
            call()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for call in calls:
                call()
        found = []
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        for _ in range(9):
            start.record()
            graph.replay()
            end.record()
            end.synchronize()
            found.append(start.elapsed_time(end) * 1e3 / len(calls))
    return sorted(found[2:])[len(found[2:]) // 2]


def describe(way: Way) -> str:
    """A tactic in a few characters."""
    tactic = way.tactic
    if "tile" not in tactic:
        return f"{way.kernel.name} {tactic or ''}".strip()
    rest = " ".join(f"{k[0]}{v}" for k, v in tactic.items() if k not in ("tile", "warps", "consumers"))
    return f"{way.kernel.name} {'x'.join(map(str, tactic['tile']))} {rest}"


def compare(shape: Shape, job: Job, times: dict[int, float], peer: float) -> dict[str, float]:
    """Print one line, and return its times."""
    groups = [list(g) for _, g in groupby(job.ways, key=lambda w: w.kernel.name)]
    runs = {n: us for n, us in times.items() if us >= 0}
    if not runs:
        print(f"{shape.title:28s} nothing ran", flush=True)
        return {}

    def level(number: int) -> float:
        return min((runs[number_of(w)] for w in allotted(groups, number) if number_of(w) in runs), default=math.inf)

    best = fastest(job.ways, runs)
    row = {"first": runs.get(number_of(job.ways[0]), math.inf), "3": level(3), "4": level(4)}
    row |= {"best": min(runs.values()), "peer": peer}
    cells = " ".join(f"{name} {us:8.2f}" for name, us in row.items())
    rate = shape.flops / row["best"] / 1e6
    ends = describe(best) + (f" not {describe(job.ways[0])}" if best is not job.ways[0] else "")
    print(f"{shape.title:28s} {cells} us {rate:6.1f} TFLOP/s {ends}", flush=True)
    return row


def summary(kind: str, found: Rows, line: float) -> None:
    """Geometric means of quotients, and which shapes are below the line at level 3."""
    held = {n: r for n, r in found.items() if r and all(math.isfinite(v) for v in r.values())}
    rows = list(held.values())
    if not rows:
        return

    def mean(over: str, under: str) -> float:
        return math.exp(sum(math.log(r[over] / r[under]) for r in rows) / len(rows))

    ratios = {n: r["peer"] / r["3"] for n, r in held.items()}
    print(
        f"{kind}: {len(rows)} shapes, geometric means: first/best {mean('first', 'best'):.3f}, "
        f"level 3/best {mean('3', 'best'):.3f}, level 4/best {mean('4', 'best'):.3f}, "
        f"peer/first {mean('peer', 'first'):.3f}, peer/level 3 {mean('peer', '3'):.3f}, "
        f"peer/best {mean('peer', 'best'):.3f}; worst peer/level 3 {min(ratios.values()):.3f}",
        flush=True,
    )
    below = sorted((ratio, name) for name, ratio in ratios.items() if ratio < line)
    told = ", ".join(f"{name} {ratio:.3f}" for ratio, name in below) or "none"
    print(f"{kind} below {line}: {len(below)} of {len(rows)}: {told}", flush=True)


def main() -> int:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression of shapes")
    parser.add_argument("--dtype", default="f16", help=f"types, of {', '.join(DTYPES)}")
    parser.add_argument("--level", type=int, default=5, choices=(3, 4, 5))
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no shape later than this")
    parser.add_argument("--fit", type=Path, help="write every time here")
    asked = parser.parse_args()
    started = time.monotonic()
    target = cuda_target()
    tuner = tuner_for(target, asked.level, Tuning(cached=False), started)
    if tuner is None or tuner.timer is None:
        sys.exit("this needs a device, and MINIRT_TUNE not 0")
    every = [s for dtype in asked.dtype.split(",") for s in shapes(dtype)]
    pairs = noted([s for s in every if any(re.search(asked.only, n) for n in (s.name, s.title))], target, tuner)
    print(f"{len(pairs)} shapes noted after {time.monotonic() - started:.1f} s", flush=True)
    rows: dict[tuple[str, str], Rows] = {}
    fit = asked.fit.open("w", buffering=1) if asked.fit else None
    tuner.wanted = {job.key: job for _, job in pairs}
    tuner.precompile()
    print(f"compiled after {time.monotonic() - started:.1f} s", flush=True)
    for shape, job in pairs:
        if time.monotonic() - started > asked.seconds:
            print("the time is over; the remaining shapes are left out")
            break
        tuner.wanted = {job.key: job}
        tuner.measure(lambda phase, done, total: True)
        times = tuner.learnt.entries.get(job.key, {})
        row = compare(shape, job, times, torch_us(shape))
        rows.setdefault((shape.dtype, shape.kind), {})[shape.name] = row
        if fit:
            ways = [[w.kernel.name, w.tactic, times.get(number_of(w), -1)] for w in job.ways]
            fit.write(json.dumps([shape.name, shape.dtype, list(shape.sizes), row, ways]) + "\n")
    for (dtype, kind), found in rows.items():
        summary(f"{dtype} {kind}", found, LINES[kind])
    return 0


if __name__ == "__main__":
    sys.exit(main())
