"""Runtime: engines from bytes."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Any

from minirt.api.allocation import lending
from minirt.api.boundary import Sink, boundary, call_back
from minirt.api.callbacks import IGpuAllocator, IStreamReader, IStreamReaderV2
from minirt.api.config import bits_of, names_of
from minirt.api.declare import attr, method, plain
from minirt.api.dialect import dialect_of
from minirt.api.engine import ICudaEngine, load_engine
from minirt.api.enum import member
from minirt.api.enums import DLAWorkspaceAllocationStrategy, SeekPosition, TempfileControlFlag
from minirt.api.host_memory import IHostMemory
from minirt.api.logger import IErrorRecorder, ILogger, Managed
from minirt.api.plugin_registry import IPluginRegistry, registry_dialect
from minirt.build.load import Loaded, Package
from minirt.build.targets import default_target
from minirt.errors import ApiError, EngineFormatError
from minirt.limits import limited
from minirt.plan.format import Bytes

_CHUNK = 1 << 24


@dataclass
class RuntimeState:
    """What a runtime holds."""

    logger: ILogger
    sink: Sink
    allocator: Any = None
    max_threads: int = 1
    threads: int = 0
    DLA_core: int = -1
    engine_host_code_allowed: bool = False
    temporary_directory: str = ""
    tempfile: frozenset[str] = frozenset({"ALLOW_IN_MEMORY_FILES", "ALLOW_TEMPORARY_FILES"})
    dla_workspace: str = "DEFAULT"


def logger_of(value: Any, what: str) -> ILogger:
    """Return a logger that a constructor was given; raises TypeError for another object."""
    if not isinstance(value, ILogger):
        raise TypeError(f"{what} takes an ILogger, not {value!r}")
    return value


def put_threads(owner: Any, count: int) -> None:
    """Bound the threads of a builder, a runtime or a refitter; raises ApiError for none."""
    if count < 1:
        raise ApiError(f"{count} threads do nothing", "max_threads", "use 1 or more")
    owner._state.max_threads = owner._state.threads = count


def _put_allocator(owner: Any, allocator: Any) -> None:
    owner._state.allocator = allocator


def _put_tempfile(runtime: Runtime, bits: int) -> None:
    runtime._state.tempfile = frozenset(names_of(TempfileControlFlag, bits, runtime))


def _put_workspace(runtime: Runtime, value: Any) -> None:
    runtime._state.dla_workspace = value.name


def read_all(source: Any) -> Bytes:
    """Return an engine's bytes from a buffer or a stream reader; raises TypeError for another object.

    What cannot be changed, and what a builder made, is not copied: it is kept as long as the engine.
    """
    if isinstance(source, IStreamReaderV2):
        start = member(SeekPosition, "SET", dialect_of(source))
        call_back(source, "seek", False, 0, start)
        return _drain(lambda: call_back(source, "read", b"", _CHUNK, 0))
    if isinstance(source, IStreamReader):
        return _drain(lambda: call_back(source, "read", b"", _CHUNK))
    try:
        view = memoryview(source)
        return view.cast("B") if _lasts(view) else bytes(view)
    except TypeError:
        raise TypeError(f"an engine is bytes, another buffer or a stream reader, not {source!r}") from None


def _lasts(view: memoryview) -> bool:
    """Return whether what a view shows stays as it is."""
    held: Any = view.obj
    return view.c_contiguous and (type(held) is bytes or isinstance(held, IHostMemory) or _is_read_only_map(held))


def _is_read_only_map(held: Any) -> bool:
    return isinstance(held, mmap.mmap) and memoryview(held).readonly


def _drain(read: Any) -> bytes:
    parts: list[bytes] = []
    while True:
        part = read()
        if part is None or not len(memoryview(part)):
            return b"".join(parts)
        parts.append(part if type(part) is bytes else bytes(memoryview(part)))


class Runtime(Managed):
    """Loads engines."""

    _state: RuntimeState
    logger = attr(lambda self: self._state.logger, doc="The logger.", since=8)
    gpu_allocator = attr(None, _put_allocator, IGpuAllocator | None, "Who allocates device memory.")
    max_threads = attr(
        lambda self: self._state.max_threads,
        put_threads,
        int,
        "How many threads or processes loading may use; until it is set, as many as there are cores.",
        since=8,
    )
    DLA_core = plain("DLA_core", int, "The DLA core; there is none.", since=8)
    num_DLA_cores = attr(lambda self: 0, doc="How many DLA cores there are: none.", since=8)  # noqa: N815
    engine_host_code_allowed = plain("engine_host_code_allowed", bool, "Whether engines may bring code.", since=8)
    temporary_directory = plain("temporary_directory", str, "Where temporary files go.", since=8)
    tempfile_control_flags = attr(
        lambda self: bits_of(TempfileControlFlag, set(self._state.tempfile), self),
        _put_tempfile,
        int,
        "Which temporary files may be made, a bit each.",
        since=8,
    )
    dla_workspace_allocation_strategy = attr(
        lambda self: member(DLAWorkspaceAllocationStrategy, self._state.dla_workspace, dialect_of(self)),
        _put_workspace,
        DLAWorkspaceAllocationStrategy,
        "Where DLA workspace is allocated.",
        since=11,
    )
    error_recorder = attr(
        lambda self: self._state.sink.recorder,
        lambda self, value: setattr(self._state.sink, "recorder", value),
        IErrorRecorder | None,
        "The error recorder.",
        since=8,
    )

    def __init__(self, logger: ILogger) -> None:
        kept = logger_of(logger, "Runtime")
        self._state = RuntimeState(kept, Sink(kept))

    @boundary(None)
    def deserialize_cuda_engine(
        self,
        serialized_engine: Any = None,
        plugin_factory: Any = None,
        stream_reader: Any = None,
        stream_reader_v2: Any = None,
    ) -> ICudaEngine | None:
        """Return the engine of bytes, of another buffer or of a stream reader; None, logged, for anything else."""
        given = (serialized_engine, stream_reader, stream_reader_v2)
        source = next((s for s in given if s is not None), None)
        if source is None:
            raise TypeError("deserialize_cuda_engine() needs the bytes of an engine or a stream reader")
        data = read_all(source)
        if not memoryview(data).nbytes:
            raise EngineFormatError("the engine is empty", fix="pass the bytes that a build returned")
        with limited(self._state.threads, writes="ALLOW_TEMPORARY_FILES" in self._state.tempfile):
            loaded = Loaded(Package(data), default_target(), lend=lending(self._state.allocator))
        return load_engine(data, loaded, Sink(self._state.logger, self._state.sink.recorder), dialect_of(self))

    @method(since=8)
    def get_plugin_registry(self) -> IPluginRegistry:
        """Return the plugin registry."""
        return registry_dialect(self)

    @method(since=8)
    def load_runtime(self, path: str) -> Runtime | None:
        """Return this runtime: engines of other versions are lowered again, no other library is needed."""
        return self
