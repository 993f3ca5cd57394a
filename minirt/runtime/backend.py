"""What the executor needs of a target: memory, copies, and runs of kernel launches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from minirt.plan.launch import Launch
from minirt.types.dtype import Array


class Memory(Protocol):
    """Memory of the target, freed with the object."""

    @property
    def address(self) -> int:
        """Where it starts."""
        ...


class Segment(Protocol):
    """Launches bound to sizes and addresses, run in order."""

    def patch(self, buffer: int, address: int) -> None:
        """Give a caller's buffer a new address."""
        ...

    def run(self, stream: int) -> None:
        """Run every launch."""
        ...


class Bases(Protocol):
    """Addresses of a plan's buffers."""

    def address(self, buffer: int) -> int:
        """Where the buffer starts."""
        ...

    def outside(self, buffer: int) -> bool:
        """True for buffers whose address the caller may change between runs."""
        ...


class Backend(Protocol):
    """One target's way to hold and run things."""

    host_memory: bool
    """True where addresses are host addresses."""

    def allocate(self, nbytes: int) -> Memory:
        """Uninitialised memory."""
        ...

    def segment(self, launches: Sequence[tuple[str, Launch]], sizes: Mapping[str, int], bases: Bases) -> Segment:
        """The labelled launches, bound."""
        ...

    def read(self, address: int, nbytes: int, stream: int) -> Array:
        """The bytes at an address as a host array (u8), after the work on the stream; a view of host memory."""
        ...

    def write(self, address: int, data: Array, stream: int) -> None:
        """Copy a contiguous host array to an address."""
        ...

    def copy(self, target: int, source: int, nbytes: int, stream: int) -> None:
        """Copy bytes between addresses of the target, in stream order."""
        ...

    def capturing(self, stream: int) -> bool:
        """True where work put on the stream is recorded, not run: nothing may be allocated, read or waited for."""
        ...

    def current(self) -> AbstractContextManager[Any]:
        """Within it the target's device is this thread's current one, for calls of others' code."""
        ...

    def close(self) -> Any:
        """Release what the backend holds."""
        ...
