"""Volumes, grids and boxes on a GPU: minirt beside PyTorch, GPU time in microseconds (medians of runs).

usage: python -m benchmarks.irregular
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from minirt.build.targets import default_target
from tests.gpu.session import Array, Session
from tests.ops.harness import import_model, one_node

torch.backends.cudnn.allow_tf32 = False
RUNS = 20
VOLUMES = (  # channels in and out, depth, height, width, stride
    (32, 32, 64, 64, 64, 1), (64, 64, 32, 32, 32, 1), (128, 128, 16, 28, 28, 1), (64, 128, 16, 56, 56, 2),
)  # fmt: skip


def timed(run: Callable[[int], Any]) -> float:
    """Microseconds of one run on a stream."""
    stream = torch.cuda.Stream()
    times = []
    with torch.cuda.stream(stream):
        for _ in range(RUNS):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            run(stream.cuda_stream)
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end) * 1e3)
    return median(times)


def ours(op: str, arrays: list[Array], constants: list[int], **attributes: Any) -> float:
    """minirt's time for one node."""
    graph = import_model(one_node(op, arrays, constants=constants, **attributes))
    session = Session(graph, default_target())
    feeds = {f"x{i}": a for i, a in enumerate(arrays) if i not in constants}
    results = session.start(feeds)
    inputs = {n: session.put(n, a) for n, a in feeds.items()}
    outputs = {} if op in ("NonZero", "NonMaxSuppression") else {n: r.address for n, r in results.items()}
    session._results = results  # type: ignore[attr-defined]
    return timed(lambda stream: session.launch(inputs, outputs, stream))


def volumes(dtype: Any) -> None:
    """Convolutions over three axes, weights constant."""
    rng = np.random.default_rng(0)
    for c, o, d, h, w, stride in VOLUMES:
        x = rng.standard_normal((1, c, d, h, w)).astype(dtype)
        k = (rng.standard_normal((o, c, 3, 3, 3)) / 9).astype(dtype)
        own = ours("Conv", [x, k], [1], pads=[1] * 6, strides=[stride] * 3)
        tx, tk = torch.from_numpy(x).cuda(), torch.from_numpy(k).cuda()
        peer = timed(lambda _, tx=tx, tk=tk, s=stride: functional.conv3d(tx, tk, stride=s, padding=1))  # type: ignore[misc]
        last = torch.channels_last_3d
        tx, tk = tx.to(memory_format=last), tk.to(memory_format=last)
        packed = timed(lambda _, tx=tx, tk=tk, s=stride: functional.conv3d(tx, tk, stride=s, padding=1))  # type: ignore[misc]
        name = f"conv3d {np.dtype(dtype).name} {c}>{o} {d}x{h}x{w} /{stride}"
        print(f"{name:38} minirt {own:8.1f}  torch {peer:8.1f}  torch channels-last {packed:8.1f}", flush=True)


def others() -> None:
    """Grids, coordinates, boxes."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 64, 128, 128)).astype(np.float32)
    grid = rng.uniform(-1, 1, (4, 128, 128, 2)).astype(np.float32)
    own = ours("GridSample", [x, grid], [])
    tx, tg = torch.from_numpy(x).cuda(), torch.from_numpy(grid).cuda()
    peer = timed(lambda _: functional.grid_sample(tx, tg, align_corners=False))
    print(f"{'grid_sample 4x64x128x128':38} minirt {own:8.1f}  torch {peer:8.1f}", flush=True)
    mask = rng.random((640, 640)) < 0.1
    tm = torch.from_numpy(mask).cuda()
    own, peer = ours("NonZero", [mask], []), timed(lambda _: tm.nonzero())
    print(f"{'nonzero 640x640':38} minirt {own:8.1f}  torch {peer:8.1f}", flush=True)
    low = rng.random((1, 8400, 2)).astype(np.float32)
    boxes = np.concatenate([low, low + 0.1], -1).astype(np.float32)
    scores = rng.random((1, 80, 8400)).astype(np.float32)
    bounds = [np.array([100]), np.full(1, 0.5, np.float32), np.full(1, 0.7, np.float32)]
    own = ours("NonMaxSuppression", [boxes, scores, *bounds], [2, 3, 4])
    print(f"{'nms 80 classes, 8400 boxes, 100 each':38} minirt {own:8.1f}")


if __name__ == "__main__":
    for kind in (np.float16, np.float32):
        volumes(kind)
    others()
