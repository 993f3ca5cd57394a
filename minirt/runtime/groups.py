"""A plan's steps in groups: neighbouring kernel steps are bound and launched together."""

from __future__ import annotations

from dataclasses import dataclass

from minirt.plan.plan import KernelStep, LoopStep, Plan, Step
from minirt.runtime.unroll import can_unroll
from minirt.types.dim import symbols


@dataclass
class Group:
    """Neighbouring kernel steps, or one step of another kind.

    ``needs`` are the dims that its launches read, ``fills`` the plan's outputs that they write.
    """

    steps: list[Step]
    native: bool
    loop: bool = False
    needs: frozenset[str] = frozenset()
    fills: frozenset[int] = frozenset()


def groups_of(plan: Plan) -> list[Group]:
    """The plan's steps, in order."""
    groups: list[Group] = []
    for step in plan.steps:
        loop = isinstance(step, LoopStep) and can_unroll(step)
        if isinstance(step, KernelStep) and groups and groups[-1].native and not groups[-1].loop:
            groups[-1].steps.append(step)
        else:
            groups.append(Group([step], isinstance(step, KernelStep) or loop, loop))
    for group in groups:
        group.needs = frozenset().union(*(_needs(s) for s in group.steps))
        written = {v.buffer for s in group.steps if isinstance(s, KernelStep | LoopStep) for v in s.writes}
        group.fills = frozenset(b for b in written if plan.buffers[b].kind == "output")
    return groups


def _needs(step: Step) -> frozenset[str]:
    found: set[str] = set()
    if isinstance(step, KernelStep):
        views = [*step.reads, *step.writes]
    elif isinstance(step, LoopStep):
        views = [*step.carried, *step.captures, *step.writes]
        found |= symbols(0 if step.count is None else step.count)
    else:
        return frozenset()
    for view in views:
        for d in (*view.type.shape, *view.strides, view.offset):
            found |= symbols(d)
    return frozenset(found)
