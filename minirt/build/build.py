"""From a graph to an engine's bytes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from minirt.build.checking import check_pass
from minirt.build.compile import compile_units, kernel_version
from minirt.build.formulas import joined, results_in
from minirt.build.lower import Lowering
from minirt.build.options import Options, ranges_of
from minirt.build.parameters import Table
from minirt.build.plugin_tactics import Contest
from minirt.build.select import Selector, Setting, Tuner
from minirt.build.specialize import decide, unify
from minirt.build.tune import LEAST_LEVEL, tuner_for
from minirt.errors import GraphError
from minirt.flags import flags
from minirt.ir.encode import encode_type
from minirt.ir.graph import Data, Graph, Input, digest_constants, rebuild
from minirt.ir.op import DataDependent, Node, Value, reapply
from minirt.ir.substitute import specialize
from minirt.ir.text import blobs_of, print_graph
from minirt.ir.weights import parameters_of
from minirt.kernels.kernel import Target
from minirt.ops.after import anchored
from minirt.optimize.attention import ALL, HALVES
from minirt.optimize.pipeline import DECODED, FUSING, NEUTRAL, ROWS, WIDE, Observer, fusing, run_passes
from minirt.optimize.precision import narrow
from minirt.plan.encode import encode
from minirt.plan.format import append_sections
from minirt.plan.plan import Plan
from minirt.trace import Progress, no_progress, phase, report
from minirt.types.dim import Dim, symbol
from minirt.types.dtype import dtype_of, string


def build(graph: Graph, options: Options, table: Table | None = None) -> bytes:
    """The engine's bytes; see `build_into`."""
    out = bytearray()
    build_into(out, graph, options, table)
    return bytes(out)


def build_into(out: bytearray, graph: Graph, options: Options, table: Table | None = None) -> None:
    """Write the engine into an empty array: neutral graph, weights, and a plan for each target and profile.

    ``table`` lists the weights that the graph holds as parameters.

    Raises GraphError for a graph without outputs, NoKernelError where a target has no way to run a node, ShapeError for
    profiles that do not fit, BuildCancelled where the progress hook says so.
    """
    started = time.monotonic()
    if not graph.outputs:
        raise GraphError("the network has no output", graph.name, "mark at least one tensor as an output")
    report(options.progress, "optimize", 0, len(NEUTRAL))
    with phase("optimize"):
        neutral = optimize(graph, options.progress)
        digest_constants(neutral)
    plans: dict[str, Plan] = {}
    blobs = blobs_of(neutral)
    formulas: dict[str, Value] = {}
    for target in options.targets:
        for index, (lowered, plan) in enumerate(_tuned(neutral, target, options, started)):
            plans[f"{target.name}/{index}"] = plan
            blobs |= lowered.blobs
            formulas |= lowered.formulas
        made = [p for k, p in plans.items() if k.startswith(target.name)]
        with phase(f"compile for {target.name}"):
            compile_units(made, target, lambda done, total: report(options.progress, "compile kernels", done, total))
    blobs |= blobs_of(joined(formulas))
    parts = sections(neutral, plans, blobs, options)
    if formulas or table is not None:
        parts["formulas"] = print_graph(joined(formulas)).encode()
    if table is not None:
        used = parameters_of([*results_in(neutral), *formulas.values()])
        parts |= table.kept(used).sections(options.strip)
    with phase("write"):
        append_sections(out, parts, {f"blob/{d}": b.content for d, b in blobs.items() if b.dtype is not string})


def _tuned(neutral: Graph, target: Target, options: Options, started: float) -> list[tuple[Lowering, Plan]]:
    """A lowering for each profile, and its plan: done again where there were tactics whose times were not known."""
    tuner = tuner_for(target, options.level, options.tuning, started)
    lowered = _lowered(neutral, target, options, tuner)
    if tuner is not None:
        with phase(f"time kernels for {target.name}"):
            learnt = tuner.measure(options.progress)
        if learnt and options.selector is None:  # the graphs stay: only choices change
            again = [Lowering(first.graph, first.setting) for first, _ in lowered]
            lowered = [(one, one.run()) for one in again]
    if options.selector is not None:
        lowered = [_selected(first, options.selector(index)) for index, (first, _) in enumerate(lowered)]
    if tuner is not None:
        tuner.tell()
    return lowered


def _selected(first: Lowering, selector: Selector) -> tuple[Lowering, Plan]:
    """The lowering done again, with times known and a selector asked."""
    again = Lowering(first.graph, replace(first.setting, selector=selector))
    plan = again.run()
    selector.end()
    return again, plan


def _lowered(neutral: Graph, target: Target, options: Options, tuner: Tuner | None) -> list[tuple[Lowering, Plan]]:
    made: list[tuple[Lowering, Plan]] = []
    report(options.progress, f"lower for {target.name}", 0, len(options.profiles))
    for index, _ in enumerate(options.profiles):
        with phase(f"lower for {target.name}, profile {index}"):
            lowered = lower(neutral, target, options, index, tuner)
            made.append((lowered, lowered.run()))
        report(options.progress, f"lower for {target.name}", index + 1, len(options.profiles))
    return made


