"""Products and convolutions as cases for the CUDA kernels: layouts, alignments, epilogues, constants, groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minirt.ir.scalar import Body, arg, call, cast, const, index
from minirt.kernels.kernel import Operand, Order, Problem, Target
from minirt.ops.convolution import Conv, ConvTranspose
from minirt.ops.epilogue import accumulator
from minirt.ops.gemm import Gemm
from minirt.plan.launch import Arg, TensorMap
from minirt.runtime import device as dev
from minirt.types.dtype import DType, bf16, dtype_of, f16, f32, i32
from minirt.types.tensor import Tensor
from tests.kernels.cuda.execution import Case, Runner

Array = np.ndarray[Any, Any]
Orders = tuple[Sequence[Order | None], Sequence[Order | None]]
FEW = {"f16": 2e-3, "bf16": 1.6e-2, "f32": 1e-5, "f64": 1e-12}
TF32 = 2e-3


@dataclass
class MatrixCase(Case):
    """A case whose operands in ``constants`` are weights, with TF32 or not, and a result laid out as asked."""

    constants: tuple[int, ...] = ()
    tf32: bool = True
    layout: tuple[int, ...] | None = None
    known: list[Array] = field(default_factory=list)

    def problem(self, target: Target, orders: Orders | None = None) -> Problem:
        """The problem."""
        found = super().problem(target, orders)
        inputs = tuple(replace(o, constant=i in self.constants) for i, o in enumerate(found.inputs))
        outputs = found.outputs
        if self.layout is not None:
            placed = Tensor(outputs[0].type.dtype, outputs[0].shape, self.layout)
            outputs = (Operand(placed, placed.strides),)
        return replace(found, inputs=inputs, outputs=outputs, tf32=self.tf32)

    def expected(self) -> list[Array]:
        """The reference's results, worked out once."""
        if not self.known:
            self.known = super().expected()
        return self.known

    def allows(self, kernel: str) -> float:
        """The error allowed, in units of the result's scale."""
        dtype = str(self.arrays[0].dtype)
        if dtype == "float32" and self.tf32 and kernel not in ("GemmSimt", "ConvSimt", "ConvDepthwise", "GemmVector"):
            return TF32
        return {"float16": 2e-3, "bfloat16": 1.6e-2, "float32": 1e-5, "float64": 1e-12}.get(dtype, 0.0)


class MatrixRunner(Runner):
    """A runner that also encodes tensor maps."""

    def _argument(self, arg: Arg) -> tuple[dev.Kind, object]:
        if not isinstance(arg, TensorMap):
            return super()._argument(arg)
        dims, pitches = tuple(map(self.number, arg.dims)), tuple(map(self.number, arg.strides))
        steps = tuple(self.number(s) for s in arg.element_strides)
        made: Any
        if arg.channels:
            made = dev.Im2colMap(
                arg.dtype, dims, pitches, arg.lower, arg.upper, arg.channels, arg.pixels, steps, arg.swizzle
            )
        else:
            made = dev.TiledMap(arg.dtype, dims, pitches, arg.box, steps, arg.swizzle)
        return "map", (made, self._address(arg.address))


def numbers(rng: np.random.Generator, shape: Sequence[int], dtype: DType, scale: float = 1.0) -> Array:
    """Standard normal numbers, or small whole ones."""
    if dtype.is_integer:
        return rng.integers(-5 if dtype.kind == "i" else 0, 6, tuple(shape)).astype(dtype.numpy)
    return (rng.standard_normal(tuple(shape)) * scale).astype(dtype.numpy)


def epilogue(dtype: DType, extras: Sequence[DType]) -> Body:
    """relu of the sum and the extra operands."""
    total = arg(0, accumulator(dtype))
    for i, extra in enumerate(extras):
        total = call("add", total, cast(arg(1 + i, extra), total.dtype))
    return Body((accumulator(dtype), *extras), (cast(call("max", total, const(0, total.dtype)), dtype),))


