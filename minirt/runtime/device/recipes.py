"""What of a plan's launch is the same for all sizes, worked out once, so that a bind only fills in the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from minirt.plan.launch import Address, Launch, Real, TensorMap
from minirt.runtime.device.arguments import Kind
from minirt.runtime.device.launches import PackedLaunch
from minirt.runtime.device.modules import Kernel
from minirt.runtime.device.tensor_maps import Im2colMap, TiledMap
from minirt.types.dim import Dim, Expr
from minirt.types.evaluate import Evaluator

Integers = Callable[[Dim], int]
Addresses = Callable[[int], int]


class Numbers(dict[Dim, int]):
    """Dims as integers, each worked out once: a hit costs no call of Python."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self._integer = Evaluator(sizes).integer

    def __missing__(self, dim: Dim) -> int:
        found = self[dim] = self._integer(dim)
        return found


@dataclass(frozen=True)
class Recipe:
    """A launch's arguments: those that are known, and where those go that sizes and addresses tell.

    ``buffers`` are the plan's buffers that arguments point into: (argument, buffer, bytes beyond its start).
    """

    launch: Launch
    kernel: Kernel
    kinds: tuple[Kind, ...]
    known: tuple[object, ...]
    sizes: tuple[tuple[int, Expr], ...]
    buffers: tuple[tuple[int, int, Dim], ...]
    maps: tuple[tuple[int, TensorMap], ...]

    def grid(self, integer: Integers) -> tuple[int, int, int]:
        """The grid for the sizes."""
        x, y, z = self.launch.grid
        return integer(x), integer(y), integer(z)

    def packed(
        self, grid: tuple[int, int, int], integer: Integers, address: Addresses, *, programmatic: bool
    ) -> PackedLaunch:
        """The launch for these sizes and addresses; raises DeviceError for what the device does not take."""
        values = list(self.known)
        for index, size in self.sizes:
            values[index] = integer(size)
        for index, buffer, offset in self.buffers:
            values[index] = address(buffer) + (offset if type(offset) is int else integer(offset))
        for index, made in self.maps:
            values[index] = _tensor_map(made, integer), values[index]
        launch = self.launch
        return PackedLaunch(
            self.kernel, grid, launch.block, self.kinds, values, cluster=launch.cluster, programmatic=programmatic
        )


def recipe_of(launch: Launch, kernel: Kernel) -> Recipe:
    """The recipe of a launch."""
    kinds: list[Kind] = []
    known: list[object] = []
    sizes: list[tuple[int, Expr]] = []
    buffers: list[tuple[int, int, Dim]] = []
    maps: list[tuple[int, TensorMap]] = []
    integer = Evaluator({}).integer
    for number, arg in enumerate(launch.args):
        known.append(0)
        if isinstance(arg, Address):
            kinds.append("ptr")
            buffers.append((number, arg.index, arg.offset))
        elif isinstance(arg, TensorMap):
            kinds.append("map")
            buffers.append((number, arg.address.index, arg.address.offset))
            maps.append((number, arg))
        elif isinstance(arg, Real):
            kinds.append("f64" if arg.bits == 64 else "f32")
            known[-1] = float(arg.value)
        else:
            kinds.append("i64" if arg.bits == 64 else "i32")
            if isinstance(arg.value, Expr):
                sizes.append((number, arg.value))
            else:
                known[-1] = integer(arg.value)
    return Recipe(launch, kernel, tuple(kinds), tuple(known), tuple(sizes), tuple(buffers), tuple(maps))


def _tensor_map(arg: TensorMap, integer: Integers) -> TiledMap | Im2colMap:
    dims, strides = tuple(map(integer, arg.dims)), tuple(map(integer, arg.strides))
    if arg.channels:
        return Im2colMap(
            arg.dtype, dims, strides, arg.lower, arg.upper, arg.channels, arg.pixels, arg.element_strides, arg.swizzle
        )
    return TiledMap(arg.dtype, dims, strides, arg.box, arg.element_strides, arg.swizzle)
