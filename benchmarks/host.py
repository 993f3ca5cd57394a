"""What calls cost the host: engines built and loaded again, calls on known shapes, first calls on new ones.

usage: python -m benchmarks.host MODEL.onnx... [--precision fp16] [--level 3] [--seconds N]

Each model is built once, several at once, so that the caches of kernels and timings hold what it needs; then, one
after another: seconds to build it again and to load it; microseconds of ``execute_async_v3`` in a row and after idling;
and, with free axes (``python -m benchmarks.export bert:8 FOLDER --dynamic``), milliseconds of the first call on
shapes that were never used, of the second one, which makes a graph, and of those that follow.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minirt as trt
from benchmarks.contender import Contender
from benchmarks.ours import FREE_DIMS, build, sized
from minirt.runtime import device as dev

NEW_SHAPES = 12


class Loaded:
    """An engine and a context, with memory for its greatest shapes, all zero."""

    def __init__(self, data: bytes) -> None:
        start = time.perf_counter()
        self.engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(data)
        self.context = self.engine.create_execution_context()
        self.seconds = time.perf_counter() - start
        self.on_device = dev.available() and os.environ.get("MINIRT_TARGET", "") != "cpu"
        self.stream = dev.Stream(dev.Device(0)) if self.on_device else None
        names = [self.engine.get_tensor_name(i) for i in range(self.engine.num_io_tensors)]
        inputs = [n for n in names if self.engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        self.free = [n for n in inputs if -1 in tuple(self.engine.get_tensor_shape(n))]
        self.resize([sizes[2] for sizes in FREE_DIMS])
        self.held = [self._placed(name) for name in names]

    def _placed(self, name: str) -> Any:
        shape = tuple(self.context.get_tensor_shape(name))
        zeros = np.zeros(max(256, int(np.prod(shape)) * 8), np.uint8)
        if not self.on_device:
            self.context.set_tensor_address(name, zeros.ctypes.data)
            return zeros
        memory = dev.DeviceMemory(dev.Device(0), zeros.nbytes)
        memory.upload(zeros)
        self.context.set_tensor_address(name, memory.address)
        return memory

    def resize(self, sizes: Sequence[int]) -> None:
        """Give the free axes these sizes."""
        for name in self.free:
            self.context.set_input_shape(name, sized(self.engine.get_tensor_shape(name), sizes))

    def call(self) -> None:
        """Put an inference on the stream."""
        if not self.context.execute_async_v3(0 if self.stream is None else self.stream.handle):
            raise RuntimeError("minirt does not run it")

    def milliseconds(self) -> float:
        """Of the host, for one call to an idle device."""
        self.wait()
        start = time.perf_counter()
        self.call()
        return (time.perf_counter() - start) * 1e3

    def wait(self) -> None:
        """Until the device is idle."""
        if self.stream is not None:
            self.stream.synchronize()


def known(loaded: Loaded) -> str:
    """Calls on the likely shape."""
    loaded.resize([likely for _, likely, _ in FREE_DIMS])
    for _ in range(3):
        loaded.call()
    stream = None if loaded.stream is None else loaded.stream.handle
    host = Contender("minirt", loaded.call, lambda: np.zeros(1, np.float32), stream).host_microseconds()
    return f"calls {host.following:.1f} us in a row, {host.idle:.1f} after idling"


def new(loaded: Loaded, count: int = NEW_SHAPES) -> str:
    """First and later calls on shapes that were never used, and what setting one costs: medians, and the slowest."""
    rng = np.random.default_rng(0)
    rows: list[list[float]] = []
    for _ in range(count):
        sizes = [int(rng.integers(least, most + 1)) for least, _, most in FREE_DIMS]
        loaded.wait()
        start = time.perf_counter()
        loaded.resize(sizes)
        rows.append([(time.perf_counter() - start) * 1e3, *(loaded.milliseconds() for _ in range(3))])
    loaded.wait()
    cells = [f"{statistics.median(times):.3f} ms (at most {max(times):.3f})" for times in zip(*rows, strict=True)]
    return f"{count} new shapes: set {cells[0]}, first call {cells[1]}, second {cells[2]}, third {cells[3]}"


def measure(path: Path, engine: Path, options: argparse.Namespace) -> None:
    """Print what one model costs."""
    cold = float(engine.with_suffix(".seconds").read_text())
    start = time.perf_counter()
    data = bytes(build(path, options.precision, options.level))
    warm = time.perf_counter() - start
    loaded = Loaded(data)
    line = f"{path.stem}: built {warm:.2f} s ({cold:.1f} at first), loaded {loaded.seconds:.2f} s, {known(loaded)}"
    print(line + (f"; {new(loaded)}" if loaded.free else ""), flush=True)


def first_build(path: Path, engine: Path, options: argparse.Namespace) -> None:
    """Build a model, keep the engine and note the seconds beside it."""
    start = time.perf_counter()
    data = build(path, options.precision, options.level)
    engine.write_bytes(data)
    engine.with_suffix(".seconds").write_text(str(time.perf_counter() - start))


def main(arguments: Sequence[str] | None = None) -> int:
    """Build all at once, then measure one after another: 0 where all were measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--precision", default="fp16", choices=("fp16", "bf16", "fp32", "tf32"))
    parser.add_argument("--level", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1e5, help="first builds end, and no model is begun, after it")
    parser.add_argument("--engines", type=Path, help="folder for the engines, kept")
    parser.add_argument("--only-build", action="store_true", help="what the processes do that build at first")
    options = parser.parse_args(arguments)
    end = time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = options.engines or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        engines = [folder / f"{path.stem}.engine" for path in options.models]
        pairs = list(zip(options.models, engines, strict=True))
        if options.only_build:
            for path, engine in pairs:
                first_build(path, engine, options)
            return 0
        kept = ["--precision", options.precision, "--level", str(options.level), "--engines", str(folder)]
        command = [sys.executable, "-m", "benchmarks.host", "--only-build", *kept]
        builders = [subprocess.Popen([*command, str(path)]) for path in options.models]
        done = 0
        for builder in builders:
            try:
                builder.wait(max(1.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                builder.kill()
        for path, engine in pairs:
            if not engine.with_suffix(".seconds").exists() or time.monotonic() > end:
                print(f"{path.stem}: not measured", flush=True)
                continue
            measure(path, engine, options)
            done += 1
    return 0 if done == len(pairs) else 1


if __name__ == "__main__":
    sys.exit(main())
