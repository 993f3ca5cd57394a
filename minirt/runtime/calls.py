"""Calls of users' plugins while a plan runs: real addresses and the caller's stream, no copies and no waiting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from minirt.errors import MinirtError
from minirt.ops.user_call import Row, Runner, UserCall, plugins
from minirt.plan.plan import CallStep, IfStep, LoopStep, Plan, View
from minirt.runtime.backend import Backend
from minirt.runtime.frame import Frame
from minirt.runtime.host import read_op
from minirt.types.tensor import Tensor


class Owner(Protocol):
    """The executor of the plan that holds the call."""

    backend: Backend
    frame: Frame
    attached: dict[int, Attached]
    resources: object

    def address(self, buffer: int) -> int:
        """Where a buffer starts now."""
        ...


@dataclass(frozen=True)
class Attached:
    """A plugin that an executor runs, and its results as large as they may be."""

    call: UserCall
    runner: Runner
    room: tuple[Tensor, ...]


def attached(executor: Owner, step: CallStep) -> Attached:
    """The executor's plugin of a step, made when first asked for."""
    found = executor.attached.get(id(step))
    if found is None:
        call = read_op(step.node)
        assert isinstance(call, UserCall)
        try:
            on_device = not executor.backend.host_memory
            runner = plugins(call).attach(call, step.tactic, on_device, executor.resources)
        except MinirtError as error:
            raise _named(error, step) from error
        found = executor.attached[id(step)] = Attached(call, runner, call.room)
    return found


def find_plugins(plan: Plan) -> None:
    """Raise MinirtError for the first step of the plan whose plugin nobody can make."""
    for step in plan.steps:
        if isinstance(step, CallStep):
            call = read_op(step.node)
            assert isinstance(call, UserCall)
            try:
                plugins(call).find(call)
            except MinirtError as error:
                raise _named(error, step) from error
        elif isinstance(step, IfStep):
            find_plugins(step.then)
            find_plugins(step.otherwise)
        elif isinstance(step, LoopStep):
            find_plugins(step.body)


def run_call(executor: Owner, step: CallStep, stream: int) -> None:
    """Let the plugin put its work on the stream; raises MinirtError where it fails."""
    made = attached(executor, step)
    inputs = [_row(executor, view, view.type) for view in step.reads]
    outputs = [_row(executor, view, room) for view, room in zip(step.writes, made.room, strict=True)]
    for number, source in made.call.aliases:
        _share(executor, inputs, outputs, number, source, stream)
    workspace = executor.address(step.work) if step.work >= 0 else 0
    try:
        with executor.backend.current():
            made.runner.enqueue(inputs, outputs, workspace, stream)
    except MinirtError as error:
        raise _named(error, step) from error


def _share(executor: Owner, inputs: list[Row], outputs: Sequence[Row], number: int, source: int, stream: int) -> None:
    """Give an input the memory of the output that shares it, with the input's numbers."""
    given, shared = inputs[source], outputs[number]
    if given.address != shared.address:
        nbytes = given.dtype.nbytes(math.prod(given.shape))
        executor.backend.copy(shared.address, given.address, nbytes, stream)
    inputs[source] = replace(given, address=shared.address)


def _row(executor: Owner, view: View, type: Tensor) -> Row:
    integer = executor.frame.evaluate.integer
    address = executor.address(view.buffer) + integer(view.offset)
    return Row(address, type.dtype, tuple(map(integer, type.shape)))


def _named(error: MinirtError, step: CallStep) -> MinirtError:
    where = f"node {step.label!r}"
    return MinirtError(error.what, f"{where}, {error.where}" if error.where else where, error.fix)
