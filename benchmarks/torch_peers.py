"""PyTorch as a peer: eager and torch.compile, each under a CUDA graph, channels last for images; and as the oracle."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.cases import TYPES, Case, device, inputs_of
from benchmarks.contender import Absent, Contender

MODES = {"compile": None, "max-autotune": "max-autotune-no-cudagraphs"}
"""Modes of torch.compile by what they are called here."""


def _first(out: Any) -> Tensor:
    return out[0] if isinstance(out, tuple) else out


def precise(case: Case, precision: str) -> NDArray[np.float64]:
    """The first output in float64, of the weights that the exported model has: rounding is the contenders' alone."""
    with torch.no_grad():
        net = case.conditioned()
        if case.net.narrow:  # the weights are those of the narrow net
            net = net.to(TYPES[precision])
        made = _first(net.double()(*inputs_of(case.feeds(), torch.float64))).cpu().numpy()
    del net
    if device() == "cuda":
        torch.cuda.empty_cache()
    return made  # type: ignore[no-any-return]


def _net(case: Case, precision: str) -> nn.Module:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "fp32"
    torch.backends.cudnn.benchmark = True
    return case.conditioned().to(TYPES[precision]).to(memory_format=torch.channels_last)


def _captured(run: Callable[..., Any], inputs: Sequence[Tensor]) -> tuple[Callable[[], None], Tensor, int | None]:
    """A call that replays a CUDA graph of the run, its first output, and its stream; a plain call on the CPU."""
    if device() == "cpu":
        with torch.no_grad():
            held = [_first(run(*inputs))]

        def plain() -> None:
            with torch.no_grad():
                held[0] = _first(run(*inputs))

        return plain, held[0], None
    stream = torch.cuda.Stream()
    with torch.no_grad(), torch.cuda.stream(stream):
        for _ in range(3):
            run(*inputs)
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            out = run(*inputs)

    def replay() -> None:
        with torch.cuda.stream(stream):
            graph.replay()

    return replay, _first(out), stream.cuda_stream


def torch_peer(case: Case, name: str, precision: str, cold: float) -> Contender:
    """Eager ("eager"), or a mode of torch.compile, whose caches were filled in ``cold`` seconds."""
    facts = {"cold build s": cold} if name in MODES else {}
    before = _used()
    net = _net(case, precision)
    inputs = inputs_of(case.feeds(), TYPES[precision])
    start = time.perf_counter()
    run = torch.compile(net, mode=MODES[name]) if name in MODES else net
    call, first, stream = _captured(run, inputs)
    facts["warm build s"] = time.perf_counter() - start
    facts["memory MB"] = (_used() - before) / 1e6
    return Contender(name, call, lambda: first.float().cpu().numpy(), stream, facts, (net, inputs, run))


def _used() -> float:
    return float(torch.cuda.memory_reserved()) if device() == "cuda" else 0.0


def compile_apart(case: str, name: str, precision: str, seconds: float, threads: int) -> float:
    """Fill the compiler's caches from a process that can be stopped; the seconds that it took.

    Raises Absent where it fails, or does not compile in so many seconds.
    """
    if seconds <= 0:
        raise Absent(f"{name}: no time left to compile")
    command = [sys.executable, "-m", "benchmarks.torch_peers", case, name, precision]
    start = time.perf_counter()
    environment = {**os.environ, "TORCHINDUCTOR_COMPILE_THREADS": str(threads)}
    child = subprocess.Popen(
        command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _, log = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)  # it has workers of its own
        child.communicate()
        raise Absent(f"{name}: not compiled in {seconds:.0f} s") from None
    if child.returncode:
        raise Absent(f"{name}: {log.decode(errors='replace').strip().splitlines()[-1:]}")
    return time.perf_counter() - start


def main() -> None:
    """Compile one case, so that its kernels are in the compiler's caches."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("case")
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("precision", choices=TYPES)
    options = parser.parse_args()
    case = Case(options.case)
    with torch.no_grad():
        run = torch.compile(_net(case, options.precision), mode=MODES[options.mode])
        run(*inputs_of(case.feeds(), TYPES[options.precision]))
    if device() == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
