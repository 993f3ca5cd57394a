"""Running by binding numbers and batch sizes, as contexts of TensorRT 7 and 8 did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.api.context_state import ContextState
from minirt.api.declare import REQUIRED, method
from minirt.api.dialect import dialect_of
from minirt.api.dims import Dims, dims_of
from minirt.api.logger import Managed
from minirt.build.options import in_range
from minirt.errors import ApiError, ShapeError


class BindingContext(Managed):
    """The part of IExecutionContext that knows inputs and outputs by number."""

    _state: ContextState

    def _name(self, binding: int) -> str:
        """Return the name of a binding; raises ApiError for a number that there is none of."""
        names = list(self._state.names)
        count = len(names) * len(self._state.loaded.plans)
        if not 0 <= binding < count:
            raise ApiError(f"there is no binding {binding}: there are {count}", "context")
        return names[binding % len(names)]

    def _mine(self, bindings: Sequence[Any]) -> Sequence[Any]:
        """Return the bindings of the profile in use, of those of all profiles."""
        count = len(self._state.names)
        if dialect_of(self) >= 10:
            return bindings
        start = count * self._state.profile if len(bindings) > count else 0
        return bindings[start : start + count]

    def _set_batch(self, batch: int) -> None:
        """Give inputs whose shapes leave the batch out this batch."""
        state = self._state
        for binding in state.inputs:
            low, _, _ = state.loaded.package.profiles[state.profile].shapes[binding.name]
            wanted = (batch, *low[1:])
            if state.shapes.get(binding.name) != wanted:
                state.shapes[binding.name] = wanted
                state.changed()

    def _enqueue(self, batch: int, bindings: Sequence[Any], stream: Any, event: Any) -> bool:
        if self._state.engine.has_implicit_batch_dimension:
            self._set_batch(batch)
        return self._then(event, bindings, stream)

    def _then(self, event: Any, bindings: Sequence[Any], stream: Any) -> bool:
        """Run, and record an event of this run alone once the inputs were read."""
        before = self._state.inputs_read.event
        self._state.inputs_read.event = int(getattr(event, "handle", event)) if event else before
        try:
            return self._run_bindings(self._mine(bindings), stream)
        finally:
            self._state.inputs_read.event = before

    def _run_bindings(self, bindings: Sequence[Any], stream: Any) -> bool:
        raise NotImplementedError

    def _shape_input(self, name: str, shape: Dims) -> bool:
        raise NotImplementedError

    def _strides(self, name: str) -> Dims:
        raise NotImplementedError

    @method(until=8, fail=False, instead="execute_v2", warns=(8,))
    def execute(self, batch_size: int = 1, bindings: Any = REQUIRED) -> bool:
        """Run a batch and wait; `bindings` are addresses in the order of the engine's bindings."""
        return self._enqueue(batch_size, bindings, None, None)

    @method(until=8, fail=False, instead="execute_async_v2", warns=(8,))
    def execute_async(
        self, batch_size: int = 1, bindings: Any = REQUIRED, stream_handle: Any = REQUIRED, input_consumed: Any = None
    ) -> bool:
        """Run a batch on a stream; `bindings` are addresses in the order of the engine's bindings."""
        return self._enqueue(batch_size, bindings, stream_handle, input_consumed)

    @method(until=8, fail=False)
    def execute_async_v2(self, bindings: Any, stream_handle: Any, input_consumed: Any = None) -> bool:
        """Run on a stream; `bindings` are addresses in the order of the engine's bindings."""
        return self._then(input_consumed, bindings, stream_handle)

    @method(until=8, fail=False, instead="set_input_shape", warns=(8,))
    def set_binding_shape(self, binding: int, shape: Dims) -> bool:
        """Set the shape of an input by its number."""
        return self._shape_input(self._name(binding), shape)

    @method(until=8, instead="get_tensor_shape", warns=(8,))
    def get_binding_shape(self, binding: int) -> Dims:
        """Return the shape of a binding, without the batch where shapes leave it out."""
        shape = self._state.shape(self._state.binding(self._name(binding)))
        kept = shape[1:] if self._state.engine.has_implicit_batch_dimension else shape
        return dims_of(kept, self)

    @method(until=8, instead="get_tensor_strides", warns=(8,))
    def get_strides(self, binding: int) -> Dims:
        """Return the strides of a binding, in elements."""
        return self._strides(self._name(binding))

    @method(until=8, fail=False, instead="set_tensor_address", warns=(8,))
    def set_shape_input(self, binding: int, shape: list[int]) -> bool:
        """Set the numbers of an input that is a shape; False, logged, for another binding or outside of the profile."""
        state, name = self._state, self._name(binding)
        limits = state.loaded.package.profiles[state.profile].values.get(name)
        if limits is not None and not in_range(shape, limits):
            what = f"{tuple(shape)} is outside of {limits[0]} to {limits[2]}"
            raise ShapeError(what, f"input '{name}'", "change the profile")
        state.numbers.give(name, shape)
        state.changed()
        return True

    @method(until=8, instead="get_tensor_address", warns=(8,))
    def get_shape(self, binding: int) -> list[int]:
        """Return the numbers of an input that is a shape."""
        name = self._name(binding)
        if name not in self._state.numbers.dims:
            raise ApiError("it is not a shape", f"binding {binding}")
        return list(self._state.numbers.of(name, self._state.addresses))
