"""Whether the parts of a plan that was read name each other rightly: buffers, weights, places in the arena."""

from __future__ import annotations

from collections.abc import Iterator

from minirt.errors import EngineFormatError
from minirt.plan.launch import Address, Launch, TensorMap
from minirt.plan.plan import Buffer, CallStep, HostStep, IfStep, KernelStep, LoopStep, Plan, ReadStep, Step, View
from minirt.types.dim import Expr, bounds, symbols

_KINDS = ("input", "output", "weight", "arena", "dynamic")
_STREAMS = 64


def check_places(plan: Plan) -> None:
    """Raises EngineFormatError where a plan, or one inside it, names what it does not hold."""
    for number, buffer in enumerate(plan.buffers):
        if buffer.kind not in _KINDS or not -1 <= buffer.weight < len(plan.weights) or not _in_arena(buffer, plan):
            raise EngineFormatError(f"plan is damaged: there is no place for its buffer {number}")
    views = [b.view for b in (*plan.inputs, *plan.outputs)]
    for step in plan.steps:
        views += _views(step)
        if isinstance(step, KernelStep):
            _check_launches(step, plan)
        for inner in _plans(step):
            check_places(inner)
    for view in views:
        if not 0 <= view.buffer < len(plan.buffers) or len(view.strides) != view.type.rank:
            raise EngineFormatError(f"plan is damaged: a view of buffer {view.buffer} of {len(plan.buffers)}")


def _check_launches(step: KernelStep, plan: Plan) -> None:
    if not step.choices or not 0 <= step.stream < _STREAMS:
        raise EngineFormatError(f"plan is damaged: step {step.label!r} has no choices, or no such stream")
    if step.writes and all(view.type.size == 0 for view in step.writes):
        return  # nothing is read for a result without elements, wherever its slice would begin
    for choice in step.choices:
        for launch in choice.launches:
            if not all(_inside(address, plan) for address in _addresses(launch)):
                raise EngineFormatError(f"plan is damaged: step {step.label!r} reads outside its buffers")


def _in_arena(buffer: Buffer, plan: Plan) -> bool:
    """True but for a buffer of the arena that leaves it at the upper bounds; one that no step touches is at -1."""
    known = symbols(buffer.bytes) <= plan.ranges.keys()
    most = bounds(buffer.bytes, plan.ranges)[1] if known else 0
    return buffer.kind != "arena" or buffer.offset == -1 or 0 <= buffer.offset <= plan.arena - most


def _inside(address: Address, plan: Plan) -> bool:
    """False for an address in no buffer of the plan, as far as sizes and offsets are known."""
    if address.of != "buffer" or not 0 <= address.index < len(plan.buffers):
        return False
    buffer = plan.buffers[address.index]
    if buffer.kind == "arena" and buffer.offset < 0:
        return False
    held = buffer.bytes
    if isinstance(address.offset, Expr) or not symbols(held) <= plan.ranges.keys():
        return True
    return 0 <= address.offset <= bounds(held, plan.ranges)[1]


def _views(step: Step) -> list[View]:
    if isinstance(step, ReadStep):
        return [step.source]
    if isinstance(step, KernelStep | HostStep | CallStep):
        return [*step.reads, *step.writes]
    if isinstance(step, IfStep):
        return [step.condition, *step.reads, *step.writes]
    given = [view for view in (step.trip, step.condition) if view is not None]
    return [*given, *step.carried, *step.captures, *step.writes]


def _plans(step: Step) -> list[Plan]:
    if isinstance(step, IfStep):
        return [step.then, step.otherwise]
    return [step.body] if isinstance(step, LoopStep) else []


def _addresses(launch: Launch) -> Iterator[Address]:
    for arg in launch.args:
        if isinstance(arg, Address):
            yield arg
        elif isinstance(arg, TensorMap):
            yield arg.address
