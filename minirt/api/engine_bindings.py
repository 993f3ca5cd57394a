"""Inputs and outputs by number, as engines of TensorRT 7 and 8 had them.

Every profile has a set of bindings of its own: binding i of profile k is number `k * n + i` of `n` inputs and outputs.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from minirt.api.boundary import Sink
from minirt.api.declare import attr, method
from minirt.api.dialect import dialect_of, spanned
from minirt.api.dims import Dims, dims_of
from minirt.api.enum import member
from minirt.api.enums import DataType, TensorFormat, TensorLocation
from minirt.api.logger import Managed
from minirt.api.weights import api_dtype
from minirt.build.implicit_batch import BATCH
from minirt.build.load import Binding, Loaded, Package
from minirt.build.options import Profile
from minirt.errors import ApiError
from minirt.plan.format import Bytes
from minirt.types.dim import Dim, Expr
from minirt.types.dtype import Array, DType, f32
from minirt.types.tensor import Tensor

_WORDS = {"f32": "FP32", "f16": "FP16", "bf16": "BF16", "i32": "INT32", "i64": "INT64", "i8": "INT8", "bool": "BOOL"}


@dataclass
class EngineState:
    """An engine: its bytes, what was read of them, and what runs."""

    data: Bytes
    package: Package
    loaded: Loaded
    sink: Sink
    runtime: Any = None
    names: dict[str, Binding] = field(default_factory=dict)
    debug: dict[str, Binding] = field(default_factory=dict)
    contexts: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)

    def refit(self, numbers: Mapping[str, Array], stream: int = 0) -> None:
        """Replace weights, for all contexts too; waits for those that are running."""
        with ExitStack() as held:
            for context in list(self.contexts):
                held.enter_context(context.lock)
            self.loaded.store.refit(numbers, stream)

    def serialized(self, strip: bool = False, refittable: bool = True) -> Bytes:
        """Return the engine's bytes with the weights that it has now; stripped, without those that can be refitted."""
        store, table = self.loaded.store, self.package.table
        if not table.refittable:
            if strip:
                raise ApiError("weights cannot be left out: it is not refittable", "engine", "build it with STRIP_PLAN")
            return self.data
        kept = refittable or strip or bool(store.missing)
        same = all(array is table.numbers.get(name) for name, array in store.numbers.items())
        if same and kept and strip == bool(store.missing):
            return self.data
        return self.package.written(store.numbers, strip, kept)

    def binding(self, name: str) -> Binding:
        """Return an input or output by name; raises ApiError for another name."""
        found = self.names.get(name)
        if found is None:
            raise ApiError(f"there is no input or output '{name}'", "engine", f"there are {', '.join(self.names)}")
        return found

    def on_host(self, name: str) -> bool:
        """Return whether the host reads an input as sizes, or an output that was marked for that lies on the host."""
        package = self.package
        return name in package.sizes or (self.loaded.backend.host_memory and name in package.hosted)

    def profile(self, index: int) -> Profile:
        """Return a profile; raises ApiError for a number that there is none of."""
        found = self.package.profiles
        if not 0 <= index < len(found):
            raise ApiError(f"there is no profile {index}: there are {len(found)}", "engine")
        return found[index]

    def scratch(self, index: int) -> int:
        """Return the bytes of memory that a context works in, in a profile; raises ApiError for none of its number."""
        self.profile(index)
        return self.loaded.scratch(index)

    def dtype(self, name: str) -> DType:
        """Return the element type of an input or output."""
        kind = self.binding(name).type
        return kind.dtype if isinstance(kind, Tensor) else f32

    def format(self, name: str) -> str:
        """Return the memory layout of an input or output."""
        found = self.binding(name).format
        return "LINEAR" if found is None else found.name

    def describe(self, name: str) -> str:
        """Return the memory layout of an input or output in words."""
        dtype, found = self.dtype(name).name, self.binding(name).format
        word = _WORDS.get(dtype, dtype.upper())
        return f"Row major linear {word} format (kLINEAR)" if found is None else found.describe(word)

    def lanes(self, name: str) -> int:
        """Return how many scalars a vector of an input or output holds."""
        found = self.binding(name).format
        return 1 if found is None else found.lanes

    def vectorized(self, name: str) -> int:
        """Return the axis of an input or output that is packed in vectors, -1 for none."""
        binding = self.binding(name)
        if binding.format is None or binding.format.lanes == 1:
            return -1
        return binding.format.axis(len(self.dims(binding)))

    @property
    def verbosity(self) -> str:
        """What the engine tells of its layers."""
        return str(self.package.about.get("verbosity", "LAYER_NAMES_ONLY"))

    @property
    def implicit(self) -> bool:
        """Whether shapes leave the batch out."""
        return any(str(d) == BATCH for b in self.names.values() if b.is_input for d in self.dims(b)[:1])

    def dims(self, binding: Binding) -> tuple[Dim, ...]:
        """Return the shape of an input or output."""
        return binding.type.shape if isinstance(binding.type, Tensor) else ()

    @property
    def weights_size(self) -> int:
        """Bytes of all weights."""
        return self.package.weights_size


