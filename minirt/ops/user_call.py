"""A call of a user's plugin: what the graph knows of it, and the hook by which the API runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import DataDependent, Value
from minirt.types.dim import Dim, Expr, symbol
from minirt.types.dtype import DTYPES, Array
from minirt.types.evaluate import substitute
from minirt.types.tensor import Tensor, Type

Shaped = tuple[Any, tuple[int, ...]]


def size_symbol(output: int) -> Dim:
    """Return the dim whose size a plugin writes into one of its outputs."""
    return symbol(f"user_size_{output}")


class UserCall(DataDependent):
    """A user's plugin: found again by name, version and namespace, and by the fields that it serialized.

    ``generation`` is "V2" or "V3"; ``regular`` is how many operands the plugin reads as data, the others being shapes;
    ``types`` are its results', in which ``size_symbol(i)`` stands for the number in result i; ``uppers`` bounds those.
    ``aliases`` are outputs that share the memory of an input: places of both.
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

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """Return the results of the plugin, in memory as large as they may be, cut to the sizes that it wrote."""
        if not _runner:
            raise MinirtError("plugins run through the API only", self.plugin)
        most = {str(size_symbol(i)): upper for i, upper in self.uppers}
        shapes = [tuple(_known(substitute(d, most), self.plugin) for d in t.shape) for t in self.types]
        wanted = [(t.dtype, shape) for t, shape in zip(self.types, shapes, strict=True)]
        dense = [np.ascontiguousarray(a).reshape(np.shape(a)) for a in arrays]
        results = _runner[0](self, dense, wanted)
        if not self.uppers:
            return tuple(results)
        written: dict[str, Dim] = {str(size_symbol(i)): int(results[i].reshape(-1)[0]) for i, _ in self.uppers}
        return tuple(_cut(r, t, written) for r, t in zip(results, self.types, strict=True))


def _known(dim: Dim, plugin: str) -> int:
    if isinstance(dim, Expr):
        raise MinirtError(f"the size {dim} of its results is not known", plugin)
    return int(dim)


def _cut(array: Array, type: Tensor, sizes: dict[str, Dim]) -> Array:
    """Return the first elements of a result, as many as its sizes say, in its shape."""
    shape = tuple(_known(substitute(d, sizes), "plugin") for d in type.shape)
    return array.reshape(-1)[: int(np.prod(shape, dtype=np.int64))].reshape(shape)


Runner = Callable[[UserCall, Sequence[Array], Sequence[Shaped]], Sequence[Array]]
_runner: list[Runner] = []


def install(runner: Runner) -> None:
    """Set what runs plugins: it takes the call, contiguous operands, and element type and shape of each result."""
    _runner[:] = [runner]
