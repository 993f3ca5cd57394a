"""Kernels: what each can run, its tactics, and how it is launched.

A kernel class is declared once and registered by its name.  ``order`` says which strides it takes; ``rejects`` says in
a sentence why it cannot run a problem; ``tactics`` come best guess first; ``launch`` is plain data; ``source`` makes
what to compile from a launch's compile-time spec alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from minirt.ir.op import Op
from minirt.plan.launch import Launches, Spec
from minirt.types.dim import Dim, Expr, bounds
from minirt.types.dtype import Array
from minirt.types.evaluate import substitute
from minirt.types.tensor import Tensor


@dataclass(frozen=True)
class Target:
    """What to build for: ``cpu`` or ``cuda:sm_NN``."""

    name: str
    multiprocessors: int = 1
    shared_memory: int = 0

    @property
    def kind(self) -> str:
        """The family of targets: cpu or cuda."""
        return self.name.partition(":")[0]

    @property
    def arch(self) -> str:
        """``sm_90a`` and the like; "" for the CPU."""
        return self.name.partition(":")[2]

    @property
    def capability(self) -> int:
        """90 for ``sm_90a``; 0 for the CPU."""
        return int("".join(c for c in self.arch if c.isdigit()) or 0)


@dataclass(frozen=True)
class Operand:
    """A tensor as a kernel sees it.

    Its type, its strides in elements along each logical axis, whether its numbers are known (a constant, whose packed
    copy a launch may ask for), and whether its first element is 16-byte aligned.
    """

    type: Tensor
    strides: tuple[Dim, ...]
    constant: bool = False
    aligned: bool = True

    @property
    def shape(self) -> tuple[Dim, ...]:
        """Logical shape."""
        return self.type.shape

    @property
    def dense(self) -> bool:
        """True where the elements lie without gaps, row-major."""
        return is_dense(self.type.shape, self.strides, tuple(range(self.type.rank)))


def is_dense(shape: tuple[Dim, ...], strides: tuple[Dim, ...], order: tuple[int, ...]) -> bool:
    """True where the strides are those of a gapless tensor in this order of axes; axes of size 1 do not matter."""
    step: Dim = 1
    for axis in reversed(order):
        if not isinstance(shape[axis], Expr) and shape[axis] == 1:
            continue
        if strides[axis] is not step and (isinstance(step, Expr) or strides[axis] != step):
            return False
        step = step * shape[axis]
    return True


@dataclass(frozen=True)
class Problem:
    """One node for one target: op, operands, ranges of dims, and the sizes to be fastest at."""

    op: Op
    inputs: tuple[Operand, ...]
    outputs: tuple[Operand, ...]
    target: Target
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict, hash=False)
    optimum: Mapping[str, int] = field(default_factory=dict, hash=False)
    label: str = ""
    tf32: bool = True

    def bounds(self, value: Dim) -> tuple[float, float]:
        """The least and greatest value within the ranges."""
        return bounds(value, self.ranges)

    def likely(self, value: Dim) -> int:
        """The value at the optimum sizes; ranks tactics, never admits one."""
        usual = {k: hi if hi < 1 << 20 else 1 << 10 for k, (_, hi) in self.ranges.items()}
        found = substitute(value, {**usual, **self.optimum})
        return int(found) if not isinstance(found, Expr) else 1 << 10

    def divisible(self, value: Dim, by: int) -> bool:
        """True where the value is a multiple of ``by`` for every size."""
        quotient = value / by if isinstance(value, Expr) else None
        return value % by == 0 if quotient is None else isinstance(quotient, Expr) and quotient.integral


@dataclass(frozen=True)
class Order:
    """Strides that a kernel takes for an operand.

    ``axes`` go from outermost to innermost in memory; ``pitched`` allows gaps between rows (innermost stride 1, others
    at will).
    """

    axes: tuple[int, ...]
    pitched: bool = False


class Kernel:
    """Base of all kernels."""

    ops: ClassVar[tuple[type[Op], ...]] = ()
    """Op classes that the kernel may run."""
    target: ClassVar[str] = "cpu"
    """ "cpu" or "cuda"."""
    rank: ClassVar[int] = 50
    """Kernels are asked in ascending rank."""
    method: ClassVar[str] = ""
    """How it works: a kernel that works as one it is derived from only lays the same work out in one more way."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.ops and not cls.__name__.startswith("_"):
            other = KERNELS.setdefault(cls.__name__, cls())
            if type(other).__module__ != cls.__module__:
                raise TypeError(f"two kernels are called {cls.__name__}: in {type(other).__module__}, {cls.__module__}")

    @cached_property
    def name(self) -> str:
        """The name it is registered by."""
        return type(self).__name__

    def orders(self, problem: Problem) -> tuple[tuple[Order | None, ...], tuple[Order | None, ...]]:
        """For each input and each output the strides that the kernel takes; None takes any."""
        return (None,) * len(problem.inputs), (None,) * len(problem.outputs)

    def rejects(self, problem: Problem) -> str:
        """Why the kernel cannot run the problem; "" where it can.  Asked after ``orders`` has been granted."""
        raise NotImplementedError

    def tactics(self, problem: Problem) -> list[Spec]:
        """Ways to run it, best guess first; at least one."""
        return [{}]

    def timed(self, problem: Problem) -> int:
        """The least optimisation level at which its tactics are timed, beside each other and those of other kernels."""
        return 4

    def expected(self, problem: Problem, tactic: Spec) -> float:
        """Microseconds by a model of time that compares kernels; 0 where there is none: the rank decides then."""
        return 0.0

    def further(self, problem: Problem) -> list[Spec]:
        """Tactics beyond those, best guess first, for who has the time to measure more."""
        return []

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """What to run, with sizes as expressions."""
        raise NotImplementedError

    def source(self, spec: Spec, target: Target) -> Any:
        """What to compile: a CudaSource, or what the CPU compiler takes."""
        raise NotImplementedError


KERNELS: dict[str, Kernel] = {}
PACKS: dict[str, Callable[[Array, Spec], Array]] = {}


def pack(function: Callable[[Array, Spec], Array]) -> Callable[[Array, Spec], Array]:
    """Registers a packing function of constants by its name."""
    PACKS[function.__name__] = function
    return function
