"""What a comparison found: rows, as lines, as JSON and as a plot."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.contender import Contender, HostTime, Timing
from minirt.runtime.measure import Ceilings, StepTime
from minirt.tools.profile import as_facts, as_table

KERNELS_SHOWN = 6


@dataclass(frozen=True)
class Row:
    """One case; the first ``own`` contenders are minirt; ``facts`` are the contenders' figures, once settled."""

    case: str
    precision: str
    contenders: tuple[Contender, ...]
    timings: tuple[Timing, ...]
    errors: tuple[float, ...]
    host: HostTime
    steps: list[StepTime]
    limits: Ceilings
    own: int = 1
    names: tuple[str, ...] = ()
    facts: tuple[dict[str, float], ...] = ()

    def settled(self) -> Row:
        """The row without what keeps the contenders' memory alive."""
        names, facts = tuple(c.name for c in self.contenders), tuple(dict(c.facts) for c in self.contenders)
        return replace(self, contenders=(), names=names, facts=facts)

    @property
    def floor(self) -> float:
        """The least milliseconds that minirt's steps could take."""
        return sum(self.limits.floor(s) for s in self.steps) / 1e3

    @property
    def best_peer(self) -> float:
        """The fastest peer's milliseconds; NaN where there is none."""
        return min((t.median for t in self.timings[self.own :]), default=math.nan)

    def as_facts(self) -> dict[str, Any]:
        """The row as JSON."""
        peers = zip(self.names, self.timings, self.errors, self.facts, strict=True)
        return {
            "case": self.case, "precision": self.precision, "floor ms": self.floor,
            "host us": self.host.following, "host us after idling": self.host.idle,
            "contenders": {
                n: {"ms": t.median, "spread": t.spread, "rounds": t.rounds, "error": _finite(e), **f}
                for n, t, e, f in peers
            },
            "steps": [as_facts(s, self.limits) for s in self.steps],
        }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def print_row(row: Row) -> None:
    """A line for the case, one for what building cost and for its kernels."""
    times = ", ".join(
        f"{n} {t.median:.3f} ±{100 * t.spread:.1f}% err {e:.0e}"
        for n, t, e in zip(row.names, row.timings, row.errors, strict=True)
    )
    print(f"{row.case} {row.precision} x{row.best_peer / row.timings[0].median:.2f}: {times} ms", flush=True)
    facts = [
        f"{n}: " + ", ".join(f"{k} {v:.1f}" for k, v in f.items())
        for n, f in zip(row.names, row.facts, strict=True)
        if f
    ]
    total, count = sum(s.microseconds for s in row.steps) / 1e3, len(row.steps)
    host = f"host {row.host.following:.1f} us, {row.host.idle:.1f} after idling"
    print(f"  floor {row.floor:.3f} ms, {count} steps alone {total:.3f} ms, {host}; {'; '.join(facts)}")
    print(f"  us (floor) of kernels: {_by_kernel(row)}", flush=True)


def _by_kernel(row: Row) -> str:
    kinds: dict[str, list[StepTime]] = {}
    for step in row.steps:
        kinds.setdefault(step.kernel, []).append(step)
    ordered = sorted(kinds.items(), key=lambda item: -sum(s.microseconds for s in item[1]))
    return ", ".join(
        f"{len(steps)} {name} {sum(s.microseconds for s in steps):.0f} ({sum(row.limits.floor(s) for s in steps):.0f})"
        for name, steps in ordered[:KERNELS_SHOWN]
    )


def print_steps(row: Row, count: int) -> None:
    """The slowest steps."""
    print(as_table(row.steps, row.limits, count), flush=True)


def print_summary(rows: Sequence[Row]) -> None:
    """The table of docs/benchmarks.md, and the geometric mean over the cases that have a peer."""
    names = list(dict.fromkeys(n for r in rows for n in r.names))
    print("| case | " + " | ".join(f"{n} ms" for n in names) + " | fastest peer / minirt | floor ms | error |")
    print("|---" * (len(names) + 4) + "|")
    ratios = []
    for row in rows:
        found = dict(zip(row.names, row.timings, strict=True))
        cells = [f"{found[n].median:.3f}" if n in found else "–" for n in names]
        ratio = row.best_peer / row.timings[0].median
        ratios += [ratio] if math.isfinite(ratio) else []
        print(f"| {row.case} | {' | '.join(cells)} | {ratio:.2f} | {row.floor:.3f} | {row.errors[0]:.1e} |")
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"geometric mean over {len(ratios)} cases: {mean:.2f}", flush=True)


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Every figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([r.as_facts() for r in rows], indent=1, allow_nan=False))


def write_plot(rows: Sequence[Row], path: Path) -> None:
    """Each kernel's time over its floor, by case, the dot's area its share; nothing where matplotlib is missing."""
    try:
        matplotlib = importlib.import_module("matplotlib")
        matplotlib.use("agg")
        plots = importlib.import_module("matplotlib.pyplot")
    except ImportError:
        print("no plot: matplotlib is not installed")
        return
    figure, axes = plots.subplots(figsize=(10, 1 + 0.5 * len(rows)))
    for place, row in enumerate(rows):
        total = sum(s.microseconds for s in row.steps) or 1.0
        ratios = [s.microseconds / max(row.limits.floor(s), 1e-3) for s in row.steps]
        axes.scatter(ratios, [place] * len(ratios), [4 + 600 * s.microseconds / total for s in row.steps], alpha=0.4)
    axes.set_yticks(range(len(rows)), [r.case for r in rows])
    axes.set_xscale("log")
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xlabel("time of a kernel / its floor (area: share of the case)")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plots.close(figure)
