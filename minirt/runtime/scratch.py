"""Scratch memory of a plan and of all plans inside it, in one piece."""

from __future__ import annotations

from dataclasses import dataclass

from minirt.plan.plan import IfStep, LoopStep, Plan
from minirt.runtime.backend import Memory
from minirt.types.dim import bounds, symbols

_ALIGN = 256
_LARGEST = 1 << 38
"""Bytes beyond which room is not kept for the most, but made when the size is known."""


def scratch_of(plan: Plan) -> int:
    """Bytes that a plan works in, branches and bodies of loops included: these follow its own, one place for all."""
    inner = 0
    for step in plan.steps:
        if isinstance(step, IfStep):
            inner = max(inner, scratch_of(step.then), scratch_of(step.otherwise))
        elif isinstance(step, LoopStep):
            inner = max(inner, _up(scratch_of(step.body)) + 2 * _results(step.body)[1])
    return _up(plan.arena) + inner if inner else plan.arena


def _results(body: Plan) -> tuple[dict[str, int], int]:
    """Where one iteration's results lie, by name, and how much room they take; those without a bound are left out."""
    places: dict[str, int] = {}
    end = 0
    for binding in body.outputs:
        size = body.buffers[binding.view.buffer].bytes
        most = bounds(size, body.ranges)[1] if symbols(size) <= body.ranges.keys() else float("inf")
        if most < _LARGEST:
            places[binding.name] = end
            end += _up(max(8, int(most)))
    return places, end


@dataclass(frozen=True)
class Part:
    """What follows a plan's own scratch memory, within one piece."""

    whole: Memory
    start: int

    @property
    def address(self) -> int:
        """Where it starts."""
        return self.whole.address + self.start


def rest(plan: Plan, arena: Memory) -> Part:
    """Where the plans inside a plan work."""
    return Part(arena, _up(plan.arena))


def results_in(body: Plan, arena: Memory) -> tuple[dict[str, Memory], dict[str, Memory]]:
    """Memory for the results of one iteration and of the next, by name; those without a bound are left out."""
    places, room = _results(body)
    start = _up(scratch_of(body))
    first, second = ({n: Part(arena, start + turn * room + at) for n, at in places.items()} for turn in (0, 1))
    return dict(first), dict(second)


def _up(nbytes: int) -> int:
    return -(-nbytes // _ALIGN) * _ALIGN
