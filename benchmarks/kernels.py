"""Runs the kernel classes of products and convolutions on a device: right numbers, then times of every tactic.

``python3 benchmarks/kernels.py [--no-checks] [--no-times] [--only REGEX]``.  Below the API and pytest, so that it
needs neither a graph nor a test environment.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from minirt.errors import CompileError  # noqa: E402
from minirt.ir.op import apply  # noqa: E402
from minirt.kernels.cuda.compile import compile_many, default_store  # noqa: E402
from minirt.kernels.kernel import Target  # noqa: E402
from minirt.ops.gemm import Gemm  # noqa: E402
from minirt.runtime import device as dev  # noqa: E402
from minirt.types.dtype import DType, f16, f32  # noqa: E402
from tests.kernels.cuda import matrix_cases as made  # noqa: E402
from tests.kernels.cuda.execution import check, choices, sources  # noqa: E402
from tests.kernels.cuda.matrix_cases import MatrixCase, MatrixRunner  # noqa: E402

RESNET = [  # channels, size, outputs, taps, stride, residual, cuDNN's microseconds at batch 32 and 1 (no epilogue)
    (64, 56, 64, 1, 1, False, 7.0, 3.8), (64, 56, 64, 3, 1, False, 26.0, 5.9),
    (64, 56, 256, 1, 1, False, 29.5, 3.0), (64, 56, 256, 1, 1, True, 29.5, 3.0),
    (256, 56, 64, 1, 1, False, 25.1, 4.4), (256, 56, 128, 1, 1, False, 33.7, 5.3),
    (128, 56, 128, 3, 2, False, 17.6, 6.3), (128, 28, 128, 3, 1, False, 17.9, 7.6),
    (128, 28, 512, 1, 1, True, 13.2, 3.8), (512, 28, 128, 1, 1, False, 9.1, 5.0),
    (256, 56, 512, 1, 2, False, 20.5, 4.9), (256, 14, 256, 3, 1, False, 17.2, 8.2),
    (256, 14, 1024, 1, 1, True, 9.1, 4.9), (1024, 14, 256, 1, 1, False, 9.0, 6.8),
    (512, 7, 512, 3, 1, False, 18.7, 12.3), (512, 7, 2048, 1, 1, True, 8.3, 5.5),
    (2048, 7, 512, 1, 1, False, 10.0, 5.2), (3, 224, 64, 7, 2, False, 84.4, 16.8),
]  # fmt: skip


def layer(dtype: DType, images: int, c: int, size: int, o: int, taps: int, stride: int, residual: bool) -> MatrixCase:
    """One convolution with bias, relu and perhaps a residual."""
    out = (size - 1) // stride + 1
    extras = [(o, 1, 1)] + ([(images, o, out, out)] if residual else [])
    name = f"n{images} {c}x{size} -> {o} {taps}/{stride}{' +' if residual else ''}"
    return made.convolution(
        name, dtype, (images, c, size, size), (o, c, taps, taps), stride=stride, pad=taps // 2, extras=extras,
        planar=c == 3, layout=(0, 2, 3, 1),
    )  # fmt: skip


def timed() -> list[tuple[MatrixCase, float]]:
    """What is timed, and a peer's time in microseconds (0: unknown)."""
    cases = [(layer(f16, n, *row[:6]), row[6 if n == 32 else 7]) for n in (32, 1) for row in RESNET]
    for dtype, tf32 in ((f16, True), (f32, True), (f32, False)):
        for m, n, k in ((128, 768, 768), (128, 3072, 768), (1024, 768, 3072), (4096, 4096, 4096)):
            case = made.product(f"{m}x{n}x{k}", dtype, (m, k), (k, n), extras=[(n,)], constants=(1,))
            cases.append((replace(case, tf32=tf32, name=case.name + ("" if tf32 else "-exact")), 0.0))
        heads = made.product("heads", dtype, (1, 12, 128, 64), (1, 12, 64, 128), a_order=(0, 2, 1, 3))
        cases.append((replace(heads, tf32=tf32, name=heads.name + ("" if tf32 else "-exact")), 0.0))
    depthwise = [(144, 56, 3, 1), (384, 14, 3, 1), (240, 28, 5, 2)]
    for c, size, taps, stride in depthwise:
        name, pad = f"depthwise {c}x{size} {taps}/{stride}", taps // 2
        shape = (32, c, size, size), (c, 1, taps, taps)
        cases.append((made.convolution(name, f16, *shape, stride=stride, pad=pad, groups=c, extras=[(c, 1, 1)]), 0.0))
    cases.append((made.convolution("up 512", f16, (1, 512, 32, 32), (512, 256, 2, 2), stride=2, transposed=True), 0.0))
    return cases