def optimize(graph: Graph, progress: Progress = no_progress) -> Graph:
    """The neutral graph: canonical, folded, with dims that must be equal made one; the hook hears of each pass."""
    check, done = observer(), 0

    def observe(name: str, before: Graph, after: Graph) -> None:
        nonlocal done
        if check is not None:
            check(name, before, after)
        done += 1
        report(progress, "optimize", done, len(NEUTRAL))

    return run_passes(unify(numbered(anchored(graph))), NEUTRAL, observe)


def observer() -> Observer | None:
    """Who watches the passes: a check of the numbers, where MINIRT_CHECK asks for it."""
    return check_pass if flags().check else None


def numbered(graph: Graph) -> Graph:
    """Dims that only the data tells, named by their place in the graph, so that equal inputs give equal engines."""
    names: dict[str, Dim] = {}
    for node in graph.nodes:
        if isinstance(node.op, DataDependent):
            for name in node.op.dims:
                names.setdefault(name, symbol(f"data_{len(names)}"))
    if all(k == str(v) for k, v in names.items()):
        return graph

    def visit(node: Node, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        op = node.op
        if isinstance(op, DataDependent) and op.dims:
            op = op.replace(dims=tuple(str(names[n]) for n in op.dims))
        return reapply(node, op, operands)

    return rebuild(specialize(graph, names), visit)


def lower(neutral: Graph, target: Target, options: Options, profile: int = 0, tuner: Tuner | None = None) -> Lowering:
    """The lowering for one target and one profile: its ``run`` gives the plan, its ``blobs`` the constants used.

    Without a tuner every kernel takes its first tactic.
    """
    ranges, best = ranges_of(neutral, options.profiles[profile])
    pinned: dict[str, Dim] = {name: lo for name, (lo, hi) in ranges.items() if lo == hi}
    graph = decide(specialize(neutral, pinned), ranges)
    if graph is not neutral:
        graph = run_passes(graph, NEUTRAL, observer())
    attends = target.kind == "cuda" and target.capability >= 80
    rounded = options.tf32 or (options.permitted and not options.wide)
    passes = fusing(ALL if rounded else HALVES) if attends else FUSING
    graph = run_passes(graph, passes if target.kind == "cpu" else (*DECODED, *passes), observer())
    if target.kind == "cpu":
        graph = run_passes(graph, WIDE)
    elif options.permitted:
        graph = narrow(graph, dtype_of(options.permitted[0]), options.wide)
    if attends and flags().rows:
        graph = run_passes(graph, ROWS, observer())
    digest_constants(graph)
    streams = options.streams if target.kind == "cuda" else 0
    contest = Contest(target, options.tuning.rounds) if options.level >= LEAST_LEVEL and flags().tune else None
    setting = Setting(target, {**ranges}, {**best}, options.tf32, tuner, options.workspace, options.shared, streams)
    return Lowering(graph, replace(setting, contest=contest))


def sections(
    neutral: Graph, plans: Mapping[str, Plan], blobs: Mapping[str, Data], options: Options
) -> dict[str, bytes | memoryview]:
    """The engine's sections, in order."""
    about = {
        "name": options.name or neutral.name,
        "kernels": kernel_version(),
        "tf32": options.tf32,
        "permitted": list(options.permitted),
        "verbosity": options.verbosity,
        "streaming": options.streaming,
        "wide": list(options.wide),
        "streams": options.streams,
        "debug": options.debug,
        "unfused": list(options.unfused),
        "metadata": dict(options.metadata),
        "formats": {k: list(v) for k, v in sorted(options.formats.items())},
        "inputs": [[v.op.label, encode_type(v.type)] for v in neutral.inputs if isinstance(v.op, Input)],
        "outputs": [[n, encode_type(v.type)] for n, v in zip(neutral.names, neutral.outputs, strict=True)],
        "profiles": [{k: [list(s) for s in v] for k, v in p.shapes.items()} for p in options.profiles],
        "values": [{k: [list(s) for s in v] for k, v in p.values.items()} for p in options.profiles],
        "sizes": {v.op.label: list(map(str, v.op.values)) for v in neutral.inputs if isinstance(v.op, Input)},
        "hosted": list(options.hosted),
        "plans": list(plans),
        "blobs": {d: [b.dtype.name, list(b.array.shape)] for d, b in sorted(blobs.items())},
    }
    out: dict[str, bytes | memoryview] = {"about": _json(about), "graph": print_graph(neutral).encode()}
    out |= {f"plan/{k}": _json(encode(p)) for k, p in plans.items()}
    out |= {f"blob/{d}": _bytes(b) for d, b in sorted(blobs.items())}
    return out


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _bytes(data: Data) -> bytes | memoryview:
    if data.dtype is string:
        return _json(data.array.reshape(-1).tolist())
    return np.ascontiguousarray(data.array).reshape(-1).view(np.uint8).data
