"""Rotary embeddings: pairs of numbers of a head, turned by angles that grow with the position (arXiv 2104.09864)."""

from __future__ import annotations

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Mul, Sub
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result
from minirt.ops.indexing import Gather
from minirt.ops.logic import where
from minirt.ops.microsoft.registry import microsoft
from minirt.ops.movement import Concat, Iota, reshaped, sliced, transposed
from minirt.ops.shape import concatenated
from minirt.types.dim import Dim, divide
from minirt.types.dtype import bool_


def rotated(x: Value, cos: Value, sin: Value, interleaved: bool) -> Value:
    """x [B, N, S, H], its first R numbers turned by cos and sin [B, S, R / 2]; neighbours, or halves, are pairs."""
    half, last = cos.shape[-1], x.shape[-1]
    cos, sin = (casted(reshaped(c, (c.shape[0], 1, *c.shape[1:])), x.dtype) for c in (cos, sin))
    turned = sliced(x, 3, 0, half * 2)
    if interleaved:
        pairs = reshaped(turned, (*turned.shape[:3], half, 2))
        a, b = (reshaped(sliced(pairs, 4, i, 1), (*turned.shape[:3], half)) for i in range(2))
    else:
        a, b = (sliced(turned, 3, i * half, half) for i in range(2))
    first = apply(Sub(), apply(Mul(), a, cos), apply(Mul(), b, sin))
    second = apply(Add(), apply(Mul(), b, cos), apply(Mul(), a, sin))
    if interleaved:
        apart = [reshaped(p, (*turned.shape[:3], half, 1)) for p in (first, second)]
        out = reshaped(apply(Concat(4), *apart), turned.shape)
    else:
        out = apply(Concat(3), first, second)
    rest = last - half * 2
    return out if rest == 0 else concatenated([out, sliced(x, 3, half * 2, rest)], 3)


def _by_heads(node: OnnxNode, x: Value, cos: Value) -> Value:
    """[B, S, N * H] as [B, N, S, H]; that as it is."""
    if x.rank == 4:
        return x
    batch, length, width = x.shape
    count: Dim = int(node.attributes.get("num_heads", 0))
    if not node.attributes.get("rotary_embedding_dim", 0):
        count = divide(width, cos.shape[-1] * 2)
    if count == 0:
        raise MinirtError("rotary_embedding_dim needs num_heads")
    return transposed(reshaped(x, (batch, length, count, divide(width, count))), (0, 2, 1, 3))


def _turned(node: OnnxNode, cos: Value, sin: Value) -> Value:
    """The node's input, turned by what each of its positions has; in the input's own shape."""
    x = node.input(0)
    apart = _by_heads(node, x, cos)
    out = rotated(apart, cos, sin, bool(node.attributes.get("interleaved", 0)))
    return out if x.rank == 4 else reshaped(transposed(out, (0, 2, 1, 3)), x.shape)


@microsoft("RotaryEmbedding")
def _rotary(node: OnnxNode) -> Result:
    """Positions are one a token, or the first one's."""
    x, places = node.input(0), node.input(1)
    length = x.shape[1] if x.rank == 3 else x.shape[2]
    if places.rank == 1:
        places = apply(Add(), reshaped(places, (1, 1)), apply(Iota((1, length), 1, places.dtype)))
    cos, sin = (apply(Gather(0), node.input(i), places) for i in (2, 3))
    return _turned(node, cos, sin)


@microsoft("MRotaryEmbedding")
def _three_rotary(node: OnnxNode) -> Result:
    """Each angle follows from one of three positions of a token: time, height, width."""
    places, sections = node.input(1), node.static_ints("mrope_section") or ()
    half = sum(sections)
    if node.attributes.get("mrope_layout", 0):
        kind = np.zeros(half, np.int64)
        for stream in (1, 2):
            kind[stream : sections[stream] * 3 : 3] = stream
    else:
        kind = np.repeat(np.arange(3), sections)
    mixed = []
    for table in (node.input(2), node.input(3)):
        streams = [
            apply(Gather(0), table, reshaped(sliced(places, 0, i, 1), places.shape[1:])) for i in range(len(sections))
        ]
        out = streams[0]
        for i, each in enumerate(streams[1:], 1):
            out = where(constant(np.asarray(kind == i), bool_), each, out)
        mixed.append(out)
    return _turned(node, mixed[0], mixed[1])
