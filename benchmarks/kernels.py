"""Checks the matrix kernels against torch and times them beside cuBLAS and cuDNN: ``python3 benchmarks/kernels.py``.

``--compile`` only compiles (no GPU needed); ``--only TEXT`` takes the cases whose label matches; ``--no-times``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import torch  # noqa: E402
from kernel_lists import correctness, timings  # noqa: E402
from matrix_cases import Case  # noqa: E402
from matrix_device import Loaded, compile_text, seconds  # noqa: E402


def compiled(job: tuple[str, str, str]) -> tuple[bytes, str]:
    """A cubin and a complaint ("" where there is none) about one text."""
    label, text, arch = job
    try:
        cubin, log = compile_text(text, arch)
    except RuntimeError as error:
        return b"", f"{label}: {error}"
    spills = re.search(r"([1-9]\d*) bytes spill", log)
    advisory = re.search(r"C75\d\d.*", log)
    return cubin, " ".join(f"{label} [{arch}]: {found.group(0)}" for found in (spills, advisory) if found)


def check(case: Case, loaded: list[Loaded]) -> tuple[float, str, Any, Any]:
    """The relative error, and the launch and the peer."""
    launch, out, ref, peer = case.make(loaded)
    launch()
    torch.cuda.synchronize()
    difference = (out.double().reshape(ref.shape) - ref.double()).norm() / ref.double().norm()
    return float(difference), "" if float(difference) <= case.tolerance else "WRONG", launch, peer


def main() -> int:
    """Runs the cases; returns 1 where any is wrong."""
    parser = argparse.ArgumentParser()
    for flag in ("--compile", "--no-times", "--no-checks"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    cases = [] if options.no_checks else correctness()
    cases += [] if options.no_times else timings()
    cases = [case for case in cases if re.search(options.only, case.label)]
    texts = {source.text: case.label for case in cases for source in case.sources}
    start = time.time()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(compiled, [(label, text, "sm_90a") for text, label in texts.items()]))
    cubins = {text: cubin for text, (cubin, _) in zip(texts, results, strict=True)}
    print(f"{len(texts)} kernels compiled in {time.time() - start:.1f} s")
    for complaint in filter(None, (c for _, c in results)):
        print("  ", complaint[:600])
    if options.compile:
        return 0
    torch.zeros(1, device="cuda")  # makes torch's context current, in which modules are then loaded
    wrong, best, peers, rows = 0, {}, {}, []
    loaded: dict[str, Loaded] = {}
    for case in cases:
        if any(not cubins[s.text] for s in case.sources):
            wrong += 1
            continue
        for s in case.sources:
            loaded.setdefault(s.text, Loaded(s, cubins[s.text]))
        error, verdict, launch, peer = check(case, [loaded[s.text] for s in case.sources])
        wrong += bool(verdict)
        if verdict or not case.timed:
            print(f"{error:9.2e} {verdict:5s} {case.label}", flush=True)
        if case.timed and not verdict:
            if case.key not in peers:
                torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
                peers[case.key] = seconds(peer)
                torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
            took = seconds(launch)
            rows.append(f"{took * 1e6:9.1f} us {case.flops / took / 1e12:7.1f} TFLOP/s  {case.label} {case.traits}")
            if took < best.get(case.key, (9.0, ""))[0]:
                best[case.key] = (took, case.label)
    if os.environ.get("OUT"):
        (Path(os.environ["OUT"]) / "times.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for key, (took, label) in best.items():
        print(f"{took * 1e6:8.1f} us, peer {peers[key] * 1e6:8.1f} us ({peers[key] / took:4.2f}x)  {label}")
    print(f"{len(cases)} cases, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
