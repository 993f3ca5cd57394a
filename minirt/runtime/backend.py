"""What the executor needs of a target: memory, copies, and runs of kernel launches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from minirt.plan.launch import Launch
from minirt.types.dtype import Array


class Memory(Protocol):
    """Memory of the target, freed with the object."""

    @property
    def address(self) -> int:
        """Where it starts."""
        ...


@dataclass(frozen=True)
class Transfer:
    """A copy from page-locked host memory that launches after it need.

    It waits for the item ``after`` of its list, the last to read what it overwrites (-1: for none).
    """

    target: int
    source: int
    nbytes: int
    after: int = -1


Work = Launch | Transfer
"""What a segment is made of."""


class Held(Protocol):
    """A stream of our own, destroyed with the object."""

    @property
    def handle(self) -> int:
        """Its number."""
        ...


@dataclass
class Manner:
    """How a context wants launches put on streams.

    Streams to use beside the one of a run: ``own`` ones, the first of which ``lent`` ones of the caller stand in for.
    ``ranges`` is what NVTX ranges tell of launches that are no graph: "NONE", "LAYER_NAMES_ONLY" or "DETAILED"; that of
    a run says ``name``.
    ``done`` hears the label of each launch once it is done: then launches run one by one, and each is waited for, but
    on streams that are capturing. ``consumed`` is called with the stream where launches go on it one by one, after the
    last that reads what the caller lent.
    """

    own: Sequence[Held] = ()
    lent: Sequence[int] = ()
    ranges: str = "NONE"
    name: str = ""
    done: Callable[[str], None] | None = None
    consumed: Callable[[int], None] | None = None

    def streams(self) -> list[int]:
        """The streams to use beside the one of a run, of as many as there are own ones."""
        lent = list(self.lent[: len(self.own)])
        return lent + [stream.handle for stream in self.own[len(lent) :]]


@dataclass(frozen=True)
class Again:
    """A segment's run to be made again: whether it still can be, and what puts it on a stream.

    The target must be current then, and the stream not capturing.
    """

    ready: Callable[[], bool]
    submit: Callable[[int], None]


class Segment(Protocol):
    """Launches bound to sizes and addresses, run in order."""

    def patch(self, buffer: int, address: int) -> None:
        """Give a caller's buffer a new address."""
        ...

    def run(self, stream: int) -> None:
        """Run every launch."""
        ...

    def repeat(self) -> Again | None:
        """What does the run before again, at its addresses; None where nothing does."""
        ...


class Bases(Protocol):
    """Addresses of a plan's buffers."""

    def address(self, buffer: int) -> int:
        """Where the buffer starts."""
        ...

    def outside(self, buffer: int) -> bool:
        """True for buffers whose address the caller may change between runs."""
        ...

    def extent(self, buffer: int) -> tuple[int, int] | None:
        """The addresses from the buffer's start to its end; None for what no launch writes.

        What the caller lends, whose address may change, counts as a stretch of its own.
        """
        ...


class Backend(Protocol):
    """One target's way to hold and run things."""

    host_memory: bool
    """True where addresses are host addresses."""

    def allocate(self, nbytes: int) -> Memory:
        """Uninitialised memory."""
        ...

    def pinned(self, nbytes: int) -> Memory:
        """Uninitialised host memory that the target copies from by itself."""
        ...

    def segment(
        self, launches: Sequence[tuple[str, Work]], sizes: Mapping[str, int], bases: Bases,
        lanes: Sequence[int] = (), manner: Manner | None = None,
    ) -> Segment:  # fmt: skip
        """The labelled launches, bound; ``lanes`` number the stream that each is to run on, 0 for that of the run."""
        ...

    def streams(self, count: int) -> Sequence[Held]:
        """Fresh streams; none where there is no such thing."""
        ...

    def marked(self, text: str) -> AbstractContextManager[Any]:
        """Within it tools that trace this thread show the text."""
        ...

    def again(self, parts: Sequence[Again], name: str) -> Callable[[int, bool], bool]:
        """What puts the parts of a run on a stream once more, in order, within a `marked` range of that name if asked.

        It makes the target's device current, and returns False, with nothing done, while the stream is capturing or
        where a part is not ready.
        """
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
        """Within it the target's device is this thread's current one."""
        ...

    def record(self, run: Callable[[int], None]) -> Any:
        """What `run` puts on the stream that it is given, to be launched again and again; it does not run now.

        Raises MinirtError where it cannot be recorded.
        """
        ...

    def finish(self) -> None:
        """Wait for all work on the target, of every stream."""
        ...

    def free(self) -> int:
        """Bytes of the target's memory that nothing uses."""
        ...

    def close(self) -> Any:
        """Release what the backend holds."""
        ...
