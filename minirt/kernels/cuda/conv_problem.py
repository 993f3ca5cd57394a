"""Convolutions brought to the form of a product: rows are output pixels, k is (tap row, tap column, channel)."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.ir.scalar_cuda import index_axes
from minirt.kernels.cuda.matrix_problem import Form, Place, body_of
from minirt.kernels.cuda.nest import broadcast_strides, is_one, same
from minirt.kernels.kernel import Operand, Order, Problem
from minirt.ops.convolution import Conv, ConvTranspose
from minirt.types.dim import Dim, divide, mul, product

Convolution = Conv | ConvTranspose


def conv_op(problem: Problem) -> Convolution:
    """The op."""
    assert isinstance(problem.op, Conv | ConvTranspose)
    return problem.op


def channels_last(rank: int) -> Order:
    """Order of a tensor [N, C, spatial...] whose channels are innermost, with gaps allowed."""
    return Order((0, *range(2, rank), 1), pitched=True)


def planes(values: Sequence[Dim], fill: Dim) -> tuple[Dim, Dim]:
    """One number for rows and one for columns; a single spatial axis is columns."""
    return (values[0], values[1]) if len(values) == 2 else (fill, values[0])


def refuses_shape(problem: Problem) -> str:
    """Why the op is no two-dimensional convolution with known taps; "" where it is."""
    op, w = conv_op(problem), problem.inputs[1]
    if not 1 <= len(op.strides) <= 2:
        return f"{len(op.strides)} spatial axes; 1 or 2 run"
    if not all(isinstance(d, int) for d in w.shape):
        return f"weights of symbolic shape {w.shape}"
    if isinstance(op, ConvTranspose) and op.groups > 1 and not w.constant:
        return "grouped transposed weights are no constant"
    return ""


def conv_form(problem: Problem) -> Form:
    """The form; b1 counts groups, and rows are (image, row, column)."""
    op, (x, w, *extras), out = conv_op(problem), problem.inputs, problem.outputs[0]
    transposed = isinstance(op, ConvTranspose)
    rank, groups = out.type.rank, op.groups
    per = divide(x.shape[1], groups)
    outs = w.shape[1] if transposed else divide(w.shape[0], groups)
    h, wide = planes(x.shape[2:], 1)
    oh, ow = planes(out.shape[2:], 1)
    r, s = planes(w.shape[2:], 1)
    sn, sh, sw = _even(x.strides, (x.shape[0], h, wide), x.shape[1])
    pads = planes(op.pads[: len(op.strides)], 0)
    strides, dilations = planes(op.strides, 1), planes(op.dilations, 1)
    image: dict[str, Dim] = {"g_sn": sn, "g_sh": sh, "g_sw": sw, "g_sc": 1 if is_one(x.shape[1]) else x.strides[1]}
    image |= {"g_h": h, "g_w": wide, "g_c": per, "g_r": r, "g_s": s, "g_oh": oh, "g_ow": ow}
    image |= {"g_stride_h": strides[0], "g_stride_w": strides[1], "g_pad_h": pads[0], "g_pad_w": pads[1]}
    image |= {"g_dil_h": dilations[0], "g_dil_w": dilations[1]}
    k = product([r, s, per])
    pixels = (x.shape[0], oh, ow)
    places = [_place(e, broadcast_strides(e, out.shape), outs, pixels) for e in (out, *extras)]
    body = body_of(problem)
    read = index_axes(body)
    linear = all(same(p.m[0], mul(p.m[1], oh)) and same(p.m[1], mul(p.m[2], ow)) for p in places) and not set(read) - {
        1 - rank
    }
    rows: tuple[Dim, Dim, Dim] = (1, 1, 1) if linear else (x.shape[0], oh, ow)
    tokens = {-rank: "q0", 1 - rank: "gn", -2: "q1" if rank == 4 else "gn", -1: "q2"}
    sizes: dict[str, Dim] = {"m": product([x.shape[0], oh, ow]), "n": outs, "k": k, "nb0": 1, "nb1": groups}
    a: dict[str, Dim] = {"b0": 0, "b1": mul(image["g_sc"], per), "m": 0, "k": 0}
    b: dict[str, Dim] = {"b0": 0, "b1": mul(outs, k), "n": k, "k": 1}
    return Form(sizes, a, b, places[0], tuple(places[1:]), rows, tuple(tokens[i] for i in read), body, image)


def _place(operand: Operand, strides: Sequence[Dim], outs: Dim, pixels: tuple[Dim, Dim, Dim]) -> Place:
    rows = _even(strides, pixels, 0)
    return Place(0, mul(strides[1], outs), rows, strides[1], operand.type.dtype.bits, operand.aligned)


def _even(strides: Sequence[Dim], sizes: tuple[Dim, Dim, Dim], alone: Dim) -> tuple[Dim, Dim, Dim]:
    """Strides of image, row and column; an axis of size 1 gets the stride that lets it join its neighbour."""
    n, (h, w) = strides[0], planes(strides[2:], 0)
    if is_one(sizes[1]) and is_one(sizes[2]):
        n = alone if is_one(sizes[0]) else n
        return n, n, n
    if is_one(sizes[2]):
        w = h
    elif is_one(sizes[1]):
        h = mul(w, sizes[2])
    return mul(h, sizes[1]) if is_one(sizes[0]) else n, h, w
