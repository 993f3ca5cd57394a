"""Launches: what to compile and what to pass it, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from minirt.types.dim import Dim

Spec = dict[str, Any]  # JSON: str, int, float, bool, None, lists and dicts of them


@dataclass(frozen=True)
class Unit:
    """A compile unit: a kernel class and its compile-time parameters, from which it regenerates its source."""

    kernel: str
    spec: Spec = field(hash=False)

    @cached_property
    def key(self) -> str:
        """A stable text of the unit."""
        return f"{self.kernel}{_stable(self.spec)}"

    @cached_property
    def _hash(self) -> int:
        return hash(self.key)

    def __hash__(self) -> int:
        return self._hash


def _stable(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{k}:{_stable(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_stable, value)) + "]"
    return repr(value)


@dataclass(frozen=True)
class Address:
    """A pointer argument.

    A kernel names an operand: ``of`` is "in", "out", "work" (scratch) or "pack" (a packed constant) and ``index`` its
    number; ``offset`` counts bytes beyond the operand's own start.  In a plan ``of`` is "buffer" and the operand's own
    offset is added in.
    """

    of: str
    index: int
    offset: Dim = 0


@dataclass(frozen=True)
class Integer:
    """An integer argument, evaluated at bind; ``bits`` 32 or 64 (CPU kernels always take 64)."""

    value: Dim
    bits: int = 64


@dataclass(frozen=True)
class Real:
    """A floating-point argument: ``bits`` 32 or 64 (CPU kernels take the float64 bit pattern)."""

    value: float
    bits: int = 32


@dataclass(frozen=True)
class TensorMap:
    """A 128-byte tensor map by value (CUDA): box copies of a tensor at an address.

    ``dims`` and ``box`` are innermost first; ``strides`` are bytes, innermost (implied) left out.  ``lower``,
    ``upper`` (im2col corners) and ``channels``, ``pixels`` are set for im2col maps only.
    """

    address: Address
    dtype: str
    dims: tuple[Dim, ...]
    strides: tuple[Dim, ...]
    box: tuple[int, ...]
    element_strides: tuple[int, ...]
    swizzle: int = 128
    lower: tuple[int, ...] = ()
    upper: tuple[int, ...] = ()
    channels: int = 0
    pixels: int = 0


Arg = Address | Integer | Real | TensorMap


@dataclass(frozen=True)
class Launch:
    """One kernel launch.

    ``follows``: the kernel itself waits for the launch before it (where the device can, from sm_90 on), so that it may
    be set up while that one still runs.  ``even``: its blocks are small, alike and wait for memory, so that many of
    them may be there early, or beside those of other launches.  ``writes`` are the buffers of the plan that it writes,
    of those that its arguments name; None: it may write any.
    CUDA: ``grid`` in blocks, ``block`` in threads, ``shared`` bytes of dynamic shared memory, ``cluster`` blocks.
    CPU: ``grid[0]`` is the extent n of the range [0, n) and ``grid[1]`` the smallest piece worth a thread.
    """

    unit: Unit
    args: tuple[Arg, ...]
    grid: tuple[Dim, Dim, Dim]
    block: tuple[int, int, int] = (1, 1, 1)
    shared: int = 0
    cluster: tuple[int, int, int] = (1, 1, 1)
    follows: bool = False
    writes: tuple[int, ...] | None = None
    even: bool = False


@dataclass(frozen=True)
class Pack:
    """A packed copy of constant operand ``operand``: a registered NumPy function with JSON parameters, run at load."""

    operand: int
    function: str
    spec: Spec = field(hash=False)


@dataclass(frozen=True)
class Counted:
    """How sizes of results are found: the first ``steps`` launches leave them as i64 at ``at``.

    They are in the order of the op's dims, and ``most`` bounds them where it is not empty.  The host reads them, and
    the other launches follow.
    """

    steps: int
    at: Address
    most: tuple[Dim, ...] = ()


@dataclass(frozen=True)
class Launches:
    """What one node takes: launches in order, bytes of each scratch buffer, packed constants.

    ``counted`` is set where only the data tells the size of the results.
    """

    steps: tuple[Launch, ...]
    work: tuple[Dim, ...] = ()
    packs: tuple[Pack, ...] = ()
    counted: Counted | None = None