def compile_all(cases: list[MatrixCase], target: Target) -> None:
    """Compiles what the cases take, in several processes; complains of failures and spills."""
    texts = {}
    for case in cases:
        for kernel, problem, tactic in choices(case, target):
            for source in sources(kernel.launch(problem, tactic), target):
                texts[source.text] = (source, f"{case.name} {kernel.name} {tactic}")
    start = time.time()
    found = compile_many([s for s, _ in texts.values()], target.arch, default_store(), 16)
    for (_, what), one in zip(texts.values(), found, strict=True):
        if isinstance(one, CompileError) or one.spills or one.advisories:
            print(f"  {what}: {one if isinstance(one, CompileError) else (one.spills, one.advisories)}")
    print(f"{len(texts)} kernels compiled in {time.time() - start:.1f} s", flush=True)


def checked(cases: list[MatrixCase], target: Target) -> int:
    """Number of wrong choices."""
    wrong = done = 0
    for case in cases:
        for kernel, problem, tactic in choices(case, target):
            what, case.tolerance = f"{case.name} {kernel.name} {tactic}", case.allows(kernel.name)
            done += 1
            try:
                runner = MatrixRunner(case, kernel, problem, tactic, target)
                got = runner.run()
                check(case, got, what)
                np.testing.assert_array_equal(runner.run()[0], got[0], err_msg=f"{what} does not repeat")
            except AssertionError as error:
                wrong += 1
                print("WRONG", what, str(error).strip().splitlines()[:6], flush=True)
            except Exception:
                wrong += 1
                print("FAILED", what, traceback.format_exc(limit=-2), flush=True)
    print(f"{done} choices, {wrong} wrong", flush=True)
    return wrong


def times(cases: list[tuple[MatrixCase, float]], target: Target) -> int:
    """Times every tactic; number of disagreements between them."""
    wrong, total, best_total = 0, 0.0, 0.0
    for case, peer in cases:
        rows: list[tuple[float, str, dict[str, object], float]] = []
        first: np.ndarray | None = None
        for kernel, problem, tactic in choices(case, target):
            if kernel.name in ("ConvMmaPlanar",) or (kernel.name.endswith("Simt") and rows and case.tf32):
                continue
            runner = MatrixRunner(case, kernel, problem, tactic, target)
            got = runner.run()[0].astype(np.float32)
            first = got if first is None else first
            error = float(np.abs(got - first).max() / np.abs(first).max())
            wrong += not error < 5e-3
            short = {k: v for k, v in tactic.items() if k in ("tile", "stages", "per_sm", "parts")}
            rows.append((runner.microseconds(10), kernel.name, short, error))
        flops = 2.0 * rows_of(case)
        best = min(rows, key=lambda row: row[0])
        total, best_total = total + rows[0][0], best_total + best[0]
        print(
            f"{case.name:30s} {rows[0][0]:7.1f} us {flops / rows[0][0] / 1e6:6.1f} TFLOP/s  {rows[0][1]} {rows[0][2]}"
            f" | best {best[0]:7.1f} {best[1]} {best[2]} | peer {peer}"
            + (" DIFFER" if max(r[3] for r in rows) > 5e-3 else ""),
            flush=True,
        )
        for row in rows:
            print(f"{case.name} | {row[0]:8.1f} {row[1]} {row[2]} {row[3]:.1e}", file=sys.stderr)
    print(f"first tactics {total:.1f} us, best {best_total:.1f} us, {wrong} disagree")
    return wrong


def rows_of(case: MatrixCase) -> float:
    """Multiply-adds."""
    a, b = case.arrays[:2]
    if isinstance(case.op, Gemm):
        return float(a.size * b.shape[-1])
    out = apply(case.op, *case.values()).shape
    return float(np.prod(np.array(out, dtype=float)) * b.size / b.shape[0])


def main() -> int:
    """Checks, then times; 1 where anything is wrong."""
    parser = argparse.ArgumentParser()
    for flag in ("--no-times", "--no-checks"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    device = dev.Device(0)
    target = Target(f"cuda:{device.arch}", device.multiprocessors, device.shared_limit)
    wrong = 0
    if not options.no_checks:
        cases = [case for case in made.cases() if re.search(options.only, case.name)]
        compile_all(cases, target)
        wrong += checked(cases, target)
    if not options.no_times:
        pairs = [pair for pair in timed() if re.search(options.only, pair[0].name)]
        compile_all([case for case, _ in pairs], target)
        wrong += times(pairs, target)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
