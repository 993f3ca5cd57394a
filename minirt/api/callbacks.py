"""Interfaces that scripts subclass and hand in: allocators, profilers, monitors, listeners, streams.

A method that is called but not overridden, or that raises, is reported on stderr and counts as a failure.
"""

from __future__ import annotations

from typing import Any

from minirt.api.declare import attr, warning
from minirt.api.dialect import Api, dialect_of, spanned, wrap
from minirt.api.dims import Dims
from minirt.api.enum import member
from minirt.api.enums import APILanguage, DataType, SeekPosition, TensorLocation


def missing(owner: object, name: str) -> NotImplementedError:
    """Return the error of a method that a subclass should have overridden."""
    return NotImplementedError(f"{type(owner).__name__}.{name}() was not overridden")


class Interface(Api):
    """Base of the interfaces that scripts implement."""

    def __init__(self) -> None:
        self._state: Any = None


class _Info:
    """The kind and version of an interface."""

    def __init__(self, kind: str, major: int, minor: int) -> None:
        self.kind = kind
        self.major = major
        self.minor = minor


def _field(name: str, kind: Any, doc: str) -> Any:
    return attr(
        lambda self: getattr(self._state, name), lambda self, value: setattr(self._state, name, value), kind, doc
    )


class InterfaceInfo(Api, since=10):
    """Which interface an object implements, and its version."""

    kind = _field("kind", str, "The interface's kind.")
    major = _field("major", int, "The major version.")
    minor = _field("minor", int, "The minor version.")


class IVersionedInterface(Api, since=10):
    """Base of interfaces that carry a version."""

    @property
    def api_language(self) -> Any:
        """The language that the object is written in: Python."""
        return member(APILanguage, "PYTHON", dialect_of(self))

    @property
    def interface_info(self) -> InterfaceInfo:
        """Which interface this is, and its version."""
        kind = next(c.__name__ for c in type(self).__mro__ if c.__module__.startswith(("minirt", "tensorrt.tensorrt")))
        return wrap(InterfaceInfo, _Info(kind, 1, 0), dialect_of(self))


class IGpuAllocator(IVersionedInterface):
    """Base of allocators of device memory: a subclass returns addresses as ints, 0 or None when it cannot."""

    def __init__(self) -> None:
        self._state: Any = None

    @warning("allocate_async", 10, 11)
    def allocate(self, size: int, alignment: int, flags: int) -> int | None:
        """Return the address of `size` bytes; subclasses override this."""
        raise missing(self, "allocate")

    @spanned(since=8)
    @warning("deallocate_async", 10, 11)
    def deallocate(self, memory: int) -> bool:
        """Give an address back and return whether that worked; subclasses override this."""
        raise missing(self, "deallocate")

    @spanned(until=8)
    def free(self, memory: int) -> None:
        """Give an address back; subclasses override this."""
        raise missing(self, "free")

    @spanned(since=8)
    def reallocate(self, address: int, alignment: int, new_size: int) -> int | None:
        """Grow an allocation; 0 or None where that cannot be done in place or by copy."""
        return None

    @spanned(since=10)
    def allocate_async(self, size: int, alignment: int, flags: int, stream: int) -> int | None:
        """Return the address of `size` bytes usable on a stream; by default as `allocate` does."""
        return self.allocate(size, alignment, flags)

    @spanned(since=10)
    def deallocate_async(self, memory: int, stream: int) -> bool:
        """Give an address back in a stream's order; by default as `deallocate` does."""
        return self.deallocate(memory)


