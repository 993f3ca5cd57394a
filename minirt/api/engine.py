"""ICudaEngine: a built network, ready to make contexts."""

from __future__ import annotations

import gc
import operator
from typing import Any

from minirt.api.boundary import Sink, boundary
from minirt.api.config import bits_of, names_of
from minirt.api.context import IExecutionContext
from minirt.api.context_state import ContextState
from minirt.api.declare import attr, checked, method
from minirt.api.dialect import Api, dialect_of, spanned, wrap
from minirt.api.dims import Dims, dims_of
from minirt.api.engine_bindings import BindingEngine, EngineState
from minirt.api.enum import member
from minirt.api.enums import (
    DataType,
    EngineCapability,
    EngineStat,
    ExecutionContextAllocationStrategy,
    HardwareCompatibilityLevel,
    ProfilingVerbosity,
    SerializationFlag,
    TensorFormat,
    TensorIOMode,
    TensorLocation,
)
from minirt.api.fields import unset_dims
from minirt.api.host_memory import IHostMemory, host_memory
from minirt.api.inspector import EngineInspector, InspectorState
from minirt.api.logger import IErrorRecorder
from minirt.api.weights import api_dtype
from minirt.build.freeze import DEBUG
from minirt.build.load import Loaded
from minirt.errors import ApiError
from minirt.plan.format import Bytes
from minirt.types.dim import Expr
from minirt.types.dtype import DType, f32
from minirt.types.tensor import Tensor


class ISerializationConfig(Api, since=10):
    """What a serialized engine is to hold."""

    _state: set[str]
    flags = attr(
        lambda self: bits_of(SerializationFlag, self._state, self),
        lambda self, bits: setattr(self, "_state", names_of(SerializationFlag, bits, self)),
        int,
        "Flags, a bit each.",
    )

    @checked
    def set_flag(self, flag: SerializationFlag) -> bool:
        """Set a flag."""
        self._state.add(flag.name)
        return True

    @checked
    def clear_flag(self, flag: SerializationFlag) -> bool:
        """Clear a flag."""
        self._state.discard(flag.name)
        return True

    @checked
    def get_flag(self, flag: SerializationFlag) -> bool:
        """Return whether a flag is set."""
        return flag.name in self._state


class IRuntimeConfig(Api, since=10):
    """How contexts are to be made."""

    _state: dict[str, str]

    @checked
    def set_execution_context_allocation_strategy(
        self, strategy: ExecutionContextAllocationStrategy = ExecutionContextAllocationStrategy.STATIC
    ) -> None:
        """Set when device memory is allocated, and by whom."""
        self._state["strategy"] = strategy.name

    def get_execution_context_allocation_strategy(self) -> Any:
        """Return when device memory is allocated, and by whom."""
        name = self._state.get("strategy", "STATIC")
        return member(ExecutionContextAllocationStrategy, name, dialect_of(self))


_BUDGET = "weight_streaming_budget_v2"
_SPARE = 512 << 20
"""Bytes of device memory that the automatic budget leaves free."""
_EXPLICIT = "explicit batch dims"


