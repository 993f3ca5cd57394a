"""What an execution context holds, and how it runs: shapes, addresses, allocators, profiles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from minirt.api.addresses import LOWEST, place_of
from minirt.api.allocation import AllocatingBackend, resources_of
from minirt.api.arrays import host_array, input_place
from minirt.api.boundary import Sink, call_back
from minirt.api.dialect import dialect_of, in_dialect
from minirt.api.dims import Dims
from minirt.api.enum import member
from minirt.api.enums import TensorLocation
from minirt.api.host_numbers import HostNumbers
from minirt.api.manner import InputsRead, fresh_manner, step
from minirt.api.weights import api_dtype
from minirt.build.freeze import DEBUG
from minirt.build.load import Binding, Loaded
from minirt.build.options import in_range
from minirt.errors import ApiError, ConcurrentUseError, ShapeError
from minirt.runtime.backend import Memory
from minirt.runtime.control import Result
from minirt.runtime.executor import Executor
from minirt.runtime.profile import ProfilingExecutor
from minirt.runtime.recording import put, recorded
from minirt.runtime.repeat import Repeat
from minirt.types.dim import Dim, Expr, symbols
from minirt.types.dtype import Array
from minirt.types.evaluate import Evaluator
from minirt.types.tensor import Tensor

_ALIGNMENT = 256


@dataclass(frozen=True)
class GivenMemory:
    """Memory of the caller."""

    address: int


class ContextState:
    """What a context knows: shapes of inputs, addresses, and the executor of its profile."""

    def __init__(
        self, loaded: Loaded, names: Mapping[str, Binding], sink: Sink, engine: Any, strategy: str = "STATIC"
    ) -> None:
        self.loaded, self.names, self.sink, self.engine, self.strategy = loaded, names, sink, engine, strategy
        self.inputs = [b for b in names.values() if b.is_input]
        self.outputs = [b for b in names.values() if not b.is_input]
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.kept: dict[str, Any] = {}
        self.allocators: dict[str, Any] = {}
        self.numbers = HostNumbers(loaded.package.sizes, names, loaded.backend.host_memory)
        self.profile = 0
        self.profiler: Any = None
        self.arena: GivenMemory | None = None
        self.debug: Mapping[str, Binding] = {}
        self.debug_on: set[str] = set()
        self._temporary: Any = None
        self._held: tuple[int, Memory] | None = None
        self.manner, self.inputs_read = fresh_manner(loaded), InputsRead()
        self.debug_sync = False
        self._others: dict[int, Executor] = {}  # of the profiles that are not in use now
        self.executor: Executor = self.fresh_executor()
        self.sizes: dict[str, int] | None = None
        self.bound: tuple[dict[str, int], dict[str, int]] | None = None
        self._repeat: tuple[Any, Repeat] | None = None  # what was bound, and the run on it, to be made again
        self.lock = threading.Lock()
        self.name = ""
        self.enqueue_emits_profile = True
        self.persistent_cache_limit = 0
        self.unfused_tensors_debug_state = False
        self.listener: Any = None

    def fresh_executor(self) -> Executor:
        """Return an executor of the profile in use; one that measures its steps where a profiler is set."""
        loaded, kind = self.loaded, Executor if self.profiler is None else ProfilingExecutor
        backend = loaded.backend
        if self._temporary is not None:
            backend = AllocatingBackend(backend, self._temporary)
        made = kind(loaded.plans[self.profile], backend, loaded.weights, self._scratch(), self.manner)
        made.resources = resources_of(loaded.backend, self.sink)
        return made

    def use_profile(self, index: int) -> None:
        """Run with another profile; with scratch memory for all of them, what was bound for each is kept."""
        if self.strategy == "STATIC":
            self._others[self.profile] = self.executor
        self.profile = index
        kept = self._others.pop(index, None)
        self.executor = self.fresh_executor() if kept is None else kept
        self.changed()

    def _scratch(self) -> Memory:
        """Return the memory that executors work in: the caller's, or enough for all profiles or for the one in use."""
        if self.strategy == "USER_MANAGED":
            return self.arena or GivenMemory(0)
        profiles = range(len(self.loaded.plans)) if self.strategy == "STATIC" else [self.profile]
        need = max(map(self.loaded.scratch, profiles))
        if self._held is None or self._held[0] != need:
            self.__dict__.pop("executor", None)  # with it goes what it worked in, before there is other memory
            self._held = None
            self._held = need, self.loaded.backend.allocate(need)
        return self._held[1]

    @property
    def debug_sync(self) -> bool:
        """Whether each layer of a run is waited for, checked and logged."""
        return self._debug_sync

    @debug_sync.setter
    def debug_sync(self, on: bool) -> None:
        self._debug_sync = on
        step(self.manner, self.loaded, self.sink, on)

    @property
    def temporary_allocator(self) -> Any:
        """Who allocates what has no place in scratch memory: data whose size has no bound."""
        return self._temporary

    @temporary_allocator.setter
    def temporary_allocator(self, allocator: Any) -> None:
        self._temporary = allocator
        self._others.clear()
        self.executor = self.fresh_executor()
        self.changed()

    def give_memory(self, address: int, size: int | None) -> None:
        """Take scratch memory from the caller; raises ApiError where it is too small or not asked for."""
        need = self.loaded.scratch(self.profile)
        if self.strategy != "USER_MANAGED":
            raise ApiError("it has scratch memory of its own", f"context '{self.name}'", "create it USER_MANAGED")
        if size is not None and size < need:
            raise ApiError(f"{size} bytes of scratch memory are fewer than {need}", f"context '{self.name}'")
        self.arena = GivenMemory(address)
        self.executor = self.fresh_executor()
        self.changed()

    def show_debug(self, results: Mapping[str, Result], stream: int) -> None:
        """Show the listener each debug tensor that is on."""
        if self.listener is None:
            return
        dialect = dialect_of(self.listener)
        for name in [n for n in self.debug if n in self.debug_on]:
            result, binding = results[DEBUG + name], self.debug[name]
            kind = binding.type
            assert isinstance(kind, Tensor)
            place = member(TensorLocation, "DEVICE", dialect), api_dtype(kind.dtype, self.listener)
            shape = in_dialect(Dims, dialect)(result.shape)
            call_back(self.listener, "process_debug_tensor", False, result.address, *place, shape, name, stream)

    def watch(self, profiler: Any) -> None:
        """Set who hears the times of steps, None for nobody."""
        had, self.profiler = self.profiler, profiler
        if (had is None) != (profiler is None):
            self._others.clear()
            self.executor = self.fresh_executor()
            self.changed()

    def report(self) -> bool:
        """Tell the profiler the times of the last run; False where there is none."""
        if self.profiler is None or not isinstance(self.executor, ProfilingExecutor):
            return False
        for label, milliseconds in getattr(self.executor, "times", ()):
            call_back(self.profiler, "report_layer_time", None, label, milliseconds)
        return True

    def binding(self, name: str) -> Binding:
        """Return an input or output by name; raises ApiError for another name."""
        found = self.names.get(name)
        if found is None:
            raise ApiError(f"there is no input or output '{name}'", "engine", f"there are {', '.join(self.names)}")
        return found

    def input_shape(self, binding: Binding) -> tuple[int, ...] | None:
        """Return the shape of an input: as set, or as the engine fixes it; None where it must be set first."""
        if binding.name in self.shapes:
            return self.shapes[binding.name]
        shape = dims_of_binding(binding)
        return None if any(isinstance(d, Expr) for d in shape) else tuple(int(d) for d in shape)  # type: ignore[arg-type]

    def missing(self) -> list[str]:
        """Return the inputs whose shapes must be set first."""
        unset = [b.name for b in self.inputs if self.input_shape(b) is None]
        return unset + self.numbers.missing(self.addresses)

    def solve(self) -> dict[str, int]:
        """Return the sizes of dims for the shapes of the inputs; raises ShapeError where they do not fit."""
        if self.sizes is None or self.numbers.dims:
            known = self.numbers.sizes(self.addresses)
            missing = self.missing()
            if missing:
                raise ShapeError("its shape is not set", f"input '{missing[0]}'", "call set_input_shape")
            shapes = {b.name: b.inside(self.input_shape(b) or ()) for b in self.inputs}
            self.sizes = self.executor.sizes(shapes, known)
        return self.sizes

    def changed(self) -> None:
        """Forget what follows from shapes and addresses."""
        self.sizes = None
        self.bound = None

    def shape(self, binding: Binding) -> tuple[int, ...]:
        """Return the shape of an input or output, -1 for dims that are not known yet."""
        if binding.is_input:
            found = self.input_shape(binding)
            return found or tuple(-1 if isinstance(d, Expr) else int(d) for d in dims_of_binding(binding))
        known = {} if self.missing() else self.solve()
        evaluate = Evaluator(known)
        dims = self.planned_dims(binding)
        return tuple(evaluate.integer(d) if symbols(d) <= known.keys() else -1 for d in dims)

    def planned_dims(self, binding: Binding) -> tuple[Dim, ...]:
        """Return an output's dims as the plan in use has them, which knows the sizes that its profile fixes."""
        found = [b.view.type.shape for b in self.executor.plan.outputs if b.name == binding.name]
        return binding.declared(found[0]) if found else dims_of_binding(binding)

    def bind(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the addresses of inputs and outputs, after making the shapes those of the next run."""
        if self.strategy == "USER_MANAGED" and self.arena is None and self.loaded.scratch(self.profile):
            raise ApiError("its scratch memory is not set", f"context '{self.name}'", "call set_device_memory")
        self.executor.bind(self.solve())
        held = [b for b in self.inputs + self.outputs if b.name not in {*self.numbers.dims, *self.allocators}]
        nowhere = [b for b in held if self.addresses.get(b.name, 0) < LOWEST]  # as memory without bytes may be
        absent = [b.name for b in nowhere if b.name not in self.addresses or not {0, -1} & set(self.shape(b))]
        if absent:
            given_one = self.addresses.get(absent[0]) or "not set"
            raise ApiError(f"its address is {given_one}", f"tensor '{absent[0]}'", "call set_tensor_address")
        given = {b.name: 0 if b.name in self.numbers.dims else self.addresses[b.name] for b in self.inputs}
        kept = {b.name: self.addresses[b.name] for b in self.outputs if b.name not in self.allocators}
        self.bound = (given, kept)
        return self.bound

    def check_weights(self) -> None:
        """Raise ApiError for a stripped engine whose weights were not given yet."""
        missing = self.loaded.store.missing
        if missing:
            what = f"{len(missing)} weights were stripped from it, '{missing[0]}' among them"
            raise ApiError(what, "engine", "refit it with trt.Refitter or trt.OnnxParserRefitter first")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other threads out; raises ConcurrentUseError where one runs the context now."""
        if not self.lock.acquire(blocking=False):
            raise self._in_use()
        try:
            yield
        finally:
            self.lock.release()

    def _in_use(self) -> ConcurrentUseError:
        return ConcurrentUseError("it is in use by another thread", f"context '{self.name}'", "use one a thread")

    def run(self, stream: int, addresses: Mapping[str, int] | None = None) -> None:
        """Run once, at other addresses where some are given.

        Raises MinirtError where shapes or addresses do not fit, or another thread runs it now.
        """
        if not self.lock.acquire(blocking=False):
            raise self._in_use()
        try:
            for name, address in addresses.items() if addresses else ():
                if self.addresses.get(name) != address:
                    self.addresses[name] = address
                    self.bound = None
            if (told := self.inputs_read.event) or self.manner.consumed is not None:
                self.inputs_read.begin(self.manner, self.executor.launches_only)
            ready = self._repeat
            if ready is not None and ready[0] is self.bound and self.listener is None and ready[1](stream):
                if told:
                    self._finish(stream)
                return
            self._run(stream)
        finally:
            self.lock.release()

    def _run(self, stream: int) -> None:
        """Run with the shapes and addresses of now; keep what makes the same run again, where that needs no more."""
        self.check_weights()
        if self.numbers.dims:
            self.bound = None  # they may have changed where they lie
        inputs, outputs = bound = self.bound or self.bind()
        self._repeat = None
        if recorded(stream) and self.loaded.backend.host_memory:
            put(stream, self._again(stream, inputs, outputs))
            return
        early = self._places(stream)
        results = self.executor.run(inputs, outputs | early if early else outputs, stream)
        again = self.executor.repeat
        if again is not None and not (self.allocators or self.numbers.dims or self.profiler):
            self._repeat = bound, again
        for name, allocator in self.allocators.items():
            self._hand_out(name, allocator, results[name], stream, name in early)
        self.show_debug(results, stream)
        self._finish(stream)
        if self.profiler is not None and self.enqueue_emits_profile:
            self.report()

    def _finish(self, stream: int) -> None:
        """Record the event of inputs that were read, unless that was done."""
        self.inputs_read(stream, self.loaded.backend.host_memory)

    def _again(self, stream: int, inputs: dict[str, int], outputs: dict[str, int]) -> Callable[[], None]:
        """Return a run with the shapes and addresses of now, as a CUDA graph keeps them; ApiError with allocators."""
        if self.allocators:
            raise ApiError("an output allocator cannot be called in a graph", f"context '{self.name}'", "set addresses")
        executor, sizes = self.executor, self.solve()

        def again() -> None:
            with self.alone():
                executor.bind(sizes)
                executor.run(inputs, outputs, stream)
                self.bound = None  # the next run binds its own shapes

        return again

    def _places(self, stream: int) -> dict[str, int]:
        """Return what allocators give for outputs whose sizes are known beforehand."""
        bindings = [self.binding(name) for name in self.allocators]
        shapes = {b.name: b.inside(self.shape(b)) for b in bindings if -1 not in self.shape(b)}
        return {name: self._allocated(name, self.allocators[name], shape, stream) for name, shape in shapes.items()}

    def _allocated(self, name: str, allocator: Any, shape: tuple[int, ...], stream: int) -> int:
        kind = self.binding(name).type
        assert isinstance(kind, Tensor)
        size = kind.dtype.nbytes(int(np.prod(shape, dtype=np.int64)))
        now = self.addresses.get(name, 0)
        if hasattr(allocator, "reallocate_output_async"):
            given = call_back(allocator, "reallocate_output_async", 0, name, now, size, _ALIGNMENT, stream)
        else:
            given = call_back(allocator, "reallocate_output", 0, name, now, size, _ALIGNMENT)
        if not given and size:
            raise ApiError(f"its allocator gave no memory for {size} bytes", f"tensor '{name}'")
        self.addresses[name] = place_of(given or 0).address
        return self.addresses[name]

    def _hand_out(self, name: str, allocator: Any, result: Result, stream: int, written: bool) -> None:
        """Give an output to its allocator: memory of its size and the numbers, unless they are there; and its shape."""
        if not written:
            address = self._allocated(name, allocator, result.shape, stream)
            kind = self.binding(name).type
            assert isinstance(kind, Tensor)
            size = kind.dtype.nbytes(int(np.prod(result.shape, dtype=np.int64)))
            self.loaded.backend.copy(address, result.address, size, stream)
        shape = self.binding(name).declared(result.shape)
        call_back(allocator, "notify_shape", None, name, in_dialect(Dims, dialect_of(allocator))(shape))

    def run_arrays(self, arrays: Mapping[str, Any], stream: int) -> dict[str, Array]:
        """Run on arrays, host or device, and return each output as a host array."""
        backend = self.loaded.backend
        unknown = [n for n in arrays if n not in self.names or not self.names[n].is_input]
        absent = [b.name for b in self.inputs if b.name not in arrays]
        if unknown or absent:
            raise ApiError(f"inputs {unknown} are unknown, {absent} are missing", f"context '{self.name}'")
        with self.alone():
            addresses: dict[str, int] = {}
            held: list[Any] = []
            for binding in self.inputs:
                if binding.name in self.numbers.dims:
                    self.numbers.give(binding.name, arrays[binding.name])
                    addresses[binding.name] = 0
                    continue
                place, keep = input_place(arrays[binding.name], binding, backend)
                held.append(keep)
                addresses[binding.name] = place[0]
                self.shapes[binding.name] = place[1]
            self.changed()
            self.check_weights()
            self.executor.bind(self.solve())
            results = self.executor.run(addresses, {}, stream)
            self.show_debug(results, stream)
            made = {b.name: host_array(results[b.name], b, backend, stream) for b in self.outputs}
            if self.profiler is not None and self.enqueue_emits_profile:
                self.report()
            for name in self.numbers.dims:
                self.numbers.take_back(name)
            self.changed()
        return made


def dims_of_binding(binding: Binding) -> tuple[Dim, ...]:
    """Return the shape of an input or output as the engine has it."""
    return binding.type.shape if isinstance(binding.type, Tensor) else ()


def check_range(state: ContextState, binding: Binding, shape: tuple[int, ...]) -> None:
    """Raise ShapeError where a shape is outside of the profile."""
    limits = state.loaded.package.profiles[state.profile].shapes.get(binding.name)
    if limits is not None and not in_range(shape, limits):
        what = f"{shape} is outside of {limits[0]} to {limits[2]}"
        raise ShapeError(what, f"input '{binding.name}'", "change the profile")
