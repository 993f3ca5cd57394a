"""minirt's depthwise convolutions, every tactic, beside PyTorch's: GPU time over buffers that no cache can hold.

usage: python -m benchmarks.depthwise [--all] [--only REGEX] [--most N]

Each line: microseconds of the first guess, of PyTorch's convolution alone (channels last, no epilogue), of moving every
byte once, and of the best tactic of each kernel.  ``--all`` lists every tactic.
"""

from __future__ import annotations

import argparse
import json
import re
from itertools import groupby

import torch

from minirt.build.bench import DeviceTimer, bench_of, units_of
from minirt.build.targets import cuda_target
from minirt.ir.scalar import Body, arg, call, cast, const
from minirt.ops.convolution import Conv
from minirt.runtime import device as dev
from minirt.runtime.device.stopwatch import Stopwatch
from minirt.types.dtype import f16, f32
from tests.kernels.cuda.depthwise_cases import depthwise
from tests.kernels.cuda.execution import choices

SHAPES = (  # name, images, channels, side, taps, stride, epilogue
    ("convnext", 32, 96, 56, 7, 1, ""), ("convnext", 32, 192, 28, 7, 1, ""), ("convnext", 32, 384, 14, 7, 1, ""),
    ("convnext", 32, 768, 7, 7, 1, ""), ("convnext", 1, 96, 56, 7, 1, ""), ("convnext", 1, 384, 14, 7, 1, ""),
    ("efficient", 32, 32, 112, 3, 1, "silu"), ("efficient", 32, 96, 112, 3, 2, "silu"),
    ("efficient", 32, 144, 56, 3, 1, "silu"), ("efficient", 32, 240, 28, 5, 2, "silu"),
    ("efficient", 32, 144, 56, 5, 2, "silu"), ("efficient", 32, 480, 14, 3, 1, "silu"),
    ("efficient", 32, 672, 14, 5, 1, "silu"), ("efficient", 32, 672, 14, 5, 2, "silu"),
    ("efficient", 32, 1152, 7, 5, 1, "silu"), ("efficient", 32, 1152, 7, 3, 1, "silu"),
    ("mobile", 32, 96, 112, 3, 2, "relu6"), ("mobile", 32, 144, 56, 3, 1, "relu6"),
    ("mobile", 32, 384, 14, 3, 1, "relu6"), ("mobile", 1, 32, 112, 3, 1, "relu6"),
    ("mobile", 1, 96, 112, 3, 2, "relu6"), ("mobile", 1, 144, 56, 3, 1, "relu6"),
    ("mobile", 1, 384, 14, 3, 1, "relu6"), ("mobile", 1, 960, 7, 3, 1, "relu6"),
)  # fmt: skip
_BYTES_PER_US = 3.0e6


def epilogue(name: str) -> Body:
    """Bias, then silu, relu6 or nothing."""
    total = call("add", arg(0, f32), cast(arg(1, f16), f32))
    if name == "silu":
        total = call("div", total, call("add", const(1, f32), call("exp", call("neg", total))))
    elif name == "relu6":
        total = call("min", call("max", total, const(0, f32)), const(6, f32))
    return Body((f32, f16), (cast(total, f16),))


def torch_time(images: int, channels: int, side: int, taps: int, stride: int) -> float:
    """Microseconds of PyTorch's convolution in a graph over several buffers."""
    size = images * channels * side * side * 4
    sets = max(1, min(16, 200_000_000 // size))
    form = {"dtype": torch.float16, "device": "cuda"}
    xs = [torch.randn(images, channels, side, side, **form).to(memory_format=torch.channels_last) for _ in range(sets)]
    w, b = torch.randn(channels, 1, taps, taps, **form), torch.randn(channels, **form)
    torch.backends.cudnn.benchmark = True
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream), torch.no_grad():
        for x in xs[:1] * 3:
            torch.nn.functional.conv2d(x, w, b, stride, taps // 2, 1, channels)
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for x in xs:
                torch.nn.functional.conv2d(x, w, b, stride, taps // 2, 1, channels)
        times = []
        for _ in range(7):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            graph.replay()
            end.record()
            end.synchronize()
            times.append(float(start.elapsed_time(end)) * 1e3 / sets)
    return sorted(times)[3]


def line(shape: tuple[str, int, int, int, int, int, str], timer: DeviceTimer, everything: bool, most: int) -> None:
    """Measures one shape and prints it."""
    name, images, channels, side, taps, stride, activation = shape
    case = depthwise(name, f16, (images, channels, side, side), (taps, taps), strides=(stride, stride))
    op = case.op
    assert isinstance(op, Conv)
    case.op = Conv(op.strides, op.pads, op.dilations, op.groups, epilogue(activation))
    ways = [w for w in choices(case, timer.target, True) if w[0].name.startswith("ConvDepthwise")]
    ways = [w for _, of in groupby(ways, lambda w: w[0].name) for w in list(of)[:most]]
    problem = ways[0][1]
    launches = [kernel.launch(problem, tactic) for kernel, _, tactic in ways]
    times = timer.times(bench_of(problem, launches), timer.compile(units_of(launches), float("inf"), _nothing), 1)
    known = sorted((t, i) for i, t in enumerate(times) if t is not None)
    moved = sum(int(o.type.size) * 2 for o in (problem.inputs[0], problem.outputs[0]))  # type: ignore[arg-type]
    title = f"{name} b{images} {channels}ch {side} {taps}x{taps} s{stride} {activation}"
    least = {name: min((t, i) for t, i in known if ways[i][0].name == name) for name in {w[0].name for w in ways}}
    shown = [f"{t:6.1f} {name[13:]} {_short(ways[i][2])} (guess {i})" for name, (t, i) in sorted(least.items())]
    print(
        f"{title:36} first {times[0] or 0:5.1f} torch {torch_time(*shape[1:6]):5.1f} "
        f"floor {moved / _BYTES_PER_US + 1:5.1f} best {' | '.join(shown)}",
        flush=True,
    )
    if everything:
        for time, i in known:
            print(f"    {time:7.1f} guess {i:2} {ways[i][0].name[13:]} {_short(ways[i][2])}", flush=True)


def _nothing(done: int, total: int) -> None:
    """Hears of progress."""


def _short(tactic: object) -> str:
    return "".join(c for c in json.dumps(tactic) if c not in '"{} ')


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--most", type=int, default=10, help="tactics of a kernel")
    options = parser.parse_args()
    device = dev.Device(0)
    target = cuda_target()
    timer = DeviceTimer(target, Stopwatch(device))
    for shape in SHAPES:
        if re.search(options.only, f"{shape[0]} b{shape[1]}"):
            try:
                line(shape, timer, options.all, options.most)
            except Exception as error:
                print(f"{shape}: {type(error).__name__}: {str(error)[:300]}", flush=True)


if __name__ == "__main__":
    main()
