"""Choosing a kernel: the first that accepts, asked best first, with a sentence for each refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol

from minirt.build.plugin_tactics import Contest
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

    def time_of(self, problem: Problem, way: Way) -> float | None:
        """Its microseconds, as far as they are known: negative for one that does not run."""
        ...


class Selector(Protocol):
    """Says which of all ways to run a node may be taken, and hears which was."""

    def select(self, label: str, offered: Sequence[Offer]) -> Sequence[int]:
        """The places of those that may be taken; none for all. Raises MinirtError to end the build."""
        ...

    def took(self, place: int) -> None:
        """Hear which of what was offered last is taken."""
        ...

    def end(self) -> None:
        """Hear that every node of a lowering has its kernel."""
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
    shared: int = 0
    """Most bytes of shared memory that a launch may ask for; 0 is no limit but the device's."""
    streams: int = 0
    """Most streams to use beside the caller's; -1 for as many as pay."""
    selector: Selector | None = None
    contest: Contest | None = None
    """Who times tactics of plugins; None takes their first."""


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

    @property
    def expected(self) -> float:
        """Microseconds by the kernel's model of time; 0 where it has none."""
        return self.kernel.expected(self.problem, self.tactic)


@dataclass(frozen=True)
class Offer:
    """A way to run a node that a selector may take: bytes of scratch memory at the most, microseconds if known."""

    chosen: Chosen
    workspace: int
    us: float | None = None


def choose(
    op: Op,
    sources: Sequence[Source],
    results: Sequence[Placement | Tensor],
    setting: Setting,
    label: str,
    as_they_lie: bool = False,
) -> tuple[Chosen | None, list[tuple[str, str]]]:
    """The first kernel that runs the op, and the refusals of those asked before it.

    Where kernels have a model of time, the fastest by it of those that take the same operands and results.
    A result given as a type is placed in the layout that the kernel writes (else the first like-shaped operand's).
    ``as_they_lie`` asks only for kernels that need no operand copied first.
    """
    refusals: dict[str, str] = {}
    asked = candidates(setting.target, op)
    attempts = [(kernel, copies) for kernel in asked for copies in ((0,) if as_they_lie else (0, 1))]
    if isinstance(op, Elementwise):  # moves as little as a copy does: any kernel without one is better
        attempts.sort(key=lambda attempt: attempt[1])
    attempts += [] if as_they_lie else [(kernel, 2) for kernel in asked]
    made: dict[str, Chosen] = {}
    for kernel, copies in attempts:
        if kernel.name in made:
            continue
        found = _try(kernel, op, sources, results, setting, label, copies)
        if not isinstance(found, str) and as_they_lie and any(m is not None for m in found.moves):
            found = "its operand would have to be copied first"
        if not isinstance(found, str):
            if setting.selector is not None:
                made[kernel.name] = found
                continue
            tuner = setting.tuner
            tuned = tuner is not None and kernel.timed(found.problem) <= tuner.level
            if tuned or found.expected > 0:
                rest = [k for k, c in attempts[attempts.index((kernel, copies)) + 1 :] if c == copies]
                rivals = [_try(k, op, sources, results, setting, label, copies) for k in rest]
                alike = _alike(found, [r for r in rivals if isinstance(r, Chosen)])
                found = _tuned(tuner, alike, setting) if tuner is not None and tuned else _quickest_first(alike)[0]
            return found, list(refusals.items())
        refusals.setdefault(kernel.name, found)
    if setting.selector is not None and made:
        return _selected(setting.selector, list(made.values()), setting, label), list(refusals.items())
    return None, list(refusals.items())


def repeat(chosen: Chosen, sources: Sequence[Source], result: Placement, setting: Setting) -> Chosen | None:
    """The same kernel and tactic with its result in another place; None where it cannot write there."""
    op, label = chosen.problem.op, chosen.problem.label
    for copies in range(3):
        found = _try(chosen.kernel, op, sources, [result], setting, label, copies)
        if isinstance(found, Chosen) and chosen.tactic in _tactics(found, setting):
            return replace(found, tactic=chosen.tactic)
    return None


def _selected(selector: Selector, found: Sequence[Chosen], setting: Setting, label: str) -> Chosen:
    """What is taken of the ways that a selector leaves: the fastest where times are known, or else the first."""
    offers = [offer for one in found for offer in _offers(one, setting)]
    taken = sorted(set(selector.select(label, offers))) or range(len(offers))
    kept = [offers[i].chosen for i in taken]
    best, tuner = kept[0], setting.tuner
    if tuner is not None and best.kernel.timed(best.problem) <= tuner.level:
        alike = [c for c in kept if c.moves == best.moves and c.problem == best.problem]
        names = dict.fromkeys(c.kernel.name for c in alike)
        groups = [[Way(c.kernel, c.tactic) for c in alike if c.kernel.name == name] for name in names]
        if len(alike) > 1:
            way = tuner.pick(best.problem, groups)
            best = next(c for c in alike if (c.kernel, c.tactic) == (way.kernel, way.tactic))
    selector.took(next(i for i in taken if offers[i].chosen is best))
    return best


