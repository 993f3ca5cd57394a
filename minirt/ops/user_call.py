"""A call of a user's plugin: what the graph knows of it, and the hook by which the API runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from minirt.errors import ApiError, MinirtError
from minirt.ir.op import DataDependent, Value
from minirt.types.dim import Dim, Expr, symbol
from minirt.types.dtype import DTYPES, Array, DType
from minirt.types.evaluate import substitute
from minirt.types.tensor import Tensor, Type


class TypesRefused(ApiError):
    """A plugin takes its operands in other element types only."""


@dataclass(frozen=True)
class Row:
    """A dense, row-major tensor of a running plugin: its address on the target, element type and shape."""

    address: int
    dtype: DType
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Range:
    """A tensor of a plugin while an engine is built: its type, and the least, usual and greatest shape."""

    type: Tensor
    low: tuple[int, ...]
    usual: tuple[int, ...]
    high: tuple[int, ...]


@dataclass(frozen=True)
class Needs:
    """What a plugin asks for: bytes of scratch memory; and the tactics that it can run with, 0 where it names none."""

    workspace: int = 0
    tactics: tuple[int, ...] = ()

    @property
    def tactic(self) -> int:
        """The first tactic."""
        return self.tactics[0] if self.tactics else 0


@dataclass(frozen=True)
class Ahead:
    """A plugin's kernel, compiled while the engine is built: PTX or machine code, and its launch.

    Its parameters are the addresses of the inputs, ``extras`` as 32-bit integers, and the addresses of the outputs.
    """

    image: bytes
    entry: str
    grid: tuple[Dim, Dim, Dim]
    block: tuple[int, int, int]
    shared: int = 0
    extras: tuple[Dim, ...] = ()


class Runner(Protocol):
    """A plugin attached to one executor."""

    @property
    def capturable(self) -> bool:
        """True where the plugin says that its launches may be kept and replayed without calling it again."""
        ...

    def enqueue(self, inputs: Sequence[Row], outputs: Sequence[Row], workspace: int, stream: int) -> None:
        """Put the plugin's work on the stream; raises MinirtError where it fails."""
        ...


class Plugins(Protocol):
    """Who finds plugins: the API."""

    def find(self, call: UserCall) -> None:
        """Raise MinirtError where nobody can make the plugin."""
        ...

    def configure(self, call: UserCall, inputs: Sequence[Range], outputs: Sequence[Range], on_device: bool) -> Needs:
        """Tell a plugin what it is built for, and return what it asks for."""
        ...

    def ahead(self, call: UserCall, inputs: Sequence[Range], outputs: Sequence[Range]) -> Ahead | None:
        """Return the kernel that stands for the plugin on a CUDA device, None for one that is called each time."""
        ...

    def attach(self, call: UserCall, tactic: int, on_device: bool, resources: Any = None) -> Runner:
        """Return a plugin for one executor, on addresses of the device or of the host.

        ``resources`` are what the executor's owner has for plugins.
        """
        ...


def size_symbol(output: int) -> Dim:
    """Return the dim whose size a plugin writes into one of its outputs."""
    return symbol(f"user_size_{output}")


class UserCall(DataDependent):
    """A user's plugin: found again by name, version and namespace, and by the fields that it serialized.

    ``generation`` is "V2", "V3" or "QUICK"; ``regular`` is how many operands the plugin reads as data, the others being
    shapes; ``types`` are its results', in which ``size_symbol(i)`` stands for the number in result i; ``uppers`` bounds
    those. ``aliases`` are outputs that share the memory of an input: places of both.
    """

    dtypes = tuple(DTYPES.values())
    pure = False

    generation: str
    plugin: str
    plugin_version: str
    namespace: str
    serialized: tuple[tuple[str, str, str], ...]
    regular: int
    types: tuple[Tensor, ...]
    uppers: tuple[tuple[int, Dim], ...] = ()
    aliases: tuple[tuple[int, int], ...] = ()

    def unknowns(self, *inputs: Value) -> int:
        """Return how many dims only the plugin tells."""
        return len(self.uppers)

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """Return the types that the plugin told."""
        sizes = {str(size_symbol(i)): symbol(name) for (i, _), name in zip(self.uppers, self.dims, strict=True)}
        return tuple(t.with_shape(tuple(substitute(d, sizes) for d in t.shape)) for t in self.types)

    @property
    def room(self) -> tuple[Tensor, ...]:
        """The results' types as large as they may be: what memory they are given."""
        most = {str(size_symbol(i)): upper for i, upper in self.uppers}
        return tuple(t.with_shape(tuple(substitute(d, most) for d in t.shape)) for t in self.types)

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """Return the results of the plugin, in memory as large as they may be, cut to the sizes that it wrote."""
        held = [np.array(a, order="C") for a in arrays[: self.regular]]
        shapes = [tuple(_known(d, self.plugin) for d in t.shape) for t in self.room]
        results = [np.zeros(shape, t.dtype.numpy) for t, shape in zip(self.types, shapes, strict=True)]
        for number, source in self.aliases:
            results[number] = held[source]
        inputs = [_host_row(a, t) for a, t in zip(held, types, strict=False) if isinstance(t, Tensor)]
        outputs = [_host_row(a, t) for a, t in zip(results, self.types, strict=True)]
        ranges = [[_fixed(r) for r in rows] for rows in (inputs, outputs)]
        needs = plugins(self).configure(self, ranges[0], ranges[1], False)
        work = np.empty(needs.workspace, np.uint8)
        plugins(self).attach(self, needs.tactic, False).enqueue(inputs, outputs, int(work.ctypes.data), 0)
        written: dict[str, Dim] = {str(size_symbol(i)): int(results[i].reshape(-1)[0]) for i, _ in self.uppers}
        return tuple(_cut(r, t, written, self.plugin) for r, t in zip(results, self.types, strict=True))


def _known(dim: Dim, plugin: str) -> int:
    if isinstance(dim, Expr):
        raise MinirtError(f"the size {dim} of its results is not known", plugin)
    return int(dim)


def _host_row(array: Array, type: Tensor) -> Row:
    return Row(int(array.ctypes.data), type.dtype, array.shape)


def _fixed(row: Row) -> Range:
    return Range(Tensor(row.dtype, row.shape), row.shape, row.shape, row.shape)


def _cut(array: Array, type: Tensor, sizes: dict[str, Dim], plugin: str) -> Array:
    """Return the first elements of a result, as many as its sizes say, in its shape."""
    shape = tuple(_known(substitute(d, sizes), plugin) for d in type.shape)
    return array.reshape(-1)[: int(np.prod(shape, dtype=np.int64))].reshape(shape)


_plugins: list[Plugins] = []


def plugins(call: UserCall) -> Plugins:
    """Return who finds plugins; raises MinirtError where the API was not imported."""
    if not _plugins:
        raise MinirtError("plugins run through the API only", f"plugin '{call.plugin}'", "import minirt")
    return _plugins[0]


def install(found: Plugins) -> None:
    """Set who finds plugins."""
    _plugins[:] = [found]
