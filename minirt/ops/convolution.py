"""Convolutions and transposed convolutions over any number of spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply, same_dim
from minirt.ir.scalar import Body, arg, call, cast
from minirt.ops.convolution_axes import convolved, spread
from minirt.ops.epilogue import Accumulates, accumulator
from minirt.ops.fold import folded
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.ops.movement import Reshape
from minirt.ops.window import extent, padded, padding, spatial, split_padding, window_count, windows
from minirt.types.dim import Dim, maximum, product
from minirt.types.dtype import Array
from minirt.types.tensor import Tensor, Type


class Conv(Accumulates):
    """x [N, C, spatial...] convolved with w [O, C / groups, kernel...]; pads are begins, then ends."""

    strides: tuple[int, ...]
    pads: tuple[Dim, ...]
    dilations: tuple[int, ...]
    groups: int = 1
    epilogue: Body | None = None

    def _epilogue(self) -> Body | None:
        return self.epilogue

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[N, O, out...]."""
        x, w = inputs[0].shape, inputs[1].shape
        rank = _spatial_rank(x, w, self.strides)
        same_dim(x[1], w[1] * self.groups, "channels of the input and of the weights (times groups)")
        if isinstance(w[0], int) and w[0] % self.groups:
            raise MinirtError(f"{w[0]} output channels do not split into {self.groups} groups")
        ends = zip(self.pads[:rank], self.pads[rank:], strict=True)
        sizes = zip(x[2:], w[2:], self.strides, ends, self.dilations, strict=True)
        return self.finish((x[0], w[0], *(window_count(*s) for s in sizes)), inputs)

    def decompose(self, *inputs: Value) -> Value | None:
        """Three spatial axes or more = one less, with more channels."""
        result, *_ = self.infer(*inputs)
        assert isinstance(result, Tensor)
        return convolved(self, result.shape, inputs)

    def flops(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Dim:
        """Two for each tap and channel of each sum."""
        return outputs[0].size * 2 * product(inputs[1].shape[1:])

    def reference(self, *arrays: Any) -> Any:
        """The sums of products, one image at a time."""
        x, w = arrays
        g, rank = self.groups, x.ndim - 2
        x = padded(x, [int(p) for p in self.pads], 0)  # type: ignore[arg-type]
        view = windows(x, w.shape[2:], self.strides, self.dilations)
        out_sizes = view.shape[2 : 2 + rank]
        out = np.empty((x.shape[0], w.shape[0], *out_sizes), dtype=x.dtype)
        if w.shape[1] == 1 and g > 1:
            return _depthwise(view, w, out)
        matrix = w.reshape(g, w.shape[0] // g, -1)
        order = (0, *range(1 + rank, 1 + 2 * rank), *range(1, 1 + rank))
        for image, place in zip(view, out, strict=True):
            columns = image.transpose(order).reshape(g, matrix.shape[2], -1)
            place[...] = np.matmul(matrix, columns).reshape(place.shape)
        return out


def _spatial_rank(x: Sequence[Dim], w: Sequence[Dim], strides: Sequence[int]) -> int:
    rank = len(x) - 2
    if rank < 1 or len(w) != rank + 2:
        raise MinirtError(f"input of rank {len(x)} and weights of rank {len(w)} do not convolve")
    if len(strides) != rank:
        raise MinirtError(f"{len(strides)} strides for {rank} spatial axes")
    return rank


def _depthwise(view: Array, w: Array, out: Array) -> Array:
    rank, each = (view.ndim - 2) // 2, w.shape[0] // view.shape[1]
    out[...] = 0
    for tap in np.ndindex(w.shape[2:]):
        picked = view[(Ellipsis, *tap)]
        weights = w[(slice(None), 0, *tap)].reshape(-1, *[1] * rank)
        out += (np.repeat(picked, each, axis=1) if each > 1 else picked) * weights
    return out


class ConvTranspose(Accumulates):
    """The gradient of Conv: x [N, C, spatial...] spread by w [C, O / groups, kernel...]; pads are cut."""

    strides: tuple[int, ...]
    pads: tuple[Dim, ...]
    output_padding: tuple[Dim, ...]
    dilations: tuple[int, ...]
    groups: int = 1
    epilogue: Body | None = None

    def _epilogue(self) -> Body | None:
        return self.epilogue

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[N, O, (size - 1) * stride + extent + output_padding - pads]."""
        x, w = inputs[0].shape, inputs[1].shape
        rank = _spatial_rank(x, w, self.strides)
        same_dim(x[1], w[0], "channels of the input and of the weights")
        out = [
            (n - 1) * s + extent(k, d) + o - b - e
            for n, k, s, d, o, b, e in zip(
                x[2:], w[2:], self.strides, self.dilations, self.output_padding, self.pads[:rank], self.pads[rank:],
                strict=True,
            )
        ]  # fmt: skip
        return self.finish((x[0], w[1] * self.groups, *out), inputs)

    def decompose(self, *inputs: Value) -> Value | None:
        """Three spatial axes or more = one less; a product and a fold where the weights are not known."""
        (result,) = self.infer(*inputs)
        assert isinstance(result, Tensor)
        if len(self.strides) > 2:
            return spread(self, result.shape, inputs, self.output_padding)
        return folded(self, result.shape, inputs)

    def flops(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Dim:
        """Two for each tap and result channel of each number spread."""
        return inputs[0].size * 2 * product(inputs[1].shape[1:])

    def reference(self, *arrays: Any) -> Any:
        """Each tap's products, added where they fall."""
        x, w = arrays
        g, n, each = self.groups, x.shape[0], w.shape[1]
        matrix = w.reshape(g, w.shape[0] // g, -1).transpose(0, 2, 1)
        columns = np.matmul(matrix, x.reshape(n, g, x.shape[1] // g, -1))
        columns = columns.reshape(n, g * each, *w.shape[2:], *x.shape[2:])
        sizes = zip(x.shape[2:], w.shape[2:], self.strides, self.dilations, self.output_padding, strict=True)
        full = [(size - 1) * s + (k - 1) * d + 1 + max(0, int(o)) for size, k, s, d, o in sizes]  # type: ignore[arg-type]
        out = np.zeros((n, g * each, *full), dtype=x.dtype)
        for tap in np.ndindex(w.shape[2:]):
            steps = zip(tap, self.dilations, self.strides, x.shape[2:], strict=True)
            place = tuple(slice(t * d, t * d + (size - 1) * s + 1, s) for t, d, s, size in steps)
            out[(slice(None), slice(None), *place)] += columns[(slice(None), slice(None), *tap)]
        return padded(out, [-int(p) for p in self.pads], 0)  # type: ignore[arg-type]


def with_bias(x: Value, bias: Value | None) -> tuple[Body | None, tuple[Value, ...]]:
    """An epilogue that adds bias [O] to each channel of a convolution of x, and its operand; nothing without a bias."""
    if bias is None:
        return None, ()
    total = accumulator(x.dtype)
    added = call("add", arg(0, total), cast(arg(1, bias.dtype), total))
    spread = apply(Reshape((*bias.shape, *[1] * (x.rank - 2))), bias)
    return Body((total, bias.dtype), (cast(added, x.dtype),)), (spread,)


@importer("Conv")
def _conv(node: OnnxNode) -> Result:
    x, w = node.input(0), node.input(1)
    rank = x.rank - 2
    strides, dilations = spatial(node, "strides", rank), spatial(node, "dilations", rank)
    pads = padding(node, x.shape[2:], w.shape[2:], strides, dilations)
    epilogue, extras = with_bias(x, node.optional(2))
    groups = int(node.attributes.get("group", 1))
    return apply(Conv(strides, pads, dilations, groups, epilogue), x, w, *extras)


@importer("ConvTranspose")
def _conv_transpose(node: OnnxNode) -> Result:
    x, w = node.input(0), node.input(1)
    rank = x.rank - 2
    strides, dilations = spatial(node, "strides", rank), spatial(node, "dilations", rank)
    more: tuple[Dim, ...] = node.static_ints("output_padding") or (0,) * rank
    upper = node.attributes.get("auto_pad", "NOTSET") == "SAME_UPPER"
    asked = node.static_ints("output_shape")
    spans = [
        (n - 1) * s + extent(k, d) + o
        for n, k, s, d, o in zip(x.shape[2:], w.shape[2:], strides, dilations, more, strict=True)
    ]
    if asked is not None or node.attributes.get("auto_pad") in ("SAME_UPPER", "SAME_LOWER"):
        sizes = asked[-rank:] if asked is not None else [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
        totals = [maximum(span - size, 0) for span, size in zip(spans, sizes, strict=True)]
        short = [maximum(size - span, 0) for span, size in zip(spans, sizes, strict=True)]
        pads, more = split_padding(totals, upper), tuple(o + s for o, s in zip(more, short, strict=True))
    else:
        pads = padding(node, x.shape[2:], w.shape[2:], strides, dilations)
    epilogue, extras = with_bias(x, node.optional(2))
    groups = int(node.attributes.get("group", 1))
    return apply(ConvTranspose(strides, pads, more, dilations, groups, epilogue), x, w, *extras)