def _offers(found: Chosen, setting: Setting) -> list[Offer]:
    """A way for each tactic of a kernel, without those that are known not to run."""
    made = []
    for tactic in _tactics(found, setting):
        one = replace(found, tactic=tactic)
        us = setting.tuner.time_of(found.problem, Way(found.kernel, tactic)) if setting.tuner is not None else None
        if us is None or us >= 0:
            work = found.kernel.launch(found.problem, tactic).work
            most = sum(found.problem.bounds(size)[1] for size in work)
            made.append(Offer(one, int(most) if most < float("inf") else -1, us))
    return made or [Offer(found, 0)]


def _alike(found: Chosen, rivals: Sequence[Chosen]) -> list[Chosen]:
    """A choice, and those of its rivals that take the same operands and results, and work in another way."""
    kept = [found]
    for other in rivals:
        alike = other.moves == found.moves and other.problem == found.problem
        if alike and not any(_lays_out_again(other.kernel, one.kernel) for one in kept):
            kept.append(other)
    return kept


def _quickest_first(found: Sequence[Chosen]) -> list[Chosen]:
    """The same choices; in the places of those that a model of time knows, these, the fastest first."""
    known = iter(sorted((one for one in found if one.expected > 0), key=lambda one: one.expected))
    return [next(known) if one.expected > 0 else one for one in found]


def _tuned(tuner: Tuner, alike: Sequence[Chosen], setting: Setting) -> Chosen:
    """The fastest of what the first kernel can do and what others can with the same operands and results."""
    timed = [one for one in alike if one is alike[0] or one.kernel.timed(one.problem) <= tuner.level]
    groups = [_ways(one, setting) for one in _quickest_first(timed)]
    if sum(map(len, groups)) < 2:
        return alike[0]
    way = tuner.pick(alike[0].problem, groups)
    return replace(alike[0], kernel=way.kernel, tactic=way.tactic)


def _lays_out_again(kernel: Kernel, other: Kernel) -> bool:
    """True where one of two kernels is derived from the other and works as it does, in other layouts or sizes."""
    derived = isinstance(kernel, type(other)) or isinstance(other, type(kernel))
    return derived and kernel.method == other.method


def _ways(found: Chosen, setting: Setting) -> list[Way]:
    return [Way(found.kernel, tactic) for tactic in _tactics(found, setting)]


def _tactics(found: Chosen, setting: Setting) -> list[Spec]:
    kernel, problem, tuner = found.kernel, found.problem, setting.tuner
    further = kernel.further(problem) if tuner is not None and tuner.level > _FEW else []
    return _fitting(kernel, problem, kernel.tactics(problem) + further, setting)


def _fitting(kernel: Kernel, problem: Problem, tactics: list[Spec], setting: Setting) -> list[Spec]:
    """The tactics whose scratch memory and shared memory are within the limits."""
    workspace, shared = setting.workspace or inf, setting.shared or inf
    if workspace == shared == inf:
        return tactics
    made = [kernel.launch(problem, tactic) for tactic in tactics]
    scratch = [sum(problem.bounds(size)[1] for size in launches.work) for launches in made]
    asked = [max((step.shared for step in launches.steps), default=0) for launches in made]
    return [t for t, a, b in zip(tactics, scratch, asked, strict=True) if a <= workspace and b <= shared]


def _try(
    kernel: Kernel,
    op: Op,
    sources: Sequence[Source],
    results: Sequence[Placement | Tensor],
    setting: Setting,
    label: str,
    copies: int,
) -> Chosen | str:
    """The choice, or why not; ``copies``: 1, every operand that is not dense is copied first; 2, or not row-major."""
    plain = tuple(_operand(s) for s in sources)
    types = tuple(r.type if isinstance(r, Placement) else r for r in results)
    outputs = tuple(Operand(t, t.strides) for t in types)
    problem = Problem(
        op, plain, outputs, setting.target, setting.ranges, setting.optimum, label=label, tf32=setting.tf32
    )
    orders_in, orders_out = kernel.orders(problem)
    moves: list[tuple[int, ...] | None] = []
    for source, order in zip(sources, orders_in, strict=True):
        moves.append(_move(source.at, order, 0 if source.constant else copies))
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
    tactics = _fitting(kernel, problem, kernel.tactics(problem), setting)
    if not tactics:
        limits = ((setting.workspace, "scratch"), (setting.shared, "shared"))
        told = " or ".join(f"its {name} memory is more than the limit of {most} bytes" for most, name in limits if most)
        return told or "it has no tactics"
    return Chosen(kernel, tactics[0], problem, tuple(moves))


def _operand(source: Source) -> Operand:
    at = source.at
    offset = at.offset
    aligned = not isinstance(offset, Expr) and int(offset * at.type.dtype.bits) % 128 == 0
    return Operand(at.type, at.strides, source.constant and at.dense, aligned)


def _move(at: Placement, order: Order | None, force: int) -> tuple[int, ...] | None:
    if order is None:
        plain = at.dense and (force == 1 or not at.type.layout)
        return None if not force or plain else at.type.layout if force == 1 else ()
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
