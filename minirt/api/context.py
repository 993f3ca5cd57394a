"""IExecutionContext: one run of an engine at a time, with shapes and addresses by tensor name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minirt.api.addresses import argument_place
from minirt.api.callbacks import IDebugListener, IGpuAllocator, IOutputAllocator, IProfiler
from minirt.api.context_bindings import BindingContext
from minirt.api.context_state import ContextState, check_range, dims_of_binding
from minirt.api.declare import attr, method, plain
from minirt.api.dialect import dialect_of, spanned
from minirt.api.dims import Dims, dims_of
from minirt.api.enum import member
from minirt.api.enums import ProfilingVerbosity
from minirt.api.fields import unset_dims
from minirt.api.logger import IErrorRecorder
from minirt.api.manner import lend, tell
from minirt.errors import ApiError, MinirtError, ShapeError
from minirt.runtime.device.streams import stream_handle
from minirt.runtime.sizes import limited
from minirt.types.dim import INF, Expr, bounds, product
from minirt.types.dtype import Array
from minirt.types.tensor import Tensor


def _put_profile(context: IExecutionContext, index: int) -> None:
    context._select(index)


def _active(context: IExecutionContext) -> int:
    return context._state.profile


def _put_nvtx(context: IExecutionContext, verbosity: ProfilingVerbosity) -> None:
    context._tell(verbosity.name)


def _put_unfused(context: IExecutionContext, on: bool) -> None:
    state = context._state
    state.unfused_tensors_debug_state = on
    names = state.loaded.package.about.get("unfused", ())
    (state.debug_on.update if on else state.debug_on.difference_update)(names)


_ASYNC = "set_optimization_profile_async"


class IExecutionContext(BindingContext):
    """One run of an engine at a time; threads use a context each."""

    _state: ContextState
    engine = attr(lambda self: self._state.engine, doc="The engine.")
    name = plain("name", str, "The name, for messages.")
    debug_sync = plain("debug_sync", bool, "Whether to wait for each layer of a run, and log it.")
    profiler = attr(
        lambda self: self._state.profiler,
        lambda self, profiler: self._state.watch(profiler),
        IProfiler | None,
        "Who hears the time of each layer.",
    )
    enqueue_emits_profile = plain("enqueue_emits_profile", bool, "Whether each run reports to the profiler.", since=8)
    persistent_cache_limit = plain("persistent_cache_limit", int, "Bytes of L2 that may be kept.", since=8)
    temporary_allocator = plain("temporary_allocator", IGpuAllocator | None, "Who allocates scratch.", since=8)
    unfused_tensors_debug_state = attr(
        lambda self: self._state.unfused_tensors_debug_state,
        _put_unfused,
        bool,
        "Whether the tensors that fusion leaves are shown to the debug listener.",
        since=10,
    )
    nvtx_verbosity = attr(
        lambda self: member(ProfilingVerbosity, self._state.manner.ranges, dialect_of(self)),
        _put_nvtx,
        ProfilingVerbosity,
        "What NVTX ranges tell.",
        since=8,
    )
    active_optimization_profile = attr(
        _active, _put_profile, int, "The profile in use.", set_until=8, instead=_ASYNC, warns=(8,), on="set"
    )
    all_binding_shapes_specified = attr(lambda self: not self._state.missing(), doc="Whether all shapes are set.")
    all_shape_inputs_specified = attr(
        lambda self: not self._state.numbers.missing(self._state.addresses),
        doc="Whether inputs that are shapes are set.",
        until=10,
    )
    device_memory = attr(
        None,
        lambda self, memory: self._state.give_memory(argument_place(memory).address, None),
        Any,
        "Address of scratch memory given by the caller.",
    )
    error_recorder = attr(
        lambda self: self._state.sink.recorder,
        lambda self, value: setattr(self._state.sink, "recorder", value),
        IErrorRecorder | None,
        "The error recorder.",
        since=8,
    )

    @method(fail=False)
    def _select(self, index: int) -> bool:
        state = self._state
        if not 0 <= index < len(state.loaded.plans):
            raise ApiError(f"there is no profile {index}: there are {len(state.loaded.plans)}", "context")
        if index != state.profile:
            state.use_profile(index)
        return True

    def set_optimization_profile_async(self, profile_index: int, stream_handle: Any) -> bool:
        """Use another profile; raises RuntimeError for one that is not there."""
        if not self._select(profile_index):
            raise RuntimeError(f"Could not set optimization profile {profile_index}.")
        return True

    @method(since=8, fail=False)
    def set_input_shape(self, name: str, shape: Dims) -> bool:
        """Set the shape of an input; False, logged, for one that the engine does not take."""
        return self._shape_input(name, shape)

    def _shape_input(self, name: str, shape: Dims) -> bool:
        state = self._state
        binding = state.binding(name)
        wanted, dims = tuple(shape), dims_of_binding(binding)
        if not binding.is_input:
            raise ApiError("only inputs have a shape that can be set", f"output '{name}'")
        fits = len(wanted) == len(dims) and all(
            isinstance(d, Expr) or d == w for d, w in zip(dims, wanted, strict=True)
        )
        if not fits or any(w < 0 for w in wanted):
            raise ShapeError(f"{wanted} does not fit {binding.type}", f"input '{name}'")
        check_range(state, binding, wanted)
        if state.shapes.get(name) != wanted:
            state.shapes[name] = wanted
            state.changed()
        return True

    @spanned(since=8)
    def get_tensor_shape(self, name: str) -> Any:
        """Return the shape of an input or output; -1 for dims that are not known yet."""
        found = self._shape(name)
        return unset_dims(self) if found is None else found

    @method()
    def _shape(self, name: str) -> Dims | None:
        return dims_of(self._state.shape(self._state.binding(name)), self)

    @method(since=8)
    def get_tensor_strides(self, name: str) -> Dims | None:
        """Return the strides of an input or output, in elements; in vectors where its layout has vectors."""
        return self._strides(name)

    def _strides(self, name: str) -> Dims:
        binding = self._state.binding(name)
        shape = self._state.shape(binding)
        if binding.format is not None and min(shape, default=0) >= 0:
            return dims_of(binding.format.strides(shape), self)
        strides = [1] * len(shape)
        for axis in range(len(shape) - 2, -1, -1):
            strides[axis] = -1 if min(strides[axis + 1], shape[axis + 1]) < 0 else strides[axis + 1] * shape[axis + 1]
        return dims_of(strides, self)

    @method(since=8)
    def infer_shapes(self) -> list[str]:
        """Work out the shapes of the outputs; return the inputs whose shapes are not set.

        Raises RuntimeError where the shapes of the inputs do not fit each other.
        """
        missing = self._state.missing()
        try:
            if not missing:
                self._state.solve()
        except MinirtError as error:
            self._state.sink.error(error)
            raise RuntimeError(str(error)) from error
        return missing

    @method(since=8, fail=False)
    def set_tensor_address(self, name: str, memory: Any) -> bool:
        """Set where an input or output lies: an address, or an array, which is kept alive."""
        state = self._state
        state.binding(name)
        place = argument_place(memory)
        if not place.dense:
            raise ApiError("the array is not contiguous", f"tensor '{name}'", "pass a contiguous array")
        state.kept[name] = memory
        if state.addresses.get(name) != place.address:
            state.addresses[name] = place.address
            state.bound = None
        return True

    @method(since=8, fail=0)
    def get_tensor_address(self, name: str) -> int:
        """Return where an input or output lies, 0 where that is not set."""
        self._state.binding(name)
        return self._state.addresses.get(name, 0)

    @method(fail=False)
    def execute_v2(self, bindings: Sequence[Any]) -> bool:
        """Run and wait; `bindings` are addresses or arrays, inputs first, in the order of the engine's tensors."""
        return self._run_bindings(self._mine(bindings), None)

    def _run_bindings(self, bindings: Sequence[Any], stream: Any) -> bool:
        """Run with addresses in the order of the engine's tensors, on a stream, or waiting for the end."""
        state = self._state
        if len(bindings) != len(state.names):
            raise ApiError(f"{len(bindings)} bindings for {len(state.names)} inputs and outputs", "context")
        given = [m if type(m) is int and not m >> 64 else argument_place(m).address for m in bindings]
        places = dict(zip(state.names, given, strict=True))
        state.run(0 if stream is None else _handle(stream), places)
        state.kept["bindings"] = bindings
        if stream is None:
            _wait(state, 0)
        return True

    @method(since=8, fail=False)
    def execute_async_v3(self, stream_handle: Any) -> bool:
        """Run on a stream: a handle as an int, or a stream of CUDA bindings, CuPy or PyTorch. On the CPU: run."""
        known = type(stream_handle) is int and stream_handle >= 0
        self._state.run(stream_handle if known else _handle(stream_handle))
        return True

    @method(fail=None)
    def run(self, arrays: Mapping[str, Any], stream: Any = 0) -> dict[str, Array] | None:
        """Run on arrays by input name and return host arrays by output name."""
        return self._state.run_arrays(arrays, _handle(stream))

    @method(since=8, fail=False)
    def set_output_allocator(self, name: str, output_allocator: IOutputAllocator | None) -> bool:
        """Let an allocator give the memory of an output; None undoes it."""
        state = self._state
        if state.binding(name).is_input:
            raise ApiError("only outputs have allocators", f"input '{name}'")
        state.allocators.pop(name, None)
        if output_allocator is not None:
            state.allocators[name] = output_allocator
        state.bound = None
        return True

    @method(since=8)
    def get_output_allocator(self, name: str) -> IOutputAllocator | None:
        """Return the allocator of an output."""
        return self._state.allocators.get(name)

    @method(since=8, fail=-1)
    def get_max_output_size(self, name: str) -> int:
        """Return the greatest size of an output in bytes, by the bounds of the profile."""
        state = self._state
        binding = state.binding(name)
        kind = binding.type
        if not isinstance(kind, Tensor):
            return 0
        plan = state.executor.plan
        ranges = limited(plan, dict(plan.ranges) | {k: (v, v) for k, v in (state.sizes or {}).items()})
        most = bounds(product(binding.inside(kind.shape)), ranges)[1]
        if most == INF:
            raise ApiError("only its data tells how large it may be", f"tensor '{name}'", "use an output allocator")
        return kind.dtype.nbytes(int(most))

    @method(since=8, fail=False)
    def report_to_profiler(self) -> bool:
        """Report the times of the last run to the profiler."""
        return self._state.report()

    @method(since=8, fail=False)
    def set_input_consumed_event(self, event: int) -> bool:
        """Set an event, by its handle, that each run records on its stream once the inputs were read; 0 for none."""
        self._state.inputs_read.event = event
        return True

    @method(since=8)
    def get_input_consumed_event(self) -> int:
        """Return the event that is recorded once the inputs were read."""
        return self._state.inputs_read.event

    @method(since=8)
    def set_aux_streams(self, aux_streams: list[int]) -> None:
        """Set streams to use beside that of a run, for the engine's first; the context has its own for the others."""
        lend(self._state.manner, aux_streams)

    @method()
    def _tell(self, verbosity: str) -> None:
        tell(self._state.manner, self._state.loaded, verbosity)

    @method(since=10)
    def set_device_memory(self, memory: Any, size: int) -> None:
        """Take scratch memory from the caller, where the context was created USER_MANAGED."""
        self._state.give_memory(argument_place(memory).address, size)

    @method(since=10, fail=0)
    def update_device_memory_size_for_shapes(self) -> int:
        """Return the scratch memory that the shapes need, in bytes."""
        return self._state.loaded.scratch(self._state.profile)

    @method(since=10, fail=False)
    def set_debug_listener(self, listener: IDebugListener | None) -> bool:
        """Set who looks at debug tensors."""
        self._state.listener = listener
        return True

    @method(since=10)
    def get_debug_listener(self) -> IDebugListener | None:
        """Return who looks at debug tensors."""
        return self._state.listener  # type: ignore[no-any-return]

    @method(since=10, fail=False)
    def set_tensor_debug_state(self, name: str, flag: bool) -> bool:
        """Switch a debug tensor; False where there is none of this name."""
        if name not in self._state.debug:
            return False
        (self._state.debug_on.add if flag else self._state.debug_on.discard)(name)
        return True

    @method(since=10, fail=False)
    def get_debug_state(self, name: str) -> bool:
        """Return whether a debug tensor is on."""
        return name in self._state.debug_on

    @method(since=10, fail=False)
    def set_all_tensors_debug_state(self, flag: bool) -> bool:
        """Switch all debug tensors."""
        self._state.debug_on = set(self._state.debug) if flag else set()
        return True

    @method(since=10)
    def get_runtime_config(self) -> Any:
        """Return how the context was made."""
        config = self._state.engine.create_runtime_config()
        config._state["strategy"] = self._state.strategy
        return config

    @method(since=10, fail=False)
    def set_communicator(self, communicator: Any) -> bool:
        """Keep a communicator of collectives; with one rank they need none."""
        return True


def _handle(stream: Any) -> int:
    return stream_handle(stream)


def _wait(state: ContextState, stream: int) -> None:
    """Wait for a stream where work is asynchronous."""
    if not state.loaded.backend.host_memory:
        state.loaded.backend.read(0, 0, stream)