def coordinates(dtype: DType, axes: Sequence[int]) -> Body:
    """The sum plus a number made of the coordinates along some axes."""
    total = arg(0, accumulator(dtype))
    for i, axis in enumerate(axes):
        total = call("add", total, call("mul", cast(index(axis), total.dtype), const(0.25 / 4**i, total.dtype)))
    return Body((accumulator(dtype),), (cast(total, dtype),))


def stored(array: Array, order: Sequence[int]) -> Array:
    """The same logical array, laid out in this order of axes."""
    held = np.ascontiguousarray(array.transpose(order))
    found: Array = held.transpose(np.argsort(order))
    return found


def product(
    name: str, dtype: DType, a: Sequence[int], b: Sequence[int], *, trans: tuple[bool, bool] = (False, False),
    extras: Sequence[Sequence[int]] = (), body: Body | None = None, a_order: Sequence[int] = (), **more: Any,
) -> MatrixCase:  # fmt: skip
    """A product of a and b of these shapes, with relu(sum + extras)."""
    rng = np.random.default_rng(len(name))
    k = a[-2] if trans[0] else a[-1]
    arrays = [numbers(rng, a, dtype), numbers(rng, b, dtype, 1 / math.sqrt(max(k, 1)))]
    if a_order:
        arrays[0] = stored(arrays[0], a_order)
    arrays += [numbers(rng, e, dtype) for e in extras]
    made = body or (epilogue(dtype, [dtype] * len(extras)) if extras else None)
    return MatrixCase(f"{name}-{dtype}", Gemm(*trans, epilogue=made), arrays, **more)


def products(dtype: DType) -> list[MatrixCase]:
    """Products of one type."""
    p, few = product, [(1, 136), (200, 136)]
    cases = [
        p("plain", dtype, (200, 160), (160, 136), extras=few),
        p("linear", dtype, (2, 50, 160), (160, 136), extras=[(136,), (2, 50, 136)], constants=(1,)),
        p("linear-t", dtype, (2, 50, 160), (136, 160), trans=(False, True), extras=[(136,)], constants=(1,)),
        p("a-transposed", dtype, (160, 200), (160, 136), trans=(True, False)),
        p("heads", dtype, (2, 3, 72, 64), (2, 3, 64, 80), extras=[(2, 1, 1, 80)], a_order=(0, 2, 1, 3)),
        p(
            "heads-t",
            dtype,
            (2, 3, 72, 64),
            (2, 3, 80, 64),
            trans=(False, True),
            body=coordinates(dtype, (-4, -3, -2, -1)),
        ),
        p("odd", dtype, (3, 33, 35), (35, 77), extras=[(33, 1), (77,)]),
        p("odd-constant", dtype, (33, 40), (40, 77), extras=[(77,)], constants=(1,)),
        p("one-k", dtype, (3, 1), (77, 1), trans=(False, True), extras=[(77,)], constants=(1,)),
        p("one-k-by-n", dtype, (3, 1), (1, 77), constants=(1,)),
        p("few-rows", dtype, (3, 512), (512, 200), extras=[(200,)], constants=(1,)),
        p("more-rows", dtype, (13, 1024), (1024, 200), extras=[(200,)], constants=(1,)),
        p("rows-in-turns", dtype, (29, 1024), (1024, 200), extras=[(200,)], constants=(1,)),
        p("rows-in-turns-odd", dtype, (32, 10), (10, 96), constants=(1,)),
        p("more-rows-by-n", dtype, (16, 96), (96, 64), extras=[(64,)]),
        p("few-rows-odd", dtype, (2, 1, 77), (77, 99), extras=[(99,)]),
        p("one-row", dtype, (1, 512), (200, 512), trans=(False, True), extras=[(200,)]),
        p("deep", dtype, (64, 4096), (4096, 64), extras=[(64,)]),
        p("rows-of-three", dtype, (2, 3, 20, 32), (32, 48), extras=[(2, 1, 20, 48), (3, 1, 1)]),
        p("symbolic", dtype, (5, 37, 64), (64, 96), extras=[(96,)], constants=(1,), names={37: "S", 5: "B"}),
    ]
    return cases


