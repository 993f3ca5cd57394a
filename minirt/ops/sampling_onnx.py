"""Importers of deformable convolution, Col2Im and MaxUnpool."""

from __future__ import annotations

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add
from minirt.ops.fold import Fold
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.indexing import ScatterElements
from minirt.ops.movement import Pad, expanded, reshaped
from minirt.ops.sampling import DeformConv
from minirt.ops.window import spatial, window_count
from minirt.types.dim import Dim, divide, product


@importer("DeformConv")
def _deform_conv(node: OnnxNode) -> Result:
    x, w, offset = (node.input(i) for i in range(3))
    bias, mask = node.optional(3), node.optional(4)
    rank = x.rank - 2
    op = DeformConv(
        spatial(node, "strides", rank),
        node.static_ints("pads") or (0,) * 2 * rank,
        spatial(node, "dilations", rank),
        int(node.attributes.get("group", 1)),
        int(node.attributes.get("offset_group", 1)),
    )
    out = apply(op, x, w, offset, *([] if mask is None else [mask]))
    return out if bias is None else apply(Add(), out, reshaped(bias, (*bias.shape, *[1] * rank)))


@importer("Col2Im")
def _col2im(node: OnnxNode) -> Result:
    """Columns added where they came from."""
    x, image, block = node.input(0), node.ints("image_shape", 1), node.static_ints("block_shape", 2)
    if x.rank != 3 or image is None or block is None:
        raise MinirtError("Col2Im takes columns [N, C * block, L], an image shape and a block shape")
    rank = len(block)
    strides, dilations = spatial(node, "strides", rank), spatial(node, "dilations", rank)
    pads = node.static_ints("pads") or (0,) * 2 * rank
    channels = divide(x.shape[1], int(np.prod(block)))
    counts = [
        window_count(size, k, s, (pads[i], pads[i + rank]), d)
        for i, (size, k, s, d) in enumerate(zip(image, block, strides, dilations, strict=True))
    ]
    columns = reshaped(x, (x.shape[0], channels, int(np.prod(block)), *counts))
    return apply(Fold(block, tuple(image), strides, pads[:rank], dilations), columns)


@importer("MaxUnpool")
def _max_unpool(node: OnnxNode) -> Result:
    """Zeros with each maximum where its index says."""
    x, places = node.input(0), node.input(1)
    kernel = node.static_ints("kernel_shape") or ()
    rank = len(kernel)
    strides, pads = spatial(node, "strides", rank), node.static_ints("pads") or (0,) * 2 * rank
    sizes = zip(x.shape[2:], kernel, strides, pads[:rank], pads[rank:], strict=True)
    shape = (*x.shape[:2], *((n - 1) * s + k - b - e for n, k, s, b, e in sizes))
    asked = node.ints("output_shape", 2)
    total, flat = product(shape), reshaped(x, (x.tensor.size,))
    zeros = expanded(number(0, x.dtype), (total,))
    out = apply(ScatterElements(0, "none"), zeros, reshaped(places, (x.tensor.size,)), flat)
    whole = reshaped(out, shape)
    return whole if asked is None else _placed(whole, asked)


def _placed(x: Value, shape: tuple[Dim, ...]) -> Value:
    """x at the start of zeros of the given shape."""
    ends = tuple(a - b for a, b in zip(shape, x.shape, strict=True))
    return apply(Pad((0,) * x.rank, ends), x, number(0, x.dtype))
