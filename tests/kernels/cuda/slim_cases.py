"""Products and convolutions that are bound by what they read and write, as cases: short k, few channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.ir.scalar import Body, Scalar, arg, call, cast, const
from minirt.types.dtype import DType, bf16, f16, f32
from tests.kernels.cuda.matrix_cases import MatrixCase, convolution, product


def silu(x: Scalar) -> Scalar:
    """x * sigmoid(x)."""
    return call("div", x, call("add", const(1, f32), call("exp", call("neg", x))))


def gelu(x: Scalar) -> Scalar:
    """x / 2 * (1 + erf(x / sqrt(2)))."""
    inner = call("add", const(1, f32), call("erf", call("mul", x, const(0.5**0.5, f32))))
    return call("mul", call("mul", const(0.5, f32), x), inner)


def relu(x: Scalar) -> Scalar:
    """The greater of x and 0."""
    return call("max", x, const(0, f32))


def after(dtype: DType, activation: str, extras: int) -> Body:
    """The activation of the sum and the first extra operand, then the other extra operands added."""
    x = arg(0, f32)
    if extras:
        x = call("add", x, cast(arg(1, dtype), f32))
    x = {"silu": silu, "gelu": gelu, "relu": relu}[activation](x)
    for i in range(1, extras):
        x = call("add", x, cast(arg(1 + i, dtype), f32))
    return Body((f32, *[dtype] * extras), (cast(x, dtype),))


def linear(
    name: str, dtype: DType, m: int, k: int, n: int, activation: str = "gelu", residual: bool = False
) -> MatrixCase:
    """[m, k] times constant [n, k], bias, activation."""
    extras: Sequence[Sequence[int]] = [(n,), (m, n)][: 1 + residual]
    body = after(dtype, activation, len(extras))
    return product(name, dtype, (m, k), (n, k), trans=(False, True), extras=extras, body=body, constants=(1,))


def pointwise(
    name: str, dtype: DType, images: int, channels: int, side: int, outs: int, activation: str = "silu",
    residual: bool = False,
) -> MatrixCase:  # fmt: skip
    """A 1x1 convolution, channels last."""
    extras: Sequence[Sequence[int]] = [(outs, 1, 1), (images, outs, side, side)][: 1 + residual]
    body = after(dtype, activation, len(extras))
    shape = (images, channels, side, side)
    return convolution(name, dtype, shape, (outs, channels, 1, 1), extras=extras, body=body)


def stem(
    name: str, dtype: DType, x: Sequence[int], w: Sequence[int], stride: int, pad: int, activation: str = "relu",
    planar: bool = True, **more: Any,
) -> MatrixCase:  # fmt: skip
    """A first convolution: its image by planes or channels last, its result channels last."""
    body = after(dtype, activation, 1)
    return convolution(
        name, dtype, x, w, stride=stride, pad=pad, planar=planar, extras=[(w[0], 1, 1)], body=body,
        layout=(0, 2, 3, 1), **more,
    )  # fmt: skip


def slim_cases() -> list[MatrixCase]:
    """Every remainder of k, rows and columns that do not fill tiles, residuals, b in each layout, a batch."""
    sizes = ((8, 24), (16, 96), (24, 144), (32, 40), (40, 240), (48, 8), (56, 33), (72, 64), (96, 384), (112, 32))
    found = [linear(f"k{k}", f16, 4096 + 5 * i, k, n) for i, (k, n) in enumerate((*sizes, (128, 512)))]
    return found + [
        linear("bf16", bf16, 4111, 96, 96), linear("residual", f16, 4100, 64, 256, "relu", True),
        linear("deep", f16, 4133, 192, 200), linear("deeper", bf16, 4096, 240, 40, "silu"),
        linear("deepest", f16, 4099, 256, 768, "silu", True),
        product("by-n", f16, (4103, 40), (40, 72), extras=[(72,)], constants=(1,)),
        product("variable-by-n", f16, (4103, 40), (40, 72), extras=[(72,)]),
        product("variable-odd", f16, (4103, 40), (40, 71), extras=[(71,)]),
        product("batch", f16, (3, 1400, 24), (3, 24, 40), extras=[(40,)]),
        pointwise("point16", f16, 2, 16, 47, 96), pointwise("point24", f16, 3, 24, 41, 144),
        pointwise("point64", bf16, 2, 64, 53, 256, "relu", True), pointwise("point144", f16, 2, 144, 46, 24, "relu"),
    ]  # fmt: skip


def stem_cases() -> list[MatrixCase]:
    """Taps and strides of networks' first layers, by planes and channels last, with edges that no tile divides."""
    return [
        stem("7x7", f16, (2, 3, 70, 61), (64, 3, 7, 7), 2, 3),
        stem("3x3", f16, (3, 3, 45, 62), (32, 3, 3, 3), 2, 1, "silu"),
        stem("3x3-last", bf16, (2, 3, 45, 62), (24, 3, 3, 3), 2, 1, "relu", False),
        stem("4x4", f16, (2, 3, 64, 68), (96, 3, 4, 4), 4, 0, "gelu"),
        stem("5x5", f16, (2, 2, 33, 41), (20, 2, 5, 5), 1, 2),
        stem("3x3-one", f16, (2, 4, 33, 41), (33, 4, 3, 3), 1, 1),
        stem("11x11", f16, (2, 3, 60, 60), (40, 3, 1, 11), 3, 2),
        stem("symbolic", f16, (5, 3, 39, 43), (64, 3, 7, 7), 2, 3, names={5: "B", 39: "H", 43: "W"}),
    ]  # fmt: skip