def convolution(
    name: str, dtype: DType, x: Sequence[int], w: Sequence[int], *, stride: int = 1, pad: int = 0, dilation: int = 1,
    groups: int = 1, transposed: bool = False, planar: bool = False, extras: Sequence[Sequence[int]] = (),
    body: Body | None = None, weights: bool = True, **more: Any,
) -> MatrixCase:  # fmt: skip
    """A convolution, channels last unless ``planar``; ``weights``: they are a constant."""
    rng = np.random.default_rng(len(name))
    rank = len(x) - 2
    last = (0, *range(2, rank + 2), 1)
    depth = math.prod(w[2:]) * (w[0] // groups if transposed else w[1])
    image, kernel = numbers(rng, x, dtype), numbers(rng, w, dtype, 1 / math.sqrt(depth))
    if not planar:
        image = stored(image, last)
    if not weights:
        kernel = stored(kernel, (1, *range(2, rank + 2), 0) if transposed else last)
    made = body or (epilogue(dtype, [dtype] * len(extras)) if extras else None)
    rest = [numbers(rng, e, dtype) for e in extras]
    rest = [stored(e, last) if e.ndim == rank + 2 and not planar else e for e in rest]
    pads, strides, dilations = (pad,) * (2 * rank), (stride,) * rank, (dilation,) * rank
    op: Any = Conv(strides, pads, dilations, groups, made)
    if transposed:
        op = ConvTranspose(strides, pads, (0,) * rank, dilations, groups, made)
    return MatrixCase(f"{name}-{dtype}", op, [image, kernel, *rest], constants=(1,) if weights else (), **more)


def convolutions(dtype: DType) -> list[MatrixCase]:
    """Convolutions of one type."""
    c = convolution
    return [
        c("3x3", dtype, (2, 64, 14, 15), (72, 64, 3, 3), pad=1, extras=[(72, 1, 1), (2, 72, 14, 15)]),
        c("1x1-stride", dtype, (2, 72, 14, 15), (40, 72, 1, 1), stride=2, extras=[(40, 1, 1)]),
        c("5x3-dilated", dtype, (2, 40, 17, 15), (64, 40, 5, 3), pad=2, dilation=2, extras=[(64, 1, 1)]),
        c("broadcasts", dtype, (2, 32, 9, 9), (48, 32, 3, 3), extras=[(2, 48, 1, 1), (1, 1, 7, 7)]),
        c("coordinates", dtype, (2, 32, 9, 9), (48, 32, 3, 3), body=coordinates(dtype, (-4, -3, -2, -1))),
        c(
            "stem",
            dtype,
            (2, 3, 33, 31),
            (64, 3, 7, 7),
            stride=2,
            pad=3,
            planar=True,
            extras=[(64, 1, 1)],
            layout=(0, 2, 3, 1),
        ),
        c("odd", dtype, (2, 5, 9, 11), (21, 5, 3, 3), pad=1, extras=[(21, 1, 1)]),
        c("planar-out", dtype, (2, 64, 9, 11), (3, 64, 1, 1), extras=[(3, 1, 1)], layout=()),
        c("groups", dtype, (2, 64, 9, 11), (96, 16, 3, 3), pad=1, groups=4, extras=[(96, 1, 1)]),
        c("groups-odd", dtype, (2, 12, 9, 11), (20, 3, 3, 3), pad=1, groups=4, extras=[(20, 1, 1), (2, 20, 9, 11)]),
        c("depthwise", dtype, (2, 40, 14, 15), (40, 1, 3, 3), pad=1, groups=40, extras=[(40, 1, 1)]),
        c("depthwise-stride", dtype, (2, 40, 14, 15), (40, 1, 5, 5), stride=2, pad=2, groups=40),
        c("depthwise-odd", dtype, (2, 13, 14, 15), (13, 1, 3, 3), pad=1, groups=13, extras=[(13, 1, 1)]),
        c("up", dtype, (2, 32, 9, 11), (32, 48, 2, 2), stride=2, transposed=True, extras=[(48, 1, 1)]),
        c("up-odd", dtype, (2, 6, 9, 11), (6, 7, 4, 4), stride=2, pad=1, groups=2, transposed=True),
        c("line", dtype, (2, 32, 50), (48, 32, 5), stride=2, pad=2, extras=[(48, 1)]),
        c("line-narrow", dtype, (2, 3, 50), (16, 3, 5), pad=2, planar=True, extras=[(16, 1)], layout=(0, 2, 1)),
        c("one-pixel", dtype, (3, 64, 1, 1), (32, 64, 1, 1), extras=[(32, 1, 1)]),
        c("variable", dtype, (2, 16, 9, 11), (24, 16, 3, 3), pad=1, weights=False),
        c(
            "symbolic",
            dtype,
            (5, 16, 19, 23),
            (24, 16, 3, 3),
            pad=1,
            extras=[(24, 1, 1)],
            names={5: "B", 19: "H", 23: "W"},
        ),
        c("deep", dtype, (1, 256, 7, 7), (64, 256, 3, 3), pad=1, extras=[(64, 1, 1)]),
    ]


_SOME = ("plain", "linear", "heads-t", "odd", "few-rows", "3x3", "stem", "groups-odd", "depthwise", "up", "line")
_EXACT = (
    *_SOME, "one-k", "a-transposed", "heads", "odd-constant", "1x1-stride", "up-odd", "deep", "symbolic", "variable",
)  # fmt: skip
_WIDE = ("plain", "odd", "heads", "3x3", "up", "groups")


def _named(cases: Sequence[MatrixCase], names: Sequence[str]) -> list[MatrixCase]:
    return [case for case in cases if case.name.rsplit("-", 1)[0] in names]


def _sums(dtype: DType) -> list[MatrixCase]:
    """Products of centred bytes: sums of int32 as they are, and scaled to float32."""
    sums = Body((i32,), (arg(0, i32),))
    scaled = Body((i32,), (call("mul", cast(arg(0, i32), f32), const(0.25, f32)),))
    found = [
        product("sums", dtype, (20, 301), (301, 40), body=sums, constants=(1,)),
        product("sums-scaled", dtype, (3, 1, 65), (65, 33), body=scaled),
        convolution("sums", dtype, (2, 5, 9, 9), (4, 5, 3, 3), pad=1, body=sums),
        convolution("sums-scaled", dtype, (2, 6, 9, 9), (4, 3, 3, 3), stride=2, groups=2, body=scaled),
    ]
    for case in found:  # whole numbers at both ends of what bytes less a zero point can be
        case.arrays = [np.where(a < 0, -255, 255 - a).astype(a.dtype) for a in case.arrays]
    return found


def cases() -> list[MatrixCase]:
    """All shapes in f16, and those that differ in kind in the other types."""
    f64, i64 = dtype_of("f64"), dtype_of("i64")
    found = [*products(f16), *convolutions(f16)]
    found += _named([*products(bf16), *convolutions(bf16)], _SOME)
    found += _named([*products(f32), *convolutions(f32)], _SOME)
    exact = _named([*products(f32), *convolutions(f32)], _EXACT)
    found += [replace(case, name=f"{case.name}-exact", tf32=False) for case in exact]
    found += _named([*products(f64), *convolutions(f64)], _WIDE)
    found += [
        product("bytes", dtype_of("i8"), (20, 30), (30, 40)),
        convolution("bytes", dtype_of("u8"), (2, 5, 9, 9), (4, 5, 3, 3)),
    ]
    found += _sums(dtype_of("i16"))
    return [*found, product("whole", i64, (20, 30), (30, 40), extras=[(40,)])]
