"""Choosing a kernel: the first that accepts, asked best first, with a sentence for each refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from minirt.build.views import Placement
from minirt.ir.op import Op
from minirt.kernels.families import candidates
from minirt.kernels.kernel import Kernel, Operand, Order, Problem, Target
from minirt.ops.pointwise import Elementwise
from minirt.plan.launch import Spec
from minirt.types.dim import Dim, Expr
from minirt.types.tensor import Tensor

_FEW = 3  # the level up to which the tactics that a kernel thinks best are enough


@dataclass(frozen=True)
class Way:
    """One of several ways to run a problem: a kernel and its tactic."""

    kernel: Kernel
    tactic: Spec


class Tuner(Protocol):
    """Picks one of several ways by what is known of their times."""

    level: int

    def pick(self, problem: Problem, groups: Sequence[Sequence[Way]]) -> Way:
        """One of the ways; there is a group for each kernel that takes the problem, best guesses first."""
        ...


@dataclass(frozen=True)
class Setting:
    """What every choice of one lowering has in common."""

    target: Target
    ranges: Mapping[str, tuple[int, int]]
    optimum: Mapping[str, int]
    tf32: bool = True
    tuner: Tuner | None = None
    workspace: int = 0
    """Most bytes of scratch memory that a node may take; 0 is no limit."""


@dataclass(frozen=True)
class Source:
    """An operand as it lies now, and whether its numbers are known."""

    at: Placement
    constant: bool = False


@dataclass(frozen=True)
class Chosen:
    """A kernel, its tactic, and the problem it was chosen for.

    ``moves[i]`` is the layout that operand i must be copied to first, or None where it is read as it lies.
    """

    kernel: Kernel
    tactic: Spec
    problem: Problem
    moves: tuple[tuple[int, ...] | None, ...]


def choose(
    op: Op,
    sources: Sequence[Source],
    results: Sequence[Placement | Tensor],
    setting: Setting,
    label: str,
    as_they_lie: bool = False,
) -> tuple[Chosen | None, list[tuple[str, str]]]:
    """The first kernel that runs the op, and the refusals of those asked before it.

    A result given as a type is placed in the layout that the kernel writes (else the first like-shaped operand's).
    ``as_they_lie`` asks only for kernels that need no operand copied first.
    """
    refusals: dict[str, str] = {}
    asked = candidates(setting.target, op)
    attempts = [(kernel, copies) for kernel in asked for copies in ((False,) if as_they_lie else (False, True))]
    if isinstance(op, Elementwise):  # moves as little as a copy does: any kernel without one is better
        attempts.sort(key=lambda attempt: attempt[1])
    for kernel, copies in attempts:
        found = _try(kernel, op, sources, results, setting, label, copies)
        if not isinstance(found, str) and as_they_lie and any(m is not None for m in found.moves):
            found = "its operand would have to be copied first"
        if not isinstance(found, str):
            if setting.tuner is not None and kernel.timed(found.problem) <= setting.tuner.level:
                rest = [k for k, c in attempts[attempts.index((kernel, copies)) + 1 :] if c == copies]
                rivals = [_try(k, op, sources, results, setting, label, copies) for k in rest]
                made = [r for r in rivals if isinstance(r, Chosen)]
                found = _tuned(setting.tuner, found, made, setting.workspace)
            return found, list(refusals.items())
        refusals.setdefault(kernel.name, found)
    return None, list(refusals.items())


def _tuned(tuner: Tuner, found: Chosen, rivals: Sequence[Chosen], workspace: int) -> Chosen:
    """The fastest of what the first kernel can do and what others can with the same operands and results."""
    groups = [_ways(found, tuner, workspace)]
    kinds: list[type[Kernel]] = [type(found.kernel)]
    for other in rivals:
        alike = other.moves == found.moves and other.problem == found.problem
        known = issubclass(type(other.kernel), tuple(kinds))  # the same work, laid out in one more way
        if alike and not known and other.kernel.timed(other.problem) <= tuner.level:
            groups.append(_ways(other, tuner, workspace))
            kinds.append(type(other.kernel))
    if sum(map(len, groups)) < 2:
        return found
    way = tuner.pick(found.problem, groups)
    return replace(found, kernel=way.kernel, tactic=way.tactic)


def _ways(found: Chosen, tuner: Tuner, workspace: int) -> list[Way]:
    kernel, problem = found.kernel, found.problem
    tactics = kernel.tactics(problem) + (kernel.further(problem) if tuner.level > _FEW else [])
    return [Way(kernel, tactic) for tactic in _fitting(kernel, problem, tactics, workspace)]


def _fitting(kernel: Kernel, problem: Problem, tactics: list[Spec], workspace: int) -> list[Spec]:
    """The tactics whose scratch memory is within the limit; 0 is no limit."""
    if not workspace:
        return tactics
    most = {i: sum(problem.bounds(w)[1] for w in kernel.launch(problem, t).work) for i, t in enumerate(tactics)}
    return [t for i, t in enumerate(tactics) if most[i] <= workspace]


def _try(
    kernel: Kernel,
    op: Op,
    sources: Sequence[Source],
    results: Sequence[Placement | Tensor],
    setting: Setting,
    label: str,
    copies: bool,
) -> Chosen | str:
    """The choice, or why not; ``copies``: every operand that is not dense is copied first."""
    plain = tuple(_operand(s) for s in sources)
    types = tuple(r.type if isinstance(r, Placement) else r for r in results)
    outputs = tuple(Operand(t, t.strides) for t in types)
    problem = Problem(
        op, plain, outputs, setting.target, setting.ranges, setting.optimum, label=label, tf32=setting.tf32
    )
    orders_in, orders_out = kernel.orders(problem)
    moves: list[tuple[int, ...] | None] = []
    for source, order in zip(sources, orders_in, strict=True):
        moves.append(_move(source.at, order, copies and not source.constant))
    if copies and all(m is None for m in moves):
        return "its operands are dense already"
    inputs = tuple(_moved(o, m) for o, m in zip(plain, moves, strict=True))
    outputs = tuple(_result(r, o, inputs) for r, o in zip(results, orders_out, strict=True))
    problem = replace(problem, inputs=inputs, outputs=outputs)
    for result, order in zip(outputs, orders_out, strict=True):
        if order is not None and not satisfies(result.shape, result.strides, order):
            return "the result must lie in another order"
    reason = kernel.rejects(problem)
    if reason:
        return reason
    tactics = _fitting(kernel, problem, kernel.tactics(problem), setting.workspace)
    if not tactics:
        return f"its scratch memory is more than the limit of {setting.workspace} bytes"
    return Chosen(kernel, tactics[0], problem, tuple(moves))


def _operand(source: Source) -> Operand:
    at = source.at
    offset = at.offset
    aligned = not isinstance(offset, Expr) and int(offset * at.type.dtype.bits) % 128 == 0
    return Operand(at.type, at.strides, source.constant and at.dense, aligned)


def _move(at: Placement, order: Order | None, force: bool) -> tuple[int, ...] | None:
    if order is None:
        return at.type.layout if force and not at.dense else None
    if satisfies(at.type.shape, at.strides, order) and not (force and order.pitched and not at.dense):
        return None
    return () if order.axes == tuple(range(len(order.axes))) else order.axes


def _moved(operand: Operand, move: tuple[int, ...] | None) -> Operand:
    if move is None:
        return operand
    moved = Tensor(operand.type.dtype, operand.type.shape, move)
    return Operand(moved, moved.strides, operand.constant)


def _result(result: Placement | Tensor, order: Order | None, inputs: Sequence[Operand]) -> Operand:
    if isinstance(result, Placement):
        return _operand(Source(result))
    layout = result.layout
    if order is not None:
        layout = () if order.axes == tuple(range(len(order.axes))) else order.axes
    else:
        for operand in inputs:
            if operand.type.layout and operand.shape == result.shape:
                layout = operand.type.layout
                break
    placed = Tensor(result.dtype, result.shape, layout)
    return Operand(placed, placed.strides)


def satisfies(shape: Sequence[Dim], strides: Sequence[Dim], order: Order) -> bool:
    """True where strides are those that the order asks for; axes of size 1 do not matter."""
    step: Dim | None = 1
    for axis in reversed(order.axes):
        if not isinstance(shape[axis], Expr) and shape[axis] == 1:
            continue
        have = strides[axis]
        if step is not None and not (have is step or (not isinstance(have, Expr) and have == step)):
            return False
        step = None if order.pitched else (step if step is not None else 1) * shape[axis]
    return True
