"""Products and gathers of weights that onnxruntime keeps in 2, 4 or 8 bits, by block.

Weights are packed in bytes, and unpacked to floats by one pointwise op, so that folding can keep them packed.
"""

from __future__ import annotations

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ir.scalar import Body, Scalar, arg, call, cast, const
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.cast import casted
from minirt.ops.gemm import matmul
from minirt.ops.importer import OnnxNode, Result
from minirt.ops.indexing import Gather
from minirt.ops.microsoft.registry import microsoft
from minirt.ops.movement import expanded, reshaped, sliced
from minirt.ops.pointwise import Map
from minirt.types.dim import Dim, ceil, divide
from minirt.types.dtype import DType, f32, i32, u8

NF4 = (-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
       -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
       0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0)  # fmt: skip
"""Quantiles of the normal distribution (QLoRA, arXiv 2305.14314, appendix E)."""
_FP4 = (0.0, 5.208333333e-3, 0.66666667, 1.0, 0.33333333, 0.5, 0.16666667, 0.25)
FP4 = (*_FP4, *(-x for x in _FP4))
"""Floats of one sign bit, two of exponent and one of mantissa, as bitsandbytes scales them."""


def _shifts(bits: int, high_first: bool = False) -> Value:
    """How far each number that a byte holds is to be shifted: a vector of u8."""
    places = np.arange(0, 8, bits, dtype=np.uint8)
    return constant(places[::-1] if high_first else places, u8)


def _number(bits: int) -> Scalar:
    """The number of a byte (argument 0) at a place (argument 1)."""
    return call("bitand", call("shr", arg(0, u8), arg(1, u8)), const(2**bits - 1, u8))


def unpacked(codes: Value, bits: int, dtype: DType, high_first: bool = False) -> Value:
    """Bytes [..., n] as the numbers [..., n * 8 / bits] that they hold, low bits first."""
    body = Body((u8, u8), (cast(_number(bits), dtype),))
    apart = apply(Map(body), reshaped(codes, (*codes.shape, 1)), _shifts(bits, high_first))
    return reshaped(apart, (*codes.shape[:-1], codes.shape[-1] * (8 // bits)))


def _bits(node: OnnxNode) -> int:
    bits = int(node.attributes.get("bits", 4))
    if bits not in (2, 4, 8):
        raise MinirtError(f"weights of {bits} bits are not supported: 2, 4 and 8 are")
    return bits


def _zero_points(node: OnnxNode, bits: int, rows: Dim, blocks: Dim) -> Value:
    """Zero points [rows, blocks] as f32; the middle of the range where there are none."""
    given = node.optional(3)
    if given is None:
        return constant(np.full((1, 1), 2 ** (bits - 1)), f32)
    if given.dtype is not u8:
        return casted(reshaped(given, (rows, blocks)), f32)
    packed = reshaped(given, (rows, ceil(divide(blocks * bits, 8))))
    return sliced(unpacked(packed, bits, f32), 1, 0, blocks)


def _dequantized(codes: Value, bits: int, scales: Value, zeros: Value, dtype: DType) -> Value:
    """(numbers of codes [..., n] - zeros) * scales, both of which broadcast to [..., n]: [..., n * 8 / bits]."""
    difference = call("sub", cast(_number(bits), f32), arg(3, f32))
    value = cast(call("mul", difference, cast(arg(2, scales.dtype), f32)), dtype)
    body = Body((u8, u8, scales.dtype, f32), (value,))
    spread = [reshaped(x, (*x.shape, 1)) for x in (codes, scales, zeros)]
    apart = apply(Map(body), spread[0], _shifts(bits), spread[1], spread[2])
    return reshaped(apart, (*codes.shape[:-1], codes.shape[-1] * (8 // bits)))


@microsoft("MatMulNBits")
def _matmul_n_bits(node: OnnxNode) -> Result:
    """a @ b^T for b [N, K] in blocks along K; ``accuracy_level``, which lets a be rounded, is not made use of."""
    a, codes, scales = (node.input(i) for i in range(3))
    groups, bias, bits = node.optional(4), node.optional(5), _bits(node)
    n, k, block = (int(node.attributes[name]) for name in ("N", "K", "block_size"))
    if node.attributes.get("weight_prepacked", 0):
        raise MinirtError("weights in a layout of a provider's own are not supported")
    if 0 in codes.shape:
        raise MinirtError("weights that are left out are not supported")
    blocks = -(-k // block)
    zeros, scales = _zero_points(node, bits, n, blocks), reshaped(scales, (n, blocks))
    if groups is None:
        packed = reshaped(codes, (n, blocks, block * bits // 8))
        spread = [reshaped(x, (*x.shape, 1)) for x in (scales, zeros)]
        weights = reshaped(_dequantized(packed, bits, spread[0], spread[1], a.dtype), (n, blocks * block))
        weights = sliced(weights, 1, 0, k)
    else:  # each row of b has its group's scale and zero point
        plain = sliced(unpacked(reshaped(codes, (n, blocks * block * bits // 8)), bits, u8), 1, 0, k)
        each = [x if x.shape[1] == 1 else apply(Gather(1), x, groups) for x in (scales, zeros)]
        weights = _dequantized(plain, 8, each[0], each[1], a.dtype)
    y = matmul(a, weights, trans_b=True)
    return y if bias is None else apply(Add(), y, bias)


@microsoft("MatMulBnb4")
def _matmul_bnb4(node: OnnxNode) -> Result:
    """Weights [N, K] in one row of blocks, each number the place in a table; the high half of a byte first."""
    a, codes, most = (node.input(i) for i in range(3))
    n, k, block = (int(node.attributes[name]) for name in ("N", "K", "block_size"))
    blocks = -(-n * k // block)
    table = constant(NF4 if node.attributes["quant_type"] else FP4, f32)
    numbers = apply(Gather(0), table, unpacked(reshaped(codes, ((n * k + 1) // 2,)), 4, i32, high_first=True))
    scales = expanded(reshaped(casted(most, f32), (blocks, 1)), (blocks, block))
    scales = sliced(reshaped(scales, (blocks * block,)), 0, 0, n * k)
    weights = casted(apply(Mul(), sliced(numbers, 0, 0, n * k), scales), a.dtype)
    return matmul(a, reshaped(weights, (n, k)), trans_b=bool(node.attributes.get("transB", 1)))