class ICudaEngine(BindingEngine):
    """A built network: its inputs and outputs by name, its profiles, and contexts to run it in."""

    _state: EngineState
    name = attr(lambda self: self._state.package.about["name"], doc="The network's name.")
    num_io_tensors = attr(lambda self: len(self._state.names), doc="How many inputs and outputs it has.", since=8)
    num_layers = attr(lambda self: len(self._state.loaded.plans[0].steps), doc="How many layers are left.")
    num_optimization_profiles = attr(lambda self: len(self._state.package.profiles), doc="How many profiles it has.")
    device_memory_size = attr(
        lambda self: self._arena(),
        doc="Bytes of scratch memory of a context.",
        until=10,
        instead="device_memory_size_v2",
    )
    device_memory_size_v2 = attr(lambda self: self._arena(), doc="Bytes of scratch memory of a context.", since=10)
    refittable = attr(lambda self: self._state.package.table.refittable, doc="Whether weights can be replaced.")
    profiling_verbosity = attr(
        lambda self: member(ProfilingVerbosity, self._state.verbosity, dialect_of(self)),
        doc="What the inspector may tell.",
        since=8,
    )
    engine_capability = attr(
        lambda self: member(EngineCapability, "STANDARD", dialect_of(self)), doc="Which runtime it is for.", since=8
    )
    hardware_compatibility_level = attr(
        lambda self: member(HardwareCompatibilityLevel, "NONE", dialect_of(self)), doc="Where it may run.", since=8
    )
    num_aux_streams = attr(
        lambda self: self._state.loaded.streams, doc="How many streams it uses besides the caller's.", since=8
    )
    tactic_sources = attr(lambda self: 0, doc="Which libraries kernels come from: none.", since=8)
    streamable_weights_size = attr(
        lambda self: self._state.loaded.store.streamable, doc="Bytes of weights that can be streamed.", since=10
    )
    minimum_weight_streaming_budget = attr(
        lambda self: self._state.loaded.store.scratch(0),
        doc="Least positive budget: the scratch memory of streaming all weights.",
        until=10,
        since=10,
        instead=_BUDGET,
    )
    weight_streaming_budget = attr(
        lambda self: self._old_budget(),
        lambda self, nbytes: self._put_old_budget(nbytes),
        int,
        "Bytes of device memory for weights and for streaming them: 0 for no streaming, -1 to choose.",
        since=10,
        until=10,
        instead=_BUDGET,
    )
    weight_streaming_budget_v2 = attr(
        lambda self: self._state.loaded.store.budget,
        lambda self, nbytes: self._put_budget(nbytes),
        int,
        "Bytes of streamable weights that stay on the device: 0 streams all of them.",
        since=10,
    )
    weight_streaming_scratch_memory_size = attr(
        lambda self: self._state.loaded.store.scratch(),
        doc="Bytes of device memory that streamed weights pass through, in each context.",
        since=10,
    )
    has_implicit_batch_dimension = attr(
        lambda self: self._state.implicit, doc="Whether shapes leave the batch out.", until=10, instead=_EXPLICIT
    )
    error_recorder = attr(
        lambda self: self._state.sink.recorder,
        lambda self, value: setattr(self._state.sink, "recorder", value),
        IErrorRecorder | None,
        "The error recorder.",
        since=8,
    )

    @boundary()
    def _put_budget(self, nbytes: int) -> None:
        """Set how much of the streamable weights stays on the device."""
        if len(self._state.contexts):
            gc.collect()  # contexts that are garbage use nothing
        if len(self._state.contexts):
            fix = "delete them, or set the budget before they are made"
            raise ApiError("its contexts use the weights where they are", "weight streaming", fix)
        self._state.loaded.store.budget = nbytes

    def _old_budget(self) -> int:
        store = self._state.loaded.store
        return 0 if store.budget == store.streamable else store.budget + store.scratch(0)

    def _put_old_budget(self, nbytes: int) -> None:
        store = self._state.loaded.store
        chosen = self.get_weight_streaming_automatic_budget() if nbytes == -1 else nbytes - store.scratch(0)
        self._put_budget(store.streamable if nbytes == 0 else chosen)

    def _arena(self) -> int:
        return max(map(self._state.loaded.scratch, range(len(self._state.loaded.plans))))

    def __getitem__(self, arg0: Any, /) -> Any:
        names = list(self._state.names)
        if isinstance(arg0, str) and dialect_of(self) < 10:
            return self.get_binding_index(arg0)
        place = operator.index(arg0)
        if not -len(names) <= place < len(names):
            raise IndexError("Out of bounds")
        return names[place]

    @method(since=8)
    def get_tensor_name(self, index: int) -> str | None:
        """Return the name of an input or output, inputs first."""
        names = list(self._state.names)
        if not 0 <= index < len(names):
            raise ApiError(f"there is no tensor {index}: there are {len(names)}", "engine")
        return names[index]

    @method(since=8)
    def get_tensor_mode(self, name: str) -> TensorIOMode:
        """Return whether a name is an input, an output, or neither."""
        found = self._state.names.get(name)
        mode = "NONE" if found is None else "INPUT" if found.is_input else "OUTPUT"
        return member(TensorIOMode, mode, dialect_of(self))  # type: ignore[no-any-return]

    @spanned(since=8)
    def get_tensor_dtype(self, name: str) -> DataType:
        """Return the element type of an input or output; FLOAT, logged, for a name of neither."""
        return api_dtype(ICudaEngine._dtype(self, name), self)  # type: ignore[no-any-return]

    @method(fail=f32)
    def _dtype(self, name: str) -> DType:
        return self._state.dtype(name)

    @spanned(since=8)
    def get_tensor_shape(self, name: str) -> Any:
        """Return the shape of an input or output, -1 for dims that a context sets."""
        found = ICudaEngine._shape(self, name)
        return unset_dims(self) if found is None else found

    @method()
    def _shape(self, name: str) -> Dims | None:
        kind = self._state.binding(name).type
        shape = kind.shape if isinstance(kind, Tensor) else ()
        return dims_of([-1 if isinstance(d, Expr) else int(d) for d in shape], self)

    @method(since=8)
    def get_tensor_location(self, name: str) -> TensorLocation:
        """Return whether an input or output lies in host or device memory."""
        place = "HOST" if self._state.on_host(name) else "DEVICE"
        return member(TensorLocation, place, dialect_of(self))  # type: ignore[no-any-return]

    @method(since=8, fail=-1)
    def get_tensor_bytes_per_component(self, name: str, profile_index: int = 0) -> int:
        """Return the bytes of an element."""
        return self._state.dtype(name).nbytes(1)

    @method(since=8, fail=-1)
    def get_tensor_components_per_element(self, name: str, profile_index: int = 0) -> int:
        """Return how many scalars a vector holds, -1 where the layout is not vectorized."""
        lanes = self._state.lanes(name)
        return lanes if lanes > 1 else -1

    @spanned(since=8)
    def get_tensor_format(self, name: str, profile_index: int = 0) -> TensorFormat:
        """Return the memory layout; LINEAR, logged, for a name of no input or output."""
        return member(TensorFormat, ICudaEngine._format(self, name), dialect_of(self))  # type: ignore[no-any-return]

    @method(fail="LINEAR")
    def _format(self, name: str) -> str:
        return self._state.format(name)

    @method(since=8, fail="")
    def get_tensor_format_desc(self, name: str, profile_index: int = 0) -> str:
        """Return the memory layout in words."""
        return self._state.describe(name)

    @method(since=8, fail=-1)
    def get_tensor_vectorized_dim(self, name: str, profile_index: int = 0) -> int:
        """Return the axis that is packed in vectors, -1 for none."""
        return self._state.vectorized(name)

    @method(since=8, fail=())
    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[Dims]:
        """Return the least, best and greatest shape of an input in a profile."""
        binding = self._state.binding(name)
        shapes = self._state.profile(profile_index).shapes.get(name)
        if shapes is not None:
            return [dims_of(s, self) for s in shapes]
        kind = binding.type
        fixed = isinstance(kind, Tensor) and not any(isinstance(d, Expr) for d in kind.shape)
        return [ICudaEngine.get_tensor_shape(self, name) for _ in range(3)] if fixed and binding.is_input else []

    @method(since=10, fail=())
    def get_tensor_profile_values(self, name: Any, profile_index: Any) -> list[list[int]]:
        """Return the least, best and greatest numbers of an input that is a shape; called (profile_index, name)."""
        index, wanted = (profile_index, name) if isinstance(name, str) else (name, profile_index)
        return [list(v) for v in self._state.profile(index).values.get(wanted, ())]

    @method(since=8, fail=False)
    def is_shape_inference_io(self, name: str) -> bool:
        """Return whether an input or output is read or written on the host."""
        self._state.binding(name)
        return self._state.on_host(name)

    @method(since=10, fail=False)
    def is_debug_tensor(self, name: str) -> bool:
        """Return whether a debug listener may see a tensor."""
        return name in self._state.debug

    @method(since=10)
    def get_aliased_input_tensor(self, name: str) -> str | None:
        """Return the input whose memory an output shares: none."""
        return None

    @method(since=10)
    def get_engine_stat(self, stat: EngineStat = EngineStat.TOTAL_WEIGHTS_SIZE) -> int:
        """Return the bytes of all weights, or of those that are stripped."""
        total = stat.name == "TOTAL_WEIGHTS_SIZE"
        return self._state.weights_size if total else self._state.package.stripped_size

    @method(since=10, until=10, fail=0, instead="get_device_memory_size_for_profile_v2")
    def get_device_memory_size_for_profile(self, profile_index: int) -> int:
        """Return the scratch memory of a context in a profile, in bytes."""
        return self._state.scratch(profile_index)

    @method(since=10, fail=0)
    def get_device_memory_size_for_profile_v2(self, profile_index: int) -> int:
        """Return the scratch memory of a context in a profile, in bytes."""
        return self._state.scratch(profile_index)

    @method(since=10)
    def get_weight_streaming_automatic_budget(self) -> int:
        """Return the budget of streamed weights that fits the free memory, with some left for contexts."""
        store = self._state.loaded.store
        held = 0 if store.backend.host_memory else store.resident_size
        free = store.backend.free() + held - (self._arena() - store.scratch()) - _SPARE
        if free >= store.streamable:
            return store.streamable
        return max(0, free - store.scratch(0))

    @method()
    def serialize(self) -> IHostMemory:
        """Return the engine as bytes, which every target can load."""
        return host_memory(self._state.serialized(), dialect_of(self))

    @method(since=10)
    def create_serialization_config(self) -> ISerializationConfig:
        """Return a config for serialize_with_config."""
        return wrap(ISerializationConfig, set(), dialect_of(self))

    @method(since=10)
    def serialize_with_config(self, config: ISerializationConfig, /) -> IHostMemory:
        """Return the engine as bytes: refittable with INCLUDE_REFIT, without its weights with EXCLUDE_WEIGHTS."""
        asked = config._state
        data = self._state.serialized("EXCLUDE_WEIGHTS" in asked, "INCLUDE_REFIT" in asked)
        return host_memory(data, dialect_of(self))

    @method(since=10)
    def create_runtime_config(self) -> IRuntimeConfig:
        """Return a config for create_execution_context."""
        return wrap(IRuntimeConfig, {}, dialect_of(self))

    @method()
    def create_execution_context(
        self, strategy: Any = ExecutionContextAllocationStrategy.STATIC, runtime_config: Any = None
    ) -> IExecutionContext:
        """Return a context to run the engine in, by a strategy of allocation or a runtime config."""
        given = runtime_config if runtime_config is not None else strategy
        name = given._state.get("strategy", "STATIC") if isinstance(given, IRuntimeConfig) else ""
        chosen = name or ("STATIC" if given is None else given.name)
        return self._context(chosen)

    def _context(self, strategy: str) -> IExecutionContext:
        state = ContextState(self._state.loaded, self._state.names, self._state.sink, self, strategy)
        state.debug = self._state.debug
        self._state.contexts.add(state)
        return wrap(IExecutionContext, state, dialect_of(self))

    @method(until=10, instead="create_execution_context with USER_MANAGED")
    def create_execution_context_without_device_memory(self) -> IExecutionContext:
        """Return a context whose scratch memory the caller may give."""
        return self._context("USER_MANAGED")

    @method(since=8)
    def create_engine_inspector(self) -> EngineInspector:
        """Return what tells about the engine's layers."""
        state = self._state
        made = InspectorState(state.loaded.plans, state.package, state.describe, sink=Sink(state.sink.logger))
        return wrap(EngineInspector, made, dialect_of(self))


def load_engine(data: Bytes, loaded: Loaded, sink: Sink, dialect: int) -> ICudaEngine:
    """Return an engine around what was loaded of its bytes."""
    shown = {b.name: b for b in loaded.package.bindings if not b.name.startswith(DEBUG)}
    watched = {b.name.removeprefix(DEBUG): b for b in loaded.package.bindings if b.name.startswith(DEBUG)}
    return wrap(ICudaEngine, EngineState(data, loaded.package, loaded, sink, names=shown, debug=watched), dialect)
