"""Loops whose trip count is known at bind: their launches, written out for every iteration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from minirt.plan.launch import Address, Arg, Integer, Launch, TensorMap
from minirt.plan.plan import KernelStep, LoopStep, Plan
from minirt.types.evaluate import Evaluator

MAX_LAUNCHES = 20_000
NOWHERE = -1
"""The buffer of an absolute address: it starts at 0."""


def can_unroll(step: LoopStep) -> bool:
    """True where the body is kernel launches alone and its sizes do not change as it runs."""
    body = step.body
    if step.count is None or step.dims or not all(isinstance(s, KernelStep) for s in body.steps):
        return False
    starts = body.inputs[2 : 2 + len(step.carried)]
    ends = body.outputs[1 : 1 + len(step.carried)]
    return all(a.view.type == b.view.type for a, b in zip(starts, ends, strict=True))


@dataclass
class Places:
    """Addresses of a body's buffers in one iteration."""

    fixed: Callable[[int], int]
    given: dict[int, int]
    lent: dict[int, Address] = field(default_factory=dict)
    """Buffers that lie in one of the caller's, whose address may change without the launches being written anew."""

    def address(self, buffer: int) -> int:
        """Where the buffer starts."""
        return self.given[buffer] if buffer in self.given else self.fixed(buffer)

    def outside(self, buffer: int) -> bool:
        """Nothing is patched later."""
        return False

    def extent(self, buffer: int) -> tuple[int, int] | None:
        """Unknown: iterations share their memory."""
        return None


def body_launches(body: Plan, sizes: Mapping[str, int]) -> list[tuple[str, Launch]]:
    """The launches that the body's steps choose for these sizes."""
    evaluate = Evaluator(sizes)
    out: list[tuple[str, Launch]] = []
    for step in body.steps:
        assert isinstance(step, KernelStep)
        taken = next(c for c in step.choices if evaluate(c.guard))
        out.extend((step.label, launch) for launch in taken.launches)
    return out


def absolute(launch: Launch, evaluate: Evaluator, bases: Places) -> Launch:
    """The launch with every size a number, and every address absolute but those in what the caller lends."""

    def address(arg: Address) -> Address:
        lent = bases.lent.get(arg.index)
        if lent is not None:
            return replace(lent, offset=evaluate.integer(lent.offset) + evaluate.integer(arg.offset))
        return Address("buffer", NOWHERE, bases.address(arg.index) + evaluate.integer(arg.offset))

    def resolve(arg: Arg) -> Arg:
        if isinstance(arg, Address):
            return address(arg)
        if isinstance(arg, Integer):
            return replace(arg, value=evaluate.integer(arg.value))
        if isinstance(arg, TensorMap):
            dims, strides = (tuple(map(evaluate.integer, s)) for s in (arg.dims, arg.strides))
            return replace(arg, address=address(arg.address), dims=dims, strides=strides)
        return arg

    grid = launch.grid
    numbers = (evaluate.integer(grid[0]), evaluate.integer(grid[1]), evaluate.integer(grid[2]))
    return replace(launch, args=tuple(map(resolve, launch.args)), grid=numbers, writes=None)


def iterations(
    launches: Sequence[tuple[str, Launch]], evaluate: Evaluator, places: Sequence[Places]
) -> list[tuple[str, Launch]]:
    """The launches of every iteration in turn."""
    return [(label, absolute(launch, evaluate, at)) for at in places for label, launch in launches]