class IGpuAsyncAllocator(IGpuAllocator, since=10):
    """Base of stream-ordered allocators; `allocate_async` is called as (size, alignment, stream, flags)."""

    @warning("allocate_async", 10, 11)
    def allocate(self, size: int, alignment: int, flags: int) -> int | None:
        """Return the address of `size` bytes: the asynchronous call on the default stream."""
        return self.allocate_async(size, alignment, 0, flags)

    @warning("deallocate_async", 10, 11)
    def deallocate(self, memory: int) -> bool:
        """Give an address back: the asynchronous call on the default stream."""
        return self.deallocate_async(memory, 0)

    def allocate_async(self, size: int, alignment: int, flags: int, stream: int) -> int | None:
        """Return the address of `size` bytes usable on a stream; subclasses override this."""
        raise missing(self, "allocate_async")

    def deallocate_async(self, memory: int, stream: int) -> bool:
        """Give an address back in a stream's order; subclasses override this."""
        raise missing(self, "deallocate_async")


class IOutputAllocator(Interface, since=8):
    """Base of allocators of outputs whose sizes are known only while an engine runs.

    Subclasses define `reallocate_output(tensor_name, memory, size, alignment) -> address`, and may define
    `reallocate_output_async(tensor_name, memory, size, alignment, stream)`; and `notify_shape(tensor_name, shape)`.
    """

    @spanned(since=8, until=8)
    def reallocate_output(self, tensor_name: str, memory: int, size: int, alignment: int) -> int:
        """Return the address of memory for an output; subclasses override this."""
        raise missing(self, "reallocate_output")

    @spanned(since=8, until=8)
    def notify_shape(self, tensor_name: str, shape: Dims) -> None:
        """Hear the shape of an output; subclasses override this."""
        raise missing(self, "notify_shape")

    tensorrt_version = attr(lambda self: 8601, doc="The version of the interface.", since=8, until=8)


class IProfiler(Interface):
    """Base of profilers: a subclass overrides `report_layer_time`."""

    @spanned(since=8)
    def report_layer_time(self, layer_name: str, ms: float) -> None:
        """Hear how long a layer took, in milliseconds; subclasses override this."""
        raise missing(self, "report_layer_time")


class Profiler(IProfiler):
    """A profiler that prints each layer's time."""

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        """Print how long a layer took."""
        print(f"{layer_name}: {ms}ms", flush=True)


class IProgressMonitor(Interface, since=10):
    """Base of progress monitors: a subclass hears of the phases of a build, and may cancel it."""

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        """Hear that a phase begins; `parent_phase` is None at the top; subclasses override this."""
        raise missing(self, "phase_start")

    def step_complete(self, phase_name: str, step: int) -> bool:
        """Hear that a step is done; False cancels the build; subclasses override this."""
        raise missing(self, "step_complete")

    def phase_finish(self, phase_name: str) -> None:
        """Hear that a phase is over; subclasses override this."""
        raise missing(self, "phase_finish")


class IDebugListener(Interface, since=10):
    """Base of listeners to debug tensors: a subclass overrides `process_debug_tensor`."""

    def process_debug_tensor(
        self, addr: int, location: TensorLocation, type: DataType, shape: Dims, name: str, stream: int
    ) -> bool:
        """Look at a tensor while an engine runs; subclasses override this."""
        raise missing(self, "process_debug_tensor")


class IStreamReader(Interface, since=10, until=10):
    """Base of readers of engines: a subclass overrides `read(size) -> buffer`."""

    def read(self, destination: Any, size: int = -1) -> Any:
        """Return the next bytes; subclasses override this as `read(size)`."""
        raise missing(self, "read")


class IStreamReaderV2(Interface, since=10):
    """Base of seekable readers of engines: a subclass overrides `read(num_bytes, stream) -> buffer` and `seek`."""

    def read(self, destination: Any, num_bytes: int = -1, stream: int = 0) -> Any:
        """Return the next bytes; subclasses override this as `read(num_bytes, stream)`."""
        raise missing(self, "read")

    def seek(self, offset: int, where: SeekPosition) -> bool:
        """Move to an offset and return whether that worked; subclasses override this."""
        raise missing(self, "seek")


class IStreamWriter(Interface, since=10):
    """Base of writers of engines: a subclass overrides `write(data) -> count`."""

    def write(self, data: bytes, size: int = -1) -> int:
        """Take bytes and return how many were written; subclasses override this as `write(data)`."""
        raise missing(self, "write")