class BindingEngine(Managed):
    """The part of ICudaEngine that knows inputs and outputs by number."""

    _state: EngineState
    num_bindings = attr(lambda self: self._total(), doc="How many bindings all profiles have.", until=8)
    max_batch_size = attr(
        lambda self: self._batch(), doc="The greatest implicit batch.", until=8, instead="profiles", warns=(8,)
    )
    max_workspace_size = attr(lambda self: 0, doc="Limit of scratch memory in bytes.", until=7)

    def _total(self) -> int:
        return len(self._state.names) * len(self._state.package.profiles)

    def _batch(self) -> int:
        if not self._state.implicit:
            return 1
        profile = self._state.package.profiles[0]
        return max((high[0] for _, _, high in profile.shapes.values()), default=1)

    @spanned(until=8)
    def __len__(self) -> int:
        return self._total()

    def _bound(self, which: Any) -> tuple[Binding, int]:
        """Return a binding by number or name, and its profile; raises ApiError for another."""
        names = list(self._state.names)
        if isinstance(which, str):
            return self._state.binding(which), 0
        if not 0 <= which < self._total():
            raise ApiError(f"there is no binding {which}: there are {self._total()}", "engine")
        return self._state.names[names[which % len(names)]], which // len(names)

    @method(instead="get_tensor_name", until=8, warns=(8,))
    def get_binding_name(self, index: int) -> str | None:
        """Return the name of a binding; beyond the first profile it ends in the profile's number."""
        binding, profile = self._bound(index)
        return binding.name if not profile else f"{binding.name} [profile {profile}]"

    @method(fail=-1, instead="name of the tensor", until=8, warns=(8,))
    def get_binding_index(self, name: str) -> int:
        """Return the number of a binding, -1 for a name that there is none of."""
        base, _, rest = name.partition(" [profile ")
        names = list(self._state.names)
        if base not in names:
            return -1
        return names.index(base) + len(names) * int(rest[:-1] or 0)

    @method(instead="get_tensor_mode", until=8, warns=(8,))
    def binding_is_input(self, index: Any = None, name: Any = None) -> bool:
        """Return whether a binding, by number or name, is an input."""
        return self._bound(index if name is None else name)[0].is_input

    @method(instead="get_tensor_dtype", until=8, warns=(8,))
    def get_binding_dtype(self, index: Any = None, name: Any = None) -> DataType:
        """Return the element type of a binding, by number or name."""
        binding, _ = self._bound(index if name is None else name)
        return api_dtype(self._state.dtype(binding.name), self)  # type: ignore[no-any-return]

    @method(instead="get_tensor_shape", until=8, warns=(8,))
    def get_binding_shape(self, index: Any = None, name: Any = None) -> Dims:
        """Return the shape of a binding, by number or name, without the batch where shapes leave it out."""
        dims = self._state.dims(self._bound(index if name is None else name)[0])
        kept = dims[1:] if self._state.implicit else dims
        return dims_of([-1 if isinstance(d, Expr) else int(d) for d in kept], self)

    @method(instead="get_tensor_location", until=8, warns=(8,))
    def get_location(self, index: Any = None, name: Any = None) -> TensorLocation:
        """Return whether a binding lies in host or device memory."""
        found, _ = self._bound(index if name is None else name)
        place = "HOST" if self._state.on_host(found.name) else "DEVICE"
        return member(TensorLocation, place, dialect_of(self))  # type: ignore[no-any-return]

    @method(instead="get_tensor_profile_shape", until=8, warns=(8,))
    def get_profile_shape(self, profile_index: int, binding: Any) -> list[Dims]:
        """Return the least, best and greatest shape of a binding in a profile."""
        found, _ = self._bound(binding)
        shapes = self._state.profile(profile_index).shapes.get(found.name)
        if shapes is not None:
            return [dims_of(s, self) for s in shapes]
        dims = [-1 if isinstance(d, Expr) else int(d) for d in self._state.dims(found)]
        return [dims_of(dims, self) for _ in range(3)]

    @method(instead="get_tensor_profile_values", until=8, warns=(8,))
    def get_profile_shape_input(self, profile_index: int, binding: Any) -> list[list[int]]:
        """Return the least, best and greatest numbers of a binding that is a shape."""
        found, _ = self._bound(binding)
        return [list(v) for v in self._state.profile(profile_index).values.get(found.name, ())]

    @method(instead="get_tensor_location", until=8, warns=(8,))
    def is_shape_binding(self, binding: int) -> bool:
        """Return whether a binding is read on the host."""
        return self._state.on_host(self._bound(binding)[0].name)

    @method(instead="get_tensor_location", until=8, warns=(8,))
    def is_execution_binding(self, binding: int) -> bool:
        """Return whether a binding is read on the target."""
        return not self._state.on_host(self._bound(binding)[0].name)

    @method(instead="get_tensor_bytes_per_component", until=8, warns=(8,))
    def get_binding_bytes_per_component(self, index: int) -> int:
        """Return the bytes of an element."""
        return self._state.dtype(self._bound(index)[0].name).nbytes(1)

    @method(instead="get_tensor_components_per_element", until=8, warns=(8,))
    def get_binding_components_per_element(self, index: int) -> int:
        """Return how many scalars a vector holds."""
        return self._state.lanes(self._bound(index)[0].name)

    @method(instead="get_tensor_format", until=8, warns=(8,))
    def get_binding_format(self, index: int) -> TensorFormat:
        """Return the memory layout."""
        return member(TensorFormat, self._state.format(self._bound(index)[0].name), dialect_of(self))  # type: ignore[no-any-return]

    @method(instead="get_tensor_format_desc", until=8, warns=(8,))
    def get_binding_format_desc(self, index: int) -> str:
        """Return the memory layout in words."""
        return self._state.describe(self._bound(index)[0].name)

    @method(instead="get_tensor_vectorized_dim", until=8, warns=(8,))
    def get_binding_vectorized_dim(self, index: int) -> int:
        """Return the axis that is packed in vectors, not counting a batch that shapes leave out; -1 for none."""
        axis = self._state.vectorized(self._bound(index)[0].name)
        return axis - 1 if axis >= 0 and self._state.implicit else axis
