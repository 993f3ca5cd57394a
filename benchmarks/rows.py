"""Norms, attention at small batches and memory-bound kernels beside PyTorch: GPU time, each tactic.

usage: python -m benchmarks.rows [--all] [--only REGEX] [--seconds N]

Each line: microseconds (and GB/s of each operand read once and each result written once) of the tactic that minirt
picks, of its best tactic, and of PyTorch; medians of rounds of CUDA graphs over warm caches.  ``--all`` lists tactics.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.attention import BACKENDS, graphed
from minirt.build.targets import cuda_target
from minirt.kernels.cuda.compile import CudaSource, compile_many, default_store
from minirt.kernels.kernel import Target
from minirt.ops.layout import Relayout
from minirt.ops.movement import Concat
from minirt.ops.normalization import Normalization
from minirt.ops.resize import Resize
from tests.kernels.cuda.attention_cases import attention
from tests.kernels.cuda.execution import Case, choices, moved_bytes, sources
from tests.kernels.cuda.map_cases import channels_last, random
from tests.kernels.cuda.matrix_cases import MatrixRunner
from tests.kernels.cuda.row_cases import AFFINE_HALF, grouped

ROUNDS, REPEATS = 5, 10
SHOWN = (
    "group", "columns", "lines", "threads", "tile", "across", "parts", "cluster", "per_sm", "turns", "soft", "square",
    "lanes", "several",
)  # fmt: skip
HALF = np.float16
Peer = Callable[[], Any]


def _torch(array: Any) -> torch.Tensor:
    """The array on the device, with the same strides."""
    order = sorted(range(array.ndim), key=lambda i: -array.strides[i])
    held = torch.from_numpy(np.ascontiguousarray(array.transpose(order))).cuda()
    return held.permute(*np.argsort(order).tolist())


def group(batch: int, groups: int, channels: int, side: int) -> tuple[Case, Peer]:
    """Group normalization with scale and shift over a channels-last image."""
    x, total = grouped(batch, groups, channels, side, side), groups * channels
    weights = [random(1, groups, channels, 1, 1, dtype=HALF)] * 2
    case = Case(
        f"group norm b{batch} {total}x{side}x{side}",
        Normalization((2, 3, 4), "layer", 1e-5, AFFINE_HALF),
        [x, *weights],
    )
    image = _torch(x.transpose(0, 3, 4, 1, 2).reshape(batch, side, side, total)).permute(0, 3, 1, 2)
    w = torch.ones(total, device="cuda", dtype=torch.half)
    return case, lambda: functional.group_norm(image, groups, w, w)


def layer(rows: int, size: int) -> tuple[Case, Peer]:
    """Layer normalization with scale and shift."""
    x = random(rows, size, dtype=HALF)
    case = Case(
        f"layer norm {rows}x{size}",
        Normalization((1,), "layer", 1e-5, AFFINE_HALF),
        [x, *[random(size, dtype=HALF)] * 2],
    )
    held, w = _torch(x), torch.ones(size, device="cuda", dtype=torch.half)
    return case, lambda: functional.layer_norm(held, (size,), w, w)


def root(rows: int, size: int) -> tuple[Case, Peer]:
    """RMS normalization."""
    x = random(rows, size, dtype=HALF)
    held = _torch(x)
    return Case(f"rms norm {rows}x{size}", Normalization((1,), "rms"), [x]), lambda: functional.rms_norm(held, (size,))


def turned(name: str, array: Any, order: tuple[int, ...]) -> tuple[Case, Peer]:
    """A copy into another memory order."""
    held, layout = _torch(array), order if order != tuple(range(len(order))) else ()
    return Case(name, Relayout(layout), [array]), lambda: held.permute(*order).contiguous()


def appended(heads: int, past: int, size: int) -> tuple[Case, Peer]:
    """Past keys and a new one."""
    a, b = random(1, heads, past, size, dtype=HALF), random(1, heads, 1, size, dtype=HALF)
    held = _torch(a), _torch(b)
    return Case(f"append {heads}x{past}x{size}", Concat(2), [a, b]), lambda: torch.cat(held, 2)


def norms() -> list[tuple[Case, Peer]]:
    """Those of UNet, ConvNeXt, BERT, ViT, Llama, and large ones."""
    return [
        group(4, 32, 4, 64), group(4, 32, 8, 64), group(4, 32, 8, 32), group(4, 32, 16, 32), group(4, 32, 16, 16),
        group(4, 32, 32, 16), group(2, 32, 10, 64), group(32, 32, 8, 64),
        layer(100352, 96), layer(25088, 192), layer(6272, 384), layer(1568, 768), layer(128, 768), layer(197, 768),
        layer(4096, 768), root(1, 2048), root(8192, 4096), layer(2, 1 << 17),
    ]  # fmt: skip


def moves() -> list[tuple[Case, Peer]]:
    """Copies of 256 MB, and small ones."""
    image = random(32, 256, 56, 56, dtype=HALF)
    last = channels_last(image)
    held, small = _torch(last), _torch(last[:, :64])
    resize = Resize((1, 1, 2, 2), (32, 64, 112, 112), "linear")
    return [
        turned("transpose f16", random(8192, 8192, dtype=HALF), (1, 0)),
        turned("transpose f32", random(4096, 8192), (1, 0)),
        turned("to channels-last f16", image, (0, 2, 3, 1)),
        turned("from channels-last f16", channels_last(image), (0, 1, 2, 3)),
        turned("to channels-last 3 f16", random(32, 3, 224, 224, dtype=HALF), (0, 2, 3, 1)),
        turned("heads f16", random(64, 512, 16, 64, dtype=HALF).transpose(0, 2, 1, 3), (0, 1, 2, 3)),
        appended(8, 1023, 64),
        (Case("instance f16", Normalization((2, 3)), [last]), lambda: functional.instance_norm(held)),
        (Case("instance rows f16", Normalization((2, 3)), [image]), lambda: functional.instance_norm(held)),
        (Case("resize linear f16", resize, [channels_last(image[:, :64])]),
         lambda: functional.interpolate(small, scale_factor=2, mode="bilinear")),
    ]  # fmt: skip


def attentions() -> list[tuple[Case, Peer | None]]:
    """Small batches, decoding, and one causal case that fills the device."""
    sizes: list[tuple[str, int, int, int, int, int, bool]] = [
        ("bert b1 s128", 1, 12, 12, 128, 128, False), ("vit b1 s197", 1, 12, 12, 197, 197, False),
        ("gpt2 b1 s512 causal", 1, 12, 12, 512, 512, True), ("llama decode t1024", 1, 32, 8, 1, 1024, False),
        ("llama decode t8192", 1, 32, 8, 1, 8192, False), ("bert b4 s128", 4, 12, 12, 128, 128, False),
        ("b32 s512 causal", 32, 16, 16, 512, 512, True),
    ]  # fmt: skip
    return [(attention(n, b, h, s, 64, t=t, g=g, causal=causal), None) for n, b, h, g, s, t, causal in sizes]


def _peers(case: Case, peer: Peer | None) -> dict[str, Callable[[], float]]:
    if peer is not None:
        return {"torch": graphed(peer)}
    q, k, v = (_torch(a) for a in case.arrays)
    causal, found = case.op.causal, {}  # type: ignore[attr-defined]
    for name, backend in BACKENDS.items():
        try:
            with torch.nn.attention.sdpa_kernel([backend]):
                found[name] = graphed(
                    lambda: functional.scaled_dot_product_attention(
                        q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1]
                    )
                )
        except RuntimeError as error:
            print(f"  {name}: {str(error)[:80]}")
    return found


def line(case: Case, peer: Peer | None, target: Target, everything: bool) -> None:
    """Measures one case and prints it."""
    calls: dict[str, Callable[[], float]] = {}
    nbytes, first, differ = 0, None, 0.0
    for kernel, problem, tactic in choices(case, target, further=True):
        runner = MatrixRunner(case, kernel, problem, tactic, target)  # type: ignore[arg-type]
        got = runner.run()[0].astype(np.float32)
        first = got if first is None else first
        differ = max(differ, float(np.abs(got - first).max()))
        nbytes = moved_bytes(case, problem)
        name = ":".join([kernel.name, *(f"{k[:3]}{tactic[k]}" for k in SHOWN if k in tactic)])
        calls[name] = lambda r=runner: r.microseconds(REPEATS)  # type: ignore[misc]
    mine = list(calls)
    calls |= _peers(case, peer)
    times = {name: float(np.median([call() for _ in range(ROUNDS)])) for name, call in calls.items()}
    picked, best = mine[0], min(mine, key=lambda name: times[name])
    shown = " | best ".join(
        f"{n} {times[n]:.1f} us {nbytes / times[n] / 1e3:.0f} GB/s" for n in dict.fromkeys((picked, best))
    )
    rest = " ".join(f"{n} {t:.1f}" for n, t in times.items() if n not in mine)
    print(f"{case.name:26s} {shown} | {rest} | differ {differ:.1e}", flush=True)
    if everything:
        print("    " + ", ".join(f"{n} {times[n]:.1f}" for n in sorted(mine, key=lambda n: times[n])[:9]), flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=1e9)
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    target = cuda_target()
    made = [pair for pair in (*attentions(), *norms(), *moves()) if re.search(options.only, pair[0].name)]
    texts: dict[str, CudaSource] = {}
    for case, _ in made:
        for kernel, problem, tactic in choices(case, target, further=True):
            texts.update((s.text, s) for s in sources(kernel.launch(problem, tactic), target))
    compile_many(list(texts.values()), target.arch, default_store())
    for case, peer in made:
        if time.monotonic() > until:
            print(f"{case.name}: the time is spent")
            continue
        try:
            line(case, peer, target, options.all)
        except Exception as error:
            print(f"{case.name}: {type(error).__name__}: {str(error)[:200]}", flush=True)


if __name__ == "__main__":
    main()
