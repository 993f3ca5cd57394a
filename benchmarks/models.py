"""How long exports take on a device, and which launches take it.

usage: python -m benchmarks.models NAME|PATH.onnx... [--tf32] [--top N]     NAMEs as in tests/exports/zoo.py
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from minirt.build.options import Profile
from minirt.build.targets import default_target
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.runtime import device as dev
from tests.exports.zoo import EXPORTS, export_path
from tests.gpu.session import Array, Session

ROUNDS = 50


def median_ms(session: Session, feeds: Mapping[str, Array], stream: dev.Stream) -> float:
    """The median time of a run on its own, from submission to its end, in milliseconds."""
    results = session.start(feeds, stream.handle)
    inputs = {n: session.room(n, a.nbytes) for n, a in feeds.items()}
    outputs = {n: r.address for n, r in results.items()}
    times = []
    for _ in range(ROUNDS):
        stream.synchronize()
        start = time.perf_counter()
        session.launch(inputs, outputs, stream.handle)
        stream.synchronize()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def report(path: Path, feeds: Mapping[str, Array], tf32: bool, top: int) -> None:
    """Build at the feeds' sizes, time, and print a table of the launches."""
    fixed = Profile({n: (a.shape, a.shape, a.shape) for n, a in feeds.items()})
    start = time.perf_counter()
    session = Session(import_graph(read_model(str(path))), default_target(), fixed, tf32=tf32)
    built = time.perf_counter() - start
    stream = dev.Stream(dev.Device(0))
    total = median_ms(session, feeds, stream)
    rows = []
    for _, segment in session.executor.frame.segments.values():
        assert isinstance(segment, dev.CudaSegment)
        segment.profile(stream.handle)
        rows += segment.profile(stream.handle)
    by_kernel: Counter[str] = Counter()
    for _, entry, micros in rows:
        by_kernel[entry] += round(micros)
    hosts = sum(n for k, n in session.kernels.items() if k.startswith("host:"))
    print(f"{path.stem}: {total:.3f} ms, built in {built:.1f} s, {len(rows)} launches, {hosts} host steps, tf32 {tf32}")
    print("  kernels, us:", dict(by_kernel.most_common()), "steps:", dict(session.kernels))
    for label, entry, micros in sorted(rows, key=lambda r: -r[2])[:top]:
        print(f"  {micros:9.1f} us  {entry}  {label}", flush=True)


def main() -> None:
    """Time what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--top", type=int, default=5)
    options = parser.parse_args()
    for name in options.names:
        export = EXPORTS[Path(name).stem]
        path = Path(name) if name.endswith(".onnx") else export_path(name)
        report(path, export.feeds(0, batch=1), options.tf32, options.top)


if __name__ == "__main__":
    main()
