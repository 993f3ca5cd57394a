"""Nodes whose results are as large as only the data tells: kernels count, the host reads the count, kernels go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from minirt.build.drafts import unknown_dims
from minirt.ir.op import DataDependent
from minirt.kernels.kernel import Problem
from minirt.plan.launch import Address, Counted, Launch
from minirt.plan.plan import KernelStep, ReadStep, Step, View
from minirt.types.dtype import i64
from minirt.types.tensor import Tensor


def steps_of(
    step: KernelStep, counted: Counted | None, problem: Problem, place: Callable[[Address], Address]
) -> tuple[Step, ...]:
    """The step itself, or the launches that count, a copy of the counts to the host, and the others."""
    if counted is None:
        return (step,)
    at, (choice,) = place(counted.at), step.choices
    parts = (choice.launches[: counted.steps], choice.launches[counted.steps :])
    first, second = (_with(step, launches) for launches in parts)
    assert isinstance(problem.op, DataDependent)
    wanted = unknown_dims(problem.op, problem.outputs)
    names = tuple(d if d in wanted else "" for d in problem.op.dims)
    source = View(at.index, Tensor(i64, (len(names),)), at.offset, (1,))
    return (replace(first, writes=()), ReadStep(step.label, source, names, counted.most), second)


def _with(step: KernelStep, launches: tuple[Launch, ...]) -> KernelStep:
    (choice,) = step.choices
    return replace(step, choices=(replace(choice, launches=launches),))
