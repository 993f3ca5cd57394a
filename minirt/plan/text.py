"""Plans as text for people: what lies where, and what runs in which order.

::

    plan cpu, N in 1..8, arena 8192 bytes
    b0 input "x": 256*N bytes
    b1 arena at 0: 1024*N bytes
    b2 weight 5fb61ce96691, packed by pack_convolution
    0 "relu" ConvTiled: b0 f32[N,1,8,8], b2 f32[4,1,3,3] -> b1 f32[N,4,8,8]@0231

A view is its buffer, the bytes to its start, its type, and its strides in elements where they are not the type's own.
Tactics and packing parameters are left out: they depend on the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from minirt.plan.plan import Buffer, CallStep, HostStep, IfStep, KernelStep, LoopStep, Plan, ReadStep, Step, View

INDENT = "    "


def print_plan(plan: Plan) -> str:
    """The plan's sizes, buffers and steps, a line each; plans of branches and loop bodies are indented."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    ranges = [f"{name} in {low}..{high}" for name, (low, high) in plan.ranges.items()]
    yield ", ".join([f"plan {plan.target}", *ranges, f"arena {plan.arena} bytes"])
    for number, buffer in enumerate(plan.buffers):
        yield f"b{number} {_buffer(plan, buffer)}"
    for a, b, label in plan.checks:
        yield f'check {a} == {b} for "{label}"'
    for number, step in enumerate(plan.steps):
        first, *rest = _step(step)
        yield f'{number} "{step.label}" {first}'
        yield from (INDENT + line for line in rest)
    for name, view in ((b.name, b.view) for b in plan.outputs):
        yield f'output "{name}" is {_view(view)}'


def _buffer(plan: Plan, buffer: Buffer) -> str:
    host = ", read by the host" if buffer.host else ""
    if buffer.kind == "weight" and buffer.weight < 0:
        return "weight, held only packed"
    if buffer.kind == "weight":
        weight = plan.weights[buffer.weight]
        return f"weight {weight.blob[:12]}" + (f", packed by {weight.pack}" if weight.pack else "") + host
    place = f" at {buffer.offset}" if buffer.kind == "arena" else ""
    name = f' "{buffer.name}"' if buffer.name else ""
    return f"{buffer.kind}{name}{place}: {buffer.bytes} bytes{host}"


def _step(step: Step) -> Iterator[str]:
    """Give a step's line without its number and label, then what it holds."""
    if isinstance(step, KernelStep):
        yield from _kernels(step)
    elif isinstance(step, HostStep):
        yield f"{json.loads(step.node)[0]} on the host: {_arrow(step.reads, step.writes)}{_told(step.dims)}"
    elif isinstance(step, CallStep):
        yield f"plugin {json.loads(step.node)[2]['plugin']}: {_arrow(step.reads, step.writes)}"
    elif isinstance(step, ReadStep):
        yield f"read: {_view(step.source)}{_told(step.dims)}"
    elif isinstance(step, IfStep):
        yield f"if {_view(step.condition)}: {_arrow(step.reads, step.writes)}{_told(step.dims)}"
        yield from _lines(step.then)
        yield "else"
        yield from _lines(step.otherwise)
    else:
        yield from _loop(step)


def _kernels(step: KernelStep) -> Iterator[str]:
    flow = _arrow(step.reads, step.writes)
    if len(step.choices) == 1:
        yield f"{step.choices[0].kernel}: {flow}"
        return
    yield f"one of {len(step.choices)}: {flow}"
    for choice in step.choices:
        yield f"{choice.kernel} where {choice.guard}"


def _loop(step: LoopStep) -> Iterator[str]:
    times = [f"{step.count} times"] if step.count is not None else []
    if step.count is None and step.trip is not None:
        times.append(f"at most {_view(step.trip)} times")
    if step.condition is not None:
        times.append(f"while {_view(step.condition)}")
    yield f"loop {' and '.join(times)}: {_arrow((*step.carried, *step.captures), step.writes)}{_told(step.dims)}"
    yield from _lines(step.body)


def _told(dims: Sequence[str]) -> str:
    named = [name for name in dims if name]
    return f", tells {', '.join(named)}" if named else ""


def _arrow(reads: Sequence[View], writes: Sequence[View]) -> str:
    return f"{', '.join(map(_view, reads))} -> {', '.join(map(_view, writes))}".strip()


def _view(view: View) -> str:
    offset = "" if view.offset == 0 else f"+{view.offset}"
    strides = "" if view.strides == view.type.strides else f" strides ({', '.join(map(str, view.strides))})"
    return f"b{view.buffer}{offset} {view.type}{strides}"
